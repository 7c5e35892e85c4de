//! One watched descriptor: its registration, its dispatch and its handle.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;

use super::callback::Callback;
use super::core::Core;
use super::counters::Tally;
use super::handle::LoopHandle;
use super::interest::{Interest, Readiness};
use super::live::{Kind, Registration};
use super::registry::Watched;
use super::source::{Hold, Source};
use super::watch::{Handed, WatchError};
use crate::os::probe::probe;
use crate::sys::{RawEvent, What};

/// What a watcher calls.
pub(crate) type Call<F> = dyn FnMut(Ready<'_, F>);

/// How a watcher is dispatched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) edge: bool,
    pub(crate) oneshot: bool,
    /// Does not keep the loop running.
    pub(crate) background: bool,
    pub(crate) kind: Kind,
}

impl Default for Mode {
    fn default() -> Self {
        Self { edge: false, oneshot: false, background: false, kind: Kind::Watcher }
    }
}

/// The installed callbacks, in the order in which they run (rule 2.2).
pub(crate) struct Callbacks<F> {
    error: Callback<Call<F>>,
    read: Callback<Call<F>>,
    write: Callback<Call<F>>,
}

impl<F> Callbacks<F> {
    pub(crate) fn new(
        read: Option<Box<Call<F>>>,
        write: Option<Box<Call<F>>>,
        error: Option<Box<Call<F>>>,
    ) -> Self {
        Self { error: Callback::new(error), read: Callback::new(read), write: Callback::new(write) }
    }

    fn in_order(&self) -> [(Interest, &Callback<Call<F>>); 3] {
        [
            (Interest::ERROR, &self.error),
            (Interest::READ, &self.read),
            (Interest::WRITE, &self.write),
        ]
    }

    fn installed(&self) -> Interest {
        let installed = self.in_order().into_iter().filter(|(_, call)| call.is_installed());
        installed.map(|(which, _)| which).collect()
    }
}

/// A registration, shared by its handle, the registry and a running dispatch.
struct State<F> {
    core: Rc<Core>,
    fd: RawFd,
    generation: u64,
    source: Source<F>,
    callbacks: Callbacks<F>,
    installed: Interest,
    mode: Mode,
    enabled: Cell<Interest>,
    /// In the registry. Once false, stays so (but for a replacement that fails).
    live: Cell<bool>,
    /// Not a one-shot that has been shot.
    armed: Cell<bool>,
    /// `rearm` was called since the running dispatch began.
    rearmed: Cell<bool>,
    /// A level-triggered registration that nobody can silence (a hang-up seen
    /// by a write-only watcher) is turned into an edge-triggered one meanwhile.
    quiet: Cell<bool>,
    /// What libevent was told to wait for.
    listening: Cell<What>,
    event: RefCell<Option<RawEvent>>,
}

