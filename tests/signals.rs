//! Signals as callbacks: one test per property.
//!
//! A signal that nobody watches kills, and so would one of these tests the
//! others that run beside it: each has a real-time signal of its own and
//! sends it to its own thread, or runs in a process of its own.

mod posix;
mod support;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use event::{Arrival, EventLoop, Kind, Signal, SignalError};
use posix::{Target, is_blocked, raise};
use support::alone::{alone, alone_blocking, descriptors};
use support::on_every_backend;

fn real_time(n: u8) -> Signal {
    Signal::real_time(n).unwrap()
}

/// A place to note arrivals in, and a callback that does.
fn notes() -> (Rc<RefCell<Vec<Arrival>>>, impl FnMut(Arrival) + 'static) {
    let notes = Rc::new(RefCell::new(Vec::new()));
    let noting = notes.clone();
    (notes, move |arrival| noting.borrow_mut().push(arrival))
}

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn a_signal_is_reported_with_its_number_its_sender_and_its_count() {
    let signal = real_time(0);
    let events = EventLoop::new().unwrap();
    let (notes, note) = notes();
    let _watcher = events.handle().watch_signal(signal, note).unwrap();
    raise(signal);
    assert!(notes.borrow().is_empty(), "never inline");
    assert_eq!(events.run_once(None).unwrap(), 1);
    let arrival = notes.borrow()[0];
    assert_eq!((arrival.signal, arrival.count), (signal, 1));
    assert_eq!(arrival.sender, std::process::id());
    assert_eq!(arrival.user, rustix::process::getuid().as_raw());
    assert_eq!(events.run_once(NOW).unwrap(), 0, "reported once");
}

#[test]
fn signals_that_waited_are_one_call_with_their_count() {
    let signal = real_time(1);
    let events = EventLoop::new().unwrap();
    let (notes, note) = notes();
    let _watcher = events.handle().watch_signal(signal, note).unwrap();
    (0..100).for_each(|_| raise(signal));
    events.run_once(None).unwrap();
    assert_eq!(notes.borrow().iter().map(|arrival| arrival.count).collect::<Vec<_>>(), [100]);
}

#[test]
fn a_flood_is_counted_in_full_and_leaves_room_for_other_descriptors() {
    let signal = real_time(2);
    let events = EventLoop::new().unwrap();
    let (notes, note) = notes();
    let _watcher = events.handle().watch_signal(signal, note).unwrap();
    (0..3000).for_each(|_| raise(signal));
    while events.run_once(NOW).unwrap() > 0 {}
    let counts: Vec<_> = notes.borrow().iter().map(|arrival| arrival.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 3000);
    assert!(counts.len() > 1, "a turn takes a bounded share: {counts:?}");
}

#[test]
fn a_signal_ends_a_wait() {
    let signal = real_time(3);
    let events = EventLoop::new().unwrap();
    let (notes, note) = notes();
    let _watcher = events.handle().watch_signal(signal, note).unwrap();
    let target = Target::this_thread();
    let sender = thread::spawn(move || target.send(signal));
    assert_eq!(events.run_once(None).unwrap(), 1);
    sender.join().unwrap();
    assert_eq!(notes.borrow().len(), 1);
}

#[test]
fn no_handler_is_installed() {
    let signal = real_time(4);
    let events = EventLoop::new().unwrap();
    let _watcher = events.handle().watch_signal(signal, |_| {}).unwrap();
    assert!(!posix::is_handled(signal));
    raise(signal);
    events.run_once(None).unwrap();
    assert!(!posix::is_handled(signal));
}

#[test]
fn the_mask_is_as_before_once_the_watch_is_over() {
    let (open, closed) = (real_time(5), real_time(6));
    Signal::block([closed]);
    let before = posix::blocked();
    let events = EventLoop::new().unwrap();
    let watchers = [open, closed].map(|signal| events.handle().watch_signal(signal, |_| {}));
    assert!(is_blocked(open) && is_blocked(closed));
    drop(watchers);
    assert_eq!(posix::blocked(), before);
    assert!(is_blocked(closed) && !is_blocked(open));
}

#[test]
fn the_mask_is_as_before_once_the_loop_is_gone() {
    let signal = real_time(7);
    let before = posix::blocked();
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_signal(signal, |_| {}).unwrap();
    let handle = events.handle();
    drop(events);
    assert_eq!(posix::blocked(), before);
    assert!(!watcher.is_watching());
    let error = handle.watch_signal(signal, |_| {}).unwrap_err();
    assert!(matches!(error, SignalError::System(error) if error.kind() == ErrorKind::NotConnected));
    assert_eq!(posix::blocked(), before);
}

