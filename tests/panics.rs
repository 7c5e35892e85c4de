//! Rule 2.8: a panic in a callback comes out of `run*`, nothing else of the
//! batch is lost, and the loop can be run again.
#![allow(clippy::zombie_processes, reason = "the loop under test reaps them")]

mod support;

use std::any::Any;
use std::cell::RefCell;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::process::Command;
use std::rc::Rc;

use event::{EventLoop, LoopHandle, Ready, Timer, Watch};
use support::alone::{alone, open_descriptors};
use support::peers::{broken_pipe, readable, stream_pair};
use support::{
    Calls, GENEROUS, OnDrop, assert_sleeps, look, loop_on, ms, on_every_backend, panic_of,
    run_until,
};

const BOOM: &str = "boom";

fn boom() {
    panic!("{BOOM}");
}

/// What is registered, and lives as long as the test wants.
type Registered = Box<dyn Any>;

/// Arranges for a panic in the callbacks of one kind, and says which kind.
type Arrange = (&'static str, fn(&EventLoop) -> Registered);

fn ready_watch(events: &EventLoop) -> (Watch<UnixStream>, UnixStream) {
    let (ours, theirs) = readable();
    (events.handle().watch(ours), theirs)
}

/// (Signals are in `signals.rs`: they need care with threads.)
const KINDS: [Arrange; 11] = [
    ("read", |events| {
        let (watch, peer) = ready_watch(events);
        Box::new((watch.oneshot().on_read(|_| boom()).start().unwrap(), peer))
    }),
    ("write", |events| {
        let (watch, peer) = ready_watch(events);
        Box::new((watch.oneshot().on_write(|_| boom()).start().unwrap(), peer))
    }),
    ("error", |events| {
        let watch = events.handle().watch(broken_pipe()).on_write(|_| {});
        Box::new(watch.oneshot().on_error(|_| boom()).start().unwrap())
    }),
    ("timer", |events| Box::new(events.handle().timer_after(ms(1), boom).unwrap())),
    ("periodic timer", |events| Box::new(events.handle().every(ms(1), |_| boom()).unwrap())),
    ("deferred", |events| {
        events.handle().defer(boom);
        Box::new(())
    }),
    ("job of another thread", |events| {
        events.remote().spawn(boom).unwrap();
        Box::new(())
    }),
    ("child", |events| {
        let child = Command::new("true").spawn().unwrap();
        Box::new(events.handle().watch_child(child.id(), |_| boom()).unwrap())
    }),
    ("waker", |events| {
        let wakes = events.handle().watch_wakes(|_| boom()).unwrap();
        wakes.waker().wake().unwrap();
        Box::new(wakes)
    }),
    ("drop of a watcher's capture", |events| {
        let captured = OnDrop(boom);
        let (watch, peer) = ready_watch(events);
        let read = move |ready: Ready<'_, UnixStream>| {
            let _ = &captured;
            ready.unwatch();
        };
        Box::new((watch.on_read(read).start().unwrap(), peer))
    }),
    ("drop of a timer's capture", |events| {
        let captured = OnDrop(boom);
        Box::new(events.handle().timer_after(ms(1), move || drop(captured)).unwrap())
    }),
];

#[test]
fn rule_2_8_a_panic_of_each_kind_comes_out_of_run_and_the_loop_goes_on() {
    for (kind, arrange) in KINDS {
        println!("{kind}:");
        let events = EventLoop::new().unwrap();
        let registered = arrange(&events);
        assert_eq!(panic_of(|| events.run_for(GENEROUS).unwrap()), BOOM);
        drop(registered);
        assert_works(&events);
    }
}

/// The loop can be run again.
#[track_caller]
fn assert_works(events: &EventLoop) {
    let calls = Calls::new();
    let (timed, read) = (calls.clone(), calls.clone());
    let _timer = events.handle().timer_after(ms(1), move || timed.note("timer")).unwrap();
    let (watch, _peer) = ready_watch(events);
    let call = move |_: Ready<'_, UnixStream>| read.note("read");
    let _watcher = watch.oneshot().on_read(call).start().unwrap();
    run_until(events, || calls.len() == 2);
    assert!(LoopHandle::current().is_none());
}

