//! A loop and the forked child of its process (contract, section 2, "Loop":
//! fork). Each test has a process to itself, with no thread but its own unless
//! it makes one, and forks there.

#![allow(unsafe_code, reason = "fork, and the promise that goes with it")]

mod hosts;
mod support;

use std::cell::Cell;
use std::fmt::Display;
use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use event::{AsyncFd, EventLoop, Forked, Interest, OnPanic, Signal};
use hosts::{CBase, Make, Watchdog};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use support::alone::{alone, open_descriptors};
use support::peers::{drain, stream_pair};
use support::{Calls, GENEROUS, NOW, assert_sleeps, look, ms, run_until};

const HOUR: Duration = Duration::from_secs(3600);

/// A forked child, which must be waited for.
#[must_use]
struct Child(libc::pid_t);

/// Forks. The child runs `body` and exits; a panic of it is its exit code, and
/// a child that hangs is killed.
fn fork(body: impl FnOnce()) -> Child {
    // SAFETY: the process is this test's alone, and its threads, where it has
    // some, hold no lock that the child's body takes.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: no memory is involved.
            unsafe { libc::alarm(30) };
            let code = i32::from(catch_unwind(AssertUnwindSafe(body)).is_err());
            // SAFETY: no destructor of the parent's runs in the child.
            unsafe { libc::_exit(code) }
        }
        pid => Child(pid),
    }
}

impl Child {
    #[track_caller]
    fn expect_success(self) {
        let mut status = 0;
        // SAFETY: a child of ours, and a place for its status.
        assert_eq!(unsafe { libc::waitpid(self.0, &raw mut status, 0) }, self.0);
        assert_eq!(status, 0, "the child failed, or was killed (14: it hung)");
    }
}

fn forked() -> Forked {
    // SAFETY: called in the children of `fork` above only.
    unsafe { Forked::promise() }
}

/// All that is registered in the epoll sets of this process, set by set.
fn registrations() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fdinfo").unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    // That of the listing itself is gone by now.
    let infos = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let lines = infos.flat_map(|info| info.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with("tfd:")).collect()
}

#[track_caller]
fn expect_refusal<T, E: Display>(what: &str, result: Result<T, E>) {
    let error = result.err().unwrap_or_else(|| panic!("{what} was allowed")).to_string();
    assert!(error.contains("parent"), "{what}: {error}");
}

fn readable(fd: BorrowedFd<'_>, within: Duration) -> bool {
    let timeout = Timespec::try_from(within).unwrap();
    let mut asked = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut asked, Some(&timeout)).unwrap() == 1
}

/// Takes the turns that are due, until the host would wait.
fn settle(events: &EventLoop) {
    let start = Instant::now();
    while readable(events.pollable().unwrap(), ms(10)) {
        look(events);
        assert!(start.elapsed() < GENEROUS, "the loop spins");
    }
}

#[test]
fn every_use_of_the_loop_by_a_child_is_refused() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let handle = events.handle();
        let (one, _one) = stream_pair();
        let (two, _two) = stream_pair();
        let shot = handle.watch(one).oneshot().on_read(|_| {}).start().unwrap();
        let fd = AsyncFd::new(&handle, two).unwrap();
        let timer = handle.timer_after(HOUR, || {}).unwrap();
        let wakes = handle.watch_wakes(|_| {}).unwrap();
        let (remote, waker) = (events.remote(), wakes.waker());

        let child = fork(|| {
            let (new, _peer) = stream_pair();
            let failed = handle.watch(new).on_read(|_| {}).start().unwrap_err();
            let (given_back, error) = failed.into_parts();
            assert!(given_back.is_some());
            expect_refusal("watch", Err::<(), _>(error));
            let shared = Rc::new(stream_pair().0);
            expect_refusal("watch_shared", handle.watch_shared(&shared).on_read(|_| {}).start());
            expect_refusal("set_interest", shot.set_interest(Interest::READ));
            expect_refusal("rearm", shot.rearm());
            expect_refusal("AsyncFd", AsyncFd::new(&handle, stream_pair().0));
            expect_refusal("timer_after", handle.timer_after(ms(1), || {}));
            expect_refusal("timer_at", handle.timer_at(0, || {}));
            expect_refusal("every", handle.every(ms(1), |_| {}));
            expect_refusal("reset", timer.reset(ms(1)));
            expect_refusal("reset_at", timer.reset_at(0));
            expect_refusal("watch_signal", handle.watch_signal(Signal::USR1, |_| {}));
            expect_refusal("watch_wakes", handle.watch_wakes(|_| {}));
            expect_refusal("run", events.run());
            expect_refusal("run_forever", events.run_forever());
            expect_refusal("run_for", events.run_for(ms(1)));
            expect_refusal("run_once", events.run_once(NOW));
            expect_refusal("block_on", events.block_on(async {}));
            expect_refusal("pollable", events.pollable());
            expect_refusal("remote.wake", remote.wake());
            expect_refusal("remote.stop", remote.stop());
            expect_refusal("remote.spawn", remote.spawn(|| {}));
            expect_refusal("waker.wake", waker.wake());
            // These have no result: they must do nothing.
            handle.defer(|| panic!("deferred in a child"));
            handle.stop();
            drop(handle.spawn(async { panic!("spawned in a child") }));
            assert!(timer.cancel(), "its own memory is the child's");
        });
        child.expect_success();
        assert!(timer.is_pending());
        drop((shot, fd));
    });
}