#[test]
fn what_was_not_reported_does_not_kill_when_the_watch_ends() {
    let signal = real_time(8);
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_signal(signal, |_| unreachable!()).unwrap();
    raise(signal);
    drop(watcher);
    assert!(!is_blocked(signal), "and yet we live");
}

#[test]
fn what_was_not_reported_waits_on_if_it_was_not_the_watch_that_blocked_it() {
    let signal = real_time(9);
    Signal::block([signal]);
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_signal(signal, |_| unreachable!()).unwrap();
    raise(signal);
    drop(watcher);
    let (notes, note) = notes();
    let _later = events.handle().watch_signal(signal, note).unwrap();
    events.run_once(None).unwrap();
    assert_eq!(notes.borrow().len(), 1);
}

#[test]
fn a_signal_of_another_loop_is_refused_until_that_one_lets_go() {
    let signal = real_time(10);
    let (first, second) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let watcher = first.handle().watch_signal(signal, |_| {}).unwrap();
    let refused = |events: &EventLoop| {
        let error = events.handle().watch_signal(signal, |_| {}).unwrap_err();
        assert!(matches!(error, SignalError::Taken(taken) if taken == signal));
        assert!(error.to_string().contains("another loop"), "{error}");
    };
    refused(&second);
    thread::scope(|scope| {
        scope.spawn(|| refused(&EventLoop::new().unwrap())).join().unwrap();
    });
    assert!(is_blocked(signal), "the refusal has changed nothing");
    drop(watcher);
    let (notes, note) = notes();
    let _watcher = second.handle().watch_signal(signal, note).unwrap();
    raise(signal);
    second.run_once(None).unwrap();
    assert_eq!(notes.borrow().len(), 1);
}

#[test]
fn loops_of_several_threads_hear_each_of_their_own() {
    thread::scope(|scope| {
        for n in 11..15 {
            scope.spawn(move || {
                let events = EventLoop::new().unwrap();
                let (notes, note) = notes();
                let _watcher = events.handle().watch_signal(real_time(n), note).unwrap();
                (0..10).for_each(|_| raise(real_time(n)));
                events.run_once(None).unwrap();
                let heard: Vec<_> =
                    notes.borrow().iter().map(|one| (one.signal, one.count)).collect();
                assert_eq!(heard, [(real_time(n), 10)]);
            });
        }
    });
}

#[test]
fn watchers_of_one_loop_share_a_signal_in_the_order_of_their_making() {
    let signal = real_time(15);
    let events = EventLoop::new().unwrap();
    let order = Rc::new(RefCell::new(String::new()));
    let watch = |name: char| {
        let order = order.clone();
        events.handle().watch_signal(signal, move |_| order.borrow_mut().push(name)).unwrap()
    };
    let (a, b, c) = (watch('a'), watch('b'), watch('c'));
    let say = || {
        raise(signal);
        events.run_once(None).unwrap();
        std::mem::take(&mut *order.borrow_mut())
    };
    assert_eq!(say(), "abc");
    drop(b);
    assert_eq!(say(), "ac");
    drop(a);
    assert!(is_blocked(signal), "one is left");
    assert_eq!(say(), "c");
    drop(c);
    assert!(!is_blocked(signal));
}

#[test]
fn a_callback_may_end_its_own_watch_and_that_of_the_next() {
    let signal = real_time(16);
    let events = EventLoop::new().unwrap();
    let both = Rc::new(RefCell::new(Vec::new()));
    let captured = both.clone();
    let first = events.handle().watch_signal(signal, move |_| captured.borrow_mut().clear());
    let second = events.handle().watch_signal(signal, |_| unreachable!("its watch has ended"));
    both.borrow_mut().extend([first.unwrap(), second.unwrap()]);
    let held = Rc::downgrade(&both);
    drop(both);
    raise(signal);
    events.run_once(None).unwrap();
    assert!(!is_blocked(signal));
    assert!(held.upgrade().is_none(), "the captures are dropped");
}

#[test]
fn a_callback_may_watch_its_signal_anew() {
    let signal = real_time(17);
    let events = EventLoop::new().unwrap();
    let slot = Rc::new(RefCell::new(None));
    let (inner, handle) = (slot.clone(), events.handle());
    let (notes, note) = notes();
    let mut note = Some(note);
    let watcher = events.handle().watch_signal(signal, move |_| {
        drop(inner.take());
        let anew = handle.watch_signal(signal, note.take().unwrap()).unwrap();
        inner.replace(Some(anew));
    });
    slot.replace(Some(watcher.unwrap()));
    raise(signal);
    events.run_once(None).unwrap();
    assert!(notes.borrow().is_empty());
    raise(signal);
    events.run_once(None).unwrap();
    assert_eq!(notes.borrow().len(), 1);
    slot.take();
    assert!(!is_blocked(signal));
}

