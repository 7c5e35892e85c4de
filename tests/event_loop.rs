//! The loop: how it is made, run and stopped, what it tells of itself.

mod support;

use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::{EventLoop, Feature, Kind, LoopHandle, Ready};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::alone::{alone, alone_with, open_descriptors};
use support::peers::{readable, stream_pair};
use support::{
    Calls, GENEROUS, NOW, OnDrop, assert_sleeps, hold_up, idle, look, loop_on, ms,
    on_every_backend, run_until,
};

const HOUR: Duration = Duration::from_secs(3600);

mod making {
    use super::*;

    #[test]
    fn the_backend_is_epoll() {
        assert_eq!(EventLoop::new().unwrap().backend(), "epoll");
    }

    #[test]
    fn a_backend_can_be_avoided() {
        let events = EventLoop::builder().avoid("epoll").avoid("poll").build().unwrap();
        assert_eq!(events.backend(), "select");
    }

    #[test]
    fn an_ability_can_be_required() {
        let builder = EventLoop::builder().require(Feature::EdgeTriggered);
        assert_eq!(builder.require(Feature::ConstantTime).build().unwrap().backend(), "epoll");
        let builder = EventLoop::builder().require(Feature::AnyDescriptor);
        assert_eq!(builder.build().unwrap().backend(), "poll");
        let builder = EventLoop::builder().require(Feature::EarlyClose).avoid("epoll");
        assert_eq!(builder.build().unwrap().backend(), "poll");
    }

    #[test]
    fn what_no_backend_can_do_is_an_error() {
        let builder = EventLoop::builder().avoid("epoll").require(Feature::EdgeTriggered);
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Unsupported);
        let builder = EventLoop::builder().avoid("epoll\0");
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn libevents_environment_is_ignored() {
        let variables = [("EVENT_NOEPOLL", "1"), ("EVENT_EPOLL_USE_CHANGELIST", "1")];
        alone_with(&variables, || {
            assert_eq!(EventLoop::new().unwrap().backend(), "epoll");
        });
    }

    #[test]
    fn exhausted_descriptors_are_an_error_whichever_one_is_missing() {
        let stderr = alone(|| {
            // The runtime of the loop is set up by now, and does not count.
            drop(EventLoop::new().unwrap());
            let open = open_descriptors();
            let limit = getrlimit(Resource::Nofile);
            let highest = open as u64 + 2;
            for left in 0..16 {
                let current = Some(highest - 2 + left);
                setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
                let made = EventLoop::new();
                setrlimit(Resource::Nofile, limit).unwrap();
                match made {
                    Ok(events) => assert_eq!(events.backend(), "epoll"),
                    Err(error) => assert_eq!(error.raw_os_error(), Some(24), "{error}"),
                }
                assert_eq!(open_descriptors(), open, "with {left} left");
            }
            EventLoop::new().unwrap();
        });
        assert_eq!(stderr.unwrap_or_default(), "");
    }

    #[test]
    fn a_loop_gives_back_all_its_descriptors() {
        alone(|| {
            let open = open_descriptors();
            for _ in 0..100 {
                let events = EventLoop::new().unwrap();
                let timer = events.handle().timer_after(ms(1), || {}).unwrap();
                events.run().unwrap();
                drop(timer);
                events.handle().watch(stream_pair().0).on_read(|_| {}).start().unwrap().detach();
            }
            assert_eq!(open_descriptors(), open);
        });
    }

    #[test]
    fn loops_of_several_threads_are_independent() {
        let on_a_thread = |n| {
            std::thread::spawn(move || {
                let (events, sum) = (EventLoop::new().unwrap(), Rc::new(std::cell::Cell::new(0)));
                let counted = sum.clone();
                let count = move |_| counted.set(counted.get() + 1);
                let _timer = events.handle().every(ms(1), count).unwrap();
                run_until(&events, || sum.get() >= n);
                sum.get()
            })
        };
        let threads: Vec<_> = (1..=8).map(on_a_thread).collect();
        for (thread, least) in threads.into_iter().zip(1..) {
            assert!(thread.join().unwrap() >= least);
        }
    }
}

