//! Futures on the loop: what tasks, their handles and their time promise
//! (contract, section 2, "Futures").

mod hosts;
mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::io::{self, Write};
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use event::{
    AsyncFd, Elapsed, EventLoop, JoinError, JoinHandle, Kind, OnPanic, TimerError, interval, sleep,
    sleep_until, spawn, timeout, yield_now,
};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use hosts::{CBase, Make};
use support::alone::alone;
use support::peers::stream_pair;
use support::{Calls, GENEROUS, OnDrop, hold_up, look, ms, panic_of};

fn new_loop() -> EventLoop {
    EventLoop::new().unwrap()
}

/// A loop on virtual time.
fn test_loop() -> EventLoop {
    EventLoop::builder().test_clock().build().unwrap()
}

const SECOND: i64 = 1_000_000_000;

/// Counts how often it was dropped, and says where.
#[derive(Clone, Default)]
struct Drops(Rc<RefCell<Vec<ThreadId>>>);

impl Drops {
    fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// A value that is counted when it goes.
    fn guard(&self) -> impl Sized + use<> {
        let drops = self.0.clone();
        OnDrop(move || drops.borrow_mut().push(std::thread::current().id()))
    }

    /// A future that never ends, and is counted when it goes.
    fn pending(&self) -> impl Future<Output = ()> + use<> {
        let guard = self.guard();
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    }
}

/// Polls once, for nobody.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn block_on_returns_what_the_future_comes_to_and_lets_it_borrow() {
    let events = new_loop();
    let text = String::from("borrowed");
    assert_eq!(events.block_on(async { text.as_str() }).unwrap(), "borrowed");
    assert_eq!(events.block_on(ready(7)).unwrap(), 7);
}

#[test]
fn a_task_runs_and_its_handle_yields_its_value() {
    let events = new_loop();
    let task = events.handle().spawn(async {
        yield_now().await;
        Rc::new(42)
    });
    assert!(!task.is_finished());
    assert_eq!(*events.block_on(task).unwrap().unwrap(), 42);
}

#[test]
fn tasks_await_each_other() {
    let events = new_loop();
    let sum = events.block_on(async {
        let leaves = (1..=10).map(|leaf| {
            spawn(async move {
                yield_now().await;
                leaf
            })
        });
        let leaves: Vec<JoinHandle<u32>> = leaves.collect();
        let root = spawn(async move {
            let mut sum = 0;
            for leaf in leaves {
                sum += leaf.await.unwrap();
            }
            sum
        });
        root.await.unwrap()
    });
    assert_eq!(sum.unwrap(), 55);
}

#[test]
fn tasks_take_turns_in_the_order_in_which_they_were_spawned() {
    let events = new_loop();
    let calls = Calls::new();
    for name in ["a", "b", "c"] {
        let calls = calls.clone();
        drop(events.handle().spawn(async move {
            for turn in 0..3 {
                calls.note((turn, name));
                yield_now().await;
            }
        }));
    }
    events.run().unwrap();
    let expected: Vec<_> =
        (0..3).flat_map(|turn| ["a", "b", "c"].map(|name| (turn, name))).collect();
    assert_eq!(calls.take(), expected);
}

#[test]
fn the_future_of_block_on_takes_turns_with_the_tasks() {
    let calls = Calls::new();
    let noted = calls.clone();
    new_loop()
        .block_on(async move {
            let others = noted.clone();
            let task = spawn(async move {
                for _ in 0..3 {
                    others.note("task");
                    yield_now().await;
                }
            });
            for _ in 0..3 {
                noted.note("root");
                yield_now().await;
            }
            task.await.unwrap();
        })
        .unwrap();
    assert_eq!(calls.take(), ["root", "task"].repeat(3));
}

