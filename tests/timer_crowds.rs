//! Many timers within a short time: none early, none lost, and not a wake-up
//! of the loop for each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use event::EventLoop;

const TIMERS: i64 = 20_000;
const APART: i64 = 5_000;
/// What the loop lets gather at a time.
const GATHER: i64 = 100_000;

#[test]
fn a_crowd_is_never_early_and_keeps_its_order() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let fired = Rc::new(RefCell::new(Vec::new()));
    let begin = handle.now();
    for number in 0..TIMERS {
        let (fired, clock) = (fired.clone(), handle.clone());
        let deadline = begin + number * APART;
        let call = move || {
            assert!(clock.now() >= deadline, "number {number} is early");
            fired.borrow_mut().push(number);
        };
        handle.timer_at(deadline, call).unwrap().detach();
    }
    events.run().unwrap();
    assert!(fired.borrow().iter().copied().eq(0..TIMERS));
}

#[test]
fn the_loop_sleeps_while_a_crowd_gathers() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let begin = handle.now() + 10_000_000;
    for number in 0..TIMERS {
        handle.timer_at(begin + number * APART, || {}).unwrap().detach();
    }
    events.run().unwrap();
    let counters = handle.counters();
    let (most, spare) = (TIMERS * APART / GATHER, 50);
    assert!(counters.waits < (most + spare) as u64, "{counters:?}");
}

#[test]
fn a_timer_that_comes_alone_waits_for_no_crowd() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let best = Rc::new(Cell::new(i64::MAX));
    for _ in 0..200 {
        let (best, clock) = (best.clone(), handle.clone());
        let deadline = handle.now() + 300_000;
        let call = move || best.set(best.get().min(clock.now() - deadline));
        handle.timer_after(Duration::from_micros(280), || {}).unwrap().detach();
        handle.timer_at(deadline, call).unwrap().detach();
        events.run().unwrap();
    }
    assert!(best.get() < GATHER / 2, "{} ns late at best", best.get());
}
