//! Rules 4.1 to 4.8: when timers fire, in which order, and how often.

mod support;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, LoopHandle, Ready, Timer, TimerError};
use rustix::time::{ClockId, clock_gettime};
use support::alone::alone;
use support::peers::{readable, stream_pair};
use support::{Calls, assert_sleeps, hold_up, look, ms, on_every_backend, run_until};

const MS: i64 = 1_000_000;

fn virtual_loop() -> EventLoop {
    EventLoop::builder().test_clock().build().unwrap()
}

/// A timer that notes when it ran.
fn noting(handle: &LoopHandle, delay: Duration, times: &Calls<i64>) -> Timer {
    let (clock, times) = (handle.clone(), times.clone());
    handle.timer_after(delay, move || times.note(clock.now())).unwrap()
}

#[test]
fn rule_4_1_the_clock_is_the_monotonic_one() {
    let events = EventLoop::new().unwrap();
    let monotonic = || {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec * 1000 * MS + now.tv_nsec
    };
    let (before, now, after) = (monotonic(), events.handle().now(), monotonic());
    assert!((before..=after).contains(&now));
}

#[test]
fn rule_4_2_a_deadline_out_of_range_is_an_error_and_arms_nothing() {
    on_every_backend(|events| {
        let handle = events.handle();
        let too_far = [
            handle.timer_after(Duration::MAX, || {}),
            handle.timer_after(Duration::from_nanos(i64::MAX as u64), || {}),
            handle.every(Duration::MAX, |_| {}),
        ];
        for refused in too_far {
            assert!(matches!(refused, Err(TimerError::OutOfRange)));
        }
        assert!(matches!(handle.every(Duration::ZERO, |_| {}), Err(TimerError::ZeroPeriod)));
        assert_eq!(handle.live(), 0);
    });
}

#[test]
fn rule_4_2_a_reset_out_of_range_leaves_the_deadline_as_it_was() {
    let events = EventLoop::new().unwrap();
    let timer = events.handle().timer_after(ms(1000), || {}).unwrap();
    let deadline = timer.deadline();
    assert!(matches!(timer.reset(Duration::MAX), Err(TimerError::OutOfRange)));
    assert_eq!(timer.deadline(), deadline);
}

#[test]
fn rule_4_2_the_last_and_the_first_nanosecond_are_deadlines() {
    on_every_backend(|events| {
        let fired = Calls::new();
        let noted = fired.clone();
        let last = events.handle().timer_at(i64::MAX, || panic!("in 292 years")).unwrap();
        let _first = events.handle().timer_at(i64::MIN, move || noted.note(())).unwrap();
        look(events);
        assert_eq!(fired.len(), 1);
        assert_sleeps(events);
        assert_eq!(last.deadline(), Some(i64::MAX));
    });
}

#[test]
fn rule_4_2_a_past_deadline_fires_on_the_next_turn_and_never_inline() {
    on_every_backend(|events| {
        let fired = Calls::new();
        let noted = fired.clone();
        let timer = events.handle().timer_at(0, move || noted.note(())).unwrap();
        assert_eq!(fired.len(), 0);
        assert!(timer.is_pending());
        assert_eq!(look(events), 1);
        assert_eq!(fired.len(), 1);
        assert!(!timer.is_pending());
    });
}

#[test]
fn rule_4_2_a_past_deadline_set_in_a_callback_fires_on_the_next_turn() {
    on_every_backend(|events| {
        let fired = Calls::new();
        let (handle, noted) = (events.handle(), fired.clone());
        events
            .handle()
            .timer_at(0, move || handle.timer_at(0, move || noted.note(())).unwrap().detach())
            .unwrap()
            .detach();
        look(events);
        assert_eq!(fired.len(), 0);
        look(events);
        assert_eq!(fired.len(), 1);
    });
}

#[test]
fn rule_4_2_a_timer_moved_into_the_past_in_a_batch_fires_on_the_next_turn() {
    on_every_backend(|events| {
        let log = Calls::new();
        let (first, second) = (log.clone(), log.clone());
        let later =
            events.handle().timer_after(ms(1_000_000), move || second.note("moved")).unwrap();
        let mover = move || {
            first.note("mover");
            assert!(later.reset_at(0).unwrap());
            later.detach();
        };
        let _mover = events.handle().timer_at(0, mover).unwrap();
        look(events);
        assert_eq!(log.take(), ["mover"]);
        look(events);
        assert_eq!(log.take(), ["moved"]);
    });
}