#[test]
fn an_aborted_task_is_dropped_and_its_handle_says_cancelled() {
    let events = new_loop();
    let drops = Drops::default();
    let task = events.handle().spawn(drops.pending());
    look(&events);
    task.abort();
    assert_eq!(drops.count(), 0, "user code runs under the loop only");
    let error = events.block_on(task).unwrap().unwrap_err();
    assert!(error.is_cancelled() && !error.is_panic());
    assert_eq!(error.to_string(), "the task was cancelled");
    assert!(error.into_panic().is_none());
    assert_eq!(drops.count(), 1);
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn a_task_aborted_before_its_first_poll_never_runs() {
    let events = new_loop();
    let ran = Rc::new(Cell::new(false));
    let saw = ran.clone();
    let task = events.handle().spawn(async move { saw.set(true) });
    task.abort();
    assert!(events.block_on(task).unwrap().unwrap_err().is_cancelled());
    assert!(!ran.get());
}

#[test]
fn a_task_can_abort_itself() {
    let events = new_loop();
    let own: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    let mine = own.clone();
    let drops = Drops::default();
    let guard = drops.guard();
    let task = events.handle().spawn(async move {
        let _guard = guard;
        mine.borrow().as_ref().unwrap().abort();
        yield_now().await;
        unreachable!("aborted");
    });
    *own.borrow_mut() = Some(task);
    events.run().unwrap();
    assert_eq!(drops.count(), 1);
    let task = own.take().unwrap();
    assert!(events.block_on(task).unwrap().unwrap_err().is_cancelled());
}

#[test]
fn abort_leaves_a_task_that_has_ended_alone_and_those_after_it() {
    let events = new_loop();
    let first = events.handle().spawn(async { 1 });
    look(&events);
    assert!(first.is_finished());
    // It takes the place of the first in the table of live tasks.
    let second = events.handle().spawn(async { 2 });
    first.abort();
    assert_eq!(events.block_on(async { (first.await, second.await) }).unwrap().0.unwrap(), 1);
}

#[test]
fn a_dropped_handle_lets_its_task_go_on() {
    let events = new_loop();
    let done = Rc::new(Cell::new(false));
    let saw = done.clone();
    drop(events.handle().spawn(async move {
        sleep(ms(1)).await;
        saw.set(true);
    }));
    events.run().unwrap();
    assert!(done.get());
}

#[test]
fn a_panic_is_the_awaiters_with_its_payload() {
    let events = new_loop();
    let task = events.handle().spawn(async { panic_any(7_u8) });
    let error: JoinError = events.block_on(task).unwrap().unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&7_u8));
    let task = events.handle().spawn(async { panic!("with {}", "words") });
    let error: io::Error = events.block_on(task).unwrap().unwrap_err().into();
    assert_eq!(error.to_string(), "the task panicked: with words");
}

#[test]
fn a_panic_of_a_task_that_nobody_awaits_comes_out_of_run_and_loses_nothing() {
    let events = new_loop();
    let others = Rc::new(Cell::new(0));
    for name in ["first", "second"] {
        drop(events.handle().spawn(async move { panic!("{name}") }));
        let others = others.clone();
        drop(events.handle().spawn(async move { others.set(others.get() + 1) }));
    }
    assert_eq!(panic_of(|| events.run().unwrap()), "first");
    assert_eq!(panic_of(|| events.block_on(pending::<()>()).unwrap()), "second");
    events.run().unwrap();
    assert_eq!(others.get(), 2);
}

#[test]
fn a_panic_whose_handle_is_dropped_unawaited_comes_out_of_the_next_run() {
    let events = new_loop();
    let task = events.handle().spawn(async { panic!("unheard") });
    events.run().unwrap();
    assert!(task.is_finished());
    drop(task);
    assert_eq!(events.handle().live(), 1, "it keeps run from returning without a turn");
    assert_eq!(panic_of(|| events.run().unwrap()), "unheard");
    events.run().unwrap();
}