impl<F: AsFd + 'static> State<F> {
    /// Called by the loop, with this registration held.
    fn dispatch(self: &Rc<Self>, what: What) {
        if !self.live.get() {
            return;
        }
        let Some(hold) = self.source.hold(self.fd) else {
            return self.core.forget_stale(self.fd, self.generation);
        };
        let _current = self.core.step_in(self.mode.background);
        let ready = self.readiness(what, &hold);
        let kept = hold.into_shared();
        let due = ready.calls(self.wanted());
        self.rearmed.set(false);
        self.run(due, ready);
        self.settle(due, ready);
        // Ours may be the last hold on a shared descriptor, and letting go
        // closes it: not while it is registered. [DEL-BEFORE-CLOSE]
        if kept.is_some_and(|io| Rc::strong_count(&io) == 1 && self.live.get()) {
            self.core.unwatch(self.fd, self.generation);
        }
    }

    /// Takes libevent's word, or asks the kernel where that word is ambiguous:
    /// it reports errors and hang-ups as READ|WRITE, cut to what was asked for.
    fn readiness(&self, what: What, hold: &Hold<'_, F>) -> Readiness {
        let reported = Readiness::reported(what);
        let wanted = self.wanted();
        let told_apart = self.listening.get().contains(What::READ | What::WRITE)
            && reported != Readiness::READ | Readiness::WRITE;
        if wanted == Interest::READ || told_apart {
            return reported;
        }
        Readiness::probed(probe(hold.as_fd()))
    }

    fn run(self: &Rc<Self>, due: Interest, readiness: Readiness) {
        for (which, callback) in self.callbacks.in_order() {
            // An earlier step may have unwatched, or disabled this one.
            if !due.contains(which) || !self.live.get() || !self.enabled.get().contains(which) {
                continue;
            }
            let Some(hold) = self.source.hold(self.fd) else {
                return;
            };
            Tally::add(&self.core.tally.callbacks);
            callback.with(|call| call(Ready { state: self, hold, readiness }));
        }
    }

    /// After the callbacks: a one-shot is disarmed, and a condition that
    /// nobody was called for must not spin.
    fn settle(&self, due: Interest, ready: Readiness) {
        if !self.live.get() {
            return;
        }
        if self.mode.oneshot && !due.is_empty() && !self.rearmed.get() {
            self.armed.set(false);
        }
        self.quiet.set(due.is_empty() && (self.quiet.get() || ready.is_unmaskable()));
        // Cannot fail in a way that matters: the descriptor is registered now,
        // and a registration that is lost is lost with it.
        let _ = self.apply();
    }

    /// The callbacks that are installed and enabled.
    fn wanted(&self) -> Interest {
        self.installed & self.enabled.get()
    }

    /// What libevent should wait for, given all of the above.
    fn wish(&self) -> What {
        let wanted = self.wanted();
        if !self.live.get() || !self.armed.get() || wanted.is_empty() {
            return What::empty();
        }
        // Errors come unasked, but only to an event that waits for READ or
        // WRITE; edges keep an always-writable descriptor from spinning (L3).
        if wanted == Interest::ERROR {
            return What::READ | What::WRITE | What::EDGE;
        }
        let mut wish = What::empty();
        wish.set(What::READ, wanted.contains(Interest::READ));
        wish.set(What::WRITE, wanted.contains(Interest::WRITE));
        wish.set(What::EDGE, self.mode.edge || self.quiet.get());
        wish
    }

    /// Tells libevent if the wish has changed.
    fn apply(&self) -> io::Result<()> {
        let (was, wish) = (self.listening.get(), self.wish());
        if was == wish {
            return Ok(());
        }
        let supported = self.core.has_edges() || !wish.contains(What::EDGE);
        let result = match &*self.event.borrow() {
            // Quiet without edges: a hang-up that nobody listens to is final.
            Some(event) if wish.is_empty() || (!supported && self.quiet.get()) => {
                event.silence();
                Ok(())
            }
            Some(_) if !supported => Err(io::ErrorKind::Unsupported.into()),
            Some(event) if self.mode.background => event.listen_unseen(wish),
            Some(event) => event.listen(wish),
            None => return Ok(()),
        };
        let now = if result.is_ok() { wish } else { What::empty() };
        self.listening.set(now);
        self.count_live(was, now);
        result
    }

    fn set_enabled(&self, interest: Interest) -> io::Result<()> {
        self.core.check()?;
        self.enabled.set(interest);
        self.apply()
    }

    fn rearm(&self) -> io::Result<()> {
        self.core.check()?;
        self.armed.set(true);
        self.rearmed.set(true);
        if self.mode.edge && self.live.get() {
            // A fresh registration reports what has happened meanwhile.
            self.listen_anew();
        }
        self.apply()
    }

    fn listen_anew(&self) {
        let was = self.listening.replace(What::empty());
        self.count_live(was, What::empty());
    }

    fn count_live(&self, was: What, is: What) {
        if !self.mode.background {
            self.core.count_live(!was.is_empty(), !is.is_empty());
        }
    }
}

impl<F: AsFd + 'static> Watched for State<F> {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn retire(&self) {
        self.live.set(false);
        let _ = self.apply();
    }

    fn revive(&self) {
        self.live.set(true);
        let _ = self.apply();
    }

    fn bury(&self) {
        // Out of the cell first: a captured value may come back to us in its Drop.
        let event = self.event.take();
        drop(event);
        for (_, callback) in self.callbacks.in_order() {
            drop(callback.remove());
        }
    }

    fn is_stale(&self) -> bool {
        self.source.hold(self.fd).is_none()
    }

    fn registration(&self) -> Option<Registration> {
        let watches = !self.listening.get().is_empty() && !self.mode.background;
        watches.then_some(Registration { kind: self.mode.kind, fd: Some(self.fd), deadline: None })
    }
}

/// The handle of a watched descriptor. Dropping it unwatches.
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
        let state = Rc::new(State {
            generation: core.next_generation(),
            installed: callbacks.installed(),
            core,
            fd,
            source,
            callbacks,
            mode,
            enabled: Cell::new(interest),
            live: Cell::new(true),
            armed: Cell::new(true),
            rearmed: Cell::new(false),
            quiet: Cell::new(false),
            listening: Cell::new(What::empty()),
            event: RefCell::new(None),
        });
        match Self::enter(&state) {
            Ok(()) => Ok(Self(Some(state))),
            Err(error) => Err(WatchError::new(state.source.take(), error)),
        }
    }

    /// Registers the state in place of the descriptor's earlier watcher.
    fn enter(state: &Rc<State<F>>) -> io::Result<()> {
        let core = &state.core;
        core.check()?;
        let weak = Rc::downgrade(state);
        let call = move |what| {
            if let Some(state) = weak.upgrade() {
                state.dispatch(what);
            }
        };
        let event = RawEvent::new(core.base(), state.fd, Box::new(call))?;
        *state.event.borrow_mut() = Some(event);
        core.replace(state.fd, state.clone(), || state.apply())
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
        self.0.as_ref().is_some_and(|state| !state.listening.get().is_empty())
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

impl<F: AsFd + 'static> Ready<'_, F> {
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