#[test]
fn rule_4_3_a_delay_counts_from_when_it_is_asked_for() {
    on_every_backend(|events| {
        let times = Calls::new();
        let timer = noting(&events.handle(), ms(20), &times);
        let deadline = timer.deadline().unwrap();
        hold_up(ms(25));
        assert_eq!(look(events), 1, "it is due already");
        assert!(times.take()[0] >= deadline);
    });
}

#[test]
fn rule_4_3_one_absolute_alarm_serves_a_thousand_timers() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let _timers: Vec<_> =
            (0..1000).map(|n| noting(&events.handle(), ms(60_000 + n), &Calls::new())).collect();
        events.run_for(ms(5)).unwrap();
        let infos = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
        let texts = infos.filter_map(|entry| fs::read_to_string(entry.path()).ok());
        let alarms: Vec<_> = texts.filter(|text| text.contains("settime flags:")).collect();
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert!(alarms[0].contains("clockid: 1\n"), "CLOCK_MONOTONIC: {}", alarms[0]);
        assert!(alarms[0].contains("settime flags: 01\n"), "TFD_TIMER_ABSTIME: {}", alarms[0]);
    });
}

#[test]
fn rule_4_3_a_timer_never_fires_early() {
    on_every_backend(|events| {
        let (handle, lateness) = (events.handle(), Calls::new());
        for n in 1..=200_i64 {
            let (clock, noted) = (events.handle(), lateness.clone());
            let deadline = handle.now() + n * MS / 10;
            handle.timer_at(deadline, move || noted.note(clock.now() - deadline)).unwrap().detach();
        }
        events.run().unwrap();
        let lateness = lateness.take();
        assert_eq!(lateness.len(), 200);
        assert!(lateness.iter().all(|late| *late >= 0), "{lateness:?}");
        let best = lateness.iter().min().unwrap();
        assert!(*best < MS, "the best of 200 is {best} ns late");
    });
}

#[test]
fn rule_4_4_a_one_shot_timer_fires_once_and_is_gone() {
    on_every_backend(|events| {
        let times = Calls::new();
        let timer = noting(&events.handle(), ms(1), &times);
        events.run().unwrap();
        assert_eq!(times.len(), 1);
        assert_eq!((timer.is_pending(), timer.deadline()), (false, None));
        assert!(!timer.cancel());
        assert!(!timer.reset(ms(0)).unwrap());
        assert_sleeps(events);
        assert_eq!(times.len(), 1);
    });
}

#[test]
fn rule_4_4_a_thousand_equal_deadlines_fire_in_scheduling_order() {
    on_every_backend(|events| {
        let (handle, order) = (events.handle(), Calls::new());
        let deadline = handle.now() + 5 * MS;
        for n in 0..1000 {
            let noted = order.clone();
            handle.timer_at(deadline, move || noted.note(n)).unwrap().detach();
        }
        events.run().unwrap();
        assert_eq!(order.take(), (0..1000).collect::<Vec<_>>());
    });
}

#[test]
fn rule_4_4_a_timer_moved_to_an_equal_deadline_goes_to_the_end() {
    on_every_backend(|events| {
        let (handle, order) = (events.handle(), Calls::new());
        let deadline = handle.now() + 5 * MS;
        let at = |when, name| {
            let noted = order.clone();
            handle.timer_at(when, move || noted.note(name)).unwrap()
        };
        let moved_later = at(deadline - MS, "moved later");
        let _a = at(deadline, "a");
        let moved_earlier = at(deadline + MS, "moved earlier");
        moved_later.reset_at(deadline).unwrap();
        let _b = at(deadline, "b");
        moved_earlier.reset_at(deadline).unwrap();
        events.run().unwrap();
        assert_eq!(order.take(), ["a", "moved later", "b", "moved earlier"]);
    });
}

#[test]
fn rule_4_4_deadlines_fire_in_their_order() {
    let events = virtual_loop();
    let (handle, order) = (events.handle(), Calls::new());
    // Every residue once, in an order that looks like none.
    for n in (0..1009_i64).map(|n| n * 389 % 1009) {
        let noted = order.clone();
        handle.timer_at(n * MS, move || noted.note(n)).unwrap().detach();
    }
    events.run().unwrap();
    assert_eq!(order.take(), (0..1009).collect::<Vec<_>>());
}

