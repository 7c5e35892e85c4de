//! Waking a callback from other threads, by eventfd: one test per property.

mod posix;
mod support;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use event::{EventLoop, Kind, LoopClosed, LoopWaker};
use support::alone::{alone, descriptors};
use support::on_every_backend;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A place to note counts in, and a callback that does.
fn counts() -> (Rc<RefCell<Vec<u64>>>, impl FnMut(u64) + 'static) {
    let counts = Rc::new(RefCell::new(Vec::new()));
    let noting = counts.clone();
    (counts, move |count| noting.borrow_mut().push(count))
}

#[test]
fn a_waker_goes_to_any_thread() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    crosses::<LoopWaker>();
}

#[test]
fn of_eight_threads_with_100_000_wakes_each_none_is_lost() {
    const THREADS: u64 = 8;
    const WAKES: u64 = 100_000;
    let events = EventLoop::new().unwrap();
    let (sum, calls, stop) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)), events.handle());
    let (adding, calling) = (sum.clone(), calls.clone());
    let wakes = events.handle().watch_wakes(move |count| {
        calling.set(calling.get() + 1);
        adding.set(adding.get() + count);
        if adding.get() == THREADS * WAKES {
            stop.stop();
        }
    });
    let wakes = wakes.unwrap();
    let start = Arc::new(Barrier::new(THREADS as usize));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (waker, start) = (wakes.waker(), start.clone());
            thread::spawn(move || {
                start.wait();
                (0..WAKES).for_each(|_| waker.wake().unwrap());
            })
        })
        .collect();
    events.run().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(events.run_once(NOW).unwrap(), 0, "none is told twice");
    assert_eq!(sum.get(), THREADS * WAKES);
    assert!(calls.get() <= sum.get());
}

/// Each wake waits for its answer: one that is lost would hang here.
#[test]
fn each_of_10_000_single_wakes_ends_a_wait() {
    let events = EventLoop::new().unwrap();
    let answer = Arc::new(Barrier::new(2));
    let (answering, total) = (answer.clone(), Rc::new(Cell::new(0)));
    let (adding, stop) = (total.clone(), events.handle());
    let wakes = events.handle().watch_wakes(move |count| {
        adding.set(adding.get() + count);
        answering.wait();
        if adding.get() == 10_000 {
            stop.stop();
        }
    });
    let wakes = wakes.unwrap();
    let waker = wakes.waker();
    let other = thread::spawn(move || {
        for _ in 0..10_000 {
            waker.wake().unwrap();
            answer.wait();
        }
    });
    events.run().unwrap();
    other.join().unwrap();
    assert_eq!(total.get(), 10_000);
}

#[test]
fn wakes_before_the_first_wait_are_one_call_with_their_count() {
    let events = EventLoop::new().unwrap();
    let (counts, note) = counts();
    let wakes = events.handle().watch_wakes(note).unwrap();
    let waker = wakes.waker();
    thread::spawn(move || (0..1000).for_each(|_| waker.wake().unwrap())).join().unwrap();
    assert!(counts.borrow().is_empty());
    assert_eq!(events.run_once(NOW).unwrap(), 1);
    assert_eq!(events.run_once(NOW).unwrap(), 0);
    assert_eq!(*counts.borrow(), [1000]);
}

#[test]
fn a_wake_inside_the_callback_is_another_call() {
    let events = EventLoop::new().unwrap();
    let (waker, stop) = (Rc::new(RefCell::new(None::<LoopWaker>)), events.handle());
    let (inner, mut left) = (waker.clone(), 5);
    let wakes = events.handle().watch_wakes(move |count| {
        assert_eq!(count, 1);
        left -= 1;
        match left {
            0 => stop.stop(),
            _ => inner.borrow().as_ref().unwrap().wake().unwrap(),
        }
    });
    let wakes = wakes.unwrap();
    waker.replace(Some(wakes.waker()));
    wakes.waker().wake().unwrap();
    events.run().unwrap();
}

#[test]
fn wakers_are_told_when_nobody_listens_any_more() {
    let events = EventLoop::new().unwrap();
    let captured = Rc::new(());
    let held = captured.clone();
    let first = events.handle().watch_wakes(move |_| drop(held.clone())).unwrap();
    let second = events.handle().watch_wakes(|_| {}).unwrap();
    let wakers = [first.waker(), second.waker()];
    assert_eq!(wakers.each_ref().map(LoopWaker::wake), [Ok(()), Ok(())]);
    drop(first);
    assert_eq!(Rc::strong_count(&captured), 1, "the callback is dropped");
    assert_eq!(wakers.each_ref().map(LoopWaker::wake), [Err(LoopClosed), Ok(())]);
    drop(events);
    assert!(!second.is_watching());
    assert_eq!(wakers.each_ref().map(LoopWaker::wake), [Err(LoopClosed); 2]);
    let late = thread::spawn(move || wakers[1].wake());
    assert_eq!(late.join().unwrap(), Err(LoopClosed));
}