#[test]
fn rule_2_8_a_panic_comes_out_of_every_way_to_run() {
    on_every_backend(|events| {
        let ways: [fn(&EventLoop); 4] = [
            |events| events.run().unwrap(),
            |events| events.run_forever().unwrap(),
            |events| events.run_for(GENEROUS).unwrap(),
            |events| {
                events.run_once(None).unwrap();
            },
        ];
        for run in ways {
            let (watch, _peer) = ready_watch(events);
            let _watcher = watch.oneshot().on_read(|_| boom()).start().unwrap();
            assert_eq!(panic_of(|| run(events)), BOOM);
        }
        assert_works(events);
    });
}

#[test]
fn rule_2_8_the_payload_is_the_one_that_was_thrown() {
    #[derive(Debug, PartialEq)]
    struct Payload(u32);
    let events = EventLoop::new().unwrap();
    let (watch, _peer) = ready_watch(&events);
    let _watcher = watch.on_read(|_| panic_any(Payload(7))).start().unwrap();
    let payload = catch_unwind(AssertUnwindSafe(|| events.run())).unwrap_err();
    assert_eq!(*payload.downcast::<Payload>().unwrap(), Payload(7));
}

/// Runs the loop over and over, through all panics, until it finds nothing.
fn run_through(events: &EventLoop) -> usize {
    let mut panics = 0;
    loop {
        match catch_unwind(AssertUnwindSafe(|| look(events))) {
            Ok(0) if events.handle().live() == 0 => return panics,
            Ok(_) => {}
            Err(_) => panics += 1,
        }
        assert!(panics < 10_000, "the same panics again and again");
    }
}

#[test]
fn rule_2_8_nothing_of_a_batch_is_lost_though_each_callback_panics() {
    on_every_backend(|events| {
        let calls = Calls::new();
        let mut kept = Vec::new();
        for n in 0..100 {
            let noted = calls.clone();
            let (watch, peer) = ready_watch(events);
            let read = move |_: Ready<'_, UnixStream>| {
                noted.note(n);
                boom();
            };
            kept.push((watch.oneshot().on_read(read).start().unwrap(), peer));
        }
        assert_eq!(run_through(events), 100);
        let mut calls = calls.take();
        calls.sort_unstable();
        assert_eq!(calls, (0..100).collect::<Vec<_>>(), "each exactly once");
    });
}

#[test]
fn rule_2_8_no_edge_of_a_batch_is_lost() {
    let events = EventLoop::new().unwrap();
    let calls = Calls::new();
    let mut kept = Vec::new();
    for n in 0..20 {
        let noted = calls.clone();
        let (watch, peer) = ready_watch(&events);
        let read = move |_: Ready<'_, UnixStream>| {
            noted.note(n);
            boom();
        };
        kept.push((watch.edge_triggered().on_read(read).start().unwrap(), peer));
    }
    for _ in 0..20 {
        assert_eq!(panic_of(|| events.run_for(GENEROUS).unwrap()), BOOM);
    }
    assert_sleeps(&events);
    let mut calls = calls.take();
    calls.sort_unstable();
    assert_eq!(calls, (0..20).collect::<Vec<_>>());
}

/// The write callback is due together with a read callback that panics.
fn steps_after_a_panic(watch: Watch<UnixStream>, events: &EventLoop) -> Vec<&'static str> {
    let names = Calls::new();
    let (read, write) = (names.clone(), names.clone());
    let call = move |_: Ready<'_, UnixStream>| {
        read.note("read");
        boom();
    };
    let watch = watch.on_read(call).on_write(move |_| write.note("write"));
    let _watcher = watch.start().unwrap();
    assert_eq!(panic_of(|| look(events)), BOOM);
    assert_eq!(names.take(), ["read"]);
    look(events);
    assert_sleeps(events);
    names.take()
}