#[test]
fn a_panic_in_a_captured_drop_comes_out_of_run_and_aborts_nothing() {
    let events = new_loop();
    let bomb = |text: &'static str| OnDrop(move || panic!("{text}"));

    // With the future, when it is done.
    let guard = bomb("done");
    let task = events.handle().spawn(poll_fn(move |_| {
        let _guard = &guard;
        Poll::Ready(7)
    }));
    assert_eq!(panic_of(|| events.run().unwrap()), "done");
    assert_eq!(events.block_on(task).unwrap().unwrap(), 7);

    // With the future, when it is aborted.
    let guard = bomb("aborted");
    let task = events.handle().spawn(async move {
        let _guard = guard;
        pending::<()>().await
    });
    look(&events);
    task.abort();
    assert_eq!(panic_of(|| events.run().unwrap()), "aborted");
    assert!(events.block_on(task).unwrap().unwrap_err().is_cancelled());

    // With a value that nobody takes.
    drop(events.handle().spawn(async move { bomb("value") }));
    assert_eq!(panic_of(|| events.run().unwrap()), "value");
    events.run().unwrap();
}

#[test]
fn a_panic_of_the_future_of_block_on_comes_out_and_the_loop_goes_on() {
    let events = new_loop();
    let task = events.handle().spawn(async { 7 });
    assert_eq!(panic_of(|| events.block_on(async { panic!("root") }).unwrap()), "root");
    assert_eq!(events.block_on(task).unwrap().unwrap(), 7);
}

