//! The model: what may run now, and what must have run by the end of a turn.

use std::any::Any;
use std::collections::VecDeque;

use event::Interest;

use super::action::Mode;

/// What the panics of the test itself carry; any other is a failed check.
pub struct OnPurpose;

/// What the model knows of one watch, for ever: the number is never used again.
pub struct Watch {
    pub file: usize,
    pub mode: Mode,
    pub interest: Interest,
    pub live: bool,
    armed: bool,
    /// An edge has come that was not dispatched yet.
    edge: bool,
    /// One may have come: it was registered anew, or not.
    perhaps: bool,
    /// Made in this turn, or since the last: it must not run in it.
    fresh: bool,
    /// Something was done to it in this turn: it need not run in it.
    touched: bool,
    /// It was there when the turn began, and these had to run.
    required: Interest,
    ran: Interest,
    /// Cut off by a panic: to run in the next turn, whatever else happens.
    owed: Interest,
}

pub struct Timer {
    pub live: bool,
    pub due: bool,
    /// Due since before this turn, and not touched in it.
    required: bool,
    ripe: bool,
}

#[derive(Default)]
pub struct Oracle {
    pub watches: Vec<Watch>,
    pub timers: Vec<Timer>,
    deferred: VecDeque<usize>,
    deferrals: usize,
    /// How many deferred closures were there when the turn began.
    ripe: usize,
    /// Of each file: whether there is something to read.
    pub readable: Vec<bool>,
    /// A panic has cut a batch off: what it had found may be out of date.
    cut_off: bool,
    /// The kernel's set may have been rebuilt, which reports edges again.
    rebuilt: bool,
}

impl Oracle {
    pub fn watch(&mut self, file: usize, mode: Mode, interest: Interest) -> usize {
        let none = Interest::empty();
        self.watches.push(Watch {
            file,
            mode,
            interest,
            live: true,
            armed: true,
            edge: true,
            perhaps: false,
            fresh: true,
            touched: true,
            required: none,
            ran: none,
            owed: none,
        });
        self.watches.len() - 1
    }

    pub fn end(&mut self, watch: usize) {
        self.watches[watch].live = false;
    }

    /// A registered descriptor was closed behind the loop's back.
    pub fn vanish(&mut self, watch: usize) {
        self.end(watch);
        self.rebuilt = true;
    }

    pub fn rearm(&mut self, watch: usize) {
        let watch = &mut self.watches[watch];
        watch.armed = true;
        watch.touch();
    }

    pub fn set_interest(&mut self, watch: usize, interest: Interest) {
        let watch = &mut self.watches[watch];
        (watch.interest, watch.touched, watch.perhaps) = (interest, true, true);
    }

    pub fn feed(&mut self, file: usize) {
        self.readable[file] = true;
        for watch in self.watches.iter_mut().filter(|watch| watch.file == file) {
            watch.edge |= watch.interest.contains(Interest::READ);
            watch.perhaps = true;
        }
    }

    pub fn arm(&mut self, due: bool) -> usize {
        self.timers.push(Timer { live: true, due, required: false, ripe: false });
        self.timers.len() - 1
    }

    pub fn cancel(&mut self, timer: usize) -> bool {
        std::mem::replace(&mut self.timers[timer].live, false)
    }

    pub fn reset(&mut self, timer: usize, due: bool) -> bool {
        let timer = &mut self.timers[timer];
        (timer.due, timer.required, timer.ripe) = (due, false, false);
        timer.live
    }

    pub fn defer(&mut self) -> usize {
        self.deferrals += 1;
        self.deferred.push_back(self.deferrals);
        self.deferrals
    }
}

impl Watch {
    fn touch(&mut self) {
        self.touched = true;
        self.edge = true;
    }

    fn is_ready(&self, readable: &[bool]) -> Interest {
        let mut ready = Interest::WRITE;
        ready.set(Interest::READ, readable[self.file]);
        ready & self.interest
    }
}

