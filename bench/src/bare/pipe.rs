//! The ring of pipes with a watcher for each read end.

use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use contest::Outcome;
use contest::ring::Ring;
use contest::words::Pipe;
use event::{EventLoop, Interest, LoopHandle, Watcher};

pub(super) fn run(size: Pipe) -> Outcome {
    let events = EventLoop::new()?;
    let (readers, ring) = Ring::new(size)?;
    let ring = Rc::new(ring);
    let watchers: Vec<_> = readers
        .into_iter()
        .enumerate()
        .map(|(index, reader)| watch(&events.handle(), &ring, index, reader))
        .collect::<io::Result<_>>()?;
    ring.rounds(|| watchers.iter().try_for_each(register), || events.run_forever())
}

fn watch(
    handle: &LoopHandle,
    ring: &Rc<Ring>,
    index: usize,
    reader: UnixStream,
) -> io::Result<Watcher<UnixStream>> {
    let ring = ring.clone();
    let watch = handle.watch(reader).interest(Interest::empty()).on_read(move |ready| {
        if ring.read_and_pass(index, ready.io()).expect("a pipe that works") {
            ready.handle().stop();
        }
    });
    Ok(watch.start()?)
}

fn register(watcher: &Watcher<UnixStream>) -> io::Result<()> {
    watcher.set_interest(Interest::empty())?;
    watcher.set_interest(Interest::READ)
}
