//! Timers with callbacks.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use contest::clock::Phase;
use contest::deadlines::{Timing, micros, picks, print_moves};
use contest::lateness::Lateness;
use contest::{Failure, Outcome};
use event::{EventLoop, LoopHandle, Timer};

const PENDING: Duration = Duration::from_secs(30);

pub(super) fn many(count: u32) -> Outcome {
    let events = EventLoop::new()?;
    let fired = Rc::new(Cell::new(0));
    let mut timing = Timing::begin(count)?;
    let mut timers: Vec<Option<Timer>> = Vec::with_capacity(count as usize);
    for delay in micros(count).map(Duration::from_micros) {
        let fired = fired.clone();
        let timer = events.handle().timer_after(delay, move || fired.set(fired.get() + 1));
        timers.push(Some(timer.map_err(io::Error::from)?));
    }
    timing.added()?;
    timers.iter_mut().step_by(2).for_each(|timer| *timer = None);
    timing.cancelled();
    events.run()?;
    timing.fired(fired.get())
}

pub(super) fn rearm(count: u32, moves: u32) -> Outcome {
    let events = EventLoop::new()?;
    let pending = |_| Ok(events.handle().timer_after(PENDING, || {})?);
    let timers: Vec<Timer> = (0..count).map(pending).collect::<io::Result<_>>()?;
    let mut phase = Phase::begin();
    for pick in picks(count, moves) {
        if !timers[pick].reset(PENDING).map_err(io::Error::from)? {
            return Err(Failure::Wrong("a pending timer was not moved".into()));
        }
    }
    print_moves(&mut phase, moves);
    Ok(())
}

pub(super) fn precision(count: u32, micros: u32) -> Outcome {
    let events = EventLoop::new()?;
    let late = Rc::new(RefCell::new(Lateness::of(count)));
    let run = Run { delay: i64::from(micros) * 1000, late: late.clone() };
    run.next(&events.handle(), count);
    events.run()?;
    late.take().print();
    Ok(())
}

/// Timers one after another.
#[derive(Clone)]
struct Run {
    delay: i64,
    late: Rc<RefCell<Lateness>>,
}

impl Run {
    fn next(self, handle: &LoopHandle, left: u32) {
        if left == 0 {
            return;
        }
        let due = handle.now() + self.delay;
        let again = handle.clone();
        let timer = handle.timer_at(due, move || {
            self.late.borrow_mut().fires(due.unsigned_abs());
            self.next(&again, left - 1);
        });
        timer.expect("a deadline in range").detach();
    }
}
