//! A base of C's making: callbacks, timers, closures, jobs of other threads and
//! tasks run on it while C drives (contract, section 2, "Loop": adopt).

// C's half of each test is raw FFI.
#![allow(unsafe_code)]

mod hosts;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use event::{AsyncFd, EventLoop, Kind, LoopHandle, OnPanic};
use hosts::{CBase, Make, woken_through};
use libevent_sys as sys;

const SOON: Duration = Duration::from_millis(5);
const EVERY_MAKE: [Make; 4] = [Make::Locked, Make::Unlocked, Make::Precise, Make::Poll];

/// What `event_base_dispatch` returns.
const ENDED: i32 = 0;
const NOTHING_LEFT: i32 = 1;

/// A list that callbacks write to.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn note(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    fn noter(&self, what: &'static str) -> impl Fn() + use<> {
        let log = self.clone();
        move || log.note(what)
    }

    #[track_caller]
    fn expect(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
        self.0.borrow_mut().clear();
    }

    fn count(&self, what: &str) -> usize {
        self.0.borrow().iter().filter(|note| **note == what).count()
    }
}

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("non-blocking");
    (ours, theirs)
}

fn drain(mut stream: &UnixStream) -> usize {
    let mut bytes = [0; 64];
    stream.read(&mut bytes).expect("bytes, or the end")
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().expect("a literal")
}

/// What the parked panic said.
#[track_caller]
fn resumed(events: &EventLoop) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| events.resume_panic()));
    message(&*panic.expect_err("a panic was parked")).to_owned()
}

#[test]
fn everything_runs_while_c_drives_beside_events_of_c() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let log = Log::default();
        let (ours, mut theirs) = pair();
        let (c_ours, mut c_theirs) = pair();
        let c_reads = base.event(c_ours.as_raw_fd(), sys::EV_READ, log.noter("C reads"));
        let c_timer = base.event(-1, 0, log.noter("C timer"));
        {
            let events = base.lend(OnPanic::Abort);
            let handle = events.handle();
            let seen = log.clone();
            let _watcher = handle.watch(ours).on_read(move |ready| {
                if drain(ready.io()) == 0 {
                    seen.note("end");
                    drop(ready.unwatch());
                } else {
                    seen.note("bytes");
                }
            });
            let _watcher = _watcher.start().expect("a watcher");
            let _timer = handle.timer_after(SOON * 4, log.noter("timer")).expect("a timer");
            handle.defer(log.noter("deferred"));
            let task = log.clone();
            drop(handle.spawn(async move {
                task.note("task begins");
                event::sleep(SOON).await;
                task.note("task ends");
            }));
            c_reads.add(None);
            c_timer.add(Some(SOON * 8));
            theirs.write_all(b"hello").expect("room");
            c_theirs.write_all(b"hello").expect("room");
            thread::spawn(move || {
                thread::sleep(SOON * 12);
                drop(theirs);
            });

            assert_eq!(base.dispatch(), NOTHING_LEFT, "{make:?}");
            assert_eq!(handle.live(), 0);
        }
        for once in
            ["bytes", "end", "timer", "deferred", "task begins", "task ends", "C reads", "C timer"]
        {
            assert_eq!(log.count(once), 1, "{once} ({make:?}): {:?}", log.0);
        }
    }
}

#[test]
fn dispatch_of_c_returns_when_neither_side_has_anything_left() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        assert_eq!(base.dispatch(), NOTHING_LEFT, "{make:?}: a loop with nothing registered");

        let timer = events.handle().timer_after(SOON, || {}).expect("a timer");
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        assert!(!timer.is_pending(), "{make:?}: C's loop waits for a timer");

        let cancelled = events.handle().timer_after(Duration::from_secs(3600), || {});
        let cancelled = cancelled.expect("a timer");
        assert!(cancelled.cancel());
        let began = Instant::now();
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        assert!(began.elapsed() < Duration::from_secs(60), "{make:?}: not for a cancelled one");
    }
}

