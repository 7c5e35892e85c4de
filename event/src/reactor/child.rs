//! Children that were started elsewhere: how they end.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::process::ExitStatus;

use super::handle::LoopHandle;
use super::live::Kind;
use super::watcher::Watcher;
use crate::os::pidfd::Pidfd;
use crate::sys::Signal;

/// A watched child process. Dropping it ends the watch: the child runs on, and
/// is not reaped. [`detach`](Self::detach) lets the watch be.
///
/// Made by [`LoopHandle::watch_child`].
#[must_use = "dropping it ends the watch"]
pub struct ChildWatcher {
    pid: u32,
    watcher: Watcher<Pidfd>,
}

impl LoopHandle {
    /// Runs `call` once, when the child has ended, with its exit status. A
    /// child that has ended already is reported in the next turn.
    ///
    /// The child is watched by a descriptor of its own (`pidfd_open(2)`): there
    /// is no polling and no `SIGCHLD`. It is reaped just before the call, and
    /// no other child ever is. If somebody else reaps it first (a `wait` for
    /// any child, or an ignored `SIGCHLD`), its status is lost, and `call` is
    /// given `ECHILD`.
    ///
    /// To start the child as well, and to talk to it: [`process`](Self::process).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let child = std::process::Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// let _watcher = events.handle().watch_child(child.id(), |status| {
    ///     assert_eq!(status.unwrap().code(), Some(7));
    /// })?;
    /// events.run()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `ESRCH` if there is no such process, `ECHILD` if it is not a child of
    /// this one, and what the system says if no descriptor is left.
    pub fn watch_child(
        &self,
        pid: u32,
        call: impl FnOnce(io::Result<ExitStatus>) + 'static,
    ) -> io::Result<ChildWatcher> {
        let mut call = Some(call);
        let watch = self.watch(Pidfd::open(pid)?).kind(Kind::Child).on_read(move |ready| {
            let Some(ended) = ready.io().reap().transpose() else {
                return;
            };
            drop(ready.unwatch());
            if let Some(call) = call.take() {
                call(ended);
            }
        });
        Ok(ChildWatcher { pid, watcher: watch.start()? })
    }
}

impl ChildWatcher {
    /// The child's number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the end of the child is still to be reported.
    pub fn is_watching(&self) -> bool {
        self.watcher.is_watching()
    }

    /// Sends the child a signal. Never reaches another process that was given
    /// the number of a child that is gone.
    ///
    /// # Errors
    ///
    /// `ESRCH` if the child has ended, `EPERM` if it runs as another user.
    pub fn send(&self, signal: Signal) -> io::Result<()> {
        let sent = self.watcher.with_io(|child| child.send(signal));
        sent.unwrap_or_else(|| Err(rustix::io::Errno::SRCH.into()))
    }

    /// Lets the watch go on without a handle.
    pub fn detach(self) {
        self.watcher.detach();
    }
}

impl fmt::Debug for ChildWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildWatcher")
            .field("pid", &self.pid)
            .field("watching", &self.is_watching())
            .finish()
    }
}