#[test]
fn rule_2_8_the_other_step_of_an_edge_is_not_lost() {
    let events = EventLoop::new().unwrap();
    let (watch, _peer) = ready_watch(&events);
    assert_eq!(steps_after_a_panic(watch.edge_triggered(), &events), ["write"]);
}

#[test]
fn rule_2_8_the_other_step_of_a_one_shot_is_not_lost() {
    on_every_backend(|events| {
        let (watch, _peer) = ready_watch(events);
        assert_eq!(steps_after_a_panic(watch.oneshot(), events), ["write"]);
    });
}

#[test]
fn rule_2_8_the_other_step_runs_once_if_it_is_reported_again_meanwhile() {
    let events = EventLoop::new().unwrap();
    let names = Calls::new();
    let (read, write) = (names.clone(), names.clone());
    let call = move |_: Ready<'_, UnixStream>| {
        read.note("read");
        if read.len() == 1 {
            boom();
        }
    };
    let (watch, mut peer) = ready_watch(&events);
    let watch = watch.edge_triggered().on_read(call).on_write(move |_| write.note("write"));
    let _watcher = watch.start().unwrap();
    assert_eq!(panic_of(|| look(&events)), BOOM);
    peer.write_all(b"another edge").unwrap();
    look(&events);
    assert_eq!(names.take(), ["read", "read", "write"]);
    assert_sleeps(&events);
    assert_eq!(names.len(), 0);
}

#[test]
fn rule_2_8_the_other_step_is_skipped_if_the_watch_ends_meanwhile() {
    on_every_backend(|events| {
        let (watch, _peer) = ready_watch(events);
        let watch = watch.oneshot().on_read(|_| boom());
        let watcher = watch.on_write(|_| panic!("of an ended watch")).start().unwrap();
        assert_eq!(panic_of(|| look(events)), BOOM);
        drop(watcher);
        events.run().unwrap();
    });
}

#[test]
fn rule_2_8_a_one_shot_that_panicked_is_disarmed_and_can_be_rearmed() {
    on_every_backend(|events| {
        let (watch, _peer) = ready_watch(events);
        let watcher = watch.oneshot().on_read(|_| boom()).start().unwrap();
        assert_eq!(panic_of(|| look(events)), BOOM);
        assert!(!watcher.is_watching());
        assert_sleeps(events);
        watcher.rearm().unwrap();
        assert_eq!(panic_of(|| look(events)), BOOM);
    });
}

#[test]
fn rule_2_8_a_level_that_panicked_is_reported_again() {
    on_every_backend(|events| {
        let (watch, _peer) = ready_watch(events);
        let _watcher = watch.on_read(|_| boom()).start().unwrap();
        for _ in 0..3 {
            assert_eq!(panic_of(|| look(events)), BOOM);
        }
    });
}

/// Ten timers that are due at once; the third panics, after doing `then`.
fn ten_timers(events: &EventLoop, then: impl Fn(&[Timer]) + 'static) -> Calls<usize> {
    let timers: Rc<RefCell<Vec<Timer>>> = Rc::default();
    let (calls, then) = (Calls::new(), Rc::new(then));
    for n in 0..10 {
        let (noted, all, then) = (calls.clone(), timers.clone(), then.clone());
        let call = move || {
            noted.note(n);
            if n == 2 {
                then(&all.borrow());
                boom();
            }
        };
        timers.borrow_mut().push(events.handle().timer_at(0, call).unwrap());
    }
    assert_eq!(panic_of(|| look(events)), BOOM);
    assert_eq!(calls.take(), [0, 1, 2]);
    calls
}

#[test]
fn rule_2_8_the_timers_of_a_batch_go_on_after_a_panic() {
    on_every_backend(|events| {
        let calls = ten_timers(events, |_| {});
        assert_eq!(events.handle().live(), 7);
        let noted = calls.clone();
        events.handle().timer_at(0, move || noted.note(100)).unwrap().detach();
        events.run().unwrap();
        assert_eq!(calls.take(), [3, 4, 5, 6, 7, 8, 9, 100], "in their order, and first");
        assert_sleeps(events);
    });
}

