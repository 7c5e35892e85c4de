//! Many timers within a short time: none early, none lost, and not a wake-up
//! of the loop for each; and those that are not many are exact beside them.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, LoopHandle};
use support::Calls;

const TIMERS: i64 = 20_000;
const APART: i64 = 5_000;
/// So many are a crowd.
const CROWD: i64 = 8;
/// For so long one gathers that follows on another.
const GATHER: i64 = 100_000;

/// Arms a crowd of thousands; each is asserted not to be early.
fn arm_thousands(handle: &LoopHandle, begin: i64) -> Calls<i64> {
    let fired = Calls::new();
    for number in 0..TIMERS {
        let (fired, clock) = (fired.clone(), handle.clone());
        let deadline = begin + number * APART;
        let call = move || {
            assert!(clock.now() >= deadline, "number {number} is early");
            fired.note(number);
        };
        handle.timer_at(deadline, call).unwrap().detach();
    }
    fired
}

/// At best, how late one is that is due at `offset` from a crowd of the same
/// deadline, and with `others` more at its own. Of many tries, for a busy
/// machine is late with some; those in which it was due together with that
/// crowd tell nothing.
fn lateness_behind_a_crowd(offset: i64, others: i64) -> i64 {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let best = Rc::new(Cell::new(i64::MAX));
    for _ in 0..500 {
        let begin = handle.now() + 200_000;
        let rang = Rc::new(Cell::new(0));
        for _ in 0..CROWD {
            let (rang, clock) = (rang.clone(), handle.clone());
            handle.timer_at(begin, move || rang.set(clock.now())).unwrap().detach();
        }
        let deadline = begin + offset;
        let (late, clock) = (best.clone(), handle.clone());
        let call = move || {
            if rang.get() < deadline {
                late.set(late.get().min(clock.now() - deadline));
            }
        };
        handle.timer_at(deadline, call).unwrap().detach();
        for _ in 0..others {
            handle.timer_at(deadline, || {}).unwrap().detach();
        }
        events.run().unwrap();
    }
    best.get()
}

#[test]
fn rule_4_3_a_crowd_is_never_early_and_keeps_its_order() {
    let events = EventLoop::new().unwrap();
    let fired = arm_thousands(&events.handle(), events.handle().now());
    events.run().unwrap();
    assert!(fired.take().into_iter().eq(0..TIMERS));
}

#[test]
fn the_loop_sleeps_while_a_crowd_gathers() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let _fired = arm_thousands(&handle, handle.now() + 10_000_000);
    events.run().unwrap();
    let counters = handle.counters();
    // Three for two, since the last of a crowd is not always seen.
    let most = TIMERS * APART / GATHER * 3 / 2;
    assert!(counters.waits < most as u64, "{counters:?}");
}

#[test]
fn rule_4_5_a_timer_alone_behind_a_crowd_is_exact() {
    let late = lateness_behind_a_crowd(GATHER / 2, 0);
    assert!(late < GATHER / 2, "{late} ns late at best");
}

#[test]
fn rule_4_5_a_few_timers_behind_a_crowd_are_exact() {
    let late = lateness_behind_a_crowd(GATHER / 2, CROWD - 2);
    assert!(late < GATHER / 2, "{late} ns late at best");
}

#[test]
fn rule_4_5_a_crowd_with_one_deadline_behind_a_crowd_is_exact() {
    let late = lateness_behind_a_crowd(GATHER / 2, CROWD);
    assert!(late < GATHER / 2, "{late} ns late at best");
}

#[test]
fn rule_4_5_a_crowd_behind_a_crowd_is_late_by_what_it_gathers_and_no_more() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let best = Rc::new(Cell::new(i64::MAX));
    for _ in 0..100 {
        let begin = handle.now() + 200_000;
        let worst = Rc::new(Cell::new(0));
        // Within a tenth of a millisecond, and well beyond.
        for number in 0..10 * CROWD {
            let deadline = begin + number / CROWD * GATHER / 4;
            let (late, clock) = (worst.clone(), handle.clone());
            let call = move || late.set(late.get().max(clock.now() - deadline));
            handle.timer_at(deadline, call).unwrap().detach();
        }
        events.run().unwrap();
        best.set(best.get().min(worst.get()));
    }
    assert!(best.get() < 2 * GATHER, "{} ns late at best", best.get());
}

#[test]
fn a_crowd_of_a_test_clock_fires_to_the_nanosecond() {
    let events = EventLoop::builder().test_clock().build().unwrap();
    let handle = events.handle();
    let times = Calls::new();
    for number in 0..TIMERS {
        let (times, clock) = (times.clone(), handle.clone());
        handle.timer_at(number * APART, move || times.note(clock.now())).unwrap().detach();
    }
    events.run().unwrap();
    assert!(times.take().into_iter().eq((0..TIMERS).map(|number| number * APART)));
}

#[test]
fn a_timer_that_moves_into_a_gathering_crowd_or_out_of_it_fires_once() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let fired = Calls::new();
    let begin = handle.now();
    for number in 0..1000 {
        let noted = fired.clone();
        let far = handle.timer_after(Duration::from_secs(3600), move || noted.note(number));
        let far = far.unwrap();
        let noted = fired.clone();
        let near = handle.timer_at(begin + number * APART, move || noted.note(-1)).unwrap();
        let (own, deadline) = (near.deadline().unwrap(), begin + 1000 * APART - number);
        // Just before: the far one comes, the near one goes.
        let call = move || {
            assert!(far.reset_at(deadline).unwrap());
            far.detach();
            near.cancel();
        };
        handle.timer_at(own - 1, call).unwrap().detach();
    }
    events.run().unwrap();
    let mut fired = fired.take();
    fired.sort_unstable();
    assert!(fired.into_iter().eq(0..1000));
}