/// How late, in nanoseconds, a timer due at 100 ms is beside a callback that
/// takes 80 ms at 10 ms.
fn lateness_beside_a_slow_callback() -> i64 {
    let events = EventLoop::new().unwrap();
    let times = Calls::new();
    let _slow = events.handle().timer_after(ms(10), || hold_up(ms(80))).unwrap();
    let timer = noting(&events.handle(), ms(100), &times);
    let deadline = timer.deadline().unwrap();
    events.run().unwrap();
    times.take()[0] - deadline
}

#[test]
fn rule_4_5_a_slow_callback_delays_others_by_no_more_than_itself() {
    let lateness = [(); 3].map(|()| lateness_beside_a_slow_callback());
    assert!(lateness.iter().all(|late| *late >= 0), "early: {lateness:?}");
    // With libevent's own timers it is 80 ms.
    assert!(*lateness.iter().min().unwrap() < 20 * MS, "{lateness:?}");
}

#[test]
fn rule_4_6_a_periodic_timer_keeps_its_phase_and_counts_what_it_missed() {
    let events = EventLoop::new().unwrap();
    let (calls, clock) = (Calls::new(), events.handle());
    let noted = calls.clone();
    let call = move |count| {
        noted.note((clock.now(), count));
        // Five periods go by in the second call.
        hold_up(if noted.len() == 2 { ms(50) } else { ms(0) });
        if noted.len() == 4 {
            clock.stop();
        }
    };
    let timer = events.handle().every(ms(10), call).unwrap();
    let first = timer.deadline().unwrap();
    events.run().unwrap();
    let mut ticks = 0;
    for (now, count) in calls.take() {
        ticks += count as i64;
        let due = first + (ticks - 1) * 10 * MS;
        assert!((due..due + 10 * MS).contains(&now), "tick {ticks} ran at {} of {due}", now);
    }
    assert!(ticks >= 8, "the missed ones were not counted: {ticks}");
    assert_eq!((timer.deadline().unwrap() - first) % (10 * MS), 0);
}

#[test]
fn rule_4_6_expirations_while_the_loop_is_blocked_are_one_firing() {
    on_every_backend(|events| {
        let counts = Calls::new();
        let noted = counts.clone();
        let _timer = events.handle().every(ms(2), move |count| noted.note(count)).unwrap();
        hold_up(ms(21));
        assert_eq!(look(events), 1);
        assert!(counts.take()[0] >= 10);
    });
}

#[test]
fn rule_4_6_an_undisturbed_period_is_counted_one_by_one() {
    let events = virtual_loop();
    let calls = Calls::new();
    let (noted, handle) = (calls.clone(), events.handle());
    let call = move |count| noted.note((handle.now(), count));
    let _timer = events.handle().every(Duration::from_secs(60), call).unwrap();
    events.run_for(Duration::from_secs(3600)).unwrap();
    let expected: Vec<_> = (1..=60).map(|n| (n * 60_000 * MS, 1)).collect();
    assert_eq!(calls.take(), expected);
}

#[test]
fn rule_4_6_a_periodic_timer_may_be_moved_anywhere() {
    on_every_backend(|events| {
        let counts = Calls::new();
        let noted = counts.clone();
        let timer = events.handle().every(ms(1000), move |count| noted.note(count)).unwrap();
        assert!(timer.reset_at(i64::MIN).unwrap());
        look(events);
        let missed = counts.take();
        assert_eq!(missed.len(), 1);
        assert!(missed[0] > 9_000_000_000, "292 years of seconds: {missed:?}");
        assert!(timer.reset_at(i64::MAX).unwrap());
        assert_sleeps(events);
    });
}

#[test]
fn rule_4_6_a_period_of_a_nanosecond_does_not_overflow() {
    let events = EventLoop::new().unwrap();
    let counts = Calls::new();
    let noted = counts.clone();
    let timer =
        events.handle().every(Duration::from_nanos(1), move |count| noted.note(count)).unwrap();
    assert!(timer.reset_at(i64::MIN).unwrap());
    look(&events);
    look(&events);
    assert_eq!(counts.len(), 2);
}