#[test]
fn a_callback_may_end_its_own_watch() {
    let events = EventLoop::new().unwrap();
    let slot = Rc::new(RefCell::new(None));
    let inner = slot.clone();
    let wakes = events.handle().watch_wakes(move |_| drop(inner.take())).unwrap();
    let waker = wakes.waker();
    slot.replace(Some(wakes));
    waker.wake().unwrap();
    events.run().unwrap();
    assert_eq!(waker.wake(), Err(LoopClosed));
    assert_eq!(Rc::strong_count(&slot), 1, "the captures are dropped");
}

#[test]
fn a_panic_comes_out_of_run_and_later_wakes_are_heard() {
    let events = EventLoop::new().unwrap();
    let (counts, mut note) = counts();
    let mut first = true;
    let wakes = events.handle().watch_wakes(move |count| {
        assert!(!std::mem::replace(&mut first, false), "in a waker's callback");
        note(count);
    });
    let wakes = wakes.unwrap();
    wakes.waker().wake().unwrap();
    catch_unwind(AssertUnwindSafe(|| events.run_once(None))).unwrap_err();
    wakes.waker().wake().unwrap();
    events.run_once(None).unwrap();
    assert_eq!(*counts.borrow(), [1]);
}

#[test]
fn a_watch_is_listed_as_a_waker_and_keeps_the_loop_running() {
    let events = EventLoop::new().unwrap();
    let wakes = events.handle().watch_wakes(|_| {}).unwrap();
    let kinds: Vec<_> = events.handle().registrations().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Waker]);
    drop(wakes);
    events.run().unwrap();
}

#[test]
fn a_detached_watch_goes_on_until_the_loop_ends() {
    let events = EventLoop::new().unwrap();
    let (counts, note) = counts();
    let wakes = events.handle().watch_wakes(note).unwrap();
    let waker = wakes.waker();
    wakes.detach();
    waker.wake().unwrap();
    events.run_once(None).unwrap();
    assert_eq!(*counts.borrow(), [1]);
    drop(events);
    assert_eq!(waker.wake(), Err(LoopClosed));
}

#[test]
fn every_backend_hears_wakes() {
    on_every_backend(|events| {
        let (counts, note) = counts();
        let wakes = events.handle().watch_wakes(note).unwrap();
        for _ in 0..3 {
            wakes.waker().wake().unwrap();
            assert_eq!(events.run_once(NOW).unwrap(), 1);
            assert_eq!(events.run_once(NOW).unwrap(), 0);
        }
        assert_eq!(*counts.borrow(), [1, 1, 1]);
    });
}

#[test]
fn wakes_of_two_loops_are_kept_apart() {
    let (first, second) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let (counts, note) = counts();
    let ours = first.handle().watch_wakes(note).unwrap();
    let _theirs =
        second.handle().watch_wakes(|_| unreachable!("woken by another's waker")).unwrap();
    ours.waker().wake().unwrap();
    assert_eq!(second.run_once(NOW).unwrap(), 0);
    assert_eq!(first.run_once(NOW).unwrap(), 1);
    assert_eq!(*counts.borrow(), [1]);
}

#[test]
fn a_waker_s_descriptor_is_gone_with_the_last_of_its_owners() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let before = descriptors();
        let wakes = events.handle().watch_wakes(|_| {}).unwrap();
        let waker = wakes.waker();
        drop(wakes);
        assert_eq!(waker.wake(), Err(LoopClosed));
        drop(waker);
        assert_eq!(descriptors(), before);
    });
}

/// The threads end, and without harm, because the loop does.
#[test]
fn a_waker_may_race_with_the_end_of_the_loop() {
    for _ in 0..200 {
        let events = EventLoop::new().unwrap();
        let wakes = events.handle().watch_wakes(|_| {}).unwrap();
        let waker = wakes.waker();
        let other = thread::spawn(move || while waker.wake().is_ok() {});
        assert_eq!(events.run_once(None).unwrap(), 1);
        drop(events);
        other.join().unwrap();
    }
}
