//! One registered descriptor, and the dispatch of what is reported of it.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::rc::Rc;

use super::callback::Callback;
use super::core::Core;
use super::counters::Tally;
use super::interest::{Interest, Readiness};
use super::live::{Kind, Registration};
use super::registry::Watched;
use super::source::{Hold, Source};
use super::watcher::Ready;
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
pub(crate) struct State<F> {
    /// Before the source: deleted before the descriptor closes. [DEL-BEFORE-CLOSE]
    event: RefCell<Option<RawEvent>>,
    pub(crate) core: Rc<Core>,
    pub(crate) fd: RawFd,
    pub(crate) generation: u64,
    pub(crate) source: Source<F>,
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
    /// Callbacks that a panic cut off, until they have run.
    owed: Cell<Interest>,
    /// What libevent was told to wait for.
    listening: Cell<What>,
}

/// What libevent has to know of it.
impl<F: AsFd + 'static> State<F> {
    pub(crate) fn new(
        core: Rc<Core>,
        fd: RawFd,
        source: Source<F>,
        callbacks: Callbacks<F>,
        enabled: Interest,
        mode: Mode,
    ) -> Rc<Self> {
        Rc::new(Self {
            event: RefCell::new(None),
            generation: core.next_generation(),
            installed: callbacks.installed(),
            core,
            fd,
            source,
            callbacks,
            mode,
            enabled: Cell::new(enabled),
            live: Cell::new(true),
            armed: Cell::new(true),
            rearmed: Cell::new(false),
            quiet: Cell::new(false),
            owed: Cell::new(Interest::empty()),
            listening: Cell::new(What::empty()),
        })
    }

    /// Registers it in place of the descriptor's earlier watcher.
    pub(crate) fn register(self: &Rc<Self>) -> io::Result<()> {
        self.core.check()?;
        // Before the earlier watcher is touched: it goes on undisturbed.
        if self.mode.edge && !self.core.has_edges() || !self.can_have(self.wish()) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let weak = Rc::downgrade(self);
        let call = move |what| {
            if let Some(state) = weak.upgrade() {
                state.dispatch(what);
            }
        };
        let event = RawEvent::new(self.core.base(), self.fd, call)?;
        *self.event.borrow_mut() = Some(event);
        self.core.replace(self.fd, self.clone(), || self.apply())
    }

    /// The callbacks that are installed and enabled.
    pub(crate) fn wanted(&self) -> Interest {
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
        let event = self.event.borrow();
        let Some(event) = event.as_ref().filter(|_| was != wish) else {
            return Ok(());
        };
        let result = self.tell(event, wish);
        let now = if result.is_ok() { wish } else { What::empty() };
        self.listening.set(now);
        self.count_live(was, now);
        result
    }

    fn tell(&self, event: &RawEvent, wish: What) -> io::Result<()> {
        if !self.can_have(wish) || wish.is_empty() {
            event.silence();
            // Quiet without edges: a hang-up that nobody listens to is final.
            let content = wish.is_empty() || self.quiet.get();
            return if content { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) };
        }
        if self.mode.background { event.listen_unseen(wish) } else { event.listen(wish) }
    }

    fn can_have(&self, wish: What) -> bool {
        self.core.has_edges() || !wish.contains(What::EDGE)
    }

    pub(crate) fn set_enabled(&self, interest: Interest) -> io::Result<()> {
        self.core.check()?;
        self.enabled.set(interest);
        self.listen_again()
    }

    pub(crate) fn rearm(&self) -> io::Result<()> {
        self.core.check()?;
        self.armed.set(true);
        self.rearmed.set(true);
        if self.mode.edge && self.live.get() {
            // A fresh registration reports what has happened meanwhile.
            let was = self.listening.replace(What::empty());
            self.count_live(was, What::empty());
        }
        self.listen_again()
    }

    fn count_live(&self, was: What, is: What) {
        if !self.mode.background {
            self.core.count_live(!was.is_empty(), !is.is_empty());
        }
    }

    fn listen_again(&self) -> io::Result<()> {
        // What nobody wanted to hear may be wanted now.
        self.quiet.set(false);
        self.apply()
    }
}

impl<F> State<F> {
    /// Whether libevent was told to wait for anything.
    pub(crate) fn is_listening(&self) -> bool {
        !self.listening.get().is_empty()
    }
}

