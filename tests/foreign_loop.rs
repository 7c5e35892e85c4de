//! Another poller drives our loop: it waits for the loop's pollable descriptor
//! and then takes a turn that does not wait (contract, section 2, "Loop").

// The module shared with `adoption.rs` has C's half in it.
#![allow(unsafe_code)]

mod hosts;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use event::{EventLoop, LoopHandle};
use hosts::{CBase, Make, Watchdog, woken_through};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);
const NOW: Option<Duration> = Some(Duration::ZERO);

/// Whether it becomes readable within that time, by `poll(2)`.
fn readable(fd: BorrowedFd<'_>, within: Duration) -> bool {
    let timeout = Timespec::try_from(within).expect("a short time");
    let mut asked = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut asked, Some(&timeout)).expect("a poll") == 1
}

/// A host: waits, takes a turn, until `done`; how often it was woken.
fn host(events: &EventLoop, done: impl Fn() -> bool) -> u32 {
    let mut wakeups = 0;
    while !done() {
        let pollable = events.pollable().expect("epoll");
        assert!(readable(pollable, LONG), "the host was not told");
        events.run_once(NOW).expect("a turn");
        wakeups += 1;
    }
    wakeups
}

#[track_caller]
fn expect_idle(events: &EventLoop) {
    // What a ring or an alarm has left behind is used up by a turn or two.
    for _ in 0..2 {
        events.run_once(NOW).expect("a turn");
    }
    assert!(!readable(events.pollable().expect("epoll"), SOON * 4), "there is nothing to do");
}

fn flag() -> (Rc<Cell<bool>>, impl Fn() + Clone + 'static) {
    let flag = Rc::new(Cell::new(false));
    let raise = flag.clone();
    (flag, move || raise.set(true))
}

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("non-blocking");
    (ours, theirs)
}

#[test]
fn a_loop_with_nothing_to_do_is_not_readable() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    expect_idle(&events);
    let (ours, _theirs) = pair();
    let watcher = events.handle().watch(ours).on_read(|_| {}).start().expect("a watcher");
    let timer = events.handle().timer_after(LONG * 60, || {}).expect("a timer");
    drop(events.handle().spawn(std::future::pending::<()>()));
    expect_idle(&events);
    drop((watcher, timer));
}

#[test]
fn a_ready_descriptor_wakes_the_host_until_it_is_read() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let (ours, mut theirs) = pair();
    let bytes = Rc::new(Cell::new(0));
    let seen = bytes.clone();
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        let mut byte = [0];
        ready.io().read_exact(&mut byte).expect("a byte");
        seen.set(seen.get() + 1);
    });
    let watcher = watcher.start().expect("a watcher");
    let pollable = events.pollable().expect("epoll");
    theirs.write_all(b"three").expect("room");
    for count in 1..=5 {
        assert!(readable(pollable, LONG));
        assert_eq!(events.run_once(NOW).expect("a turn"), 1);
        assert_eq!(bytes.get(), count);
    }
    expect_idle(&events);
    drop(watcher);
}

#[test]
fn a_timer_wakes_the_host_on_time_wherever_it_is_armed() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let handle = events.handle();
    events.pollable().expect("epoll");
    for round in 0..20 {
        let (fired, raise) = flag();
        let due = Instant::now() + SOON;
        // Outside, in a timer's callback, in a closure, moved forward from far away.
        let again = handle.clone();
        match round % 4 {
            0 => handle.timer_after(SOON, raise).expect("a timer").detach(),
            1 => handle.defer(move || again.timer_after(SOON, raise).expect("a timer").detach()),
            2 => {
                let arm = move || again.timer_after(SOON, raise).expect("a timer").detach();
                handle.timer_after(Duration::ZERO, arm).expect("a timer").detach();
            }
            _ => {
                let timer = handle.timer_after(LONG * 60, raise).expect("a timer");
                assert!(timer.reset(SOON).expect("in range"));
                timer.detach();
            }
        }
        let wakeups = host(&events, || fired.get());
        assert!(Instant::now() >= due, "never early");
        assert!(wakeups < 10, "{wakeups} wake-ups for one timer");
    }
    expect_idle(&events);
}

#[test]
fn a_crowd_of_timers_wakes_the_host_for_many_at_a_time() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let handle = events.handle();
    events.pollable().expect("epoll");
    let (count, fired) = (5000, Rc::new(Cell::new(0)));
    let begin = handle.now() + 10_000_000;
    for number in 0..count {
        let (clock, fired) = (handle.clone(), fired.clone());
        let deadline = begin + i64::from(number) * 5000;
        let call = move || {
            assert!(clock.now() >= deadline, "number {number} is early");
            assert_eq!(fired.replace(number + 1), number, "in their order");
        };
        handle.timer_at(deadline, call).expect("a timer").detach();
    }
    let wakeups = host(&events, || fired.get() == count);
    assert!(wakeups < count / 8, "{wakeups} wake-ups");
    expect_idle(&events);
}

