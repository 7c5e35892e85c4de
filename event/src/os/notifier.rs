//! A doorbell between threads: `eventfd(2)`.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

use crate::sys::{Forked, supersede};

/// A descriptor that any thread can make readable.
#[derive(Debug)]
pub(crate) struct Notifier(OwnedFd);

impl Notifier {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    /// In a forked child: an open file of its own, under the same number.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        supersede(child, self.0.as_raw_fd(), &Self::new()?.0)
    }

    /// Adds one to the count.
    pub(crate) fn ring(&self) -> io::Result<()> {
        loop {
            match write(&self.0, &1_u64.to_ne_bytes()) {
                Err(Errno::INTR) => {}
                // The count is at its limit: it is readable, which is all we want.
                Ok(_) | Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the count; zero if nobody rang.
    pub(crate) fn take(&self) -> u64 {
        let mut count = [0; 8];
        loop {
            match read(&self.0, &mut count) {
                Err(Errno::INTR) => {}
                Ok(8) => return u64::from_ne_bytes(count),
                _ => return 0,
            }
        }
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