#[test]
fn a_timer_is_on_time_wherever_it_is_armed() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let handle = events.handle();
        let late = Rc::new(RefCell::new(Vec::new()));
        let arm = |handle: &LoopHandle, late: &Rc<RefCell<Vec<_>>>| {
            let late = late.clone();
            let due = Instant::now() + SOON;
            let note = move || late.borrow_mut().push(due.elapsed());
            handle.timer_after(SOON, note).expect("a timer").detach();
        };
        // Outside the loop; in a watcher; in a timer; in an event of C's.
        arm(&handle, &late);
        let (ours, mut theirs) = pair();
        let kept = late.clone();
        let watcher = handle.watch(ours).on_read(move |ready| {
            arm(&ready.handle(), &kept);
            drop(ready.unwatch());
        });
        let watcher = watcher.start().expect("a watcher");
        let (kept, again) = (late.clone(), handle.clone());
        handle.timer_after(SOON, move || arm(&again, &kept)).expect("a timer").detach();
        let (kept, again) = (late.clone(), handle.clone());
        let c_timer = base.event(-1, 0, move || arm(&again, &kept));
        c_timer.add(Some(SOON * 3));
        theirs.write_all(b"now").expect("room");

        assert_eq!(base.dispatch(), NOTHING_LEFT);
        assert_eq!(late.borrow().len(), 4, "{make:?}");
        // Never early, and the best of them within a margin.
        let best = late.borrow().iter().min().copied().expect("four");
        assert!(best < Duration::from_millis(20), "{make:?}: {best:?} late at best");
        drop(c_timer);
        drop(watcher);
    }
}

#[test]
fn a_crowd_of_timers_is_never_early_and_keeps_its_order() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let handle = events.handle();
        let (count, fired) = (2000, Rc::new(Cell::new(0)));
        let begin = handle.now();
        for number in 0..count {
            let (clock, fired) = (handle.clone(), fired.clone());
            let deadline = begin + number * 5000;
            let call = move || {
                assert!(clock.now() >= deadline, "{make:?}: number {number} is early");
                assert_eq!(fired.replace(number + 1), number, "{make:?}: in their order");
            };
            handle.timer_at(deadline, call).expect("a timer").detach();
        }
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        assert_eq!(fired.get(), count, "{make:?}");
    }
}

#[test]
fn an_earlier_timer_overtakes_a_later_one() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let log = Log::default();
    let handle = events.handle();
    let hour = handle.timer_after(Duration::from_secs(3600), log.noter("hour")).expect("a timer");
    let moved = handle.timer_after(Duration::from_secs(1800), log.noter("moved")).expect("a timer");
    let (again, noted) = (handle.clone(), log.clone());
    let c_event = base.event(-1, 0, move || {
        again.timer_after(SOON, noted.noter("soon")).expect("a timer").detach();
        assert!(moved.reset(SOON * 2).expect("in range"));
        hour.cancel();
    });
    c_event.add(Some(SOON));
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["soon", "moved"]);
    drop(c_event);
}

#[test]
fn deferred_closures_run_in_order_and_not_in_the_call_that_defers() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let log = Log::default();
    let handle = events.handle();
    handle.defer(log.noter("first"));
    let (again, later, noted) = (handle.clone(), log.noter("of the next turn"), log.clone());
    handle.defer(move || {
        again.defer(later);
        noted.note("second");
    });
    handle.defer(log.noter("third"));
    log.expect(&[]);
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["first", "second", "third", "of the next turn"]);
}

#[test]
fn a_job_of_another_thread_reaches_a_waiting_loop_of_c() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let log = Log::default();
        // C's own timer keeps its loop waiting, and fails the test if nothing else does.
        let c_hour = base.event(-1, 0, log.noter("an hour has passed"));
        c_hour.add(Some(Duration::from_secs(3600)));
        let remote = events.remote();
        let (told, ran) = channel();
        let other = thread::spawn(move || {
            for number in 0..100 {
                let told = told.clone();
                remote.spawn(move || told.send(number).expect("a receiver")).expect("open");
            }
            remote.wake().expect("open");
            let numbers: Vec<_> = ran.iter().take(100).collect();
            remote.stop().expect("open");
            numbers
        });
        assert_eq!(base.dispatch(), ENDED, "{make:?}: stop ends C's loop");
        let numbers = other.join().expect("no panic");
        assert_eq!(numbers, (0..100).collect::<Vec<_>>(), "{make:?}");
        log.expect(&[]);
        drop(c_hour);
    }
}