#[test]
fn a_child_that_drops_everything_leaves_the_parents_set_as_it_is() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let handle = events.handle();
        let calls = Calls::new();
        let peers = [(); 4].map(|()| stream_pair());
        let [(one, a), (two, b), (three, c), (four, d)] = peers;
        let note = |what| {
            let calls = calls.clone();
            move |ready: event::Ready<'_, UnixStream>| {
                drain(ready.io());
                calls.note(what);
            }
        };
        let owned = handle.watch(one).on_read(note("owned")).start().unwrap();
        let two = Rc::new(two);
        let shared = handle.watch_shared(&two).on_read(note("shared")).start().unwrap();
        let replaced = handle.watch(three).on_read(note("replaced")).start().unwrap();
        let noted = calls.clone();
        let task = handle.spawn(async move {
            let four = AsyncFd::new(&event::LoopHandle::current().unwrap(), four).unwrap();
            four.read_with(|mut io| io.read(&mut [0; 8])).await.unwrap();
            noted.note("task");
        });
        let noted = calls.clone();
        let timer = handle.timer_after(ms(60), move || noted.note("timer")).unwrap();
        let noted = calls.clone();
        let signal = handle.watch_signal(Signal::USR1, move |_| noted.note("signal")).unwrap();
        let noted = calls.clone();
        let wakes = handle.watch_wakes(move |_| noted.note("wake")).unwrap();
        let waker = wakes.waker();
        look(&events);
        let before = registrations();
        assert!(before.len() >= 7, "{before:?}");

        let number = owned.fd();
        let mut parts =
            Some((events, handle, owned, shared, two, replaced, task, timer, signal, wakes));
        let child = fork(|| {
            let parts = parts.take().unwrap();
            let (events, handle, owned, shared, two, replaced, task, timer, signal, wakes) = parts;
            assert!(handle.unwatch(number), "by number");
            drop(owned.unwatch());
            drop(two);
            shared.detach();
            drop(events);
            drop((handle, replaced, task, timer, signal, wakes));
        });
        child.expect_success();
        assert_eq!(registrations(), before);

        let (events, _handle, _owned, _shared, _two, _replaced, _task, _timer, _signal, _wakes) =
            parts.unwrap();
        for mut peer in [&a, &b, &c, &d] {
            peer.write_all(b"now").unwrap();
        }
        // SAFETY: no memory is involved. To this thread alone: the other one of
        // the process does not block it.
        assert_eq!(unsafe { libc::raise(Signal::USR1.number()) }, 0);
        waker.wake().unwrap();
        run_until(&events, || calls.len() == 7);
        let mut heard = calls.take();
        heard.sort_unstable();
        assert_eq!(heard, ["owned", "replaced", "shared", "signal", "task", "timer", "wake"]);
    });
}

