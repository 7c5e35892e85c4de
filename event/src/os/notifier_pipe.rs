//! A doorbell between threads where there is no `eventfd(2)`: a pipe.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, read, write};

use super::pipe::quiet_pipe;
use crate::sys::{Forked, supersede};

/// A descriptor that any thread can make readable.
#[derive(Debug)]
pub(crate) struct Notifier {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Notifier {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = quiet_pipe()?;
        Ok(Self { reader, writer })
    }

    /// In a forked child: a pipe of its own, under the same numbers.
    #[cfg_attr(
        all(any(target_os = "linux", target_os = "android"), not(event_portable)),
        allow(dead_code)
    )]
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        let fresh = Self::new()?;
        supersede(child, self.reader.as_raw_fd(), &fresh.reader)?;
        supersede(child, self.writer.as_raw_fd(), &fresh.writer)
    }

    /// Puts a byte in.
    pub(crate) fn ring(&self) -> io::Result<()> {
        loop {
            match write(&self.writer, &[1]) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                // Full, for who waits for edges never reads. It is readable, but
                // only a byte more makes an edge: that needs room.
                Err(Errno::AGAIN) => drop(self.take()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes all; zero if nobody rang.
    pub(crate) fn take(&self) -> u64 {
        let (mut count, mut bytes) = (0, [0; 1024]);
        loop {
            match read(&self.reader, &mut bytes) {
                Err(Errno::INTR) => {}
                Ok(length @ 1..) => count += length as u64,
                _ => return count,
            }
        }
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::probe::probe;
    use rustix::event::PollFlags;

    fn is_readable(notifier: &Notifier) -> bool {
        probe(notifier.as_fd()).contains(PollFlags::IN)
    }

    #[test]
    fn it_is_readable_from_the_ring_until_it_is_taken() {
        let notifier = Notifier::new().unwrap();
        assert!(!is_readable(&notifier));
        assert_eq!(notifier.take(), 0);
        notifier.ring().unwrap();
        notifier.ring().unwrap();
        assert!(is_readable(&notifier));
        assert_eq!(notifier.take(), 2);
        assert!(!is_readable(&notifier));
    }

    #[test]
    fn rings_that_nobody_takes_are_heard_for_ever() {
        let notifier = Notifier::new().unwrap();
        // More than any pipe holds.
        for _ in 0..200_000 {
            notifier.ring().unwrap();
            assert!(is_readable(&notifier));
        }
        assert!(notifier.take() > 0);
        assert!(!is_readable(&notifier));
    }

    #[test]
    fn rings_of_many_threads_end_with_a_byte() {
        let notifier = Notifier::new().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50_000).for_each(|_| notifier.ring().unwrap()));
            }
        });
        assert!(is_readable(&notifier));
    }
}
