//! Running one task to its end.

use std::future::Future;
use std::io;

use contest::Outcome;
use event::EventLoop;

pub(super) fn task(events: &EventLoop, future: impl Future<Output = Outcome> + 'static) -> Outcome {
    let task = events.handle().spawn(future);
    events.block_on(task)?.map_err(io::Error::other)?
}