#[test]
fn a_child_disturbs_neither_the_alarm_nor_the_bell_of_its_parent() {
    alone(|| {
        // With a host, because then whatever is scheduled reaches the kernel at once.
        let events = EventLoop::new().unwrap();
        let handle = events.handle();
        let pollable = events.pollable().unwrap().try_clone_to_owned().unwrap();
        let fired = Rc::new(Cell::new(false));
        let raise = fired.clone();
        let due = Instant::now() + ms(400);
        let timer = handle.timer_after(ms(400), move || raise.set(true)).unwrap();
        let far = handle.timer_after(HOUR, || {}).unwrap();
        settle(&events);
        let (task_waker, parked) = std::sync::mpsc::channel();
        drop(handle.spawn(std::future::poll_fn(move |context| {
            task_waker.send(context.waker().clone()).unwrap();
            std::task::Poll::<()>::Pending
        })));
        look(&events);
        look(&events);
        let waker = parked.recv().unwrap();

        let mut held = Some(events);
        let child = fork(|| {
            let events = held.take().unwrap();
            for (delay, timer) in [(Duration::ZERO, &timer), (HOUR * 2, &far)] {
                let _ = timer.reset(delay);
                timer.cancel();
            }
            for _ in 0..20 {
                handle.defer(|| {});
                let _ = handle.timer_at(0, || {});
                let _ = handle.timer_after(ms(1), || {});
                let _ = events.remote().wake();
                let _ = events.run_once(NOW);
                handle.stop();
                waker.wake_by_ref();
                // Also where the loop has never run, and so nothing says whose it is.
                let waker = waker.clone();
                thread::spawn(move || waker.wake()).join().unwrap();
            }
            drop(events);
        });
        child.expect_success();
        let events = held.unwrap();
        let rung = readable(pollable.as_fd(), Duration::ZERO);
        assert!(!rung || Instant::now() >= due, "the child rang the bell");
        assert!(!fired.get());
        while !fired.get() {
            assert!(readable(pollable.as_fd(), GENEROUS), "the alarm was set to something else");
            look(&events);
        }
        assert!(Instant::now() >= due && due.elapsed() < ms(1000), "{:?} late", due.elapsed());
        drop((timer, far));
    });
}

/// What a parent goes on doing while its child has a loop of its own.
struct Undisturbed {
    calls: Calls<&'static str>,
    ours: event::Watcher<UnixStream>,
    peer: UnixStream,
    timer: event::Timer,
    turns: u64,
}

impl Undisturbed {
    fn new(events: &EventLoop) -> Self {
        let (calls, (ours, peer)) = (Calls::new(), stream_pair());
        let noted = calls.clone();
        let ours = events.handle().watch(ours).on_read(move |ready| {
            drain(ready.io());
            noted.note("bytes");
        });
        let noted = calls.clone();
        let timer = events.handle().timer_after(ms(1000), move || noted.note("timer")).unwrap();
        let ours = ours.start().unwrap();
        // A turn that waits, so that the alarm is set when the child is forked.
        (&peer).write_all(b"now").unwrap();
        events.run_once(None).unwrap();
        assert_eq!(calls.take(), ["bytes"]);
        let turns = events.handle().counters().turns;
        Self { calls, ours, peer, timer, turns }
    }

    /// After the child: only what was asked for has happened, and it is on time.
    #[track_caller]
    fn check(self, events: &EventLoop) {
        let before = self.turns;
        let after = self.check_woken(events);
        assert_eq!(after - before, 1, "something else woke the parent");
    }

    /// The same, but something may have woken the parent without need; after
    /// how many turns the timer has fired.
    #[track_caller]
    fn check_woken(self, events: &EventLoop) -> u64 {
        let due = self.timer.deadline().unwrap();
        let watchdog = Watchdog::new();
        // For the alarm as it was set, and for nothing else.
        events.run_once(None).unwrap();
        drop(watchdog);
        assert_eq!(self.calls.take(), ["timer"]);
        let turns = events.handle().counters().turns;
        let late = events.handle().now() - due;
        assert!((0..5_000_000_000).contains(&late), "{late} ns late");
        (&self.peer).write_all(b"now").unwrap();
        run_until(events, || self.calls.len() == 1);
        assert_eq!(self.calls.take(), ["bytes"]);
        assert_sleeps(events);
        drop(self.ours);
        turns
    }
}

