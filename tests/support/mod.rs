//! What the tests of the reactor's contract share: loops, scripted peers, a
//! record of what was called, and time limits that only a defect reaches.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod alone;
pub mod fds;
pub mod peers;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::{Counters, EventLoop};

/// Longer than anything here takes, on any machine.
pub const GENEROUS: Duration = Duration::from_secs(20);

pub const NOW: Option<Duration> = Some(Duration::ZERO);

const BACKENDS: [&str; 3] = ["epoll", "poll", "select"];

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A loop on that backend and no other.
pub fn loop_on(backend: &str) -> EventLoop {
    let others = BACKENDS.into_iter().filter(|name| *name != backend);
    let builder = others.fold(EventLoop::builder(), |builder, name| builder.avoid(name));
    let events = builder.build().unwrap();
    assert_eq!(events.backend(), backend);
    events
}

/// Runs the test once for each backend. For what needs no edges.
pub fn on_every_backend(test: impl Fn(&EventLoop)) {
    for backend in BACKENDS {
        // Says which one it was if the test fails; shown only then.
        println!("on {backend}:");
        test(&loop_on(backend));
    }
}

/// Looks once, without waiting; how many callbacks ran.
pub fn look(events: &EventLoop) -> usize {
    events.run_once(NOW).unwrap()
}

/// Runs the loop until `done`, and fails if that never comes.
pub fn run_until(events: &EventLoop, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < GENEROUS, "waited in vain");
        events.run_once(Some(ms(100))).unwrap();
    }
}

/// What the loop did while nothing was to be done.
pub fn idle(events: &EventLoop, duration: Duration) -> Counters {
    let before = events.handle().counters();
    events.run_for(duration).unwrap();
    since(before, events)
}

fn since(before: Counters, events: &EventLoop) -> Counters {
    let mut now = events.handle().counters();
    now.turns -= before.turns;
    now.waits -= before.waits;
    now.callbacks -= before.callbacks;
    now
}

/// The loop sleeps when it has nothing to do: a registration that spins would
/// show as thousands of turns.
#[track_caller]
pub fn assert_sleeps(events: &EventLoop) {
    let done = idle(events, ms(60));
    assert_eq!(done.callbacks, 0, "spurious callbacks: {done:?}");
    assert!(done.turns < 20, "the loop spins: {done:?}");
}

/// Runs the loop with no deadline of its own, and has another thread stop it
/// after so long; what the loop did.
pub fn blocked(events: &EventLoop, duration: Duration) -> Counters {
    let before = events.handle().counters();
    let remote = events.remote();
    let other = std::thread::spawn(move || {
        wait(duration);
        remote.stop().unwrap();
    });
    events.run_forever().unwrap();
    other.join().unwrap();
    since(before, events)
}

/// Lets time go by for a thread that has nothing to wait for.
pub fn wait(duration: Duration) {
    let (_nobody, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(duration).unwrap_err();
}

/// Keeps the processor busy for so long, as a slow callback does.
pub fn hold_up(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// The text of the panic that comes out of `f`.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("no panic came out");
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => *payload.downcast::<String>().expect("a text"),
    }
}

/// A record of calls, in order, that callbacks share with their test.
pub struct Calls<T>(Rc<RefCell<Vec<T>>>);

impl<T> Calls<T> {
    pub fn new() -> Self {
        Self(Rc::default())
    }

    pub fn note(&self, call: T) {
        self.0.borrow_mut().push(call);
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// What was called since the last time.
    pub fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

impl<T> Clone for Calls<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Does something when it is dropped: a captured value with a will of its own.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