mod running {
    use super::*;

    #[test]
    fn run_returns_when_nothing_is_registered() {
        on_every_backend(|events| {
            events.run().unwrap();
            let (ours, theirs) = stream_pair();
            let read = |ready: Ready<'_, UnixStream>| drop(ready.unwatch());
            let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
            let _timer = events.handle().timer_after(ms(5), move || drop(theirs)).unwrap();
            events.run().unwrap();
            assert_eq!(events.handle().live(), 0);
        });
    }

    #[test]
    fn run_goes_on_while_anything_is_registered() {
        on_every_backend(|events| {
            let log = Calls::new();
            let (noted, handle) = (log.clone(), events.handle());
            let again = handle.clone();
            handle.defer(move || {
                noted.note("deferred");
                let noted = noted.clone();
                again.timer_after(ms(2), move || noted.note("timer")).unwrap().detach();
            });
            events.run().unwrap();
            assert_eq!(log.take(), ["deferred", "timer"]);
        });
    }

    #[test]
    fn a_paused_watcher_keeps_no_run() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let watcher =
                events.handle().watch(ours).on_read(|_| panic!("paused")).start().unwrap();
            watcher.set_interest(event::Interest::empty()).unwrap();
            events.run().unwrap();
            assert_eq!(events.handle().live(), 0);
        });
    }

    #[test]
    fn a_background_watch_works_and_keeps_no_run() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let read = Calls::new();
            let noted = read.clone();
            let call = move |_: Ready<'_, UnixStream>| noted.note(());
            let watch = events.handle().watch(ours).background().on_read(call);
            let _watcher = watch.start().unwrap();
            assert_eq!(events.handle().live(), 0);
            events.run().unwrap();
            look(events);
            assert_eq!(read.len(), 1);
        });
    }

    #[test]
    fn run_forever_waits_for_stop_with_nothing_registered() {
        on_every_backend(|events| {
            let remote = events.remote();
            let other = std::thread::spawn(move || remote.stop());
            events.run_forever().unwrap();
            other.join().unwrap().unwrap();
        });
    }

    #[test]
    fn run_for_lasts_so_long_and_sleeps() {
        on_every_backend(|events| {
            let start = Instant::now();
            let done = idle(events, ms(30));
            assert!(start.elapsed() >= ms(30), "early: {:?}", start.elapsed());
            assert!(done.turns < 10, "it spins: {done:?}");
        });
    }

    #[test]
    fn run_for_is_punctual() {
        let events = EventLoop::new().unwrap();
        let lateness = || {
            let start = Instant::now();
            events.run_for(ms(10)).unwrap();
            start.elapsed().checked_sub(ms(10)).expect("early")
        };
        let best = (0..5).map(|_| lateness()).min().unwrap();
        assert!(best < ms(2), "the best of five is {best:?} late");
    }

    #[test]
    fn run_for_serves_what_comes_meanwhile() {
        on_every_backend(|events| {
            let ticks = Calls::new();
            let noted = ticks.clone();
            let _timer = events.handle().every(ms(5), move |count| noted.note(count)).unwrap();
            events.run_for(ms(52)).unwrap();
            assert!(ticks.take().iter().sum::<u64>() >= 10);
        });
    }

    #[test]
    fn run_for_ends_beside_a_descriptor_that_is_always_ready() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let _busy = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
            let start = Instant::now();
            events.run_for(ms(20)).unwrap();
            assert!((ms(20)..GENEROUS).contains(&start.elapsed()));
        });
    }

    #[test]
    fn run_for_no_time_looks_once() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let _busy = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
            assert_eq!(idle(events, Duration::ZERO).callbacks, 1);
        });
    }

    #[test]
    fn run_for_a_duration_beyond_the_clock_is_for_ever() {
        on_every_backend(|events| {
            let handle = events.handle();
            let _timer = events.handle().timer_after(ms(5), move || handle.stop()).unwrap();
            events.run_for(Duration::MAX).unwrap();
        });
    }

    #[test]
    fn run_once_counts_what_ran() {
        on_every_backend(|events| {
            assert_eq!(look(events), 0);
            let (ours, _theirs) = readable();
            let watch = events.handle().watch(ours).on_read(|_| {});
            let _watcher = watch.on_write(|_| {}).start().unwrap();
            events.handle().timer_at(0, || {}).unwrap().detach();
            events.handle().defer(|| {});
            assert_eq!(look(events), 4);
        });
    }

    #[test]
    fn run_once_waits_for_something_to_run() {
        on_every_backend(|events| {
            let _timer = events.handle().timer_after(ms(5), || {}).unwrap();
            assert_eq!(events.run_once(None).unwrap(), 1);
        });
    }

    #[test]
    fn run_once_returns_at_once_with_nothing_registered() {
        on_every_backend(|events| assert_eq!(events.run_once(None).unwrap(), 0));
    }

    #[test]
    fn run_once_gives_up_after_its_timeout() {
        on_every_backend(|events| {
            let before = events.handle().counters();
            let start = Instant::now();
            assert_eq!(events.run_once(Some(ms(20))).unwrap(), 0);
            assert!(start.elapsed() >= ms(20), "early: {:?}", start.elapsed());
            let turns = events.handle().counters().turns - before.turns;
            assert!(turns < 10, "it spins: {turns} turns");
        });
    }

    #[test]
    fn run_once_with_no_timeout_returns_though_a_level_stays_ready() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let _busy = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
            for _ in 0..3 {
                assert_eq!(events.run_once(NOW).unwrap(), 1);
            }
        });
    }

    #[test]
    fn the_running_loop_is_the_current_one() {
        let events = EventLoop::new().unwrap();
        assert!(LoopHandle::current().is_none());
        let found = Calls::new();
        let noted = found.clone();
        events.handle().defer(move || {
            LoopHandle::current().unwrap().timer_at(0, || {}).unwrap().detach();
            let inner = EventLoop::new().unwrap();
            let (handle, noted) = (inner.handle(), noted.clone());
            inner.handle().defer(move || {
                LoopHandle::current().unwrap().defer(|| {});
                noted.note(handle.live());
            });
            inner.run_once(NOW).unwrap();
        });
        look(&events);
        assert_eq!(found.take(), [1], "the inner loop's");
        assert_eq!(events.handle().live(), 1, "the timer is the outer loop's");
        assert!(LoopHandle::current().is_none());
    }
}