/// Uses everything of a loop that is the child's own by now.
fn use_it_all(events: &EventLoop) {
    let handle = events.handle();
    let seen = Rc::new(Cell::new(0));
    let see = |bit: u8| {
        let seen = seen.clone();
        move || seen.set(seen.get() | bit)
    };
    let (ours, peer) = stream_pair();
    let read = see(1);
    let watcher = handle.watch(ours).on_read(move |ready| {
        drain(ready.io());
        read();
    });
    let watcher = watcher.start().unwrap();
    let ticked = see(2);
    let ticks = handle.every(ms(1), move |_| ticked()).unwrap();
    handle.defer(see(4));
    let woken = see(8);
    let wakes = handle.watch_wakes(move |_| woken()).unwrap();
    let (remote, waker) = (events.remote(), wakes.waker());
    let done = Arc::new(AtomicBool::new(false));
    let raise = done.clone();
    let other = thread::spawn(move || {
        remote.spawn(move || raise.store(true, Ordering::Relaxed)).unwrap();
        waker.wake().unwrap();
        (&peer).write_all(b"now").unwrap();
        peer
    });
    run_until(events, || seen.get() == 15 && done.load(Ordering::Relaxed));
    let peer = other.join().unwrap();
    let sum = events.block_on(async {
        event::sleep(ms(2)).await;
        event::spawn(async { 3 }).await.unwrap() + 4
    });
    assert_eq!(sum.unwrap(), 7);
    assert!(ticks.cancel());
    drop((watcher, peer));
    assert_sleeps(events);
}

#[test]
fn after_reinit_the_childs_loop_works_and_the_parents_is_undisturbed() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let parents = Undisturbed::new(&events);
        let before = registrations();
        let child = fork(|| {
            events.reinit_after_fork(forked()).unwrap();
            assert!(parents.timer.cancel(), "inherited, and the child's to cancel");
            use_it_all(&events);
        });
        child.expect_success();
        assert_eq!(registrations(), before);
        parents.check(&events);
    });
}

#[test]
fn a_reinitialised_child_has_what_was_registered_before_the_fork() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let (calls, (ours, peer)) = (Calls::new(), stream_pair());
        let noted = calls.clone();
        let watcher = events.handle().watch(ours).on_read(move |ready| {
            drain(ready.io());
            noted.note("bytes");
        });
        let watcher = watcher.start().unwrap();
        let noted = calls.clone();
        let timer = events.handle().timer_after(ms(20), move || noted.note("timer")).unwrap();
        let noted = calls.clone();
        events.handle().defer(move || noted.note("deferred"));
        let noted = calls.clone();
        drop(events.handle().spawn(async move {
            event::sleep(ms(40)).await;
            noted.note("task");
        }));
        let child = fork(|| {
            events.reinit_after_fork(forked()).unwrap();
            (&peer).write_all(b"now").unwrap();
            run_until(&events, || calls.len() == 4);
            let mut heard = calls.take();
            heard.sort_unstable();
            assert_eq!(heard, ["bytes", "deferred", "task", "timer"]);
        });
        child.expect_success();
        // The open file is shared, and the child has read it: what the parent
        // has of its own is untouched.
        run_until(&events, || calls.len() == 3);
        let mut heard = calls.take();
        heard.sort_unstable();
        assert_eq!(heard, ["deferred", "task", "timer"]);
        drop((watcher, timer));
    });
}

#[test]
fn what_a_child_lets_go_of_before_the_reinit_is_gone_after_it() {
    alone(|| {
        for make in [None, Some(Make::Unlocked), Some(Make::Locked), Some(Make::Poll)] {
            let base = make.map(CBase::new);
            let new = || EventLoop::new().unwrap();
            let events = base.as_ref().map_or_else(new, |base| base.lend(OnPanic::Abort));
            let handle = events.handle();
            let parents = Undisturbed::new(&events);
            let (open, open_peer) = stream_pair();
            let (closed, closed_peer) = stream_pair();
            let (stale, _stale_peer) = stream_pair();
            let (open, stale) = (Rc::new(open), Rc::new(stale));
            let never = |_: event::Ready<'_, UnixStream>| panic!("unwatched");
            let kept_open = handle.watch_shared(&open).on_read(never).start().unwrap();
            let number = closed.as_raw_fd();
            let owned = handle.watch(closed).on_read(never).start().unwrap();
            let gone = handle.watch_shared(&stale).on_read(never).start().unwrap();
            let (waiting, waiting_peer) = stream_pair();
            let waiting = AsyncFd::new(&handle, waiting).unwrap();
            let polled = pin!(waiting.readable()).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            let before = registrations();
            let mut held = Some((kept_open, owned, stale, waiting));
            let child = fork(|| {
                let (reused, reused_peer) = stream_pair();
                drop(held.take());
                // The number of the one that was closed is somebody else's now.
                let reused = support::fds::at_number(number, reused);
                (&open_peer).write_all(b"never read").unwrap();
                (&waiting_peer).write_all(b"never read").unwrap();
                (&reused_peer).write_all(b"never read").unwrap();
                events.reinit_after_fork(forked()).unwrap();
                assert!(parents.timer.cancel());
                assert_sleeps(&events);
                let calls = Calls::new();
                let noted = calls.clone();
                let watcher = handle.watch(UnixStream::from(reused)).on_read(move |ready| {
                    drain(ready.io());
                    noted.note("new");
                });
                let watcher = watcher.start().unwrap();
                run_until(&events, || calls.len() == 1);
                use_it_all(&events);
                drop((watcher, &gone));
            });
            child.expect_success();
            assert_eq!(registrations(), before, "{make:?}");
            (&closed_peer).write_all(b"for the parent").unwrap();
            drop((held, gone, open, closed_peer));
            parents.check_woken(&events);
            drop((events, handle));
        }
    });
}

