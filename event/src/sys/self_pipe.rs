//! Signals into a pipe, by a handler that writes a byte: for systems without
//! `signalfd(2)`. Linux compiles it for its test only.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;

use libc::c_int;

use super::Signal;

/// One for each number. Never closed: a handler may still be at work in
/// another thread when it is uninstalled.
static PIPES: [OnceLock<(OwnedFd, OwnedFd)>; 65] = [const { OnceLock::new() }; 65];

/// The handler of one signal, installed; dropping it puts back what was there.
pub(crate) struct Handler {
    signal: Signal,
    reader: BorrowedFd<'static>,
    before: libc::sigaction,
}

impl Handler {
    /// One at a time for each signal. `make` is called for its first one, and
    /// makes a pipe that neither blocks nor is inherited.
    pub(crate) fn install(
        signal: Signal,
        make: impl FnOnce() -> io::Result<(OwnedFd, OwnedFd)>,
    ) -> io::Result<Self> {
        let slot = pipe_of(signal.number()).ok_or(io::ErrorKind::Unsupported)?;
        if slot.get().is_none() {
            let _ = slot.set(make()?);
        }
        let (reader, _) = slot.get().ok_or(io::ErrorKind::Unsupported)?;
        let mut before = MaybeUninit::uninit();
        let action = action();
        // SAFETY: [HANDLER] what is installed may run at any time;
        // [OWN-MEMORY] both places are ours.
        let result = unsafe { libc::sigaction(signal.number(), &action, before.as_mut_ptr()) };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: [OWN-MEMORY] written by the call that has succeeded.
        let before = unsafe { before.assume_init() };
        Ok(Self { signal, reader: reader.as_fd(), before })
    }

    /// The end of the pipe from which a byte is read for each signal.
    pub(crate) fn reader(&self) -> BorrowedFd<'static> {
        self.reader
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // SAFETY: [OWN-MEMORY] it was the system's own, and goes back to it.
        unsafe { libc::sigaction(self.signal.number(), &self.before, ptr::null_mut()) };
    }
}

fn pipe_of(signal: c_int) -> Option<&'static OnceLock<(OwnedFd, OwnedFd)>> {
    PIPES.get(usize::try_from(signal).ok()?)
}

fn action() -> libc::sigaction {
    // SAFETY: [OWN-MEMORY] all zero is a `sigaction`: default, no flags, and
    // an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_signal as extern "C" fn(c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    action
}

extern "C" fn on_signal(signal: c_int) {
    let Some((_, writer)) = pipe_of(signal).and_then(OnceLock::get) else {
        return;
    };
    let before = errno::errno();
    // A full pipe is readable already; what it cannot take is not counted.
    let (byte, fd) = ([1_u8], writer.as_raw_fd());
    // SAFETY: [HANDLER] allowed there, and the descriptor is never closed.
    unsafe { libc::write(fd, byte.as_ptr().cast(), 1) };
    errno::set_errno(before);
}
