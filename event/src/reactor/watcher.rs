//! The handle of a watched descriptor, and what its callbacks are given.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;

use super::core::Core;
use super::dispatch::{Callbacks, Mode, State};
use super::handle::LoopHandle;
use super::interest::{Interest, Readiness};
use super::source::{Hold, Source};
use super::watch::{Handed, WatchError};

/// The handle of a watched descriptor. Dropping it unwatches.
///
/// It stays on its loop's thread, and its callbacks borrow nothing:
///
/// ```compile_fail,E0277
/// fn sent_to_another_thread(watcher: event::Watcher<std::net::TcpStream>) {
///     std::thread::spawn(move || watcher.is_watching());
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn shared_between_threads<T: Sync>() {}
/// shared_between_threads::<event::Watcher<std::net::TcpStream>>();
/// ```
///
/// ```compile_fail,E0597
/// let handle = event::EventLoop::new().unwrap().handle();
/// let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let on_the_stack = 1;
/// let borrowed = &on_the_stack;
/// handle.watch(ours).on_read(move |_| println!("{borrowed}")).start().unwrap();
/// ```
pub struct Watcher<F>(Option<Rc<State<F>>>);

impl<F: AsFd + 'static> Watcher<F> {
    pub(crate) fn register(
        core: Rc<Core>,
        io: Handed<F>,
        callbacks: Callbacks<F>,
        interest: Interest,
        mode: Mode,
    ) -> Result<Self, WatchError<F>> {
        let (fd, source) = match io {
            Handed::Owned(io) => (io.as_fd().as_raw_fd(), Source::Owned(RefCell::new(Some(io)))),
            Handed::Shared(io) => (io.as_fd().as_raw_fd(), Source::Shared(Rc::downgrade(&io))),
        };
        let state = State::new(core, fd, source, callbacks, interest, mode);
        match state.register() {
            Ok(()) => Ok(Self(Some(state))),
            Err(error) => Err(WatchError::new(state.source.take(), error)),
        }
    }

    /// The callbacks that are installed and enabled.
    pub fn interest(&self) -> Interest {
        self.0.as_ref().map_or(Interest::empty(), |state| state.wanted())
    }

    /// Enables exactly these of the installed callbacks; an empty set pauses
    /// the watcher.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::start`](crate::Watch::start); nothing is listened to then.
    pub fn set_interest(&self, interest: Interest) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |state| state.set_enabled(interest))
    }

    /// Arms a one-shot that has been shot; inside its own callback, keeps it
    /// armed. Without effect on one that is not there any more.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::start`](crate::Watch::start).
    pub fn rearm(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |state| state.rearm())
    }

    /// Looks at the descriptor, if it is still there.
    pub fn with_io<R>(&self, look: impl FnOnce(&F) -> R) -> Option<R> {
        let state = self.0.as_ref()?;
        state.source.hold(state.fd).map(|hold| look(hold.io()))
    }

    /// Ends the watch (`event_del(3)`), at once, and hands back a descriptor
    /// that was moved in.
    ///
    /// `None` for a shared one, and for one whose own callback is running right
    /// now (that callback has [`Ready::unwatch`]; this closes it afterwards).
    pub fn unwatch(mut self) -> Option<F> {
        let state = self.0.take()?;
        state.core.unwatch(state.fd, state.generation);
        state.source.take()
    }

    /// Lets the watch go on without a handle, until
    /// [`LoopHandle::unwatch`](crate::LoopHandle::unwatch), [`Ready::unwatch`]
    /// or the end of the loop.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl<F> Watcher<F> {
    /// The descriptor's number.
    pub fn fd(&self) -> RawFd {
        self.0.as_ref().map_or(-1, |state| state.fd)
    }

    /// Whether the watcher may still run: not unwatched, replaced, purged or
    /// shot, and with a callback enabled.
    pub fn is_watching(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.is_listening())
    }
}

impl<F> Drop for Watcher<F> {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            state.core.unwatch(state.fd, state.generation);
        }
    }
}

impl<F> fmt::Debug for Watcher<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("fd", &self.fd())
            .field("watching", &self.is_watching())
            .finish()
    }
}

/// What a callback is given: the descriptor, what it is ready for, and the
/// means to change its own watch.
pub struct Ready<'a, F> {
    state: &'a Rc<State<F>>,
    hold: Hold<'a, F>,
    readiness: Readiness,
}

impl<'a, F: AsFd + 'static> Ready<'a, F> {
    pub(crate) fn new(state: &'a Rc<State<F>>, hold: Hold<'a, F>, readiness: Readiness) -> Self {
        Self { state, hold, readiness }
    }

    /// The descriptor's owner.
    pub fn io(&self) -> &F {
        self.hold.io()
    }

    /// What the descriptor was found ready for.
    pub fn readiness(&self) -> Readiness {
        self.readiness
    }

    /// The loop.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(self.state.core.clone())
    }

    /// As [`Watcher::set_interest`].
    ///
    /// # Errors
    ///
    /// As [`Watcher::set_interest`].
    pub fn set_interest(&self, interest: Interest) -> io::Result<()> {
        self.state.set_enabled(interest)
    }

    /// Keeps a one-shot armed beyond this callback.
    ///
    /// # Errors
    ///
    /// As [`Watcher::rearm`].
    pub fn rearm(&self) -> io::Result<()> {
        self.state.rearm()
    }

    /// Ends the watch and hands back a descriptor that was moved in. Callbacks
    /// of the same dispatch that have not run yet are skipped.
    pub fn unwatch(self) -> Option<F> {
        let Self { state, hold, .. } = self;
        drop(hold.into_shared());
        state.core.unwatch(state.fd, state.generation);
        state.source.take()
    }
}

impl<F> fmt::Debug for Ready<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("fd", &self.state.fd)
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}
