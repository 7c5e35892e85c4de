//! A descriptor that the caller promises to keep open.

use std::os::fd::{AsFd, BorrowedFd, RawFd};

/// A raw descriptor under its caller's promise: lent to the loop, never closed by it.
///
/// This is the third way to hand a descriptor in, beside moving an owner and
/// sharing an `Rc`: for numbers that come from C.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::os::fd::AsRawFd;
/// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// let events = event::EventLoop::new()?;
/// // SAFETY: `ours` is open until the end, and so outlives the watcher.
/// let lent = unsafe { event::RawIo::lend(ours.as_raw_fd()) };
/// let watcher = events.handle().watch(lent).on_read(|_| {}).start()?;
/// drop(watcher);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RawIo(RawFd);

impl RawIo {
    /// Lends `fd` out.
    ///
    /// # Safety
    ///
    /// `fd` is open, and stays open and is not reused for something else, for
    /// as long as the value (and a watcher that it is moved into) lives.
    pub unsafe fn lend(fd: RawFd) -> Self {
        Self(fd)
    }
}

impl AsFd for RawIo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: [CALLER-PROMISE] `lend` passes the duty to keep it open on.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