#[test]
fn eight_threads_lose_no_wake_up() {
    let base = CBase::new(Make::Locked);
    let events = base.lend(OnPanic::Abort);
    let c_hour = base.event(-1, 0, || {});
    c_hour.add(Some(Duration::from_secs(3600)));
    let (told, ran) = channel();
    let (threads, each) = (8, if cfg!(debug_assertions) { 1_000 } else { 10_000 });
    for _ in 0..threads {
        let (remote, told) = (events.remote(), told.clone());
        thread::spawn(move || {
            for _ in 0..each {
                let told = told.clone();
                remote.spawn(move || told.send(()).expect("a receiver")).expect("open");
            }
        });
    }
    let mut count = 0;
    while count < threads * each {
        assert_eq!(base.turn(sys::EVLOOP_ONCE | sys::EVLOOP_NONBLOCK), 0);
        count += ran.try_iter().count();
    }
    assert_eq!(count, threads * each);
}

#[test]
fn stop_ends_the_loop_of_c_once() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let log = Log::default();
    let (ours, mut theirs) = pair();
    let (noted, stop) = (log.clone(), events.handle());
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        drain(ready.io());
        noted.note("bytes");
        stop.stop();
    });
    let watcher = watcher.start().expect("a watcher");
    theirs.write_all(b"one").expect("room");
    assert_eq!(base.dispatch(), ENDED, "by a callback");
    log.expect(&["bytes"]);

    events.remote().stop().expect("open");
    assert_eq!(base.dispatch(), ENDED, "issued before, and not lost");
    log.expect(&[]);

    // And used up: C goes on, and does not spin over it.
    let c_timer = base.event(-1, 0, log.noter("C timer"));
    c_timer.add(Some(SOON));
    drop(watcher);
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["C timer"]);
    drop(c_timer);
}

#[test]
fn tasks_wait_for_descriptors_timers_and_other_threads() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let log = Log::default();
        let (ours, mut theirs) = pair();
        let (word, heard) = (Log::default(), log.clone());
        let handle = events.handle();
        let (waker, parked) = channel();
        let reader = handle.spawn(async move {
            let ours = AsyncFd::new(&LoopHandle::current().expect("C drives"), ours)?;
            let mut text = [0; 16];
            let count = ours.read_with(|mut io| io.read(&mut text)).await?;
            heard.note("read");
            woken_through(waker).await;
            heard.note("woken");
            std::io::Result::Ok(count)
        });
        let (sum, noted) = (handle.clone(), word.clone());
        let outer = handle.spawn(async move {
            let count = reader.await.expect("no panic").expect("bytes");
            let inner = sum.spawn(async move { count + 1 });
            assert_eq!(inner.await.expect("no panic"), 6);
            noted.note("joined");
        });
        let other = thread::spawn(move || {
            thread::sleep(SOON);
            theirs.write_all(b"hello").expect("room");
            parked.recv().expect("a waker").wake();
        });
        assert_eq!(base.dispatch(), NOTHING_LEFT, "{make:?}");
        other.join().expect("no panic");
        log.expect(&["read", "woken"]);
        word.expect(&["joined"]);
        drop(outer);
    }
}

#[test]
fn a_task_spawned_in_a_callback_of_rust_or_c_runs() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let log = Log::default();
    let (ours, mut theirs) = pair();
    let noted = log.clone();
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        let noted = noted.clone();
        // The loop that C drives is the current one in its callbacks.
        event::spawn(async move { noted.note("of Rust") });
        drop(ready.unwatch());
    });
    let watcher = watcher.start().expect("a watcher");
    let (handle, noted) = (events.handle(), log.clone());
    let c_timer = base.event(-1, 0, move || {
        let noted = noted.clone();
        drop(handle.spawn(async move { noted.note("of C") }));
    });
    c_timer.add(Some(SOON));
    theirs.write_all(b"now").expect("room");
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["of Rust", "of C"]);
    assert!(LoopHandle::current().is_none(), "and nothing is current afterwards");
    drop(c_timer);
    drop(watcher);
}