mod stopping {
    use super::*;

    #[test]
    fn stop_in_a_callback_performs_no_further_wait() {
        on_every_backend(|events| {
            let (ours, _theirs) = readable();
            let read = |ready: Ready<'_, UnixStream>| ready.handle().stop();
            let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
            for run in [EventLoop::run, EventLoop::run_forever] {
                let before = events.handle().counters().turns;
                run(events).unwrap();
                assert_eq!(events.handle().counters().turns - before, 1);
            }
        });
    }

    #[test]
    fn stop_before_run_is_not_lost_and_stops_one_run() {
        on_every_backend(|events| {
            events.handle().stop();
            events.run_forever().unwrap();
            let start = Instant::now();
            events.run_for(ms(10)).unwrap();
            assert!(start.elapsed() >= ms(10), "stopped twice");
        });
    }

    #[test]
    fn a_thousand_stops_just_before_run_stop_it_once() {
        on_every_backend(|events| {
            let remote = events.remote();
            let other = std::thread::spawn(move || (0..1000).try_for_each(|_| remote.stop()));
            other.join().unwrap().unwrap();
            events.run_forever().unwrap();
            assert_sleeps(events);
        });
    }

    #[test]
    fn each_of_a_thousand_runs_is_stopped_by_its_own_stop() {
        let events = EventLoop::new().unwrap();
        let remote = events.remote();
        let (ask, asked) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            while asked.recv().is_ok() {
                remote.stop().unwrap();
            }
        });
        for _ in 0..1000 {
            // May come before the run, at its start or in its wait.
            ask.send(()).unwrap();
            events.run_forever().unwrap();
        }
        drop(ask);
        other.join().unwrap();
        assert_sleeps(&events);
    }

    #[test]
    fn stop_from_another_thread_ends_a_blocked_wait() {
        on_every_backend(|events| {
            let (ours, _theirs) = stream_pair();
            let _idle = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
            let remote = events.remote();
            // The job runs in the loop; by then the loop is about to wait.
            let other = std::thread::spawn(move || {
                let (running, runs) = std::sync::mpsc::channel();
                remote.spawn(move || running.send(()).unwrap()).unwrap();
                runs.recv().unwrap();
                remote.stop().unwrap();
            });
            events.run().unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn stop_ends_run_once_and_run_for() {
        on_every_backend(|events| {
            let start = Instant::now();
            events.handle().stop();
            assert_eq!(events.run_once(Some(GENEROUS)).unwrap(), 0);
            events.handle().stop();
            events.run_for(GENEROUS).unwrap();
            assert!(start.elapsed() < GENEROUS);
        });
    }
}

mod remotely {
    use super::*;

    #[test]
    fn wake_ends_a_blocked_run_once() {
        on_every_backend(|events| {
            let (ours, _theirs) = stream_pair();
            let _idle = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
            let remote = events.remote();
            let other = std::thread::spawn(move || remote.wake());
            assert_eq!(events.run_once(None).unwrap(), 0);
            other.join().unwrap().unwrap();
        });
    }

    #[test]
    fn wake_before_the_first_wait_is_not_lost() {
        on_every_backend(|events| {
            let start = Instant::now();
            events.remote().wake().unwrap();
            assert_eq!(events.run_once(Some(GENEROUS)).unwrap(), 0);
            assert!(start.elapsed() < GENEROUS);
            assert_sleeps(events);
        });
    }

    #[test]
    fn none_of_many_wakes_is_lost() {
        let events = EventLoop::new().unwrap();
        let remote = events.remote();
        let (ask, asked) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            while asked.recv().is_ok() {
                remote.wake().unwrap();
            }
        });
        for _ in 0..5000 {
            ask.send(()).unwrap();
            let start = Instant::now();
            events.run_once(Some(GENEROUS)).unwrap();
            assert!(start.elapsed() < GENEROUS, "a wake was lost");
        }
        drop(ask);
        other.join().unwrap();
    }

    #[test]
    fn jobs_run_on_the_loops_thread_in_the_order_of_their_sender() {
        on_every_backend(|events| {
            let (report, reports) = std::sync::mpsc::channel();
            let home = std::thread::current().id();
            let sender = |name: usize| {
                let (remote, report) = (events.remote(), report.clone());
                std::thread::spawn(move || {
                    for n in 0..2000 {
                        let report = report.clone();
                        let job = move || {
                            assert_eq!(std::thread::current().id(), home);
                            report.send((name, n)).unwrap();
                        };
                        remote.spawn(job).unwrap();
                    }
                })
            };
            let senders: Vec<_> = (0..8).map(sender).collect();
            let mut next = [0; 8];
            run_until(events, || senders.iter().all(|sender| sender.is_finished()));
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            events.run().unwrap();
            for (name, n) in reports.try_iter() {
                assert_eq!(n, next[name], "of sender {name}");
                next[name] += 1;
            }
            assert_eq!(next, [2000; 8]);
        });
    }

    #[test]
    fn a_job_sent_before_run_keeps_it_and_is_run() {
        on_every_backend(|events| {
            let (done, ran) = std::sync::mpsc::channel();
            events.remote().spawn(move || done.send(()).unwrap()).unwrap();
            assert_eq!(events.handle().live(), 1);
            events.run().unwrap();
            ran.try_recv().unwrap();
            assert_eq!(events.handle().live(), 0);
        });
    }

    #[test]
    fn run_once_runs_a_job_that_was_sent_before() {
        on_every_backend(|events| {
            let (done, ran) = std::sync::mpsc::channel();
            events.remote().spawn(move || done.send(()).unwrap()).unwrap();
            assert_eq!(events.run_once(None).unwrap(), 1);
            ran.try_recv().unwrap();
        });
    }
}