#[test]
fn the_hosts_of_parent_and_child_are_told_of_their_own_loop_only() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        events.pollable().unwrap();
        let (ours, peer) = stream_pair();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        settle(&events);
        let before = registrations();
        let mut held = Some(watcher);
        let (told, heard) = UnixStream::pair().unwrap();
        let child = fork(|| {
            events.reinit_after_fork(forked()).unwrap();
            drop(held.take());
            let fired = Rc::new(Cell::new(0));
            for delay in [0, 5, 10] {
                let counted = fired.clone();
                let count = move || counted.set(counted.get() + 1);
                events.handle().timer_after(ms(delay), count).unwrap().detach();
            }
            let remote = events.remote();
            let other = thread::spawn(move || remote.spawn(|| {}).unwrap());
            while fired.get() < 3 {
                assert!(readable(events.pollable().unwrap(), GENEROUS));
                look(&events);
            }
            other.join().unwrap();
            settle(&events);
            // It has something to do from now on, while the parent looks.
            events.handle().defer(|| {});
            (&told).write_all(b"x").unwrap();
            (&told).read_exact(&mut [0]).unwrap();
        });
        (&heard).read_exact(&mut [0]).unwrap();
        let woken = readable(events.pollable().unwrap(), ms(20));
        (&heard).write_all(b"x").unwrap();
        child.expect_success();
        assert!(!woken, "the child's work wakes the parent's host");
        assert_eq!(registrations(), before);
        assert!(!readable(events.pollable().unwrap(), ms(20)));
        (&peer).write_all(b"now").unwrap();
        assert!(readable(events.pollable().unwrap(), GENEROUS));
    });
}

#[test]
fn a_child_may_drop_the_parents_loop_and_make_its_own() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let parents = Undisturbed::new(&events);
        let before = registrations();
        let mut held = Some(events);
        let child = fork(|| {
            // Without a reinit: the set that is let go of lists numbers which
            // the new loop's descriptors are given.
            drop(held.take());
            for _ in 0..3 {
                let own = EventLoop::new().unwrap();
                use_it_all(&own);
                settle(&own);
                own.handle().defer(|| {});
                assert!(readable(own.pollable().unwrap(), GENEROUS));
                use_it_all(&own);
            }
        });
        child.expect_success();
        assert_eq!(registrations(), before);
        parents.check(&held.unwrap());
    });
}

#[test]
fn a_grandchild_needs_a_reinit_of_its_own() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let parents = Undisturbed::new(&events);
        let child = fork(|| {
            events.reinit_after_fork(forked()).unwrap();
            assert!(parents.timer.cancel());
            use_it_all(&events);
            let (calls, before) = (Calls::new(), registrations());
            let noted = calls.clone();
            let timer = events.handle().timer_after(ms(50), move || noted.note("timer")).unwrap();
            let grandchild = fork(|| {
                expect_refusal("run", events.run());
                expect_refusal("wake", events.remote().wake());
                events.reinit_after_fork(forked()).unwrap();
                timer.cancel();
                use_it_all(&events);
            });
            grandchild.expect_success();
            assert_eq!(registrations(), before);
            run_until(&events, || calls.len() == 1);
        });
        child.expect_success();
        parents.check(&events);
    });
}

#[test]
fn a_reinit_leaks_no_descriptor() {
    alone(|| {
        let outside = open_descriptors();
        let events = EventLoop::new().unwrap();
        events.pollable().unwrap();
        let (ours, _peer) = stream_pair();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let inside = open_descriptors();
        let mut held = Some((events, watcher));
        let child = fork(|| {
            let (events, watcher) = held.take().unwrap();
            for _ in 0..3 {
                events.reinit_after_fork(forked()).unwrap();
                assert_eq!(open_descriptors(), inside);
            }
            use_it_all(&events);
            drop((events, watcher));
            // The peer is the parent's variable.
            assert_eq!(open_descriptors(), outside + 1);
        });
        child.expect_success();
    });
}

