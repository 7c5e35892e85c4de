//! The last socket error: `errno`, or on Windows Winsock's own.

use crate::evutil_socket_t;
#[cfg(unix)]
use libc::c_char;
use libc::c_int;

/// What a failed call returns in place of a socket.
pub const EVUTIL_INVALID_SOCKET: evutil_socket_t = -1;

/// The error of the calling thread's last failed socket call.
#[inline]
#[must_use]
pub fn EVUTIL_SOCKET_ERROR() -> c_int {
    last()
}

/// Sets the calling thread's last socket error.
#[inline]
pub fn EVUTIL_SET_SOCKET_ERROR(error: c_int) {
    set_last(error);
}

#[cfg(unix)]
fn last() -> c_int {
    // SAFETY: the address is valid as long as the calling thread.
    unsafe { *errno() }
}

#[cfg(unix)]
fn set_last(error: c_int) {
    // SAFETY: as above, and no other thread can reach it.
    unsafe { *errno() = error }
}

#[cfg(unix)]
fn errno() -> *mut c_int {
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as location;
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    use libc::__errno as location;
    #[cfg(any(target_os = "linux", target_os = "dragonfly"))]
    use libc::__errno_location as location;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    use libc::__error as location;
    // SAFETY: it takes nothing and cannot fail.
    unsafe { location() }
}

#[cfg(windows)]
fn last() -> c_int {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { winsock::WSAGetLastError() }
}

#[cfg(windows)]
fn set_last(error: c_int) {
    // SAFETY: any number is allowed.
    unsafe { winsock::WSASetLastError(error) }
}

#[cfg(windows)]
mod winsock {
    unsafe extern "system" {
        pub(super) fn WSAGetLastError() -> libc::c_int;
        pub(super) fn WSASetLastError(error: libc::c_int);
    }
}

/// The last error of `socket`: here that of the calling thread, which is all
/// that Unix keeps.
#[cfg(unix)]
#[inline]
#[must_use]
pub fn evutil_socket_geterror(_socket: evutil_socket_t) -> c_int {
    EVUTIL_SOCKET_ERROR()
}

/// The system's text for a socket error.
///
/// # Safety
/// The text lives until the calling thread's next call of `strerror`.
#[cfg(unix)]
#[inline]
#[must_use]
pub unsafe fn evutil_socket_error_to_string(error: c_int) -> *const c_char {
    // SAFETY: any number is allowed.
    unsafe { libc::strerror(error) }
}
