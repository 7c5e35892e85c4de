//! The timer of hyper 1, which must be `Send` and `Sync`.
//!
//! Our own sleeps are neither, for they hold their loop. So a sleep of hyper's
//! holds a number of the loop's timer, which says nothing elsewhere, and a
//! [`Remote`]. Polled on the loop's thread, where hyper is, it is a sleep like
//! any other; polled on another thread, the loop is asked to send word.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::os;
use crate::reactor::schedule::Id;
use crate::reactor::timers::Action;
use crate::reactor::{LoopHandle, Remote};

/// The clock of a loop, as `hyper::rt::Timer`: for timeouts of hyper's, such as
/// `header_read_timeout` and `keep_alive_interval`. With the loop's test clock
/// they pass in no time.
///
/// Sleeps of a loop that is gone end at once.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use hyper::rt::Timer;
///
/// let events = event::EventLoop::builder().test_clock().build()?;
/// let timer = event::LoopTimer::new(&events.handle());
/// events.block_on(async { timer.sleep(Duration::from_secs(3600)).await })?;
/// assert_eq!(events.handle().now(), 3_600_000_000_000);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct LoopTimer {
    remote: Remote,
    /// The same moment on both clocks; the first a trifle earlier, so that no
    /// sleep ends early.
    origin: (Instant, i64),
    /// The loop's time is not the system's.
    is_virtual: bool,
}

impl LoopTimer {
    /// The timer of that loop.
    pub fn new(handle: &LoopHandle) -> Self {
        let origin = (Instant::now(), handle.now());
        Self { remote: handle.remote(), origin, is_virtual: handle.core().clock.is_virtual() }
    }

    /// The loop's time.
    fn moment(&self) -> i64 {
        // The system's is the same on all threads, and there is no need to ask
        // which one this is.
        if !self.is_virtual {
            return os::clock::now();
        }
        match self.remote.here() {
            Some(handle) => handle.now(),
            None => self.origin.1.saturating_add(nanos(self.origin.0.elapsed())),
        }
    }

    fn convert(&self, instant: Instant) -> i64 {
        let (origin, moment) = self.origin;
        match instant.checked_duration_since(origin) {
            Some(later) => moment.saturating_add(nanos(later)),
            None => moment.saturating_sub(nanos(origin - instant)),
        }
    }

    fn until(&self, deadline: i64, asked: i64) -> LoopSleep {
        LoopSleep { remote: self.remote.clone(), deadline, asked, alarm: Alarm::None }
    }
}

/// What the clock's range cannot hold is never reached.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl hyper::rt::Timer for LoopTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let moment = self.moment();
        Box::pin(self.until(moment.saturating_add(nanos(duration)), moment))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.until(self.convert(deadline), UNKNOWN))
    }

    fn now(&self) -> Instant {
        let passed = self.moment().saturating_sub(self.origin.1);
        self.origin.0 + Duration::from_nanos(passed.unsigned_abs())
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<LoopSleep>() {
            Some(ours) => ours.get_mut().reset(self.convert(new_deadline)),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

/// Before all times.
const UNKNOWN: i64 = i64::MIN;

/// A sleep that may be polled on any thread.
struct LoopSleep {
    remote: Remote,
    deadline: i64,
    /// The time when it was asked for, if that is known. The first poll does
    /// not read the clock again, for hyper makes a sleep for each request; a
    /// deadline that has passed meanwhile rings in the next turn.
    asked: i64,
    alarm: Alarm,
}

/// What ends the sleep.
enum Alarm {
    /// It was not polled yet.
    None,
    /// A timer of the loop's, armed on the loop's thread.
    Timer(Id),
    /// Word that the loop will send.
    Word(Arc<Mutex<Word>>),
}

#[derive(Default)]
struct Word {
    /// Of the one who waits.
    waker: Option<Waker>,
    /// The timer, once armed.
    timer: Option<Id>,
    /// The time has come.
    sent: bool,
}

impl LoopSleep {
    fn poll_here(&mut self, handle: &LoopHandle, context: &Context<'_>) -> Poll<()> {
        let core = handle.core();
        if let Alarm::Timer(id) = self.alarm {
            let pending = core.timers.wake_up(id, context.waker());
            return if pending { Poll::Pending } else { Poll::Ready(()) };
        }
        if self.deadline <= self.asked {
            return Poll::Ready(());
        }
        let action = Action::Wake(context.waker().clone());
        let id = core.schedule(self.asked, self.deadline, action);
        let id = id.expect("fewer than four billion timers");
        self.alarm = Alarm::Timer(id);
        Poll::Pending
    }

    fn poll_away(&mut self, context: &Context<'_>) -> Poll<()> {
        if let Alarm::Word(word) = &self.alarm {
            let mut word = lock(word);
            if word.sent {
                return Poll::Ready(());
            }
            word.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        self.disarm();
        let word = Arc::new(Mutex::new(Word::default()));
        lock(&word).waker = Some(context.waker().clone());
        let (deadline, promise) = (self.deadline, word.clone());
        match self.remote.spawn(move || promise_word(deadline, &promise)) {
            Ok(()) => {
                self.alarm = Alarm::Word(word);
                Poll::Pending
            }
            Err(_) => Poll::Ready(()),
        }
    }

    fn reset(&mut self, deadline: i64) {
        (self.deadline, self.asked) = (deadline, UNKNOWN);
        if let (Alarm::Timer(id), Some(handle)) = (&self.alarm, self.remote.here()) {
            if handle.core().reschedule(handle.now(), *id, deadline) {
                return;
            }
        }
        self.disarm();
    }

    /// Takes the timer back, on its own thread.
    fn disarm(&mut self) {
        match std::mem::replace(&mut self.alarm, Alarm::None) {
            Alarm::None => {}
            Alarm::Timer(id) => match self.remote.here() {
                Some(handle) => drop(handle.core().cancel(id)),
                None => self.send(move || cancel(id)),
            },
            Alarm::Word(word) => self.send(move || {
                let timer = lock(&word).timer;
                timer.into_iter().for_each(cancel);
            }),
        }
    }

    /// A loop that is gone has no timers either.
    fn send(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.remote.spawn(job);
    }
}

fn lock(word: &Mutex<Word>) -> MutexGuard<'_, Word> {
    word.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On the loop's thread.
fn cancel(id: Id) {
    if let Some(handle) = LoopHandle::current() {
        handle.core().cancel(id);
    }
}

/// On the loop's thread: arms a timer that sends word.
fn promise_word(deadline: i64, word: &Arc<Mutex<Word>>) {
    let Some(handle) = LoopHandle::current() else { return };
    let sender = word.clone();
    let send = move || {
        let mut word = lock(&sender);
        word.sent = true;
        let waker = word.waker.take();
        drop(word);
        waker.into_iter().for_each(Waker::wake);
    };
    let timer = handle.core().schedule(handle.now(), deadline, Action::Once(Box::new(send)));
    lock(word).timer = timer;
}

impl Future for LoopSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match (self.remote.here(), &self.alarm) {
            (Some(handle), Alarm::None | Alarm::Timer(_)) => self.poll_here(&handle, context),
            _ => self.poll_away(context),
        }
    }
}

impl hyper::rt::Sleep for LoopSleep {}

impl Drop for LoopSleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for LoopTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoopTimer").field(&self.remote).finish()
    }
}