mod deferring {
    use super::*;

    #[test]
    fn deferred_closures_run_in_order_on_the_next_turn() {
        on_every_backend(|events| {
            let order = Calls::new();
            for n in 0..100 {
                let noted = order.clone();
                events.handle().defer(move || noted.note(n));
            }
            assert_eq!(order.len(), 0);
            assert_eq!(look(events), 100);
            assert_eq!(order.take(), (0..100).collect::<Vec<_>>());
        });
    }

    #[test]
    fn what_a_deferred_closure_defers_waits_for_the_turn_after() {
        on_every_backend(|events| {
            let order = Calls::new();
            let (outer, handle) = (order.clone(), events.handle());
            events.handle().defer(move || {
                outer.note("first");
                let inner = outer.clone();
                handle.defer(move || inner.note("third"));
            });
            let noted = order.clone();
            events.handle().defer(move || noted.note("second"));
            look(events);
            assert_eq!(order.take(), ["first", "second"]);
            look(events);
            assert_eq!(order.take(), ["third"]);
        });
    }

    #[test]
    fn what_a_descriptor_defers_waits_for_the_next_turn() {
        on_every_backend(|events| {
            let order = Calls::new();
            let noted = order.clone();
            let (ours, _theirs) = readable();
            let read = move |ready: Ready<'_, UnixStream>| {
                let noted = noted.clone();
                ready.handle().defer(move || noted.note(()));
                ready.unwatch();
            };
            let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
            look(events);
            assert_eq!(order.len(), 0);
            look(events);
            assert_eq!(order.len(), 1);
        });
    }
}

