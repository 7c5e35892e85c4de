//! What `libevent_pthreads` adds: locking by the system's own threads.

use libc::c_int;

unsafe extern "C" {
    pub fn evthread_use_pthreads() -> c_int;
}