/// What becomes of a report.
impl<F: AsFd + 'static> State<F> {
    /// Called by the loop, with this registration held.
    fn dispatch(self: &Rc<Self>, what: What) {
        if !self.live.get() {
            return;
        }
        let Some(hold) = self.hold() else { return };
        let _current = self.core.step_in(self.mode.background);
        let ready = self.readiness(what, &hold);
        self.rearmed.set(false);
        Round::new(self, hold, ready, ready.calls(self.wanted())).run();
    }

    /// Gets hold of the descriptor; if it is gone, ends the registration.
    fn hold(&self) -> Option<Hold<'_, F>> {
        let hold = self.source.hold(self.fd);
        if hold.is_none() {
            self.core.forget_stale(self.fd, self.generation);
        }
        hold
    }

    /// Takes libevent's word, or asks the kernel where that word is ambiguous:
    /// it reports errors and hang-ups as READ|WRITE, cut to what was asked for.
    fn readiness(&self, what: What, hold: &Hold<'_, F>) -> Readiness {
        let reported = Readiness::reported(what);
        let told_apart = self.listening.get().contains(What::READ | What::WRITE)
            && reported != Readiness::READ | Readiness::WRITE;
        if self.wanted() == Interest::READ || told_apart {
            return reported;
        }
        Readiness::probed(probe(hold.as_fd()))
    }

    /// After the callbacks: a one-shot is disarmed, and a condition that
    /// nobody was called for must not spin.
    fn settle(&self, due: Interest, ready: Readiness) {
        if self.mode.oneshot && !due.is_empty() && !self.rearmed.get() {
            self.armed.set(false);
        }
        self.quiet.set(due.is_empty() && (self.quiet.get() || ready.is_unmaskable()));
        // Cannot fail in a way that matters: the descriptor is registered now,
        // and a registration that is lost is lost with it.
        let _ = self.apply();
    }

    /// Callbacks that a panic of an earlier one cut off run in the next turn,
    /// unless they will be reported again anyway: nothing of a batch is lost.
    fn put_off(self: &Rc<Self>, ready: Readiness, left: Interest) {
        if left.is_empty() || !(self.mode.edge || self.mode.oneshot) {
            return;
        }
        if self.owed.replace(self.owed.get() | left).is_empty() {
            let weak = Rc::downgrade(self);
            let pay = move || weak.upgrade().into_iter().for_each(|state| state.pay(ready));
            self.core.defer(Box::new(pay));
        }
    }

    fn pay(self: &Rc<Self>, ready: Readiness) {
        let owed = self.owed.replace(Interest::empty());
        if self.live.get() && !owed.is_empty() {
            let hold = self.hold();
            hold.into_iter().for_each(|hold| Round::new(self, hold, ready, owed).run());
        }
    }
}

/// One dispatch: the callbacks that are due, and what has to follow them, even
/// if one of them panics.
struct Round<'a, F: AsFd + 'static> {
    state: &'a Rc<State<F>>,
    /// A shared descriptor stays open until the end.
    kept: Option<Rc<F>>,
    ready: Readiness,
    due: Interest,
    /// Those of them that were not called yet.
    left: Interest,
}

impl<'a, F: AsFd + 'static> Round<'a, F> {
    fn new(state: &'a Rc<State<F>>, hold: Hold<'_, F>, ready: Readiness, due: Interest) -> Self {
        Self { state, kept: hold.into_shared(), ready, due, left: due }
    }

    fn run(mut self) {
        for (which, callback) in self.state.callbacks.in_order() {
            // An earlier one may have unwatched, closed, or disabled this one.
            let wanted = self.state.live.get() && self.state.enabled.get().contains(which);
            if !self.left.contains(which) || !wanted || self.is_abandoned() {
                continue;
            }
            self.left.remove(which);
            self.state.owed.set(self.state.owed.get() - which);
            let Some(hold) = self.state.hold() else { return };
            Tally::add(&self.state.core.tally.callbacks);
            callback.with(|call| call(Ready::new(self.state, hold, self.ready)));
        }
        self.left = Interest::empty();
    }

    /// Whether ours is the last hold on a shared descriptor.
    fn is_abandoned(&self) -> bool {
        self.kept.as_ref().is_some_and(|io| Rc::strong_count(io) == 1)
    }
}

impl<F: AsFd + 'static> Drop for Round<'_, F> {
    fn drop(&mut self) {
        let state = self.state;
        if !state.live.get() {
            return;
        }
        // Letting go closes it: not while it is registered. [DEL-BEFORE-CLOSE]
        if self.is_abandoned() {
            return state.core.unwatch(state.fd, state.generation);
        }
        state.settle(self.due, self.ready);
        state.put_off(self.ready, self.left);
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
        let counts = self.is_listening() && !self.mode.background;
        counts.then_some(Registration { kind: self.mode.kind, fd: Some(self.fd), deadline: None })
    }
}
