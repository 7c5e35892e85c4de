//! libevent's macros as functions and constants: same names, same arguments.
//!
//! Left out are those that only make sense inside a C compiler: `EVTAG_*` and
//! `EVRPC_*` paste together names of structures that upstream's
//! `event_rpcgen.py` writes.

use crate::*;
use core::cmp::Ordering;
use libc::{c_int, c_void};

pub use core::mem::offset_of as evutil_offsetof;

/// Allocates an event that fires only by its timeout.
///
/// # Safety
/// As [`event_new`]: `base` is live, and `callback` may be called with `arg`
/// until the event is deleted or freed.
#[inline]
pub unsafe fn evtimer_new(
    base: *mut event_base,
    callback: event_callback_fn,
    arg: *mut c_void,
) -> *mut event {
    // SAFETY: the caller's promise.
    unsafe { event_new(base, -1, 0, callback, arg) }
}

/// Prepares caller-provided memory as a timer.
///
/// # Safety
/// As [`event_assign`]: `event` is writable and not pending, and stays where it
/// is while it is pending; for the rest as [`evtimer_new`].
#[inline]
pub unsafe fn evtimer_assign(
    event: *mut event,
    base: *mut event_base,
    callback: event_callback_fn,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_assign(event, base, -1, 0, callback, arg) }
}

/// Starts a timer, to fire after `timeout`.
///
/// # Safety
/// As [`event_add`]: `event` is initialized, its base is live, and `timeout` is
/// null or readable.
#[inline]
pub unsafe fn evtimer_add(event: *mut event, timeout: *const timeval) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_add(event, timeout) }
}

/// Stops a timer.
///
/// # Safety
/// As [`event_del`]: `event` is initialized and its base is live.
#[inline]
pub unsafe fn evtimer_del(event: *mut event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_del(event) }
}

/// Whether a timer runs, and when it will fire.
///
/// # Safety
/// As [`event_pending`]: `event` is initialized, its base is live, and
/// `expiry` is null or writable.
#[inline]
pub unsafe fn evtimer_pending(event: *const event, expiry: *mut timeval) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_pending(event, EV_TIMEOUT, expiry) }
}

/// Whether a timer has been assigned.
///
/// # Safety
/// As [`event_initialized`]: `event` is readable; either zeroed or assigned.
#[inline]
pub unsafe fn evtimer_initialized(event: *const event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_initialized(event) }
}

/// Allocates a persistent event that fires when `signal` arrives.
///
/// # Safety
/// As [`evtimer_new`].
#[inline]
pub unsafe fn evsignal_new(
    base: *mut event_base,
    signal: c_int,
    callback: event_callback_fn,
    arg: *mut c_void,
) -> *mut event {
    // SAFETY: the caller's promise.
    unsafe { event_new(base, signal as evutil_socket_t, EV_SIGNAL | EV_PERSIST, callback, arg) }
}

/// Prepares caller-provided memory as a persistent signal event.
///
/// # Safety
/// As [`evtimer_assign`].
#[inline]
pub unsafe fn evsignal_assign(
    event: *mut event,
    base: *mut event_base,
    signal: c_int,
    callback: event_callback_fn,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        event_assign(event, base, signal as evutil_socket_t, EV_SIGNAL | EV_PERSIST, callback, arg)
    }
}

/// Starts to wait for the signal, no longer than `timeout`.
///
/// # Safety
/// As [`event_add`]: `event` is initialized, its base is live, and `timeout` is
/// null or readable.
#[inline]
pub unsafe fn evsignal_add(event: *mut event, timeout: *const timeval) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_add(event, timeout) }
}

/// Stops to wait for the signal.
///
/// # Safety
/// As [`event_del`]: `event` is initialized and its base is live.
#[inline]
pub unsafe fn evsignal_del(event: *mut event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_del(event) }
}

/// Whether the signal is waited for.
///
/// # Safety
/// As [`event_pending`]: `event` is initialized, its base is live, and
/// `expiry` is null or writable.
#[inline]
pub unsafe fn evsignal_pending(event: *const event, expiry: *mut timeval) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_pending(event, EV_SIGNAL, expiry) }
}

/// Whether a signal event has been assigned.
///
/// # Safety
/// As [`event_initialized`]: `event` is readable; either zeroed or assigned.
#[inline]
pub unsafe fn evsignal_initialized(event: *const event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_initialized(event) }
}

/// Allocates an event that only [`evuser_trigger`] fires.
///
/// # Safety
/// As [`evtimer_new`].
#[inline]
pub unsafe fn evuser_new(
    base: *mut event_base,
    callback: event_callback_fn,
    arg: *mut c_void,
) -> *mut event {
    // SAFETY: the caller's promise.
    unsafe { event_new(base, -1, 0, callback, arg) }
}

