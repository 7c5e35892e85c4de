//! What `libevent_pthreads` adds to the core's interface for locks.

use libc::c_int;

unsafe extern "C" {
    /// Makes libevent use the system's own locks, and an `event_base` usable
    /// from several threads; to be called before the first is made.
    pub fn evthread_use_pthreads() -> c_int;
}