#[test]
fn rule_2_8_a_timer_left_by_a_panic_can_be_cancelled_and_moved() {
    on_every_backend(|events| {
        let calls = ten_timers(events, |timers| {
            assert!(timers[5].is_pending());
            assert!(timers[5].cancel());
            assert!(timers[6].reset(ms(1)).unwrap());
            assert!(!timers[1].cancel(), "it has run");
        });
        events.run().unwrap();
        assert_eq!(calls.take(), [3, 4, 7, 8, 9, 6]);
    });
}

#[test]
fn rule_2_8_timers_left_by_a_panic_and_all_cancelled_leave_the_loop_asleep() {
    on_every_backend(|events| {
        let calls = ten_timers(events, |timers| {
            assert_eq!(timers.iter().filter(|timer| timer.cancel()).count(), 7);
        });
        assert_eq!(events.handle().live(), 0);
        events.run().unwrap();
        assert_sleeps(events);
        assert_eq!(calls.len(), 0);
        assert_works(events);
    });
}

#[test]
fn rule_2_8_timers_left_by_a_panic_run_on_a_test_clock_as_well() {
    let events = EventLoop::builder().test_clock().build().unwrap();
    let calls = ten_timers(&events, |_| {});
    events.run().unwrap();
    assert_eq!(calls.take(), [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(events.handle().now(), 0);
}

#[test]
fn rule_2_8_a_periodic_timer_that_panicked_ticks_on() {
    let events = EventLoop::builder().test_clock().build().unwrap();
    let _timer = events.handle().every(ms(10), |_| boom()).unwrap();
    for tick in 1..=3 {
        assert_eq!(panic_of(|| events.run().unwrap()), BOOM);
        assert_eq!(events.handle().now(), tick * 10_000_000);
    }
}

#[test]
fn rule_2_8_deferred_closures_and_jobs_go_on_in_order_after_a_panic() {
    on_every_backend(|events| {
        let order = Calls::new();
        for n in 0..5 {
            let noted = order.clone();
            events.handle().defer(move || {
                noted.note(n);
                if n == 1 {
                    boom();
                }
            });
        }
        let (report, reports) = std::sync::mpsc::channel();
        events.remote().spawn(move || report.send(()).unwrap()).unwrap();
        assert_eq!(panic_of(|| events.run().unwrap()), BOOM);
        events.run().unwrap();
        assert_eq!(order.take(), [0, 1, 2, 3, 4]);
        reports.try_recv().unwrap();
    });
}

#[test]
fn rule_2_8_timers_and_deferred_closures_of_a_turn_survive_a_descriptors_panic() {
    on_every_backend(|events| {
        let log = Calls::new();
        let (timed, deferred) = (log.clone(), log.clone());
        let (watch, _peer) = ready_watch(events);
        let _watcher = watch.oneshot().on_read(|_| boom()).start().unwrap();
        events.handle().timer_at(0, move || timed.note("timer")).unwrap().detach();
        events.handle().defer(move || deferred.note("deferred"));
        assert_eq!(panic_of(|| look(events)), BOOM);
        events.run().unwrap();
        assert_eq!(log.take(), ["timer", "deferred"]);
    });
}

/// A descriptor that panics when it is closed.
struct Bomb(UnixStream);

impl AsFd for Bomb {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        boom();
    }
}

#[test]
fn rule_2_8_a_panic_of_the_descriptor_itself_comes_out() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let read = |ready: Ready<'_, Bomb>| drop(ready.unwatch());
        let watcher = events.handle().watch(Bomb(ours)).on_read(read).start().unwrap();
        assert_eq!(panic_of(|| look(events)), BOOM);
        assert!(!watcher.is_watching());
        assert_works(events);
    });
}