mod introspection {
    use super::*;

    #[test]
    fn registrations_say_why_the_loop_is_alive() {
        on_every_backend(|events| {
            let handle = events.handle();
            let (ours, _theirs) = stream_pair();
            let fd = ours.as_raw_fd();
            let _watcher = handle.watch(ours).on_read(|_| {}).start().unwrap();
            let timer = handle.timer_after(HOUR, || {}).unwrap();
            handle.defer(|| {});
            let mut kinds: Vec<_> = handle
                .registrations()
                .into_iter()
                .map(|one| (one.kind, one.fd, one.deadline))
                .collect();
            kinds.sort_by_key(|(kind, ..)| format!("{kind:?}"));
            let expected = [
                (Kind::Deferred, None, None),
                (Kind::Timer, None, timer.deadline()),
                (Kind::Watcher, Some(fd), None),
            ];
            assert_eq!(kinds, expected);
            assert_eq!(handle.live(), 3);
        });
    }

    #[test]
    fn counters_count_turns_waits_and_callbacks() {
        on_every_backend(|events| {
            let before = events.handle().counters();
            events.handle().defer(|| {});
            look(events);
            look(events);
            let _timer = events.handle().timer_after(ms(2), || {}).unwrap();
            events.run().unwrap();
            let after = events.handle().counters();
            assert_eq!(after.callbacks - before.callbacks, 2);
            assert!((1..10).contains(&(after.waits - before.waits)), "{after:?}");
            assert!((3..12).contains(&(after.turns - before.turns)), "{after:?}");
        });
    }

    #[test]
    fn debug_says_what_a_thing_is() {
        let events = EventLoop::new().unwrap();
        let (ours, _theirs) = stream_pair();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        assert_eq!(format!("{events:?}"), r#"EventLoop { backend: "epoll", live: 1 }"#);
        assert!(format!("{watcher:?}").contains("watching: true"));
        assert!(format!("{:?}", events.remote()).contains("open: true"));
    }
}

mod busy_look {
    use super::*;

    fn busy(duration: Duration) -> EventLoop {
        EventLoop::builder().busy_look(duration).build().unwrap()
    }