#[test]
fn rule_4_6_a_periodic_timer_that_cancels_itself_is_gone() {
    on_every_backend(|events| {
        let own: Rc<RefCell<Option<Timer>>> = Rc::default();
        let calls = Calls::new();
        let (slot, noted) = (own.clone(), calls.clone());
        let call = move |_| {
            noted.note(());
            if noted.len() == 3 {
                assert!(slot.borrow().as_ref().unwrap().is_pending(), "for the next tick");
                assert!(slot.borrow().as_ref().unwrap().cancel());
                assert!(!slot.borrow().as_ref().unwrap().cancel());
                drop(slot.take());
            }
        };
        *own.borrow_mut() = Some(events.handle().every(ms(1), call).unwrap());
        events.run().unwrap();
        assert_eq!(calls.len(), 3);
    });
}

#[test]
fn rule_4_6_a_periodic_timer_that_moves_itself_takes_a_new_phase() {
    let events = virtual_loop();
    let own: Rc<RefCell<Option<Timer>>> = Rc::default();
    let (slot, handle, times) = (own.clone(), events.handle(), Calls::new());
    let noted = times.clone();
    let call = move |_| {
        noted.note(handle.now() / MS);
        if noted.len() == 1 {
            assert!(slot.borrow().as_ref().unwrap().reset(ms(25)).unwrap());
        }
    };
    *own.borrow_mut() = Some(events.handle().every(ms(10), call).unwrap());
    events.run_for(ms(60)).unwrap();
    assert_eq!(times.take(), [10, 35, 45, 55]);
}

#[test]
fn rule_4_7_cancel_is_idempotent_and_says_whether_it_was_pending() {
    on_every_backend(|events| {
        let timer = events.handle().timer_after(ms(1), || panic!("cancelled")).unwrap();
        assert!(timer.cancel());
        assert!(!timer.cancel());
        assert!(!timer.is_pending());
        assert_eq!(events.handle().live(), 0);
        assert_sleeps(events);
    });
}

#[test]
fn rule_4_7_cancel_prevents_a_timer_that_is_due_in_the_same_batch() {
    on_every_backend(|events| {
        let victim: Rc<RefCell<Option<Timer>>> = Rc::default();
        let (slot, found) = (victim.clone(), Calls::new());
        let noted = found.clone();
        let first = move || {
            let victim = slot.take().unwrap();
            noted.note((victim.is_pending(), victim.cancel(), victim.cancel()));
        };
        let _first = events.handle().timer_at(0, first).unwrap();
        *victim.borrow_mut() = Some(events.handle().timer_at(0, || panic!("cancelled")).unwrap());
        look(events);
        assert_eq!(found.take(), [(true, true, false)]);
        assert_eq!(events.handle().live(), 0);
        assert_sleeps(events);
    });
}

#[test]
fn rule_4_7_a_timer_due_in_the_same_batch_can_be_moved() {
    on_every_backend(|events| {
        let log = Calls::new();
        let moved: Rc<RefCell<Option<Timer>>> = Rc::default();
        let (slot, first, second) = (moved.clone(), log.clone(), log.clone());
        let mover = move || {
            first.note("first");
            assert!(slot.borrow().as_ref().unwrap().reset(ms(5)).unwrap());
        };
        let _first = events.handle().timer_at(0, mover).unwrap();
        *moved.borrow_mut() =
            Some(events.handle().timer_at(0, move || second.note("moved")).unwrap());
        assert_eq!(look(events), 1);
        events.run().unwrap();
        assert_eq!(log.take(), ["first", "moved"]);
    });
}

#[test]
fn rule_4_7_a_timer_is_not_pending_in_its_own_callback() {
    on_every_backend(|events| {
        let own: Rc<RefCell<Option<Timer>>> = Rc::default();
        let (slot, found) = (own.clone(), Calls::new());
        let noted = found.clone();
        let call = move || {
            let timer = slot.take().unwrap();
            noted.note((timer.is_pending(), timer.cancel(), timer.reset(ms(0)).unwrap()));
        };
        *own.borrow_mut() = Some(events.handle().timer_at(0, call).unwrap());
        events.run().unwrap();
        assert_eq!(found.take(), [(false, false, false)]);
    });
}

#[test]
fn rule_4_7_dropping_the_handle_cancels_and_detaching_does_not() {
    on_every_backend(|events| {
        let times = Calls::new();
        drop(events.handle().timer_after(ms(1), || panic!("dropped")).unwrap());
        noting(&events.handle(), ms(1), &times).detach();
        events.run().unwrap();
        assert_eq!(times.len(), 1);
    });
}

