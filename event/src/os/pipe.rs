//! A pipe of which neither end blocks or is inherited.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

#[cfg(not(target_vendor = "apple"))]
pub(crate) fn quiet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// `pipe2(2)` in steps: there is none.
#[cfg(target_vendor = "apple")]
pub(crate) fn quiet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        ioctl_fionbio(end, true)?;
    }
    Ok((reader, writer))
}