    #[test]
    fn finds_what_comes_while_it_looks_without_a_wait() {
        let events = busy(GENEROUS);
        let (ours, theirs) = stream_pair();
        let read = |ready: Ready<'_, UnixStream>| drop(ready.unwatch());
        let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        let other = std::thread::spawn(move || (&theirs).write_all(b"x").map(|()| theirs));
        events.run().unwrap();
        assert_eq!(events.handle().counters().waits, 0);
        other.join().unwrap().unwrap();
    }

    #[test]
    fn is_bounded_and_then_sleeps() {
        let events = busy(ms(2));
        let before = events.handle().counters();
        events.run_for(ms(50)).unwrap();
        let after = events.handle().counters();
        assert_eq!(after.waits - before.waits, 1);
    }

    #[test]
    fn ends_with_the_run() {
        let events = busy(GENEROUS);
        let start = Instant::now();
        events.run_for(ms(5)).unwrap();
        assert_eq!(events.run_once(Some(ms(5))).unwrap(), 0);
        assert!(start.elapsed() < GENEROUS);
    }

    #[test]
    fn is_ended_by_another_thread() {
        let events = busy(GENEROUS);
        let (start, remote) = (Instant::now(), events.remote());
        let other = std::thread::spawn(move || remote.stop());
        events.run_forever().unwrap();
        assert!(start.elapsed() < GENEROUS);
        other.join().unwrap().unwrap();
    }

    #[test]
    fn leaves_timers_their_turn_beside_busy_descriptors() {
        let events = busy(ms(5));
        let fired = Calls::new();
        let noted = fired.clone();
        let (ours, _theirs) = readable();
        let _busy = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let _timer = events.handle().timer_after(ms(5), move || noted.note(())).unwrap();
        run_until(&events, || fired.len() == 1);
    }

    #[test]
    fn leaves_descriptors_their_turn_beside_busy_timers() {
        let events = busy(ms(5));
        let read = Calls::new();
        let noted = read.clone();
        // Always due again by the next turn, but never when it is armed.
        let slow = |_| hold_up(Duration::from_micros(10));
        let _timer = events.handle().every(Duration::from_nanos(1), slow).unwrap();
        let (ours, _theirs) = readable();
        let call = move |_: Ready<'_, UnixStream>| noted.note(());
        let _watcher = events.handle().watch(ours).on_read(call).start().unwrap();
        run_until(&events, || read.len() == 1);
    }
}

mod test_clock {
    use super::*;

    fn virtual_loop() -> EventLoop {
        EventLoop::builder().test_clock().build().unwrap()
    }

    #[test]
    fn an_hour_of_timeouts_takes_no_time() {
        let (events, start, fired) = (virtual_loop(), Instant::now(), Calls::new());
        for n in 1..=3600 {
            let (noted, clock) = (fired.clone(), events.handle());
            let call = move || noted.note(clock.now() - n * 1_000_000_000);
            events.handle().timer_after(Duration::from_secs(n as u64), call).unwrap().detach();
        }
        events.run().unwrap();
        assert_eq!(fired.take(), [0; 3600], "each exactly when it is due");
        assert_eq!(events.handle().now(), 3600 * 1_000_000_000);
        assert!(start.elapsed() < GENEROUS);
    }

    #[test]
    fn run_for_and_run_once_last_virtual_time() {
        let (events, start) = (virtual_loop(), Instant::now());
        events.run_for(HOUR).unwrap();
        assert_eq!(events.run_once(Some(HOUR)).unwrap(), 0);
        assert_eq!(events.handle().now(), 7200 * 1_000_000_000);
        assert!(start.elapsed() < GENEROUS);
    }

    #[test]
    fn time_stands_still_while_anything_happens() {
        let events = virtual_loop();
        let (ours, _theirs) = readable();
        let mut left = 10;
        let times = Calls::new();
        let noted = times.clone();
        let read = move |ready: Ready<'_, UnixStream>| {
            noted.note(ready.handle().now());
            left -= 1;
            if left == 0 {
                ready.unwatch();
            }
        };
        let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        let _timer = events.handle().timer_after(HOUR, || {}).unwrap();
        events.run().unwrap();
        assert_eq!(times.take(), [0; 10]);
    }