#[test]
fn a_background_watch_does_not_hold_the_loop_of_c() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let log = Log::default();
    let (ours, mut theirs) = pair();
    let noted = log.clone();
    let watcher = events.handle().watch(ours).background().on_read(move |ready| {
        drain(ready.io());
        noted.note("background");
    });
    let watcher = watcher.start().expect("a watcher");
    assert_eq!(base.dispatch(), NOTHING_LEFT);

    let timer = events.handle().timer_after(SOON * 40, log.noter("timer")).expect("a timer");
    theirs.write_all(b"now").expect("room");
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["background", "timer"]);

    // Driven by Rust it counts as a callback.
    theirs.write_all(b"now").expect("room");
    assert_eq!(events.run_once(Some(Duration::from_secs(60))).expect("a turn"), 1);
    log.expect(&["background"]);
    drop((timer, watcher));
}

/// Counts how often a base is freed: `event_base_free` runs finalizers. The
/// count outlives the base.
fn count_frees(base: &CBase) -> Rc<Cell<u32>> {
    extern "C" fn finalized(_event: *mut sys::event, count: *mut std::ffi::c_void) {
        // SAFETY: the test keeps it.
        let count = unsafe { &*count.cast::<Cell<u32>>() };
        count.set(count.get() + 1);
    }
    let count = Rc::new(Cell::new(0));
    let arg = Rc::as_ptr(&count).cast_mut().cast();
    // SAFETY: a live base; the event is never added and so never called back.
    let event = unsafe { sys::event_new(base.as_ptr(), -1, 0, None, arg) };
    // SAFETY: handed over to the base.
    assert_eq!(unsafe { sys::event_free_finalize(0, event, Some(finalized)) }, 0);
    count
}

#[test]
fn a_borrowed_base_is_not_freed_and_an_owned_one_once() {
    let base = CBase::new(Make::Unlocked);
    let freed = count_frees(&base);
    drop(base.lend(OnPanic::Abort));
    assert_eq!(freed.get(), 0);
    drop(base);
    assert_eq!(freed.get(), 1);

    let mut base = CBase::new(Make::Unlocked);
    let freed = count_frees(&base);
    let events = base.give(OnPanic::Abort);
    let (handle, (ours, _theirs)) = (events.handle(), pair());
    let watcher = handle.watch(ours).on_read(|_| {}).start().expect("a watcher");
    drop(events);
    assert_eq!(freed.get(), 0, "handles are left");
    drop(handle);
    assert_eq!(freed.get(), 0, "a watcher is left");
    drop(watcher);
    assert_eq!(freed.get(), 1);
}

#[test]
fn what_c_drives_after_the_loop_is_dropped_is_c_alone() {
    let base = CBase::new(Make::Locked);
    let log = Log::default();
    let c_timer = base.event(-1, 0, log.noter("C timer"));
    c_timer.add(Some(SOON * 2));
    let events = base.lend(OnPanic::Abort);
    let (ours, mut theirs) = pair();
    let watcher = events.handle().watch(ours).on_read(|_| panic!("the loop is gone"));
    let watcher = watcher.start().expect("a watcher");
    let (handle, remote) = (events.handle(), events.remote());
    let timer = handle.timer_after(SOON, log.noter("timer")).expect("a timer");
    handle.defer(log.noter("deferred"));
    drop(handle.spawn(async { panic!("the loop is gone") }));
    theirs.write_all(b"now").expect("room");
    drop(events);

    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["C timer"]);
    assert!(remote.wake().is_err() && !timer.is_pending() && !watcher.is_watching());
    assert_eq!(handle.timer_after(SOON, || {}).expect_err("gone").to_string(), {
        "cannot arm the timer: the event loop is gone"
    });
    drop((watcher, timer, handle, c_timer));
}