#[test]
fn rule_4_7_a_handle_does_not_cancel_a_later_timer_in_its_place() {
    let events = EventLoop::new().unwrap();
    let times = Calls::new();
    let old = events.handle().timer_after(ms(1), || {}).unwrap();
    old.cancel();
    let new = noting(&events.handle(), ms(1), &times);
    assert!(!old.cancel());
    assert!(!old.reset(ms(1000)).unwrap());
    assert!(new.is_pending());
    events.run().unwrap();
    assert_eq!(times.len(), 1);
}

#[test]
fn rule_4_7_of_a_hundred_thousand_timers_half_are_cancelled() {
    let events = virtual_loop();
    let (handle, sum) = (events.handle(), Rc::new(Cell::new(0)));
    let mut timers = Vec::new();
    for n in 0..100_000_i64 {
        let sum = sum.clone();
        let call = move || sum.set(sum.get() + n);
        timers.push(handle.timer_at(n * 7919 % 100_003, call).unwrap());
    }
    for even in timers.iter().step_by(2) {
        assert!(even.cancel());
    }
    assert_eq!(handle.live(), 50_000);
    events.run().unwrap();
    assert_eq!(sum.get(), (0..100_000).filter(|n| n % 2 == 1).sum::<i64>());
    assert!(timers.iter().all(|timer| !timer.is_pending()));
}

#[test]
fn a_million_timers_all_fire_in_order() {
    let events = virtual_loop();
    let (handle, last) = (events.handle(), Rc::new(Cell::new((0, 0))));
    for n in 0..1_000_000_i64 {
        let (clock, last) = (handle.clone(), last.clone());
        let deadline = n * 7919 % 1_000_003;
        let call = move || {
            let (count, before) = last.get();
            assert!(before <= deadline && deadline <= clock.now());
            last.set((count + 1, deadline));
        };
        handle.timer_at(deadline, call).unwrap().detach();
    }
    events.run().unwrap();
    assert_eq!(last.get().0, 1_000_000);
}

/// Arms a timer of no delay again and again.
fn rearm_for_ever(handle: LoopHandle, ticks: Rc<Cell<u64>>) {
    let again = handle.clone();
    let call = move || {
        ticks.set(ticks.get() + 1);
        rearm_for_ever(again, ticks);
    };
    handle.timer_after(Duration::ZERO, call).unwrap().detach();
}

#[test]
fn a_timer_that_rearms_itself_without_delay_does_not_starve_descriptors() {
    on_every_backend(|events| {
        let (ticks, read) = (Rc::new(Cell::new(0)), Calls::new());
        rearm_for_ever(events.handle(), ticks.clone());
        let noted = read.clone();
        let (ours, theirs) = stream_pair();
        let call = move |_: Ready<'_, UnixStream>| noted.note(());
        let _watcher = events.handle().watch(ours).on_read(call).start().unwrap();
        look(events);
        assert_eq!(ticks.get(), 1, "once a turn");
        (&theirs).write_all(b"x").unwrap();
        look(events);
        assert_eq!((ticks.get(), read.len()), (2, 1));
    });
}

#[test]
fn the_timer_callbacks_of_a_turn_are_bounded() {
    on_every_backend(|events| {
        let (count, read) = (Rc::new(Cell::new(0)), Calls::new());
        for _ in 0..5000 {
            let count = count.clone();
            events.handle().timer_at(0, move || count.set(count.get() + 1)).unwrap().detach();
        }
        let noted = read.clone();
        let (ours, _theirs) = readable();
        let call = move |ready: Ready<'_, UnixStream>| {
            noted.note(());
            ready.unwatch();
        };
        let _watcher = events.handle().watch(ours).on_read(call).start().unwrap();
        look(events);
        assert_eq!(read.len(), 1, "descriptors come first");
        assert!((1..5000).contains(&count.get()), "{} in one turn", count.get());
        events.run().unwrap();
        assert_eq!(count.get(), 5000);
    });
}

#[test]
fn timers_fire_in_a_loop_that_is_only_ever_looked_at() {
    on_every_backend(|events| {
        let times = Calls::new();
        let _timer = noting(&events.handle(), ms(5), &times);
        let start = std::time::Instant::now();
        while times.len() == 0 {
            look(events);
            assert!(start.elapsed() < support::GENEROUS, "it never fired");
        }
    });
}

