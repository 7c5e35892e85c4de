//! A child process as a descriptor: `pidfd_open(2)`, `waitid(2)`.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal, waitid,
};

use crate::sys::Signal;

/// A descriptor that is readable once the child has ended. It names the child
/// also after its number was given to another process.
pub(crate) struct Pidfd(OwnedFd);

impl Pidfd {
    /// `ESRCH` if there is no such process, `ECHILD` if it is not our child.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        let child = Self(pidfd_open(pid, PidfdFlags::empty())?);
        child.wait(WaitIdOptions::NOWAIT)?;
        Ok(child)
    }

    /// How the child ended, if it has; from then on it is gone.
    pub(crate) fn reap(&self) -> io::Result<Option<ExitStatus>> {
        let ended = self.wait(WaitIdOptions::empty())?;
        Ok(ended.map(|status| ExitStatus::from_raw(wait_status(&status))))
    }

    fn wait(&self, options: WaitIdOptions) -> io::Result<Option<WaitIdStatus>> {
        let options = options | WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        loop {
            match waitid(WaitId::PidFd(self.0.as_fd()), options) {
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// Sends a signal to the child, and to no other.
    pub(crate) fn send(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.0, signal.to_rustix())?)
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// As `waitpid(2)` packs it, which is what std unpacks.
fn wait_status(status: &WaitIdStatus) -> i32 {
    let core = if status.dumped() { 0x80 } else { 0 };
    let ended = status.exit_status().map(|code| (code & 0xff) << 8);
    ended.or(status.terminating_signal().map(|signal| signal | core)).unwrap_or(0)
}