#[test]
fn a_loop_may_be_dropped_by_its_own_callback_while_c_drives() {
    for owned in [false, true] {
        let mut base = CBase::new(Make::Unlocked);
        let events = if owned { base.give(OnPanic::Abort) } else { base.lend(OnPanic::Abort) };
        let log = Log::default();
        let kept = Rc::new(RefCell::new(None));
        let (taken, noted) = (kept.clone(), log.clone());
        let timer = events.handle().timer_after(SOON, move || {
            drop(taken.take());
            noted.note("dropped");
        });
        timer.expect("a timer").detach();
        kept.replace(Some(events));
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        log.expect(&["dropped"]);
        // To free the base under C's loop would be the end: it is leaked
        // instead, and so this does not free it a second time.
        let freed = count_frees(&base);
        // SAFETY: Rust has let go of it.
        unsafe { sys::event_base_free(base.as_ptr()) };
        base.forget();
        assert_eq!(freed.get(), 1, "owned: {owned}");
    }
}

#[test]
fn run_drives_an_adopted_base_as_well() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let log = Log::default();
        let c_timer = base.event(-1, 0, log.noter("C timer"));
        c_timer.add(Some(SOON));
        let handle = events.handle();
        let timer = handle.timer_after(SOON * 3, log.noter("timer")).expect("a timer");
        handle.defer(log.noter("deferred"));
        events.run().expect("a run");
        log.expect(&["deferred", "C timer", "timer"]);

        // C's loop goes on where Rust's left off, and the other way round.
        let (left, noted) = (handle.clone(), log.noter("left over"));
        handle.defer(move || left.defer(noted));
        assert_eq!(events.run_once(Some(Duration::ZERO)).expect("a turn"), 1);
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        log.expect(&["left over"]);
        let sum = events.block_on(async {
            event::sleep(SOON).await;
            7
        });
        assert_eq!(sum.expect("a run"), 7, "{make:?}");

        let other = events.remote();
        let other = thread::spawn(move || {
            thread::sleep(SOON);
            other.stop()
        });
        events.run_forever().expect("a run");
        other.join().expect("no panic").expect("open");
        events.run_for(SOON).expect("a run");
        drop((timer, c_timer));
    }
}

#[test]
fn run_under_the_loop_of_c_is_refused() {
    let base = CBase::new(Make::Locked);
    let events = Rc::new(base.lend(OnPanic::Abort));
    let refused = Rc::new(RefCell::new(Vec::new()));
    let (ours, mut theirs) = pair();
    let try_run = |events: &EventLoop, refused: &Rc<RefCell<Vec<ErrorKind>>>| {
        let block_on = events.block_on(std::future::pending::<()>()).expect_err("C drives");
        refused.borrow_mut().push(block_on.kind());
        for run in [events.run(), events.run_forever(), events.run_once(None).map(drop)] {
            refused.borrow_mut().push(run.expect_err("C drives").kind());
        }
    };
    let (inner, kinds) = (events.clone(), refused.clone());
    let watcher = events.handle().watch(ours).on_read(move |ready| {
        try_run(&inner, &kinds);
        drop(ready.unwatch());
    });
    let watcher = watcher.start().expect("a watcher");
    let (inner, kinds) = (events.clone(), refused.clone());
    events.handle().defer(move || try_run(&inner, &kinds));
    theirs.write_all(b"now").expect("room");
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    assert_eq!(refused.take(), [ErrorKind::ResourceBusy; 8], "in callbacks of Rust");

    // In a callback of C's there is nothing of ours on the stack; there must
    // be something to run for.
    let (inner, kinds) = (events.clone(), refused.clone());
    let c_timer = base.event(-1, 0, move || try_run(&inner, &kinds));
    c_timer.add(Some(Duration::ZERO));
    let timer = events.handle().timer_after(Duration::from_secs(3600), || {}).expect("a timer");
    assert_eq!(base.turn(sys::EVLOOP_ONCE), 0);
    assert_eq!(refused.take(), [ErrorKind::ResourceBusy; 4], "in a callback of C's");
    assert!(timer.reset(SOON).expect("in range"), "and the loop is none the worse");
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    assert!(!timer.is_pending());
    drop((c_timer, watcher));
}