#[test]
fn a_loop_dropped_with_a_hundred_pending_futures_drops_them_all() {
    let events = new_loop();
    let drops = Drops::default();
    let handle = events.handle();
    let mut tasks: Vec<_> = (0..50).map(|_| handle.spawn(drops.pending())).collect();
    // Some wait for the others, some are known to nobody.
    let others: Vec<_> = tasks.drain(..25).collect();
    for other in others {
        let guard = drops.guard();
        drop(handle.spawn(async move {
            let _guard = guard;
            other.await.unwrap();
        }));
    }
    (0..25).for_each(|_| drop(handle.spawn(drops.pending())));
    look(&events);
    // And some were never polled.
    (0..12).for_each(|_| drop(handle.spawn(drops.pending())));
    assert_eq!((handle.live(), drops.count()), (112, 0));
    drop(events);
    assert_eq!((handle.live(), drops.count()), (0, 112));
    for task in tasks {
        assert!(task.is_finished());
        assert!(new_loop().block_on(task).unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_panic_in_a_captured_drop_comes_out_of_the_loops_drop_after_all_others() {
    let events = new_loop();
    let drops = Drops::default();
    let guard = OnDrop(|| panic!("at the end"));
    drop(events.handle().spawn(drops.pending()));
    drop(events.handle().spawn(async move {
        let _guard = guard;
        pending::<()>().await
    }));
    drop(events.handle().spawn(drops.pending()));
    look(&events);
    assert_eq!(panic_of(|| drop(events)), "at the end");
    assert_eq!(drops.count(), 2);
}

#[test]
fn futures_that_wake_and_spawn_while_the_loop_drops_them_are_harmless() {
    let events = new_loop();
    let drops = Drops::default();
    let woken: Rc<RefCell<Option<Waker>>> = Rc::default();
    let (handle, waker, inner) = (events.handle(), woken.clone(), drops.clone());
    drop(events.handle().spawn(async move {
        let _guard = OnDrop(move || {
            waker.take().unwrap().wake();
            assert!(handle.spawn(inner.pending()).is_finished());
        });
        pending::<()>().await
    }));
    let waker = woken.clone();
    let guard = drops.guard();
    drop(events.handle().spawn(async move {
        let _guard = guard;
        poll_fn(|cx| {
            *waker.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        })
        .await
    }));
    look(&events);
    drop(events);
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_task_may_drop_the_loop_that_polls_it_while_c_drives() {
    // C enables libevent's threads, before this process makes any base.
    alone(|| {
        let base = CBase::new(Make::Locked);
        let events = Rc::new(RefCell::new(Some(base.lend(OnPanic::Abort))));
        let handle = events.borrow().as_ref().unwrap().handle();
        let drops = Drops::default();
        (0..10).for_each(|_| drop(handle.spawn(drops.pending())));
        let guard = drops.guard();
        let after = Rc::new(Cell::new(false));
        let (own, saw) = (events.clone(), after.clone());
        drop(handle.spawn(async move {
            let _guard = guard;
            let own = own.take();
            drop(own);
            saw.set(true);
            yield_now().await;
            unreachable!("its loop is gone");
        }));
        (0..10).for_each(|_| drop(handle.spawn(drops.pending())));
        base.dispatch();
        assert!(after.get());
        assert_eq!((drops.count(), handle.live()), (21, 0));
    });
}

#[test]
fn spawning_on_a_loop_that_is_gone_drops_the_future_and_says_cancelled() {
    let handle = new_loop().handle();
    let drops = Drops::default();
    let task = handle.spawn(drops.pending());
    assert_eq!(drops.count(), 1);
    assert!(task.is_finished());
    task.abort();
    assert!(new_loop().block_on(task).unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_turn_polls_all_who_were_ready_when_it_began_and_not_for_ever() {
    const MANY: usize = 1000;
    let events = new_loop();
    let polls = Rc::new(Cell::new(0));
    for _ in 0..MANY {
        let polls = polls.clone();
        events.handle().spawn(async move {
            loop {
                polls.set(polls.get() + 1);
                yield_now().await;
            }
        });
    }
    // Were some left for the next turn, their descriptors would be reported again.
    for turn in 1..=3 {
        events.run_once(Some(Duration::ZERO)).unwrap();
        assert_eq!(polls.get(), turn * MANY);
    }
}

#[test]
fn a_task_that_wakes_itself_for_ever_starves_neither_timer_nor_descriptor() {
    let events = new_loop();
    let (ours, theirs) = stream_pair();
    let (fired, read) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let spinner = events.handle().spawn(async {
        loop {
            yield_now().await;
        }
    });
    let sees = read.clone();
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        sees.set(true);
        ready.unwatch();
    });
    let _watcher = watcher.start().unwrap();
    let start = Instant::now();
    let sees = fired.clone();
    let _timer = events
        .handle()
        .timer_after(ms(1), move || {
            sees.set(true);
            (&theirs).write_all(b"x").unwrap();
        })
        .unwrap();
    let both = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if fired.get() && read.get() { Poll::Ready(()) } else { Poll::Pending }
    });
    events.block_on(events.handle().timeout(GENEROUS, both)).unwrap().unwrap();
    assert!(start.elapsed() < ms(500), "took {:?}", start.elapsed());
    assert!(!spinner.is_finished());
}

#[test]
fn a_sleep_is_not_starved_by_its_own_tasks_either() {
    let events = new_loop();
    let slept = events.block_on(async {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
        let start = Instant::now();
        sleep(ms(1)).await;
        start.elapsed()
    });
    let slept = slept.unwrap();
    assert!(slept >= ms(1) && slept < ms(500), "slept {slept:?}");
}

#[test]
fn run_returns_when_the_last_task_has_ended_and_counts_tasks_as_live() {
    let events = new_loop();
    let handle = events.handle();
    let task = handle.spawn(async {
        sleep(ms(2)).await;
        spawn(async { sleep(ms(2)).await });
    });
    assert_eq!(handle.live(), 1);
    assert_eq!(handle.registrations()[0].kind, Kind::Task);
    let start = Instant::now();
    events.run().unwrap();
    assert!(start.elapsed() >= ms(4));
    assert!(task.is_finished());
    assert_eq!(handle.live(), 0);
    assert!(handle.registrations().is_empty());
}

#[test]
fn run_and_block_on_are_refused_inside_a_task_and_inside_block_on() {
    let events = Rc::new(new_loop());
    let inner = events.clone();
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ResourceBusy;
    let task = events.handle().spawn(async move {
        assert!(refused(inner.block_on(ready(())).unwrap_err()));
        assert!(refused(inner.run().unwrap_err()));
        assert!(refused(inner.run_once(None).unwrap_err()));
    });
    events.block_on(task).unwrap().unwrap();
    let nested = events.block_on(async { events.block_on(ready(())) });
    assert!(refused(nested.unwrap().unwrap_err()));
    let deep = events.clone();
    let refusal = Rc::new(Cell::new(false));
    let saw = refusal.clone();
    events.handle().defer(move || saw.set(refused(deep.block_on(ready(())).unwrap_err())));
    look(&events);
    assert!(refusal.get());
}

#[test]
fn another_loop_may_run_inside_a_task_and_wakes_find_their_way_back() {
    let outer = new_loop();
    let answer = outer.block_on(async {
        let before = spawn(async {
            yield_now().await;
            1
        });
        let inner = new_loop();
        let task = inner.handle().spawn(async {
            sleep(ms(1)).await;
            2
        });
        let second = inner.block_on(task).unwrap().unwrap();
        let after = spawn(async { 3 });
        before.await.unwrap() + second + after.await.unwrap()
    });
    assert_eq!(answer.unwrap(), 6);
}

#[test]
fn a_task_awaits_one_of_another_loop_of_its_thread() {
    let (one, two) = (new_loop(), new_loop());
    let far = two.handle().spawn(async {
        sleep(ms(1)).await;
        7
    });
    let near = one.handle().spawn(async move { far.await.unwrap() });
    let start = Instant::now();
    while !near.is_finished() {
        assert!(start.elapsed() < GENEROUS);
        two.run_for(ms(1)).unwrap();
        one.run_for(ms(1)).unwrap();
    }
    assert_eq!(one.block_on(near).unwrap().unwrap(), 7);
}

#[test]
fn stop_ends_block_on_with_an_error_and_leaves_the_tasks() {
    let events = new_loop();
    let handle = events.handle();
    let task = handle.spawn(async {
        sleep(ms(5)).await;
        7
    });
    handle.defer({
        let handle = handle.clone();
        move || handle.stop()
    });
    let error = events.block_on(pending::<()>()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert_eq!(events.block_on(task).unwrap().unwrap(), 7);
}

#[test]
fn block_on_goes_on_with_a_future_that_it_was_lent() {
    let events = new_loop();
    let mut count = 0;
    {
        let mut future = pin!(async {
            for _ in 0..3 {
                count += 1;
                event::LoopHandle::current().unwrap().stop();
                yield_now().await;
                sleep(ms(1)).await;
            }
        });
        let tries = (0..4).map(|_| events.block_on(future.as_mut()).is_ok());
        assert_eq!(tries.collect::<Vec<_>>(), [false, false, false, true]);
    }
    assert_eq!(count, 3);
}

#[test]
fn a_waker_left_by_an_earlier_block_on_disturbs_nobody() {
    let events = new_loop();
    let mut kept = None;
    let keep = poll_fn(|cx| {
        kept = Some(cx.waker().clone());
        Poll::Ready(())
    });
    events.block_on(keep).unwrap();
    let kept = kept.unwrap();
    for _ in 0..3 {
        kept.wake_by_ref();
        events.run().unwrap();
        kept.wake_by_ref();
        events.block_on(sleep_in(&events, 1)).unwrap();
    }
    kept.wake_by_ref();
    support::assert_sleeps(&events);
    drop(events);
    kept.wake();
}

fn sleep_in(events: &EventLoop, milliseconds: u64) -> event::Sleep {
    events.handle().sleep(ms(milliseconds))
}

#[test]
fn an_idle_loop_with_waiting_tasks_sleeps() {
    let events = new_loop();
    for _ in 0..10 {
        drop(events.handle().spawn(pending::<()>()));
    }
    look(&events);
    support::assert_sleeps(&events);
}

#[test]
fn sleeping_is_exact_on_a_test_clock_and_takes_no_time() {
    let events = test_loop();
    let handle = events.handle();
    let start = Instant::now();
    events
        .block_on(async {
            for minute in 1..=60 {
                sleep(Duration::from_secs(60)).await;
                assert_eq!(handle.now(), minute * 60 * SECOND);
            }
        })
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines_and_equal_ones_in_that_of_their_start() {
    let events = test_loop();
    let calls = Calls::new();
    for (name, seconds) in [("a", 3), ("b", 1), ("c", 3), ("d", 2), ("e", 1)] {
        let calls = calls.clone();
        drop(events.handle().spawn(async move {
            sleep(Duration::from_secs(seconds)).await;
            calls.note(name);
        }));
    }
    events.run().unwrap();
    assert_eq!(calls.take(), ["b", "e", "d", "a", "c"]);
}

#[test]
fn a_sleep_counts_from_its_making_and_not_from_its_first_poll() {
    let events = test_loop();
    let handle = events.handle();
    events
        .block_on(async {
            let early = sleep(Duration::from_secs(2));
            let until = sleep_until(3 * SECOND);
            sleep(Duration::from_secs(1)).await;
            early.await;
            assert_eq!(handle.now(), 2 * SECOND);
            until.await;
            assert_eq!(handle.now(), 3 * SECOND);
        })
        .unwrap();
}

#[test]
fn a_sleep_is_never_early() {
    let events = new_loop();
    events
        .block_on(async {
            for micros in [0, 1, 50, 300, 1300, 5000] {
                let (start, duration) = (Instant::now(), Duration::from_micros(micros));
                // Also not after a poll that took its time.
                hold_up(Duration::from_micros(200));
                let held = Instant::now();
                sleep(duration).await;
                assert!(held.elapsed() >= duration, "{micros} us: {:?}", start.elapsed());
            }
        })
        .unwrap();
}

#[test]
fn a_deadline_that_has_passed_is_met_in_the_next_turn_and_not_before() {
    let events = new_loop();
    let mut past = events.handle().sleep_until(events.handle().now() - SECOND);
    assert!(poll_once(&mut past).is_pending());
    events.block_on(&mut past).unwrap();
    let turns = events.handle().counters().turns;
    events.block_on(events.handle().sleep(Duration::ZERO)).unwrap();
    assert!(events.handle().counters().turns > turns);
}

#[test]
fn a_sleep_beyond_the_clock_is_for_ever() {
    let events = new_loop();
    let limit = events.handle().timeout(ms(2), events.handle().sleep(Duration::MAX));
    assert_eq!(events.block_on(limit).unwrap(), Err(Elapsed));
}

#[test]
fn a_dropped_sleep_leaves_nothing_behind() {
    let events = new_loop();
    let sleeps: Vec<_> = (1..=100).map(|minutes| sleep_in(&events, minutes * 60_000)).collect();
    assert_eq!(events.handle().live(), 100);
    drop(sleeps);
    assert_eq!(events.handle().live(), 0);
    events.run().unwrap();
}

#[test]
fn a_sleep_begins_anew_while_it_lasts_and_when_it_is_over() {
    let events = test_loop();
    let handle = events.handle();
    let mut sleep = handle.sleep(Duration::from_secs(1));
    assert!(poll_once(&mut sleep).is_pending());
    sleep.reset(Duration::from_secs(5));
    assert_eq!(sleep.deadline(), Some(5 * SECOND));
    events.block_on(&mut sleep).unwrap();
    assert_eq!((handle.now(), sleep.deadline()), (5 * SECOND, None));
    sleep.reset(Duration::from_secs(1));
    events.block_on(&mut sleep).unwrap();
    assert_eq!(handle.now(), 6 * SECOND);
    sleep.reset_at(7 * SECOND);
    events.block_on(&mut sleep).unwrap();
    assert_eq!(handle.now(), 7 * SECOND);
    // Ready for whoever asks again.
    assert!(poll_once(&mut sleep).is_ready());
}

#[test]
fn a_sleep_wakes_whoever_polled_it_last() {
    let events = test_loop();
    let mut nap = events.handle().sleep(Duration::from_secs(1));
    assert!(poll_once(&mut nap).is_pending());
    let task = events.handle().spawn(nap);
    events.run().unwrap();
    assert!(task.is_finished());
}

#[test]
fn polling_a_sleep_whose_loop_is_gone_panics_instead_of_hanging() {
    let mut sleep = new_loop().handle().sleep(ms(1));
    let text = panic_of(|| assert!(poll_once(&mut sleep).is_ready()));
    assert_eq!(text, "cannot sleep: the event loop is gone");
    sleep.reset(ms(1));
}

#[test]
fn the_free_functions_say_that_no_loop_is_running() {
    let text = panic_of(|| drop(sleep(ms(1))));
    assert_eq!(text, "no event loop is running on this thread");
    assert_eq!(panic_of(|| drop(spawn(async {}))), text);
}

#[test]
fn a_timeout_cancels_by_dropping() {
    let events = test_loop();
    let drops = Drops::default();
    let limited = events.handle().timeout(Duration::from_secs(1), drops.pending());
    let elapsed = events.block_on(limited).unwrap().unwrap_err();
    assert_eq!(drops.count(), 1);
    assert_eq!(events.handle().live(), 0);
    assert_eq!(io::Error::from(elapsed).kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_timeout_asks_its_future_before_the_clock_and_leaves_one_that_is_lent() {
    let events = test_loop();
    events
        .block_on(async {
            let second = Duration::from_secs(1);
            assert_eq!(timeout(second, sleep(second)).await, Ok(()));
            let mut task = spawn(async {
                sleep(Duration::from_secs(2)).await;
                7
            });
            assert!(timeout(second, &mut task).await.is_err());
            assert_eq!(timeout(second, &mut task).await.unwrap().unwrap(), 7);
        })
        .unwrap();
}

#[test]
fn an_interval_keeps_its_phase_and_counts_what_was_missed() {
    let events = test_loop();
    let handle = events.handle();
    events
        .block_on(async {
            sleep(Duration::from_secs(1)).await;
            let mut ticks = interval(Duration::from_secs(10)).unwrap();
            for expected in [11, 21] {
                assert_eq!(ticks.tick().await, 1);
                assert_eq!(handle.now(), expected * SECOND);
            }
            sleep(Duration::from_secs(34)).await;
            assert_eq!(ticks.tick().await, 3);
            assert_eq!(handle.now(), 55 * SECOND, "at once");
            assert_eq!(ticks.tick().await, 1);
            assert_eq!(handle.now(), 61 * SECOND, "in phase with 1 s");
        })
        .unwrap();
}

#[test]
fn an_interval_is_a_stream_that_ends_with_its_loop() {
    let events = test_loop();
    let mut ticks = events.handle().interval(Duration::from_secs(1)).unwrap();
    let next = events.block_on(poll_fn(|cx| Pin::new(&mut ticks).poll_next(cx)));
    assert_eq!(next.unwrap(), Some(1));
    assert!(!ticks.is_terminated());
    drop(events);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut ticks).poll_next(&mut cx), Poll::Ready(None));
    assert!(ticks.is_terminated());
}

#[test]
fn an_interval_of_nothing_or_of_too_much_is_an_error() {
    let handle = new_loop().handle();
    assert!(matches!(handle.interval(Duration::ZERO), Err(TimerError::ZeroPeriod)));
    assert!(matches!(handle.interval(Duration::MAX), Err(TimerError::OutOfRange)));
    assert!(matches!(handle.interval(ms(1)), Err(TimerError::Loop(_))));
}

#[test]
fn tasks_wait_for_descriptors() {
    let events = new_loop();
    let (ours, theirs) = stream_pair();
    let ours = AsyncFd::new(&events.handle(), ours).unwrap();
    let reader = events.handle().spawn(async move {
        let mut byte = [0];
        ours.read_with(|mut io| io::Read::read(&mut io, &mut byte)).await.unwrap();
        byte[0]
    });
    let writer = events.handle().spawn(async move {
        sleep(ms(1)).await;
        (&theirs).write_all(b"x").unwrap();
    });
    assert_eq!(events.block_on(reader).unwrap().unwrap(), b'x');
    assert!(writer.is_finished());
}

#[test]
fn a_future_beyond_the_size_of_an_inline_one_is_as_good() {
    let events = new_loop();
    let drops = Drops::default();
    let (large, guard) = ([7_u8; 10_000], drops.guard());
    let task = events.handle().spawn(async move {
        let _guard = guard;
        yield_now().await;
        large.iter().map(|byte| u32::from(*byte)).sum::<u32>()
    });
    assert_eq!(events.block_on(task).unwrap().unwrap(), 70_000);
    assert_eq!(drops.count(), 1);
}
