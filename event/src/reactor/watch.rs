//! The order for a watcher: which descriptor, which callbacks, which mode.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;

use super::core::Core;
use super::dispatch::{Call, Callbacks, Mode};
use super::interest::Interest;
use super::live::Kind;
use super::watcher::{Ready, Watcher};

/// A watcher in the making; [`start`](Watch::start) registers it.
///
/// Made by [`LoopHandle::watch`](crate::LoopHandle::watch) and
/// [`LoopHandle::watch_shared`](crate::LoopHandle::watch_shared).
#[must_use = "nothing is watched before `start`"]
pub struct Watch<F> {
    core: Rc<Core>,
    io: Handed<F>,
    read: Option<Box<Call<F>>>,
    write: Option<Box<Call<F>>>,
    error: Option<Box<Call<F>>>,
    interest: Interest,
    mode: Mode,
}

/// The two ways in which a descriptor is handed in.
pub(crate) enum Handed<F> {
    Owned(F),
    Shared(Rc<F>),
}

impl<F: AsFd + 'static> Watch<F> {
    pub(crate) fn new(core: Rc<Core>, io: Handed<F>) -> Self {
        Self {
            core,
            io,
            read: None,
            write: None,
            error: None,
            interest: Interest::all(),
            mode: Mode::default(),
        }
    }

    /// Says what the descriptor stands for in the list of registrations.
    pub(crate) fn kind(mut self, kind: Kind) -> Self {
        self.mode.kind = kind;
        self
    }

    /// Runs `call` when there is something to read, end of file included.
    pub fn on_read(mut self, call: impl FnMut(Ready<'_, F>) + 'static) -> Self {
        self.read = Some(Box::new(call));
        self
    }

    /// Runs `call` when there is room to write.
    pub fn on_write(mut self, call: impl FnMut(Ready<'_, F>) + 'static) -> Self {
        self.write = Some(Box::new(call));
        self
    }

    /// Runs `call`, and it alone, when an error is pending on the descriptor.
    /// Without it an error runs the read and write callbacks, which meet it in
    /// their own system calls. A watcher with this callback alone needs a
    /// backend with edges.
    pub fn on_error(mut self, call: impl FnMut(Ready<'_, F>) + 'static) -> Self {
        self.error = Some(Box::new(call));
        self
    }

    /// Starts with only these of the callbacks enabled; all by default.
    pub fn interest(mut self, interest: Interest) -> Self {
        self.interest = interest;
        self
    }

    /// One dispatch for each edge (`EPOLLET`), instead of one for each turn in
    /// which the descriptor is ready. The callback reads until it would block.
    /// An edge may be reported again after a shared descriptor of the same loop
    /// was closed without unwatch, for which the kernel's set is made anew.
    pub fn edge_triggered(mut self) -> Self {
        self.mode.edge = true;
        self
    }

    /// One dispatch, and then none until [`Watcher::rearm`].
    pub fn oneshot(mut self) -> Self {
        self.mode.oneshot = true;
        self
    }

    /// A watch that keeps no [`run`](crate::EventLoop::run) from returning.
    pub fn background(mut self) -> Self {
        self.mode.background = true;
        self
    }

    /// Registers the watcher (`event_add(3)`), in place of the one that the
    /// descriptor had, if it had one: that one never runs again and its handle
    /// turns inert.
    ///
    /// # Errors
    ///
    /// Hands the descriptor back, with nothing changed, if the system refuses
    /// it (`EPERM` for a regular file, `EBADF`), if the mode needs edges and
    /// the backend has none ([`io::ErrorKind::Unsupported`]), or if the loop is
    /// gone or belongs to another process.
    pub fn start(self) -> Result<Watcher<F>, WatchError<F>> {
        let Self { core, io, read, write, error, interest, mode } = self;
        let callbacks = Callbacks::new(read, write, error);
        Watcher::register(core, io, callbacks, interest, mode)
    }
}

impl<F> fmt::Debug for Watch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("interest", &self.interest)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// A registration that failed, with the descriptor that was moved in.
pub struct WatchError<F> {
    io: Option<F>,
    error: io::Error,
}

impl<F> WatchError<F> {
    pub(crate) fn new(io: Option<F>, error: io::Error) -> Self {
        Self { io, error }
    }

    /// Why it failed.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The descriptor, if it was moved in, and why it failed.
    pub fn into_parts(self) -> (Option<F>, io::Error) {
        (self.io, self.error)
    }
}

impl<F> From<WatchError<F>> for io::Error {
    fn from(error: WatchError<F>) -> Self {
        error.error
    }
}

impl<F> fmt::Debug for WatchError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for WatchError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot watch the descriptor: {}", self.error)
    }
}

impl<F> std::error::Error for WatchError<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
