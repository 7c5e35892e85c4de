//! The ring of pipes.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use contest::Outcome;
use contest::ring::Ring;
use contest::words::Pipe;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

pub fn run(size: Pipe) -> Outcome {
    let (readers, ring) = Ring::new(size)?;
    let mut poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let mut events = Events::with_capacity(1024);
    let setup =
        || readers.iter().enumerate().try_for_each(|(i, reader)| register(&registry, i, reader));
    ring.rounds(setup, || {
        let mut over = false;
        while !over {
            peers::poll(&mut poll, &mut events)?;
            for event in &events {
                let Token(index) = event.token();
                over |= ring.read_and_pass(index, &readers[index])?;
            }
        }
        Ok(())
    })
}

fn register(registry: &mio::Registry, index: usize, reader: &UnixStream) -> io::Result<()> {
    let fd = reader.as_raw_fd();
    // The first time there is nothing to be taken back.
    let _ = registry.deregister(&mut SourceFd(&fd));
    registry.register(&mut SourceFd(&fd), Token(index), Interest::READABLE)
}
