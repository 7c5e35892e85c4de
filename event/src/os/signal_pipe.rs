//! One signal as a descriptor where there is no `signalfd(2)`: a handler, and
//! the pipe that it writes to.
//!
//! Each watch keeps two descriptors for good, a burst that the pipe cannot hold
//! is counted short, and the sender is not known.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{Errno, read};

use super::arrived::Arrived;
use super::pipe::quiet_pipe;
use crate::sys::{Handler, Signal};

/// A descriptor that is readable while the signal waits, until
/// [`restore`](SignalPipe::restore).
pub(crate) struct SignalPipe {
    reader: BorrowedFd<'static>,
    handler: Cell<Option<Handler>>,
}

impl SignalPipe {
    pub(crate) fn open(signal: Signal) -> io::Result<Self> {
        let handler = Handler::install(signal, quiet_pipe)?;
        let pipe = Self { reader: handler.reader(), handler: Cell::new(Some(handler)) };
        // What came late for the watch before this one.
        pipe.take()?;
        Ok(pipe)
    }

    /// Takes what has arrived; `None` if nothing has.
    pub(crate) fn take(&self) -> io::Result<Option<Arrived>> {
        match read(self.reader, &mut [0; 1024]) {
            Ok(count) => Ok(Some(Arrived { count: count as u64, pid: 0, uid: 0 })),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts the signal's earlier action back.
    pub(crate) fn restore(&self) {
        drop(self.handler.take());
    }
}

impl AsFd for SignalPipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_arrive_as_bytes_until_the_earlier_action_is_back() {
        // By default this signal does nothing, to this process or its tests.
        let signal = Signal::URG;
        let send = || signal.send(std::process::id()).unwrap();
        for _ in 0..3 {
            let pipe = SignalPipe::open(signal).unwrap();
            assert_eq!(pipe.take().unwrap(), None);
            send();
            let arrived = loop {
                if let Some(arrived) = pipe.take().unwrap() {
                    break arrived;
                }
            };
            assert_eq!(arrived.count, 1);
            pipe.restore();
            send();
            assert_eq!(pipe.take().unwrap(), None);
        }
    }
}
