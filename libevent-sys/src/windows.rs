//! The functions that libevent defines on Windows only. Elsewhere three of them
//! are macros, found in `macros.rs` and `socket_error.rs`, and three are nothing.
#![allow(missing_docs)]

use crate::*;
use libc::{c_char, c_int, c_void};

unsafe extern "C" {
    #[cfg(feature = "threads")]
    pub fn evthread_use_windows_threads() -> c_int;
    pub fn evdns_base_config_windows_nameservers(base: *mut evdns_base) -> c_int;
    #[cfg(feature = "compat")]
    pub fn evdns_config_windows_nameservers() -> c_int;
    /// `zone` is not used.
    pub fn evutil_gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int;
    pub fn evutil_socket_geterror(socket: evutil_socket_t) -> c_int;
    pub fn evutil_socket_error_to_string(error: c_int) -> *const c_char;
}
