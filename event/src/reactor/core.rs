//! What all handles of one loop share, and its turn.
#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use super::budget::Budget;
use super::clock::Clock;
use super::counters::Tally;
use super::deferred::Deferred;
use super::registry::{Registry, Watched};
use super::remote::{Doorbell, Shared};
use super::schedule::Id;
use super::timers::{Action, Timers};
use super::waiters::Ticket;
use crate::os::pollable::Pollable;
use crate::sys::RawBase;

mod anchor;
mod census;
mod closing;
mod guest;

use anchor::Anchor;

const BADF: i32 = Errno::BADF.raw_os_error();

/// Work of a higher floor that wants a share of each turn (the executor's).
pub(crate) trait Work {
    /// Runs a bounded share; how many steps it took.
    fn run(&self) -> u64;
    /// Whether there is more to run at once, without waiting.
    fn is_ready(&self) -> bool;
    /// How many things are alive in it.
    fn live(&self) -> usize;
    /// Drops everything: the loop ends.
    fn clear(&self);
    /// For its own floor, which knows its type.
    fn as_any(&self) -> &dyn Any;
}

/// How long a turn may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Never,
    Until(i64),
    Forever,
}

/// What is there when a turn begins. What its callbacks add waits for the next
/// turn (rules 3.2, 4.2).
#[derive(Clone, Copy)]
struct Horizon {
    deferred: usize,
    timers: u64,
}

/// The state of one loop.
pub(crate) struct Core {
    base: Rc<RawBase>,
    edges: bool,
    pub(crate) clock: Clock,
    pub(crate) tally: Tally,
    pub(crate) timers: Timers,
    pub(crate) deferred: Deferred,
    /// Shared with the executor, which refills it.
    pub(crate) budget: Rc<Budget>,
    registry: RefCell<Registry>,
    remote: Arc<Shared>,
    /// The remote's end in the loop; gone when the loop is.
    doorbell: RefCell<Option<Doorbell>>,
    work: OnceCell<Rc<dyn Work>>,
    generation: Cell<u64>,
    /// Watchers that libevent listens for.
    listening: Cell<usize>,
    /// Some registration may have outlived its descriptor in the kernel (H18).
    stale: Cell<bool>,
    running: Rc<Cell<bool>>,
    closed: Cell<bool>,
    /// Somebody else may wait for our events: timers and wake-ups must reach
    /// the kernel at once, not before our next wait.
    eager: Cell<bool>,
    /// In `attend`.
    attending: Cell<bool>,
    /// On a base of C's.
    anchor: Option<Anchor>,
    /// What that somebody waits for, if it asked.
    pollable: OnceCell<Pollable>,
    /// How long to look for events before sleeping.
    busy_look: Duration,
}

impl Core {
    pub(crate) fn new(
        base: Rc<RawBase>,
        clock: Clock,
        busy_look: Duration,
    ) -> io::Result<Rc<Self>> {
        let edges = base.has_edges();
        let anchor = base.is_foreign().then(|| Anchor::new(&base)).transpose()?;
        let remote = Shared::new()?;
        let home = Rc::new(OnceCell::<Weak<Self>>::new());
        let attend: Rc<dyn Fn()> = Rc::new({
            let home = home.clone();
            move || {
                if let Some(core) = home.get().and_then(Weak::upgrade) {
                    core.attend();
                }
            }
        });
        let core = Rc::new(Self {
            timers: Timers::new(&base, attend.clone())?,
            doorbell: RefCell::new(Some(Doorbell::new(&base, &remote, attend)?)),
            base,
            edges,
            clock,
            tally: Tally::default(),
            deferred: Deferred::default(),
            budget: Budget::new(),
            registry: RefCell::default(),
            remote,
            work: OnceCell::new(),
            generation: Cell::new(0),
            listening: Cell::new(0),
            stale: Cell::new(false),
            running: Rc::default(),
            closed: Cell::new(false),
            eager: Cell::new(false),
            attending: Cell::new(false),
            anchor,
            pollable: OnceCell::new(),
            busy_look,
        });
        let _ = home.set(Rc::downgrade(&core));
        Ok(core)
    }

    pub(crate) fn base(&self) -> &Rc<RawBase> {
        &self.base
    }

    pub(crate) fn remote(&self) -> &Arc<Shared> {
        &self.remote
    }

    pub(crate) fn has_edges(&self) -> bool {
        self.edges
    }

    /// Whether `run*` is on the stack, and so looks for work before it waits.
    pub(crate) fn running(&self) -> &Rc<Cell<bool>> {
        &self.running
    }