#[test]
fn a_parked_panic_ends_the_loop_of_c_and_loses_nothing_of_the_batch() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Park);
        let log = Log::default();
        let mut peers = Vec::new();
        for number in 0..8 {
            let ((ours, mut theirs), noted) = (pair(), log.clone());
            theirs.write_all(b"now").expect("room");
            peers.push(theirs);
            let watcher = events.handle().watch(ours).oneshot().on_read(move |ready| {
                drop(ready.unwatch());
                noted.note("ran");
                if number == 3 {
                    panic!("of the watcher");
                }
            });
            watcher.start().expect("a watcher").detach();
        }
        assert_eq!(base.dispatch(), ENDED, "{make:?}");
        let before = log.count("ran");
        assert_eq!(resumed(&events), "of the watcher");
        events.resume_panic();
        assert_eq!(base.dispatch(), NOTHING_LEFT);
        // `poll` begins anywhere in its list, so the panic may be the last one.
        assert!(before < 8 || make == Make::Poll, "{make:?}: the loop went on");
        assert_eq!(log.count("ran"), 8, "{make:?}: {before} before");
    }
}

#[test]
fn a_parked_panic_loses_no_closure_timer_job_or_task() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Park);
        let handle = events.handle();
        let log = Log::default();
        let (told, jobs) = channel();
        for number in 0..4 {
            let told = told.clone();
            let job = move || {
                told.send(number).expect("a receiver");
                if number == 0 {
                    panic!("of the job")
                }
            };
            events.remote().spawn(job).expect("open");
            let noted = log.clone();
            handle.defer(move || {
                noted.note("deferred");
                if number == 1 {
                    panic!("of the closure")
                }
            });
            let noted = log.clone();
            let timer = handle.timer_at(0, move || {
                noted.note("timer");
                if number == 2 {
                    panic!("of the timer")
                }
            });
            timer.expect("a timer").detach();
            let noted = log.clone();
            let task = handle.spawn(async move {
                noted.note("task");
                if number == 3 {
                    panic!("of the task")
                }
            });
            drop(task);
        }
        let mut panics = Vec::new();
        while base.dispatch() == ENDED {
            panics.push(resumed(&events));
        }
        panics.sort();
        let all = ["of the closure", "of the job", "of the task", "of the timer"];
        assert_eq!(panics, all, "{make:?}");
        assert_eq!(jobs.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        let counts = ["deferred", "timer", "task"].map(|what| log.count(what));
        assert_eq!(counts, [4, 4, 4], "{make:?}");
    }
}

#[test]
fn a_parked_panic_comes_out_of_run_as_well() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Park);
    events.handle().defer(|| panic!("parked"));
    assert_eq!(base.dispatch(), ENDED);
    let run = catch_unwind(AssertUnwindSafe(|| events.run_once(Some(Duration::ZERO))));
    assert_eq!(message(&*run.expect_err("parked")), "parked");
    // And a panic while Rust drives never takes the policy's way.
    events.handle().defer(|| panic!("driven"));
    let run = catch_unwind(AssertUnwindSafe(|| events.run()));
    assert_eq!(message(&*run.expect_err("driven")), "driven");
}

/// Set in the process that is to die.
const VICTIM: &str = "EVENT_TEST_VICTIM";

#[test]
fn on_panic_abort_ends_the_process_by_sigabrt() {
    let test = "on_panic_abort_ends_the_process_by_sigabrt";
    if std::env::var_os(VICTIM).is_some() {
        let base = CBase::new(Make::Unlocked);
        let events = base.lend(OnPanic::Abort);
        events.handle().defer(|| panic!("fatal"));
        base.dispatch();
        std::process::exit(3);
    }
    let myself = std::env::current_exe().expect("a path");
    let victim = Command::new(myself).args(["--exact", test]).env(VICTIM, "1").output();
    let victim = victim.expect("a process");
    assert_eq!(victim.status.signal(), Some(6), "{victim:?}");
}

#[test]
fn on_panic_abort_leaves_a_panic_of_run_to_its_caller() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let (ours, mut theirs) = pair();
    let watcher = events.handle().watch(ours).on_read(|_| panic!("caught"));
    let watcher = watcher.start().expect("a watcher");
    theirs.write_all(b"now").expect("room");
    let run = catch_unwind(AssertUnwindSafe(|| events.run()));
    assert_eq!(message(&*run.expect_err("a panic")), "caught");
    drop(watcher);
}