    #[test]
    fn with_no_deadline_it_waits_for_the_world() {
        let events = virtual_loop();
        let remote = events.remote();
        let other = std::thread::spawn(move || remote.stop());
        events.run_forever().unwrap();
        other.join().unwrap().unwrap();
        assert_eq!(events.handle().now(), 0);
    }

    #[test]
    fn a_slow_callback_takes_no_virtual_time() {
        let events = virtual_loop();
        let _timer = events.handle().timer_after(ms(1), || hold_up(ms(5))).unwrap();
        events.run().unwrap();
        assert_eq!(events.handle().now(), 1_000_000);
    }
}

mod interruptions {
    use super::*;

    /// A shell that does this to the running process.
    fn shell(script: &str) -> Child {
        let script = script.replace("PID", &std::process::id().to_string());
        Command::new("sh").args(["-c", &script]).spawn().unwrap()
    }

    #[test]
    fn an_eintr_storm_is_invisible() {
        alone(|| {
            // Being stopped and continued interrupts every wait: EINTR.
            let mut storm = shell(
                "i=0; while [ $i -lt 300 ]; do kill -STOP PID; kill -CONT PID; i=$((i+1)); done",
            );
            for backend in ["epoll", "poll", "select"] {
                let (events, start, ticks) = (loop_on(backend), Instant::now(), Calls::new());
                let noted = ticks.clone();
                let _timer = events.handle().every(ms(5), move |count| noted.note(count)).unwrap();
                events.run_for(ms(101)).unwrap();
                assert!(start.elapsed() >= ms(101), "{backend} was early");
                assert!(ticks.take().iter().sum::<u64>() >= 20);
                drop(events);
            }
            storm.wait().unwrap();
        });
    }

    #[test]
    fn a_loop_that_was_stopped_for_50_ms_catches_up() {
        alone(|| {
            let events = EventLoop::new().unwrap();
            let (handle, counts) = (events.handle(), Calls::new());
            let noted = counts.clone();
            let call = move |count| {
                noted.note(count);
                // The gap: one call for all that was missed.
                if count >= 5 {
                    handle.stop();
                }
            };
            let timer = events.handle().every(ms(5), call).unwrap();
            let first = timer.deadline().unwrap();
            // A stop that has not come into effect would be undone.
            let mut stop = shell(
                "kill -STOP PID; until grep -q '^State:.T' /proc/PID/status; do :; done; \
                 sleep 0.05; kill -CONT PID",
            );
            events.run_for(GENEROUS).unwrap();
            stop.wait().unwrap();
            let counts = counts.take();
            assert!(counts.iter().any(|count| *count >= 5), "none was missed: {counts:?}");
            let sum: u64 = counts.iter().sum();
            assert_eq!(timer.deadline().unwrap() - first, sum as i64 * 5_000_000, "out of phase");
        });
    }
}

#[test]
fn the_captures_of_what_never_ran_are_dropped_with_the_loop() {
    on_every_backend(|events| {
        let (events, drops) = (loop_on(events.backend()), Calls::new());
        let captured = || {
            let noted = drops.clone();
            OnDrop(move || noted.note(()))
        };
        let (deferred, timed, periodic, watched) = (captured(), captured(), captured(), captured());
        events.handle().defer(move || drop(deferred));
        events.handle().timer_after(HOUR, move || drop(timed)).unwrap().detach();
        let tick = move |_| {
            let _ = &periodic;
        };
        events.handle().every(HOUR, tick).unwrap().detach();
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &watched;
        };
        events.handle().watch(stream_pair().0).on_read(read).start().unwrap().detach();
        assert_eq!(drops.len(), 0);
        drop(events);
        assert_eq!(drops.len(), 4);
    });
}