    /// Whether the loop can take registrations: not ended, and of this process.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.closed.get() {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the event loop is gone"));
        }
        self.check_process()
    }

    /// Whether the loop is this process's.
    pub(crate) fn check_process(&self) -> io::Result<()> {
        if !self.base.is_here() {
            return Err(io::Error::other("the event loop belongs to the parent of this process"));
        }
        Ok(())
    }
}

/// Registrations.
impl Core {
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.set(self.generation.get() + 1);
        self.generation.get()
    }

    /// A name for a wait, used once.
    pub(crate) fn next_ticket(&self) -> Ticket {
        Ticket::MIN.saturating_add(self.next_generation())
    }

    pub(crate) fn count_live(&self, was: bool, is: bool) {
        let live = self.listening.get() + usize::from(is) - usize::from(was);
        self.listening.set(live);
    }

    /// Puts `new` in the place of the watcher of `fd`, if `start` succeeds;
    /// else that watcher goes on as it was (rule 1.6).
    pub(crate) fn replace(
        &self,
        fd: RawFd,
        new: Rc<dyn Watched>,
        start: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let old = self.registry.borrow_mut().remove(fd);
        if let Some(old) = &old {
            self.doubt(&**old);
            old.retire();
        }
        let started = start();
        let stays = if started.is_ok() { Some(new) } else { old.clone() };
        if let Some(stays) = stays {
            self.registry.borrow_mut().insert(fd, stays);
        }
        match (old, &started) {
            (Some(old), Ok(())) => old.bury(),
            (Some(old), Err(_)) => old.revive(),
            (None, _) => {}
        }
        self.touch();
        started
    }

    /// Ends that very registration; any other of the same number is left alone.
    pub(crate) fn unwatch(&self, fd: RawFd, generation: u64) {
        let found = self.registry.borrow_mut().remove_exactly(fd, generation);
        if let Some(found) = found {
            self.end(&*found);
        }
    }

    /// Ends whatever watches `fd`; whether anything did.
    pub(crate) fn unwatch_fd(&self, fd: RawFd) -> bool {
        let found = self.registry.borrow_mut().remove(fd);
        if let Some(found) = &found {
            self.end(&**found);
        }
        found.is_some()
    }

    /// A dispatch found that the descriptor was closed behind our back.
    pub(crate) fn forget_stale(&self, fd: RawFd, generation: u64) {
        self.stale.set(true);
        self.unwatch(fd, generation);
    }

    fn end(&self, watched: &dyn Watched) {
        self.doubt(watched);
        watched.retire();
        watched.bury();
        self.touch();
    }

    /// If the descriptor of a registration is closed already, deleting it from
    /// the kernel's set by number deletes nothing: as long as a duplicate
    /// lives, epoll would report it for ever (H18, L10).
    fn doubt(&self, watched: &dyn Watched) {
        if watched.is_stale() {
            self.stale.set(true);
        }
    }

    /// Schedules a timer.
    pub(crate) fn schedule(&self, now: i64, deadline: i64, action: Action) -> Option<Id> {
        let id = self.timers.insert(now, deadline, action);
        self.touch();
        id
    }

    /// Moves a timer; whether it was pending.
    pub(crate) fn reschedule(&self, now: i64, id: Id, deadline: i64) -> bool {
        let moved = self.timers.reset(now, id, deadline);
        self.touch();
        moved
    }

    /// Takes a timer back; whether it was pending.
    pub(crate) fn cancel(&self, id: Id) -> bool {
        // Dropped after the touch: its captures may come back here.
        let action = self.timers.remove(id);
        self.touch();
        action.is_some()
    }

    /// Puts a closure off to the next turn.
    pub(crate) fn defer(&self, job: Box<dyn FnOnce()>) {
        self.deferred.push(job);
        self.touch();
    }

    /// The executor's share of each turn.
    pub(crate) fn work(&self, make: impl FnOnce() -> Rc<dyn Work>) -> &Rc<dyn Work> {
        self.work.get_or_init(make)
    }
}

