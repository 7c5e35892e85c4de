//! The types that differ between targets, so that no generated file bakes in
//! the answers of the machine it was generated on.

#[doc(no_inline)]
pub use libc::{FILE, sockaddr, timeval, tm};
#[cfg(unix)]
#[doc(no_inline)]
pub use libc::{in_addr, in6_addr};

use crate::evhttp_request;
use libc::{c_uint, c_void};

/// A socket: a file descriptor, or on Windows a `SOCKET`.
#[cfg(unix)]
pub type evutil_socket_t = libc::c_int;
/// A socket: a file descriptor, or on Windows a `SOCKET`.
#[cfg(windows)]
pub type evutil_socket_t = isize;

/// The signed companion of `size_t`.
pub type ev_ssize_t = isize;

/// A file offset. libevent is always built with 64-bit offsets, by this crate
/// and by upstream's own build, whatever `off_t` is for the caller.
pub type ev_off_t = i64;

/// The length of a socket address.
#[cfg(unix)]
pub type ev_socklen_t = libc::socklen_t;
/// The length of a socket address.
#[cfg(windows)]
pub type ev_socklen_t = libc::c_int;

/// One extent of memory inside an `evbuffer`: the system's own `iovec`.
#[cfg(unix)]
pub type evbuffer_iovec = libc::iovec;
/// One extent of memory inside an `evbuffer`.
#[cfg(windows)]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct evbuffer_iovec {
    /// Where it begins.
    pub iov_base: *mut c_void,
    /// Its length in bytes.
    pub iov_len: usize,
}

/// The system's own `addrinfo`.
#[cfg(unix)]
pub type evutil_addrinfo = libc::addrinfo;
/// `ADDRINFOA`.
#[cfg(windows)]
#[allow(missing_docs)]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct evutil_addrinfo {
    pub ai_flags: libc::c_int,
    pub ai_family: libc::c_int,
    pub ai_socktype: libc::c_int,
    pub ai_protocol: libc::c_int,
    pub ai_addrlen: usize,
    pub ai_canonname: *mut libc::c_char,
    pub ai_addr: *mut sockaddr,
    pub ai_next: *mut evutil_addrinfo,
}

/// An IPv4 address in network order.
#[cfg(windows)]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct in_addr {
    /// All four bytes.
    pub s_addr: u32,
}

/// An IPv6 address in network order.
#[cfg(windows)]
#[repr(C, align(2))]
#[derive(Debug, Copy, Clone)]
pub struct in6_addr {
    /// All sixteen bytes.
    pub s6_addr: [u8; 16],
}

/// C's `va_list` as a parameter. Stable Rust cannot make one; a `va_list` that
/// C handed to Rust can be handed on, since as a parameter it is one pointer
/// wide on every target (an array that decays, a pointer, or a structure passed
/// by reference).
pub type ev_va_list = *mut c_void;

/// The functions behind one kind of `bufferevent`; libevent's own business.
#[repr(C)]
#[derive(Debug)]
pub struct bufferevent_ops {
    _unused: [u8; 0],
}

/// OpenSSL's `SSL`.
#[cfg(feature = "openssl")]
pub type ssl_st = openssl_sys::SSL;

impl evhttp_request {
    /// The bit-field `chunked`: the request or reply is sent in chunks.
    #[must_use]
    pub const fn chunked(&self) -> bool {
        self.bits_ & Self::bit(0) != 0
    }

    /// The bit-field `userdone`: the user has sent all data.
    #[must_use]
    pub const fn userdone(&self) -> bool {
        self.bits_ & Self::bit(1) != 0
    }

    /// Bit-fields fill their unit from the low end, or from the high end where
    /// the bytes do.
    const fn bit(index: u32) -> c_uint {
        if cfg!(target_endian = "big") { 1 << (c_uint::BITS - 1 - index) } else { 1 << index }
    }
}
