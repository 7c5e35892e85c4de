//! What the tests of hosted loops share: a base made by C, and a watchdog.

#![allow(dead_code)] // each test file uses its own part

use std::ffi::{c_int, c_short, c_void};
use std::future::poll_fn;
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::sync::mpsc::{Sender, channel};
use std::task::{Poll, Waker};
use std::time::Duration;

use event::{EventLoop, ForeignBase, OnPanic};
use libevent_sys as sys;

/// Ends the process if it is not dropped in time: a loop of C's that does not
/// return cannot be told to.
pub(crate) struct Watchdog {
    _leash: Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let (leash, end) = channel::<()>();
        let test = std::thread::current().name().unwrap_or("?").to_owned();
        std::thread::spawn(move || {
            let limit = Duration::from_secs(if cfg!(debug_assertions) { 120 } else { 60 });
            if end.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test}: still not over after {limit:?}");
                std::process::abort();
            }
        });
        Self { _leash: leash }
    }
}

/// Waits to be woken by whoever receives the waker.
pub(crate) async fn woken_through(waker: Sender<Waker>) {
    let mut asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        waker.send(context.waker().clone()).expect("a receiver");
        Poll::Pending
    })
    .await;
}

/// How C makes its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// As `event_base_new` does in a program with threads.
    Locked,
    /// With EVENT_BASE_FLAG_NOLOCK.
    Unlocked,
    /// With EVENT_BASE_FLAG_PRECISE_TIMER: epoll has an alarm of its own in its set.
    Precise,
    /// Without epoll: levels only.
    Poll,
}

/// An `event_base` as a C program has it.
pub(crate) struct CBase {
    ptr: NonNull<sys::event_base>,
    freed_by_rust: bool,
    _watchdog: Watchdog,
}

impl CBase {
    pub(crate) fn new(make: Make) -> Self {
        static START: Once = Once::new();
        START.call_once(|| {
            // SAFETY: once, before this process makes a base.
            assert_eq!(unsafe { sys::evthread_use_pthreads() }, 0);
            // SAFETY: a plain function.
            unsafe { sys::event_set_log_callback(Some(be_quiet)) };
        });
        // SAFETY: no precondition.
        let config = unsafe { sys::event_config_new() };
        match make {
            Make::Locked => {}
            Make::Unlocked => set_flag(config, sys::EVENT_BASE_FLAG_NOLOCK as c_int),
            Make::Precise => set_flag(config, sys::EVENT_BASE_FLAG_PRECISE_TIMER as c_int),
            Make::Poll => {
                // SAFETY: a live configuration, a text with its NUL.
                let avoid = unsafe { sys::event_config_avoid_method(config, c"epoll".as_ptr()) };
                assert_eq!(avoid, 0);
            }
        }
        // SAFETY: a live configuration.
        let base = unsafe { sys::event_base_new_with_config(config) };
        // SAFETY: used for the last time above.
        unsafe { sys::event_config_free(config) };
        let ptr = NonNull::new(base).expect("a base");
        Self { ptr, freed_by_rust: false, _watchdog: Watchdog::new() }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::event_base {
        self.ptr.as_ptr()
    }

    /// A loop that borrows the base, and must be dropped before it.
    pub(crate) fn lend(&self, on_panic: OnPanic) -> EventLoop {
        // SAFETY: every test drops its loops and handles before the base.
        let base = unsafe { ForeignBase::borrow(self.as_ptr()) }.expect("not NULL");
        EventLoop::adopt(base, on_panic).expect("an adopted loop")
    }

    /// A loop that frees the base.
    pub(crate) fn give(&mut self, on_panic: OnPanic) -> EventLoop {
        self.freed_by_rust = true;
        // SAFETY: as above; `drop` leaves the base alone from here on.
        let base = unsafe { ForeignBase::own(self.as_ptr()) }.expect("not NULL");
        EventLoop::adopt(base, on_panic).expect("an adopted loop")
    }

    /// Somebody else has freed it.
    pub(crate) fn forget(mut self) {
        self.freed_by_rust = true;
    }

    /// `event_base_dispatch`: 0 if it was ended, 1 if no event was left.
    pub(crate) fn dispatch(&self) -> c_int {
        // SAFETY: live, and used by this thread alone.
        unsafe { sys::event_base_dispatch(self.as_ptr()) }
    }

    /// `event_base_loop`.
    pub(crate) fn turn(&self, flags: c_int) -> c_int {
        // SAFETY: as above.
        unsafe { sys::event_base_loop(self.as_ptr(), flags) }
    }

    /// An event of C's own, which calls `call`.
    pub(crate) fn event(&self, fd: c_int, what: c_short, call: impl Fn() + 'static) -> CEvent {
        let call: Box<Box<dyn Fn()>> = Box::new(Box::new(call));
        let call = Box::into_raw(call);
        // SAFETY: a live base; the closure is freed after the event.
        let event =
            unsafe { sys::event_new(self.as_ptr(), fd, what, Some(called_back), call.cast()) };
        CEvent { event: NonNull::new(event).expect("an event"), call }
    }
}

fn set_flag(config: *mut sys::event_config, flag: c_int) {
    // SAFETY: a live configuration.
    assert_eq!(unsafe { sys::event_config_set_flag(config, flag) }, 0);
}

impl Drop for CBase {
    fn drop(&mut self) {
        if !self.freed_by_rust {
            // SAFETY: C's own, with nothing left on it.
            unsafe { sys::event_base_free(self.as_ptr()) };
        }
    }
}

/// An `event` of a C program's.
pub(crate) struct CEvent {
    event: NonNull<sys::event>,
    call: *mut Box<dyn Fn()>,
}

impl CEvent {
    pub(crate) fn add(&self, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| sys::timeval {
            tv_sec: timeout.as_secs().try_into().expect("a short time"),
            tv_usec: timeout.subsec_micros().into(),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: a live event on a live base.
        assert_eq!(unsafe { sys::event_add(self.event.as_ptr(), timeout) }, 0);
    }

    pub(crate) fn del(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { sys::event_del(self.event.as_ptr()) }, 0);
    }
}

impl Drop for CEvent {
    fn drop(&mut self) {
        // SAFETY: live, on a live base.
        unsafe { sys::event_free(self.event.as_ptr()) };
        // SAFETY: from `Box::into_raw`; the event that had it is gone.
        drop(unsafe { Box::from_raw(self.call) });
    }
}

/// An adopted base is its host's, and so is the log.
extern "C" fn be_quiet(_severity: c_int, _text: *const std::ffi::c_char) {}

extern "C" fn called_back(_fd: sys::evutil_socket_t, _what: c_short, call: *mut c_void) {
    // SAFETY: the closure lives as long as its event. It does not panic.
    let call = unsafe { &*call.cast::<Box<dyn Fn()>>() };
    call();
}