/// Turns of C's loop in a while that has nothing to do.
fn turns_in(base: &CBase, time: Duration) -> u32 {
    let over = Rc::new(Cell::new(false));
    let end = over.clone();
    let c_timer = base.event(-1, 0, move || end.set(true));
    c_timer.add(Some(time));
    let mut turns = 0;
    while !over.get() {
        assert_eq!(base.turn(sys::EVLOOP_ONCE), 0);
        turns += 1;
    }
    turns
}

#[test]
fn an_idle_loop_costs_c_nothing() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let (ours, _theirs) = pair();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().expect("a watcher");
        // The alarm has rung and the bell has been rung.
        let timer = events.handle().timer_after(SOON, || {}).expect("a timer");
        events.remote().wake().expect("open");
        while timer.is_pending() {
            base.turn(sys::EVLOOP_ONCE);
        }
        let turns = turns_in(&base, SOON * 10);
        assert!(turns < 10, "{make:?}: {turns} turns");
        drop(watcher);
    }
}

#[test]
fn a_descriptor_closed_without_unwatch_does_not_spin_the_loop_of_c() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let (ours, mut theirs) = pair();
    let (bystander, mut friend) = pair();
    let doubles: [OwnedFd; 2] =
        [ours.try_clone(), bystander.try_clone()].map(|double| double.expect("a duplicate").into());
    let ours = Rc::new(ours);
    let log = Log::default();
    let watcher = events.handle().watch_shared(&ours).on_read(|_| panic!("closed")).start();
    let watcher = watcher.expect("a watcher");
    let noted = log.clone();
    let other = events.handle().watch(bystander).on_read(move |ready| {
        drain(ready.io());
        noted.note("bystander");
    });
    let other = other.start().expect("a watcher");
    theirs.write_all(b"never read").expect("room");
    drop(ours);

    let turns = turns_in(&base, SOON * 10);
    assert!(turns < 20, "{turns} turns");
    friend.write_all(b"now").expect("room");
    base.turn(sys::EVLOOP_ONCE);
    log.expect(&["bystander"]);
    drop((watcher, other, doubles));
}

#[test]
fn a_timer_of_cs_rings_after_a_descriptor_was_closed_without_unwatch() {
    for make in EVERY_MAKE {
        let base = CBase::new(make);
        let events = base.lend(OnPanic::Abort);
        let (ours, mut theirs) = pair();
        let double = ours.try_clone().expect("a duplicate");
        let ours = Rc::new(ours);
        let watcher = events.handle().watch_shared(&ours).on_read(|_| panic!("closed")).start();
        theirs.write_all(b"never read").expect("room");
        drop(ours);
        turns_in(&base, SOON);

        let log = Log::default();
        let timer = base.event(-1, 0, log.noter("rang"));
        timer.add(Some(SOON));
        let handle = events.handle();
        let rescue = events.handle().timer_after(SOON * 500, move || handle.stop());
        base.turn(sys::EVLOOP_ONCE);
        log.expect(&["rang"]);
        drop((watcher, double, rescue));
    }
}

#[test]
fn two_loops_share_one_base() {
    let base = CBase::new(Make::Unlocked);
    let log = Log::default();
    let (one, two) = (base.lend(OnPanic::Park), base.lend(OnPanic::Park));
    let first = one.handle().timer_after(SOON, log.noter("one")).expect("a timer");
    let second = two.handle().timer_after(SOON * 3, log.noter("two")).expect("a timer");
    assert_eq!(base.dispatch(), NOTHING_LEFT);
    log.expect(&["one", "two"]);
    two.handle().defer(|| panic!("of two"));
    assert_eq!(base.dispatch(), ENDED);
    one.resume_panic();
    assert_eq!(resumed(&two), "of two");
    drop((first, second));
}

#[test]
fn what_holds_the_loop_of_c_can_be_asked() {
    let base = CBase::new(Make::Unlocked);
    let events = base.lend(OnPanic::Abort);
    let handle = events.handle();
    let timer = handle.timer_after(SOON, || {}).expect("a timer");
    drop(handle.spawn(std::future::pending::<()>()));
    let mut kinds: Vec<_> = handle.registrations().into_iter().map(|one| one.kind).collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    assert_eq!(kinds, [Kind::Task, Kind::Timer]);
    drop(timer);
}