#[test]
fn a_deferred_closure_wakes_the_host() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    expect_idle(&events);
    let (ran, raise) = flag();
    let handle = events.handle();
    // One that the host's turn leaves for the next one.
    handle.clone().defer(move || handle.defer(raise));
    host(&events, || ran.get());
    expect_idle(&events);
}

#[test]
fn another_thread_wakes_the_host() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    expect_idle(&events);
    let remote = events.remote();
    let (told, heard) = channel();
    let other = thread::spawn(move || {
        for number in 0..1000 {
            let told = told.clone();
            remote.spawn(move || told.send(number).expect("a receiver")).expect("open");
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let mut numbers = Vec::new();
    while numbers.len() < 1000 {
        assert!(readable(events.pollable().expect("epoll"), LONG));
        events.run_once(NOW).expect("a turn");
        numbers.extend(heard.try_iter());
    }
    other.join().expect("no panic");
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    expect_idle(&events);

    let remote = events.remote();
    remote.wake().expect("open");
    assert!(readable(events.pollable().expect("epoll"), LONG));
    expect_idle(&events);
    remote.stop().expect("open");
    assert!(readable(events.pollable().expect("epoll"), LONG));
    expect_idle(&events);
}

#[test]
fn tasks_make_progress_by_the_host_alone() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let (ours, mut theirs) = pair();
    let (done, raise) = flag();
    let (waker, parked) = channel();
    let handle = events.handle();
    drop(handle.spawn(async move {
        let here = LoopHandle::current().expect("a turn");
        let ours = event::AsyncFd::new(&here, ours).expect("a descriptor");
        let mut text = [0; 16];
        let count = ours.read_with(|mut io| io.read(&mut text)).await.expect("bytes");
        event::sleep(SOON).await;
        event::yield_now().await;
        woken_through(waker).await;
        let sum = event::spawn(async move { count + 1 }).await;
        assert_eq!(sum.expect("no panic"), 6);
        raise();
    }));
    let other = thread::spawn(move || {
        thread::sleep(SOON);
        theirs.write_all(b"hello").expect("room");
        parked.recv().expect("a waker").wake();
    });
    let wakeups = host(&events, || done.get());
    other.join().expect("no panic");
    assert!(wakeups < 30, "{wakeups} wake-ups");
    expect_idle(&events);
}

#[test]
fn after_a_panic_the_host_is_told_of_the_rest() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let count = Rc::new(Cell::new(0));
    events.pollable().expect("epoll");
    for number in 0..4 {
        let counted = count.clone();
        events.handle().defer(move || {
            counted.set(counted.get() + 1);
            if number % 2 == 0 {
                panic!("of the closure");
            }
        });
    }
    let mut panics = 0;
    while count.get() < 4 {
        let turn = catch_unwind(AssertUnwindSafe(|| {
            assert!(readable(events.pollable().expect("epoll"), LONG), "the host was not told");
            events.run_once(NOW).expect("a turn");
        }));
        panics += u32::from(turn.is_err());
    }
    assert_eq!(panics, 2);
    expect_idle(&events);
}

#[test]
fn after_a_panic_that_hid_the_bell_the_host_is_told_again() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    expect_idle(&events);
    let (ours, mut theirs) = pair();
    let watcher = events.handle().watch(ours).on_read(|ready| {
        drop(ready.unwatch());
        panic!("of the watcher");
    });
    let watcher = watcher.start().expect("a watcher");
    let (told, heard) = channel();
    // The bell is heard in the same batch, before the panic.
    events.remote().spawn(move || told.send(()).expect("a receiver")).expect("open");
    theirs.write_all(b"now").expect("room");
    assert!(readable(events.pollable().expect("epoll"), LONG));
    assert!(catch_unwind(AssertUnwindSafe(|| events.run_once(NOW))).is_err());
    host(&events, || heard.try_recv().is_ok());
    expect_idle(&events);
    drop(watcher);
}

#[test]
fn after_the_set_was_rebuilt_the_same_descriptor_still_works() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let pollable: OwnedFd =
        events.pollable().expect("epoll").try_clone_to_owned().expect("a duplicate");
    let (bystander, mut friend) = pair();
    let (told, raise) = flag();
    let other = events.handle().watch(bystander).on_read(move |ready| {
        ready.io().read_exact(&mut [0]).expect("a byte");
        raise();
    });
    let other = other.start().expect("a watcher");
    // Two of them, for the one that is found first must not hide the other.
    let (doubles, watchers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let (ours, mut theirs) = pair();
            let double = ours.try_clone().expect("a duplicate");
            let ours = Rc::new(ours);
            let watcher = events.handle().watch_shared(&ours).on_read(|_| panic!("closed"));
            let watcher = watcher.start().expect("a watcher");
            theirs.write_all(b"never read").expect("room");
            ((double, theirs), watcher)
        })
        .unzip();
    assert!(readable(pollable.as_fd(), LONG), "the kernel does not know that they are closed");
    expect_idle(&events);

    friend.write_all(b"x").expect("room");
    assert!(readable(pollable.as_fd(), LONG), "the rebuilt set is the one that is waited for");
    events.run_once(NOW).expect("a turn");
    assert!(told.get());
    let (fired, raise) = flag();
    events.handle().timer_after(SOON, raise).expect("a timer").detach();
    host(&events, || fired.get());
    expect_idle(&events);
    drop((doubles, watchers, other));
}