/// Puts itself off again and again: the loop never waits.
fn defer_for_ever(handle: LoopHandle) {
    let again = handle.clone();
    handle.defer(move || defer_for_ever(again));
}

#[test]
fn timers_fire_in_a_loop_that_never_waits() {
    on_every_backend(|events| {
        let times = Calls::new();
        defer_for_ever(events.handle());
        let _timer = noting(&events.handle(), ms(5), &times);
        run_until(events, || times.len() == 1);
    });
}

#[test]
fn timers_fire_beside_a_descriptor_that_is_always_ready() {
    on_every_backend(|events| {
        let times = Calls::new();
        let (ours, _theirs) = readable();
        let _busy = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let _timer = noting(&events.handle(), ms(5), &times);
        run_until(events, || times.len() == 1);
    });
}

#[test]
fn a_loop_whose_last_timer_has_fired_sleeps() {
    on_every_backend(|events| {
        let times = Calls::new();
        let (ours, _theirs) = stream_pair();
        let _idle = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let _timer = noting(&events.handle(), ms(1), &times);
        run_until(events, || times.len() == 1);
        assert_sleeps(events);
    });
}

#[test]
fn a_loop_whose_last_timer_has_fired_waits_without_a_deadline() {
    on_every_backend(|events| {
        let _timer = noting(&events.handle(), ms(1), &Calls::new());
        let done = support::blocked(events, ms(50));
        assert_eq!(done.callbacks, 1);
        assert!(done.turns < 20, "the alarm rings on: {done:?}");
    });
}

#[test]
fn an_earlier_timer_overtakes_the_alarm_that_is_set() {
    on_every_backend(|events| {
        let _hour = events.handle().timer_after(ms(3_600_000), || {}).unwrap();
        let remote = events.remote();
        let other = std::thread::spawn(move || {
            // By now the loop waits for the hour.
            support::wait(ms(20));
            remote.spawn(|| {
                let handle = LoopHandle::current().unwrap();
                let stop = handle.clone();
                handle.timer_after(ms(5), move || stop.stop()).unwrap().detach();
            })
        });
        let start = std::time::Instant::now();
        events.run_for(support::GENEROUS).unwrap();
        assert!(start.elapsed() < support::GENEROUS, "it waited for the hour");
        other.join().unwrap().unwrap();
    });
}

#[test]
fn a_timer_that_is_due_again_is_not_waited_for() {
    let events = EventLoop::new().unwrap();
    let ticks = Rc::new(Cell::new(0));
    rearm_for_ever(events.handle(), ticks.clone());
    run_until(&events, || ticks.get() >= 100);
    assert_eq!(events.handle().counters().waits, 0);
}

#[test]
fn a_cancelled_timer_wakes_nobody_twice() {
    on_every_backend(|events| {
        for _ in 0..100 {
            let _cancelled = noting(&events.handle(), ms(5), &Calls::new());
            look(events);
        }
        assert_sleeps(events);
    });
}

#[test]
fn a_timer_tells_its_deadline_and_is_listed() {
    let events = EventLoop::new().unwrap();
    let before = events.handle().now();
    let timer = events.handle().timer_after(ms(1000), || {}).unwrap();
    let deadline = timer.deadline().unwrap();
    assert!((before + 1000 * MS..=events.handle().now() + 1000 * MS).contains(&deadline));
    let listed = events.handle().registrations();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].kind, listed[0].deadline), (event::Kind::Timer, Some(deadline)));
    assert!(timer.reset_at(deadline + 1).unwrap());
    assert_eq!(events.handle().registrations()[0].deadline, Some(deadline + 1));
}

#[test]
fn a_captured_value_may_come_back_to_the_timers_in_its_drop() {
    let events = EventLoop::new().unwrap();
    let (handle, log) = (events.handle(), Calls::new());
    let noted = log.clone();
    let captured = support::OnDrop(move || {
        let timer = handle.timer_after(ms(1), || {}).unwrap();
        noted.note((timer.is_pending(), timer.reset(ms(2)).unwrap(), timer.cancel()));
    });
    let timer = events.handle().timer_after(ms(1000), move || drop(captured)).unwrap();
    assert!(timer.cancel());
    assert_eq!(log.take(), [(true, true, true)]);
    assert_eq!(events.handle().live(), 0);
}
