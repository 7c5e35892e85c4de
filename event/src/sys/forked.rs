//! The promise that goes with using a loop in a forked child.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

/// A promise about the running process; for
/// [`EventLoop::reinit_after_fork`](crate::EventLoop::reinit_after_fork).
#[derive(Debug)]
pub struct Forked(());

impl Forked {
    /// Promises that this is a freshly forked child in which it is sound to go on.
    ///
    /// # Safety
    ///
    /// The process is the child of a `fork(2)`; the loop was not running when
    /// it was forked, and no other thread of the parent held a lock (of the
    /// allocator, of the standard library, of C) that this process will want.
    pub unsafe fn promise() -> Self {
        Self(())
    }
}

/// Makes the descriptor number `old` stand for `new`'s open file, in this process
/// alone: what was shared with the parent under that number is let go.
pub(crate) fn supersede(_child: &Forked, old: RawFd, new: &OwnedFd) -> io::Result<()> {
    replace_file(old, new)
}

/// Makes the number `old` stand for `new`'s open file.
pub(super) fn replace_file(old: RawFd, new: &OwnedFd) -> io::Result<()> {
    // SAFETY: [FD-SUPERSEDE] both numbers are open and ours; the owner of
    // `old` goes on owning the number, and now its new file.
    let mut old = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(old) });
    Ok(duplicate(new, &mut old)?)
}

#[cfg(not(any(target_vendor = "apple", target_os = "android")))]
fn duplicate(file: &OwnedFd, number: &mut OwnedFd) -> Result<(), Errno> {
    use rustix::io::{DupFlags, dup3};
    dup3(file, number, DupFlags::CLOEXEC)
}

/// `dup3(2)` in two steps: macOS has none, and `rustix` none for Android.
#[cfg(any(target_vendor = "apple", target_os = "android"))]
fn duplicate(file: &OwnedFd, number: &mut OwnedFd) -> Result<(), Errno> {
    use rustix::io::{FdFlags, dup2, fcntl_setfd};
    dup2(file, number)?;
    fcntl_setfd(number, FdFlags::CLOEXEC)
}