#[test]
fn a_loop_of_ours_drives_another() {
    let _watchdog = Watchdog::new();
    let (outer, inner) = (EventLoop::new().expect("a loop"), EventLoop::new().expect("a loop"));
    let pollable = inner.pollable().expect("epoll").try_clone_to_owned().expect("a duplicate");
    let (inner, turns) = (Rc::new(inner), Rc::new(Cell::new(0)));
    let (driven, counted) = (inner.clone(), turns.clone());
    let watcher = outer.handle().watch(pollable).on_read(move |_| {
        driven.run_once(NOW).expect("a turn");
        counted.set(counted.get() + 1);
    });
    let watcher = watcher.start().expect("a watcher");
    let stop = outer.handle();
    drop(inner.handle().spawn(async move {
        event::sleep(SOON).await;
        stop.stop();
    }));
    outer.run().expect("a run");
    assert!(turns.get() < 10, "{} turns", turns.get());
    drop(watcher);
}

#[test]
fn an_edge_triggered_host_that_goes_on_until_nothing_ran_misses_nothing() {
    let _watchdog = Watchdog::new();
    let events = EventLoop::new().expect("a loop");
    let host = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    let pollable = events.pollable().expect("epoll");
    epoll::add(&host, pollable, epoll::EventData::new_u64(0), flags).expect("registered");
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    let ticks = events.handle().every(Duration::from_millis(1), move |_| {
        counted.set(counted.get() + 1);
    });
    let ticks = ticks.expect("a timer");
    let (ours, mut theirs) = pair();
    let bytes = Rc::new(Cell::new(0));
    let read = bytes.clone();
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        ready.io().read_exact(&mut [0]).expect("a byte");
        read.set(read.get() + 1);
    });
    let watcher = watcher.start().expect("a watcher");
    let limit = Timespec::try_from(LONG).expect("a minute");
    while count.get() < 20 || bytes.get() < 60 {
        if bytes.get() < 60 {
            theirs.write_all(b"abc").expect("room");
        }
        let mut found = Vec::with_capacity(4);
        let ready = epoll::wait(&host, rustix::buffer::spare_capacity(&mut found), Some(&limit));
        assert_eq!(ready.expect("a wait"), 1, "an edge was missed");
        while events.run_once(NOW).expect("a turn") > 0 {}
    }
    drop((ticks, watcher));
}

#[test]
fn the_descriptor_is_found_among_many() {
    let _watchdog = Watchdog::new();
    let loops: Vec<_> = (0..8).map(|_| EventLoop::new().expect("a loop")).collect();
    let clutter: Vec<_> = (0..200).map(|_| pair()).collect();
    for (number, events) in loops.iter().enumerate() {
        events.pollable().expect("epoll");
        let (ran, raise) = flag();
        events.handle().defer(raise);
        for (other, one) in loops.iter().enumerate().take(number) {
            let pollable = one.pollable().expect("epoll");
            assert!(!readable(pollable, Duration::ZERO), "{number} woke {other}");
        }
        host(events, || ran.get());
        expect_idle(events);
    }
    drop(clutter);
}

#[test]
fn without_epoll_or_real_time_there_is_no_such_descriptor() {
    let plain = EventLoop::builder().avoid("epoll").build().expect("a loop");
    assert_eq!(plain.pollable().expect_err("poll").kind(), ErrorKind::Unsupported);
    let virtual_time = EventLoop::builder().test_clock().build().expect("a loop");
    assert_eq!(virtual_time.pollable().expect_err("no time").kind(), ErrorKind::Unsupported);
    let (ran, raise) = flag();
    plain.handle().defer(raise);
    plain.run().expect("and no harm is done");
    assert!(ran.get());
}

#[test]
fn an_adopted_loop_has_one_too_and_c_and_the_host_take_turns() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(event::OnPanic::Abort);
    let order = Rc::new(RefCell::new(Vec::new()));
    let note = |what| {
        let order = order.clone();
        move || order.borrow_mut().push(what)
    };
    let c_timer = base.event(-1, 0, note("C's event"));
    c_timer.add(Some(Duration::ZERO));
    events.handle().defer(note("closure"));
    assert!(readable(events.pollable().expect("epoll"), LONG));
    assert_eq!(events.run_once(NOW).expect("a turn"), 1);
    events.handle().defer(note("another"));
    base.dispatch();
    assert_eq!(*order.borrow(), ["C's event", "closure", "another"]);
    expect_idle(&events);
    drop(c_timer);
}
