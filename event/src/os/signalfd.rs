//! One signal as a descriptor: `signalfd(2)`, and the mask that it needs.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libc::signalfd_siginfo as Record;
use rustix::io::{Errno, read};

use super::arrived::Arrived;
use crate::sys::{Signal, SignalSet};

const RECORD: usize = size_of::<Record>();
/// Records read at once, and how often in a row: a sender that never rests
/// must not keep the loop from its other descriptors.
const BATCH: usize = 16;
const BATCHES: usize = 64;

/// A descriptor that is readable while the signal waits. The signal is blocked
/// in this thread until [`restore`](SignalFd::restore).
pub(crate) struct SignalFd {
    fd: OwnedFd,
    set: SignalSet,
    /// It was not blocked before.
    ours: Cell<bool>,
}

impl SignalFd {
    pub(crate) fn open(signal: Signal) -> io::Result<Self> {
        let set = SignalSet::new([signal]);
        let fd = set.descriptor()?;
        let before = set.block();
        Ok(Self { fd, set, ours: Cell::new(!before.contains(signal)) })
    }

    /// Takes what has arrived; `None` if nothing has.
    pub(crate) fn take(&self) -> io::Result<Option<Arrived>> {
        let mut all = None;
        for _ in 0..BATCHES {
            let Some(more) = self.take_batch()? else {
                break;
            };
            all = Some(more.after(all));
        }
        Ok(all)
    }

    fn take_batch(&self) -> io::Result<Option<Arrived>> {
        let mut records = [0; RECORD * BATCH];
        let length = match read(&self.fd, &mut records) {
            Ok(length) => length,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let last = records[..length].chunks_exact(RECORD).last();
        Ok(last.map(|last| Arrived {
            count: (length / RECORD) as u64,
            pid: word(last, offset_of!(Record, ssi_pid)),
            uid: word(last, offset_of!(Record, ssi_uid)),
        }))
    }

    /// Unblocks the signal if it was `open` that blocked it. What has arrived
    /// and was not taken belongs to the time before, and is dropped: it must
    /// not kill the process now.
    pub(crate) fn restore(&self) {
        if self.ours.replace(false) {
            while matches!(self.take_batch(), Ok(Some(_))) {}
            self.set.unblock();
        }
    }
}

impl Drop for SignalFd {
    fn drop(&mut self) {
        self.restore();
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn word(record: &[u8], at: usize) -> u32 {
    let bytes = record[at..at + 4].try_into();
    bytes.map_or(0, u32::from_ne_bytes)
}