/// A turn.
impl Oracle {
    pub fn begin_turn(&mut self) {
        for watch in &mut self.watches {
            let heard = watch.mode != Mode::Edge || watch.edge;
            let due = watch.live && watch.armed && heard;
            watch.required = if due { watch.is_ready(&self.readable) } else { Interest::empty() };
            (watch.fresh, watch.touched, watch.ran) = (false, false, Interest::empty());
        }
        for timer in &mut self.timers {
            timer.ripe = timer.live && timer.due;
            timer.required = timer.ripe;
        }
        self.ripe = self.deferred.len();
    }

    /// A callback of a watch runs.
    pub fn runs(&mut self, number: usize, step: Interest) {
        let rebuilt = self.rebuilt;
        let stale_batch = self.cut_off;
        let watch = &mut self.watches[number];
        assert!(watch.live, "watch {number} ran after its end");
        assert!(watch.interest.contains(step), "{step:?} of watch {number} is disabled");
        if watch.owed.contains(step) {
            watch.owed.remove(step);
            watch.armed &= watch.touched || watch.mode != Mode::OneShot;
            watch.edge &= watch.touched;
            watch.ran |= step;
            return;
        }
        assert!(!watch.fresh, "watch {number} ran in the batch that made it");
        assert!(!watch.ran.contains(step), "{step:?} of watch {number} ran twice in a turn");
        assert!(
            step == Interest::WRITE || watch.ran.is_empty(),
            "read of watch {number} after write"
        );
        let ready = watch.is_ready(&self.readable).contains(step);
        assert!(ready || stale_batch, "{step:?} of watch {number} is not ready");
        if watch.ran.is_empty() {
            assert!(watch.armed, "watch {number} was shot already");
            assert!(
                watch.edge || watch.perhaps || rebuilt || watch.mode != Mode::Edge,
                "an old edge of watch {number}"
            );
            watch.armed = watch.mode != Mode::OneShot;
            (watch.edge, watch.perhaps) = (false, false);
        }
        watch.ran |= step;
    }

    /// The running callback of a watch is about to panic.
    pub fn panics(&mut self, number: usize, step: Interest) {
        let watch = &mut self.watches[number];
        if watch.live && watch.mode != Mode::Level && step == Interest::READ {
            watch.owed |= watch.interest & Interest::WRITE;
        }
    }

    pub fn fires(&mut self, number: usize) {
        let timer = &mut self.timers[number];
        assert!(timer.live, "timer {number} fired after its end");
        assert!(timer.ripe, "timer {number} was not due when the turn began");
        timer.live = false;
    }

    pub fn runs_deferred(&mut self, number: usize) {
        assert_eq!(self.deferred.pop_front(), Some(number), "deferred closures out of order");
        assert!(self.ripe > 0, "closure {number} was deferred in this turn");
        self.ripe -= 1;
    }

    /// The turn has come to its end, or to a panic.
    pub fn end_turn(&mut self, panic: Option<Box<dyn Any + Send>>) {
        if let Some(payload) = panic {
            if !payload.is::<OnPurpose>() {
                std::panic::resume_unwind(payload);
            }
            self.cut_off = true;
            return;
        }
        self.cut_off = false;
        assert_eq!(self.ripe, 0, "deferred closures were left over");
        for (number, timer) in self.timers.iter().enumerate() {
            assert!(!(timer.live && timer.required), "timer {number} did not fire");
        }
        for (number, watch) in self.watches.iter_mut().enumerate().filter(|(_, watch)| watch.live) {
            let owed = std::mem::replace(&mut watch.owed, Interest::empty()) & watch.interest;
            assert!(owed.is_empty(), "watch {number} is owed {owed:?}");
            let missed = watch.required & watch.interest & !watch.ran;
            assert!(missed.is_empty() || watch.touched, "watch {number} missed {missed:?}");
        }
    }
}