/// The turn: descriptors first, then due timers, then what was put off, then
/// other threads' jobs, then tasks.
impl Core {
    /// Claims the loop for a `run`: one at a time, and not from a callback (rule 3.2).
    pub(crate) fn enter(&self) -> io::Result<Running<'_>> {
        self.check()?;
        if self.base.is_inside() || self.running.replace(true) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the event loop is running already: it cannot be run from a callback",
            ));
        }
        Ok(Running(self))
    }

    pub(crate) fn turn(&self, wait: Wait) -> io::Result<()> {
        Tally::add(&self.tally.turns);
        self.mend()?;
        let horizon = self.horizon();
        let wait = if self.is_ready() { Wait::Never } else { wait };
        self.listen(wait)?;
        self.after_descriptors(horizon);
        Ok(())
    }

    fn horizon(&self) -> Horizon {
        Horizon { deferred: self.deferred.len(), timers: self.timers.latest() }
    }

    fn after_descriptors(&self, horizon: Horizon) {
        // Taken first: who sends a job later finds the bell ready to be rung.
        self.take_jobs();
        self.timers.run_due(self, horizon.timers);
        self.run_deferred(horizon.deferred);
        if let Some(work) = self.work.get() {
            let steps = work.run();
            self.tally.callbacks.set(self.tally.callbacks.get() + steps);
        }
    }

    /// Lets libevent look for ready descriptors, and dispatch them.
    fn listen(&self, wait: Wait) -> io::Result<()> {
        if wait == Wait::Never {
            // Nobody waits for the alarm in this turn, nor perhaps in any to come.
            self.timers.expire(&self.clock);
            return self.poll(false);
        }
        let limit = if let Wait::Until(deadline) = wait { Some(deadline) } else { None };
        if self.clock.is_virtual() {
            return self.leap(limit);
        }
        if !self.busy_look.is_zero() && self.look(limit)? {
            return Ok(());
        }
        Tally::add(&self.tally.waits);
        self.timers.arm(limit)?;
        self.poll(true)
    }

    /// A turn of libevent's. One descriptor that was closed behind our back
    /// makes `select(2)` fail for all; the other backends report that one.
    fn poll(&self, wait: bool) -> io::Result<()> {
        loop {
            match self.base.turn(wait) {
                Err(error) if error.raw_os_error() == Some(BADF) && self.purge() => {}
                result => return result,
            }
        }
    }

    /// Looks for events for a while without sleeping; whether it found some.
    fn look(&self, limit: Option<i64>) -> io::Result<bool> {
        let before = self.base.dispatched();
        let ends = [self.clock.after(self.busy_look), self.timers.earliest(), limit];
        let end = ends.into_iter().flatten().min().unwrap_or(i64::MAX);
        loop {
            self.poll(false)?;
            let found = self.base.dispatched() != before;
            if found || self.clock.now() >= end {
                return Ok(self.timers.expire(&self.clock) || found);
            }
        }
    }

    /// Virtual time: jumps to the next deadline once nothing else happens.
    fn leap(&self, limit: Option<i64>) -> io::Result<()> {
        let before = self.base.dispatched();
        self.poll(false)?;
        if self.base.dispatched() != before {
            return Ok(());
        }
        match [self.timers.earliest(), limit].into_iter().flatten().min() {
            Some(deadline) => {
                self.clock.advance_to(deadline);
                self.timers.expire(&self.clock);
                Ok(())
            }
            None => self.poll(true),
        }
    }

    /// Whether there is something to do without waiting for it.
    fn is_ready(&self) -> bool {
        self.deferred.len() > 0
            || self.timers.is_due()
            || self.remote.has_news()
            || self.must_mend()
            || self.work.get().is_some_and(|work| work.is_ready())
    }

    fn run_deferred(&self, count: usize) {
        for _ in 0..count {
            let Some(job) = self.deferred.pop() else {
                return;
            };
            Tally::add(&self.tally.callbacks);
            job();
        }
    }

    fn take_jobs(&self) {
        for job in self.remote.take_jobs() {
            // Each is a deferred call: the rest is not lost to a panic.
            self.deferred.push(job);
        }
    }

    /// Rebuilds the kernel's set if a registration in it may be out of reach.
    fn mend(&self) -> io::Result<()> {
        if self.must_mend() {
            self.purge();
            self.base.renew_set(self.remote.bell())?;
            self.stale.set(false);
            self.follow()?;
        }
        Ok(())
    }

    fn must_mend(&self) -> bool {
        self.stale.get() && self.edges
    }

    /// Forgets every watcher whose descriptor is closed; whether there was one.
    fn purge(&self) -> bool {
        let stale = self.registry.borrow().stale();
        for (fd, generation) in &stale {
            self.unwatch(*fd, *generation);
        }
        !stale.is_empty()
    }

    /// Who waits for our set must wait for the new one.
    fn follow(&self) -> io::Result<()> {
        match self.pollable.get() {
            Some(pollable) => pollable.follow(&self.base, self.remote.bell()),
            None => Ok(()),
        }
    }
}

/// The claim of a running `run`.
pub(crate) struct Running<'a>(&'a Core);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.set(false);
        self.0.look_back();
    }
}