#[test]
fn a_child_forked_in_a_callback_leaves_the_parent_alone() {
    alone(|| {
        let events = Rc::new(EventLoop::new().unwrap());
        let calls = Calls::new();
        let (ours, peer) = stream_pair();
        let (noted, inner) = (calls.clone(), events.clone());
        let watcher = events.handle().watch(ours).on_read(move |ready| {
            drain(ready.io());
            let handle = ready.handle();
            let child = fork(|| {
                expect_refusal("run", inner.run());
                expect_refusal("timer_at", handle.timer_at(0, || {}));
                let reinit = inner.reinit_after_fork(forked());
                assert_eq!(reinit.unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
                handle.defer(|| panic!("deferred in a child"));
                ready.unwatch();
            });
            child.expect_success();
            noted.note("bytes");
        });
        let watcher = watcher.start().unwrap();
        for _ in 0..3 {
            (&peer).write_all(b"now").unwrap();
            run_until(&events, || calls.len() == 1);
            calls.take();
        }
        assert_sleeps(&events);
        drop(watcher);
    });
}

#[test]
fn rule_1_4_what_the_parent_closes_without_unwatch_costs_nothing_though_a_child_has_it() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let (ours, peer) = stream_pair();
        let ours = Rc::new(ours);
        let closed = events.handle().watch_shared(&ours).on_read(|_| panic!("closed"));
        let closed = closed.start().unwrap();
        let (mut end, mut hold) = UnixStream::pair().unwrap();
        let child = fork(|| {
            hold.read_exact(&mut [0]).unwrap();
        });
        (&peer).write_all(b"never read").unwrap();
        drop(ours);
        look(&events);
        assert_sleeps(&events);
        end.write_all(b"x").unwrap();
        child.expect_success();
        drop(closed);
    });
}

#[test]
fn no_lock_of_another_thread_stops_a_child_that_lets_go() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        for _ in 0..100 {
            let mut tell = Some(tell.clone());
            drop(events.handle().spawn(std::future::poll_fn(move |context| {
                if let Some(tell) = tell.take() {
                    tell.send(context.waker().clone()).unwrap();
                }
                std::task::Poll::<()>::Pending
            })));
        }
        look(&events);
        let wakers: Vec<_> = told.try_iter().collect();
        let busy = |work: Box<dyn Fn() + Send>| {
            let over = over.clone();
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    work();
                }
            })
        };
        let remote = events.remote();
        let threads = [
            busy(Box::new(move || remote.spawn(|| {}).unwrap())),
            busy(Box::new(move || wakers.iter().for_each(Waker::wake_by_ref))),
        ];
        let mut held = Some(events);
        let start = Instant::now();
        while start.elapsed() < ms(1500) {
            let child = fork(|| {
                let events = held.take().unwrap();
                expect_refusal("wake", events.remote().wake());
                expect_refusal("run", events.run());
                drop(events);
            });
            child.expect_success();
            look(held.as_ref().unwrap());
        }
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn an_adopted_base_can_be_used_in_a_child_after_reinit() {
    for make in [Make::Unlocked, Make::Locked] {
        alone(|| {
            let base = CBase::new(make);
            let events = base.lend(OnPanic::Abort);
            let parents = Undisturbed::new(&events);
            let before = registrations();
            let child = fork(|| {
                expect_refusal("run", events.run());
                expect_refusal("timer", events.handle().timer_after(ms(1), || {}));
                events.reinit_after_fork(forked()).unwrap();
                parents.timer.cancel();
                use_it_all(&events);
                // And C drives it there as well.
                let fired = Rc::new(Cell::new(0));
                let (counted, handle) = (fired.clone(), events.handle());
                let c_timer = base.event(-1, 0, move || {
                    let (counted, remote) = (counted.clone(), handle.remote());
                    let call = move || {
                        counted.set(counted.get() + 1);
                        thread::spawn(move || remote.stop()).join().unwrap().unwrap();
                    };
                    handle.timer_after(ms(5), call).unwrap().detach();
                });
                c_timer.add(Some(ms(5)));
                assert_eq!(base.dispatch(), 0);
                assert_eq!(fired.get(), 1);
            });
            child.expect_success();
            assert_eq!(registrations(), before);
            parents.check(&events);
        });
    }
}
