//! C code and Rust on one `event_base`.
//!
//! A C file (`examples/c/half.c`), compiled by this package's `build.rs` with
//! the headers of `libevent-sys`, registers a timer and a socket; Rust registers
//! a timer and the other end of that socket. One loop runs all four.
//!
//! ```text
//! cargo run --example shared_base
//! ```

// Raw FFI is the subject here; programs in Rust alone use the crate `event`.
#![allow(unsafe_code)]

use libevent_sys as sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_short, c_uint, c_void};
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

mod c {
    use super::{c_char, c_int, c_uint, sys};

    #[repr(C)]
    pub(super) struct Half {
        _opaque: [u8; 0],
    }

    unsafe extern "C" {
        pub(super) fn half_new(
            base: *mut sys::event_base,
            milliseconds: c_int,
            peer: *mut c_int,
        ) -> *mut Half;
        pub(super) fn half_ticks(half: *const Half) -> c_uint;
        pub(super) fn half_heard(half: *const Half) -> *const c_char;
        pub(super) fn half_free(half: *mut Half);
    }
}

/// What each side saw of the other.
#[derive(Debug)]
pub(crate) struct Meeting {
    pub(crate) c_ticks: u32,
    pub(crate) c_heard: String,
    pub(crate) rust_ticks: u32,
    pub(crate) rust_heard: String,
    /// 1 from libevent: no event was left, so the loop ended by itself.
    pub(crate) loop_ended: i32,
}

/// What Rust registers: a timer, and its end of the socket pair.
struct RustHalf {
    /// Closed as soon as C was heard: the end of file is what ends C's part.
    stream: RefCell<Option<UnixStream>>,
    inbox: Cell<*mut sys::event>,
    timer: Cell<*mut sys::event>,
    ticks: Cell<u32>,
    heard: RefCell<String>,
}

unsafe extern "C" fn on_timer(_: sys::evutil_socket_t, _: c_short, half: *mut c_void) {
    // SAFETY: registered by `RustHalf::register`, whose half outlives the loop.
    let half = unsafe { &*half.cast::<RustHalf>() };
    half.ticks.set(half.ticks.get() + 1);
    if let Some(stream) = &mut *half.stream.borrow_mut() {
        // A failure shows in the report: C then heard nothing.
        let _ = stream.write_all(b"hello from Rust");
    }
}

unsafe extern "C" fn on_readable(_: sys::evutil_socket_t, _: c_short, half: *mut c_void) {
    // SAFETY: as in `on_timer`.
    let half = unsafe { &*half.cast::<RustHalf>() };
    let mut buffer = [0; 128];
    if let Some(mut stream) = half.stream.take() {
        let n = stream.read(&mut buffer).unwrap_or(0);
        half.heard.borrow_mut().push_str(&String::from_utf8_lossy(&buffer[..n]));
        // SAFETY: a live event, deleted before `stream` closes its descriptor.
        unsafe { sys::event_del(half.inbox.get()) };
    }
}

impl RustHalf {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream: RefCell::new(Some(stream)),
            inbox: Cell::new(ptr::null_mut()),
            timer: Cell::new(ptr::null_mut()),
            ticks: Cell::new(0),
            heard: RefCell::default(),
        }
    }

    /// # Safety
    /// `base` is live, and the loop runs only while `self` is borrowed here.
    unsafe fn register(&self, base: *mut sys::event_base, fd: RawFd) {
        let arg = ptr::from_ref(self).cast_mut().cast();
        let interest = sys::EV_READ | sys::EV_PERSIST;
        let soon = sys::timeval { tv_sec: 0, tv_usec: 5_000 };
        // SAFETY: the caller's promise.
        self.inbox.set(unsafe { sys::event_new(base, fd, interest, Some(on_readable), arg) });
        // SAFETY: the caller's promise.
        self.timer.set(unsafe { sys::evtimer_new(base, Some(on_timer), arg) });
        assert!(!self.inbox.get().is_null() && !self.timer.get().is_null());
        // SAFETY: a live event; null is "no timeout".
        assert_eq!(0, unsafe { sys::event_add(self.inbox.get(), ptr::null()) });
        // SAFETY: a live event, and a timeout that is only read.
        assert_eq!(0, unsafe { sys::event_add(self.timer.get(), &raw const soon) });
    }
}

impl Drop for RustHalf {
    fn drop(&mut self) {
        for event in [self.inbox.get(), self.timer.get()] {
            // SAFETY: from `register`, freed once, before its base.
            unsafe { sys::event_free(event) };
        }
    }
}

/// Lets both halves meet on a new base, until neither has an event left.
pub(crate) fn meet() -> Meeting {
    // SAFETY: no precondition.
    let base = unsafe { sys::event_base_new() };
    assert!(!base.is_null(), "no backend of libevent works here");
    let mut peer = -1;
    // SAFETY: a live base, and an integer to write to.
    let c_half = unsafe { c::half_new(base, 20, &raw mut peer) };
    assert!(!c_half.is_null(), "the C half could not register its events");
    // SAFETY: C gave this descriptor away.
    let rust_half = RustHalf::new(unsafe { UnixStream::from_raw_fd(peer) });
    // SAFETY: the base is live, and `rust_half` is dropped after the loop.
    unsafe { rust_half.register(base, peer) };

    // SAFETY: a live base, run by this thread alone.
    let loop_ended = unsafe { sys::event_base_dispatch(base) };

    let meeting = report(loop_ended, c_half, &rust_half);
    drop(rust_half);
    // SAFETY: from `half_new`, not used again.
    unsafe { c::half_free(c_half) };
    // SAFETY: the events of both halves are freed.
    unsafe { sys::event_base_free(base) };
    meeting
}

fn report(loop_ended: c_int, c_half: *const c::Half, rust_half: &RustHalf) -> Meeting {
    // SAFETY: `meet` frees the half later.
    let c_ticks = unsafe { c::half_ticks(c_half) };
    // SAFETY: as above.
    let c_heard = unsafe { c::half_heard(c_half) };
    // SAFETY: a string inside the half, copied before that is freed.
    let c_heard = unsafe { CStr::from_ptr(c_heard) };
    Meeting {
        c_ticks,
        c_heard: c_heard.to_string_lossy().into_owned(),
        rust_ticks: rust_half.ticks.get(),
        rust_heard: rust_half.heard.borrow().clone(),
        loop_ended,
    }
}

fn main() {
    let meeting = meet();
    println!("C:    timer fired {}x, socket said {:?}", meeting.c_ticks, meeting.c_heard);
    println!("Rust: timer fired {}x, socket said {:?}", meeting.rust_ticks, meeting.rust_heard);
    println!("loop returned {} (1: no events left)", meeting.loop_ended);
}
