//! The timers of one loop: a schedule, and the one alarm of the kernel's that
//! is set to its earliest deadline (rule 4.3).
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::Waker;

use super::alarm::Alarm;
use super::callback::Callback;
use super::clock::Clock;
use super::core::Core;
use super::counters::Tally;
use super::schedule::{Id, Schedule};
use crate::sys::{Forked, RawBase};

/// At most so many timer callbacks in one turn, for descriptors must not starve.
const BUDGET: usize = 1024;

/// So many timers are a crowd, if they are due within `GATHER` of the last look.
const CROWD: usize = 8;

/// For so long, in nanoseconds, a crowd may gather until the loop wakes up for
/// it: a wake-up costs as much as dozens of callbacks. It is twice what the
/// kernel allows itself for a plain sleep (`PR_SET_TIMERSLACK`).
const GATHER: i64 = 100_000;

/// What a due entry does.
pub(crate) enum Action {
    Once(Box<dyn FnOnce()>),
    Every(i64, Rc<Callback<dyn FnMut(u64)>>),
    Wake(Waker),
}

pub(crate) struct Timers {
    schedule: RefCell<Schedule<Action>>,
    /// Gone when the loop is.
    alarm: RefCell<Option<Alarm>>,
    /// The deadline that the alarm is set to, until it rings.
    set: Rc<Cell<Option<i64>>>,
    /// The alarm rang, or something was scheduled for now: look at the schedule.
    look: Rc<Cell<bool>>,
    /// When timers were last looked at; never, if the clock is virtual.
    looked: Cell<i64>,
}