/// Takes back a trigger whose callback has not run yet.
///
/// # Safety
/// As [`event_del`]: `event` is initialized and its base is live.
#[inline]
pub unsafe fn evuser_del(event: *mut event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_del(event) }
}

/// Upstream asks for no flag here, so that this is 0 whatever the event does.
///
/// # Safety
/// As [`event_pending`]: `event` is initialized, its base is live, and
/// `expiry` is null or writable.
#[inline]
pub unsafe fn evuser_pending(event: *const event, expiry: *mut timeval) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_pending(event, 0, expiry) }
}

/// Whether a user event has been assigned.
///
/// # Safety
/// As [`event_initialized`]: `event` is readable; either zeroed or assigned.
#[inline]
pub unsafe fn evuser_initialized(event: *const event) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { event_initialized(event) }
}

/// Makes the loop call a user event's callback.
///
/// # Safety
/// As [`event_active`]: `event` is initialized and its base is live.
#[inline]
pub unsafe fn evuser_trigger(event: *mut event) {
    // SAFETY: the caller's promise.
    unsafe { event_active(event, 0, 0) }
}

/// The signal number a signal event waits for.
///
/// # Safety
/// As [`event_get_fd`]: `event` is initialized.
#[inline]
pub unsafe fn event_get_signal(event: *const event) -> c_int {
    // SAFETY: the caller's promise.
    (unsafe { event_get_fd(event) }) as c_int
}

/// Closes a socket.
///
/// # Safety
/// As [`evutil_closesocket`]: `socket` is the caller's to close.
#[inline]
pub unsafe fn EVUTIL_CLOSESOCKET(socket: evutil_socket_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { evutil_closesocket(socket) }
}

/// The time of day; `zone` is null, or what the system's `gettimeofday` says.
///
/// # Safety
/// As `gettimeofday`: `time` and `zone` are each null or writable.
#[cfg(unix)]
#[inline]
pub unsafe fn evutil_gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libc::gettimeofday(time, zone.cast()) }
}

/// `left + right`.
#[inline]
#[must_use]
pub const fn evutil_timeradd(left: &timeval, right: &timeval) -> timeval {
    let mut sum =
        timeval { tv_sec: left.tv_sec + right.tv_sec, tv_usec: left.tv_usec + right.tv_usec };
    if sum.tv_usec >= 1_000_000 {
        sum.tv_sec += 1;
        sum.tv_usec -= 1_000_000;
    }
    sum
}

/// `left - right`.
#[inline]
#[must_use]
pub const fn evutil_timersub(left: &timeval, right: &timeval) -> timeval {
    let mut rest =
        timeval { tv_sec: left.tv_sec - right.tv_sec, tv_usec: left.tv_usec - right.tv_usec };
    if rest.tv_usec < 0 {
        rest.tv_sec -= 1;
        rest.tv_usec += 1_000_000;
    }
    rest
}

/// C's `evutil_timercmp(left, right, <)` is `evutil_timercmp(left, right).is_lt()`.
#[inline]
#[must_use]
pub fn evutil_timercmp(left: &timeval, right: &timeval) -> Ordering {
    (left.tv_sec, left.tv_usec).cmp(&(right.tv_sec, right.tv_usec))
}

/// Sets to zero, which [`evutil_timerisset`] tells apart.
#[inline]
pub const fn evutil_timerclear(time: &mut timeval) {
    *time = timeval { tv_sec: 0, tv_usec: 0 };
}

/// Whether the time is not zero.
#[inline]
#[must_use]
pub const fn evutil_timerisset(time: &timeval) -> bool {
    time.tv_sec != 0 || time.tv_usec != 0
}

/// All that a `resolv.conf` may set; for [`evdns_base_resolv_conf_parse`].
pub const DNS_OPTIONS_ALL: c_int =
    DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC | DNS_OPTION_HOSTSFILE;

/// The largest `ev_uint64_t`.
pub const EV_UINT64_MAX: u64 = u64::MAX;
/// The largest `ev_int64_t`.
pub const EV_INT64_MAX: i64 = i64::MAX;
/// The smallest `ev_int64_t`.
pub const EV_INT64_MIN: i64 = i64::MIN;
/// The largest `size_t`.
pub const EV_SIZE_MAX: usize = usize::MAX;
/// The largest `ev_ssize_t`.
pub const EV_SSIZE_MAX: ev_ssize_t = ev_ssize_t::MAX;
/// The smallest `ev_ssize_t`.
pub const EV_SSIZE_MIN: ev_ssize_t = ev_ssize_t::MIN;
/// The largest rate that [`ev_token_bucket_cfg_new`] accepts.
pub const EV_RATE_LIMIT_MAX: ev_ssize_t = EV_SSIZE_MAX;