#[test]
fn rule_2_8_a_callback_that_unwatches_itself_and_panics_is_dropped_once() {
    on_every_backend(|events| {
        let drops = Calls::new();
        let noted = drops.clone();
        let captured = OnDrop(move || noted.note(()));
        let (ours, _theirs) = readable();
        let fd = ours.as_raw_fd();
        let read = move |ready: Ready<'_, UnixStream>| {
            let _ = &captured;
            assert!(ready.handle().unwatch(fd));
            boom();
        };
        let watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        assert_eq!(panic_of(|| look(events)), BOOM);
        assert_eq!(drops.len(), 1);
        assert!(watcher.unwatch().is_some(), "the descriptor is there still");
        assert_works(events);
    });
}

#[test]
fn rule_2_8_a_callback_that_drops_its_descriptor_and_panics_leaks_nothing() {
    alone(|| {
        on_every_backend(|events| {
            let open = open_descriptors();
            for _ in 0..10 {
                let (watch, peer) = ready_watch(events);
                let read = |ready: Ready<'_, UnixStream>| {
                    let _owned_here = ready.unwatch();
                    boom();
                };
                watch.on_read(read).start().unwrap().detach();
                assert_eq!(panic_of(|| look(events)), BOOM);
                drop(peer);
            }
            assert_eq!(open_descriptors(), open);
        });
    });
}

#[test]
fn rule_2_8_outside_a_run_a_capture_that_panics_does_so_to_whoever_drops_it() {
    on_every_backend(|events| {
        let captured = || OnDrop(boom);
        let (watch, _peer) = ready_watch(events);
        let inside = captured();
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &inside;
        };
        let watcher = watch.on_read(read).start().unwrap();
        assert_eq!(panic_of(|| watcher.unwatch()), BOOM);
        let inside = captured();
        let timer = events.handle().timer_after(ms(1), move || drop(inside)).unwrap();
        assert_eq!(panic_of(|| timer.cancel()), BOOM);
        assert_eq!(events.handle().live(), 0);
        assert_works(events);
    });
}

#[test]
fn rule_2_8_a_panic_crosses_a_loop_that_is_run_in_a_callback() {
    on_every_backend(|events| {
        events.handle().defer(|| {
            let inner = EventLoop::new().unwrap();
            let (watch, _peer) = ready_watch(&inner);
            let _watcher = watch.on_read(|_| boom()).start().unwrap();
            inner.run().unwrap();
        });
        assert_eq!(panic_of(|| events.run().unwrap()), BOOM);
        assert_works(events);
    });
}

#[test]
fn rule_2_8_a_stop_before_the_panic_is_not_lost() {
    on_every_backend(|events| {
        let (watch, _peer) = ready_watch(events);
        let read = |ready: Ready<'_, UnixStream>| {
            ready.handle().stop();
            boom();
        };
        let _watcher = watch.oneshot().on_read(read).start().unwrap();
        assert_eq!(panic_of(|| events.run().unwrap()), BOOM);
        events.run_forever().unwrap();
    });
}

#[test]
fn rule_2_8_a_capture_that_panics_at_the_end_of_the_loop_leaves_nothing_behind() {
    on_every_backend(|events| {
        let (events, drops) = (loop_on(events.backend()), Calls::new());
        let handle = events.handle();
        for n in 0..4 {
            let noted = drops.clone();
            let captured = OnDrop(move || {
                noted.note(());
                if n == 0 {
                    boom();
                }
            });
            let read = move |_: Ready<'_, UnixStream>| {
                let _ = &captured;
            };
            handle.watch(stream_pair().0).on_read(read).start().unwrap().detach();
        }
        for _ in 0..3 {
            let noted = drops.clone();
            let captured = OnDrop(move || noted.note(()));
            handle.timer_after(ms(1000), move || drop(captured)).unwrap().detach();
            let noted = drops.clone();
            let captured = OnDrop(move || noted.note(()));
            handle.defer(move || drop(captured));
        }
        assert_eq!(panic_of(|| drop(events)), BOOM);
        assert_eq!(drops.len(), 10);
        assert_eq!(handle.live(), 0);
    });
}
