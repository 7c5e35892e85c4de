//! The classic workload of event loops: bytes that run around a ring of pipes.

use crate::clock::cpu;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use crate::contestant::{Failure, Outcome};
use crate::words::Pipe;

/// Larger than what arrives, so that a short read says "that was all".
pub const BUFFER: usize = 64;

/// The write ends, and what is left to do in the running round.
#[derive(Debug)]
pub struct Ring {
    size: Pipe,
    writers: Vec<UnixStream>,
    /// Bytes to be forwarded yet.
    to_forward: Cell<u64>,
    /// Bytes to be read yet.
    to_read: Cell<u64>,
}

impl Ring {
    /// Makes the pipes; hands out the read ends.
    ///
    /// # Errors
    ///
    /// If descriptors run out.
    pub fn new(size: Pipe) -> io::Result<(Vec<UnixStream>, Self)> {
        let pairs: Vec<_> = (0..size.pipes).map(|_| pair()).collect::<io::Result<_>>()?;
        let (readers, writers) = pairs.into_iter().unzip();
        let (to_forward, to_read) = (Cell::new(0), Cell::new(0));
        Ok((readers, Self { size, writers, to_forward, to_read }))
    }

    /// Runs the rounds and prints what they took, in CPU time: a ring never
    /// sleeps, so on an idle machine that is all the time there is. `setup` registers all read
    /// ends, `run` runs the loop until [`pass`](Self::pass) has said that the
    /// round is over.
    ///
    /// # Errors
    ///
    /// What `setup` and `run` say, and if bytes are left over.
    pub fn rounds(
        &self,
        mut setup: impl FnMut() -> io::Result<()>,
        mut run: impl FnMut() -> io::Result<()>,
    ) -> Outcome {
        for _ in 0..self.size.rounds {
            let before = cpu();
            setup()?;
            let setup_us = (cpu() - before) as f64 / 1e3;
            self.light()?;
            let before = cpu();
            run()?;
            let loop_us = (cpu() - before) as f64 / 1e3;
            self.check()?;
            println!("loop_us={loop_us:.1} setup_us={setup_us:.1}");
        }
        Ok(())
    }

    fn light(&self) -> io::Result<()> {
        let Pipe { pipes, active, writes, .. } = self.size;
        self.to_forward.set(writes);
        self.to_read.set(active as u64 + writes);
        (0..active).try_for_each(|one| self.write(one * (pipes / active).max(1) % pipes))
    }

    fn check(&self) -> Outcome {
        match (self.to_forward.get(), self.to_read.get()) {
            (0, 0) => Ok(()),
            left => Err(Failure::Wrong(format!("left to forward, to read: {left:?}"))),
        }
    }

    fn write(&self, index: usize) -> io::Result<()> {
        (&self.writers[index]).write_all(b"e")
    }

    /// Takes note of bytes read from that pipe, and forwards them; whether the
    /// round is over.
    ///
    /// # Errors
    ///
    /// If a pipe cannot be written to.
    #[inline]
    pub fn pass(&self, index: usize, bytes: usize) -> io::Result<bool> {
        self.to_read.set(self.to_read.get() - bytes as u64);
        let forward = (bytes as u64).min(self.to_forward.get());
        self.to_forward.set(self.to_forward.get() - forward);
        let next = if index + 1 == self.writers.len() { 0 } else { index + 1 };
        (0..forward).try_for_each(|_| self.write(next))?;
        Ok(self.to_read.get() == 0)
    }

    /// Reads from a pipe and passes on; whether the round is over.
    ///
    /// # Errors
    ///
    /// If a pipe cannot be read or written.
    #[inline]
    pub fn read_and_pass(&self, index: usize, mut reader: &UnixStream) -> io::Result<bool> {
        let mut bytes = [0; BUFFER];
        let count = reader.read(&mut bytes)?;
        self.pass(index, count)
    }
}

fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    writer.set_nonblocking(true)?;
    Ok((reader, writer))
}
