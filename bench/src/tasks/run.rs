//! A loop that runs one task to its end.

use std::future::Future;
use std::io;

use contest::Outcome;
use event::EventLoop;

pub(super) fn task(future: impl Future<Output = Outcome> + 'static) -> Outcome {
    let events = EventLoop::new()?;
    let task = events.handle().spawn(future);
    events.block_on(task)?.map_err(io::Error::other)?
}
