//! The ring of pipes with a local task for each read end.

use std::io;
use std::os::unix::net;
use std::rc::Rc;

use contest::Outcome;
use contest::ring::{BUFFER, Ring};
use contest::words::Pipe;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, yield_now};

pub fn run(runtime: &Runtime, size: Pipe) -> Outcome {
    let local = LocalSet::new();
    let (readers, ring) = Ring::new(size)?;
    let (ring, over) = (Rc::new(ring), Rc::new(Notify::new()));
    let mut tasks = Vec::<JoinHandle<()>>::new();
    let setup = || {
        local.block_on(runtime, async {
            for task in tasks.drain(..) {
                task.abort();
                let _ = task.await;
            }
            for (index, reader) in readers.iter().enumerate() {
                tasks.push(spawn(&ring, &over, index, reader.try_clone()?)?);
            }
            yield_now().await;
            Ok(())
        })
    };
    let over = over.clone();
    ring.rounds(setup, || {
        local.block_on(runtime, over.notified());
        Ok(())
    })
}

fn spawn(
    ring: &Rc<Ring>,
    over: &Rc<Notify>,
    index: usize,
    reader: net::UnixStream,
) -> io::Result<JoinHandle<()>> {
    let reader = UnixStream::from_std(reader)?;
    Ok(tokio::task::spawn_local(pass(ring.clone(), over.clone(), index, reader)))
}

async fn pass(ring: Rc<Ring>, over: Rc<Notify>, index: usize, mut reader: UnixStream) {
    let mut bytes = [0; BUFFER];
    loop {
        let count = reader.read(&mut bytes).await.expect("a pipe that works");
        if ring.pass(index, count).expect("a pipe that works") {
            over.notify_one();
        }
    }
}
