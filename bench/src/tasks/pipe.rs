//! The ring of pipes with a task for each read end.

use std::cell::RefCell;
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use contest::Outcome;
use contest::ring::{BUFFER, Ring};
use contest::words::Pipe;
use event::{EventLoop, JoinHandle, LoopHandle, Socket};

pub(super) fn run(events: &EventLoop, size: Pipe) -> Outcome {
    let (readers, ring) = Ring::new(size)?;
    let ring = Rc::new(ring);
    let tasks = RefCell::new(Vec::<JoinHandle<()>>::new());
    let setup = || {
        end(events, tasks.take())?;
        let handle = events.handle();
        let numbered = readers.iter().enumerate();
        let spawned = numbered.map(|(index, reader)| spawn(&handle, &ring, index, reader));
        tasks.replace(spawned.collect::<io::Result<_>>()?);
        // Their first poll registers them.
        events.block_on(event::yield_now())
    };
    ring.rounds(setup, || events.run_forever())
}

fn end(events: &EventLoop, tasks: Vec<JoinHandle<()>>) -> io::Result<()> {
    tasks.iter().for_each(JoinHandle::abort);
    events.block_on(async {
        for task in tasks {
            let _ = task.await;
        }
    })
}

fn spawn(
    handle: &LoopHandle,
    ring: &Rc<Ring>,
    index: usize,
    reader: &UnixStream,
) -> io::Result<JoinHandle<()>> {
    let reader = Socket::adopt(handle, reader.try_clone()?).map_err(io::Error::other)?;
    Ok(handle.spawn(pass(ring.clone(), index, reader)))
}

async fn pass(ring: Rc<Ring>, index: usize, reader: Socket) {
    let mut bytes = [0; BUFFER];
    loop {
        let count = reader.read(&mut bytes).await.expect("a pipe that works");
        if ring.pass(index, count).expect("a pipe that works") {
            reader.handle().stop();
        }
    }
}