impl Timers {
    /// `attend` is called after each ring of the alarm.
    pub(crate) fn new(base: &Rc<RawBase>, attend: Rc<dyn Fn()>) -> io::Result<Self> {
        let (set, look) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(false)));
        let rang = (set.clone(), look.clone());
        let alarm = Alarm::new(base, move || {
            rang.0.set(None);
            rang.1.set(true);
            attend();
        })?;
        Ok(Self {
            schedule: RefCell::default(),
            alarm: RefCell::new(Some(alarm)),
            set,
            look,
            looked: Cell::new(i64::MIN),
        })
    }

    /// After a fork: an alarm that is not the parent's.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        self.set.set(None);
        self.alarm.borrow().as_ref().map_or(Ok(()), |alarm| alarm.renew(child))
    }

    pub(crate) fn len(&self) -> usize {
        self.schedule.borrow().len()
    }

    pub(crate) fn deadlines(&self) -> Vec<i64> {
        self.schedule.borrow().deadlines()
    }

    pub(crate) fn insert(&self, now: i64, deadline: i64, action: Action) -> Option<Id> {
        self.notice(now, deadline);
        self.schedule.borrow_mut().insert(deadline, action)
    }

    pub(crate) fn reset(&self, now: i64, id: Id, deadline: i64) -> bool {
        self.notice(now, deadline);
        self.schedule.borrow_mut().reset(id, deadline)
    }

    fn notice(&self, now: i64, deadline: i64) {
        if deadline <= now {
            self.look.set(true);
        }
    }

    pub(crate) fn remove(&self, id: Id) -> Option<Action> {
        self.schedule.borrow_mut().remove(id)
    }

    /// Has a pending entry wake `waker`; whether there is one.
    pub(crate) fn wake_up(&self, id: Id, waker: &Waker) -> bool {
        match self.schedule.borrow_mut().get_mut(id) {
            Some(Action::Wake(old)) if old.will_wake(waker) => return true,
            Some(Action::Wake(_)) => {}
            _ => return false,
        }
        // Cloning and dropping a waker may run anybody's code: no borrow is held.
        let mut waker = waker.clone();
        if let Some(Action::Wake(old)) = self.schedule.borrow_mut().get_mut(id) {
            std::mem::swap(old, &mut waker);
        }
        true
    }

    pub(crate) fn deadline(&self, id: Id) -> Option<i64> {
        self.schedule.borrow().deadline(id)
    }

    /// Whether a look at the schedule is due, without waiting.
    pub(crate) fn is_due(&self) -> bool {
        self.look.get()
    }

    /// When the next are to fire: at the earliest deadline, unless that is one
    /// of a crowd. Of a crowd the last is waited for.
    pub(crate) fn earliest(&self) -> Option<i64> {
        let mut schedule = self.schedule.borrow_mut();
        let earliest = schedule.earliest()?;
        let (from, to) = (self.looked.get(), self.looked.get().saturating_add(GATHER));
        // What was due already is over the budget of its turn.
        let crowd = (from < earliest && earliest < to).then(|| schedule.end_of_crowd(CROWD, to));
        Some(crowd.flatten().unwrap_or(earliest))
    }

    /// Notes whether some are to fire.
    pub(crate) fn expire(&self, clock: &Clock) -> bool {
        let due = self.earliest().is_some_and(|deadline| deadline <= clock.now());
        self.look.set(self.look.get() || due);
        due
    }

    /// Before a wait: sets the alarm to when the next are to fire, or to `limit`
    /// if that is earlier. One that is set to ring too early is left alone: an
    /// early wake-up is cheaper than a system call for every cancelled timer.
    pub(crate) fn arm(&self, limit: Option<i64>) -> io::Result<()> {
        let Some(wanted) = [self.earliest(), limit].into_iter().flatten().min() else {
            return Ok(());
        };
        if self.set.get().is_some_and(|set| set <= wanted) {
            return Ok(());
        }
        if let Some(alarm) = &*self.alarm.borrow() {
            alarm.set(wanted)?;
            self.set.set(Some(wanted));
        }
        Ok(())
    }

    /// What was scheduled last, as the horizon of a turn.
    pub(crate) fn latest(&self) -> u64 {
        self.schedule.borrow().latest()
    }

    /// Runs what is due, a turn's share of it, and nothing beyond the horizon.
    pub(crate) fn run_due(&self, core: &Core, horizon: u64) {
        if !self.look.replace(false) {
            return;
        }
        let now = core.clock.now();
        self.schedule.borrow_mut().set_aside(now, horizon, BUDGET);
        if !core.clock.is_virtual() {
            self.looked.set(now);
        }
        while let Some((id, deadline)) = self.next_due() {
            self.fire(core, now, id, deadline);
        }
        // What is over the budget, and what the callbacks scheduled for now. (If
        // one of them panics, the rest is what comes earliest.)
        self.expire(&core.clock);
    }

    fn next_due(&self) -> Option<(Id, i64)> {
        self.schedule.borrow_mut().next_due()
    }

    fn fire(&self, core: &Core, now: i64, id: Id, deadline: i64) {
        Tally::add(&core.tally.callbacks);
        if let Some((count, call)) = self.advance(now, id, deadline) {
            return call.with(|call| call(count));
        }
        match self.remove(id) {
            Some(Action::Once(call)) => call(),
            Some(Action::Wake(waker)) => waker.wake(),
            Some(Action::Every(..)) | None => {}
        }
    }

    /// Schedules a periodic entry again before it is called, from its old
    /// deadline and not from now: it keeps its phase, and the ticks that were
    /// missed become a count (rule 4.6).
    fn advance(&self, now: i64, id: Id, deadline: i64) -> Option<Tick> {
        let mut schedule = self.schedule.borrow_mut();
        let Some(Action::Every(period, call)) = schedule.get_mut(id) else {
            return None;
        };
        // Saturating, for a timer may have been moved to any point in time.
        let missed = now.saturating_sub(deadline) / *period;
        let next = deadline.saturating_add(period.saturating_mul(missed.saturating_add(1)));
        let tick = (missed.unsigned_abs() + 1, call.clone());
        schedule.reset(id, next);
        Some(tick)
    }

    /// The end of the loop: hands everything out, to be dropped with no borrow held.
    pub(crate) fn take(&self) -> (Option<Alarm>, Schedule<Action>) {
        (self.alarm.take(), self.schedule.borrow_mut().take())
    }
}

type Tick = (u64, Rc<Callback<dyn FnMut(u64)>>);