#[test]
fn a_panic_comes_out_of_run_and_the_other_watchers_are_still_told() {
    let signal = real_time(18);
    let events = EventLoop::new().unwrap();
    let _panics = events.handle().watch_signal(signal, |_| panic!("in a signal's callback"));
    let (notes, note) = notes();
    let _notes = events.handle().watch_signal(signal, note).unwrap();
    raise(signal);
    raise(signal);
    let payload = catch_unwind(AssertUnwindSafe(|| events.run_once(None))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in a signal's callback"));
    events.run_once(NOW).unwrap();
    assert_eq!(notes.borrow().iter().map(|arrival| arrival.count).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_cannot_be_caught_or_is_no_signal_is_refused() {
    let events = EventLoop::new().unwrap();
    for signal in [Signal::KILL, Signal::STOP] {
        let error = events.handle().watch_signal(signal, |_| {}).unwrap_err();
        assert!(matches!(error, SignalError::Uncatchable(which) if which == signal));
    }
    for number in [-1, 0, 32, 33, 65, i32::MAX] {
        let error = Signal::try_from(number).unwrap_err();
        assert!(matches!(error, SignalError::OutOfRange(which) if which == number));
        assert!(error.to_string().contains(&number.to_string()));
    }
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn a_watch_keeps_the_loop_running_and_is_listed_as_a_signal() {
    let signal = real_time(19);
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_signal(signal, |_| {}).unwrap();
    let kinds: Vec<_> = events.handle().registrations().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Signal]);
    drop(watcher);
    assert_eq!(events.handle().live(), 0);
    events.run().unwrap();
}

#[test]
fn a_detached_watch_goes_on_until_the_loop_ends() {
    let signal = real_time(20);
    let events = EventLoop::new().unwrap();
    let (notes, note) = notes();
    events.handle().watch_signal(signal, note).unwrap().detach();
    raise(signal);
    events.run_once(None).unwrap();
    assert_eq!(notes.borrow().len(), 1);
    drop(events);
    assert_eq!(Rc::strong_count(&notes), 1, "the callback is dropped with the loop");
    assert!(!is_blocked(signal));
}

#[test]
fn every_backend_hears_signals() {
    on_every_backend(|events| {
        let (notes, note) = notes();
        let _watcher = events.handle().watch_signal(real_time(21), note).unwrap();
        raise(real_time(21));
        events.run_once(None).unwrap();
        assert_eq!(notes.borrow().len(), 1);
    });
}

#[test]
fn a_signal_to_the_process_reaches_the_loop_if_no_thread_leaves_it_unblocked() {
    alone_blocking(&[Signal::TERM], || {
        let events = EventLoop::new().unwrap();
        let (notes, note) = notes();
        let _watcher = events.handle().watch_signal(Signal::TERM, note).unwrap();
        let bystander = thread::spawn(|| Signal::TERM.send(std::process::id()));
        events.run_once(None).unwrap();
        bystander.join().unwrap().unwrap();
        assert_eq!(notes.borrow()[0].signal, Signal::TERM);
    });
}

#[test]
fn signals_cost_no_descriptor_once_they_are_not_watched() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let before = descriptors();
        for _ in 0..100 {
            let watchers = [Signal::USR1, Signal::HUP]
                .map(|signal| events.handle().watch_signal(signal, |_| {}).unwrap());
            assert_eq!(descriptors().len(), before.len() + 2);
            drop(watchers);
        }
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_storm_of_interruptions_is_invisible() {
    const DELAY: Duration = Duration::from_millis(2);
    // Not a real-time one: those that wait would fill the queue.
    let signal = Signal::WINCH;
    posix::interrupt_on(signal);
    let (target, (stop, stopped)) = (Target::this_thread(), mpsc::channel::<()>());
    let goes_on = move || stopped.try_recv() == Err(mpsc::TryRecvError::Empty);
    let storm = thread::spawn(move || {
        while goes_on() {
            let before = posix::interruptions();
            target.send(signal);
            while posix::interruptions() == before && goes_on() {
                thread::yield_now();
            }
        }
    });
    let events = EventLoop::new().unwrap();
    while posix::interruptions() < 300 {
        let (begun, fired) = (Instant::now(), Rc::new(Cell::new(false)));
        let firing = fired.clone();
        let timer = events.handle().timer_after(DELAY, move || firing.set(true)).unwrap();
        events.run().unwrap();
        assert!(fired.get() && begun.elapsed() >= DELAY, "an interruption ends no run");
        drop(timer);
        let begun = Instant::now();
        assert_eq!(events.run_once(Some(DELAY)).unwrap(), 0);
        assert!(begun.elapsed() >= DELAY, "nor a wait");
    }
    drop(stop);
    storm.join().unwrap();
}
