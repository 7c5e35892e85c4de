//! Complete raw bindings to [libevent](https://libevent.org) 2.1.13, which is
//! compiled from its pinned release with nothing but a C compiler.
//!
//! Every function that libevent exports is here under its own name, and so is
//! every structure, constant and callback type of its public headers; what the
//! headers offer as a macro is a function or a constant of the same name. The
//! documentation of these symbols is libevent's: the comments in its headers,
//! found in the folder that `DEP_EVENT_INCLUDE` names (below).
//!
//! # When to use this crate
//!
//! For a program, rather use the crate `event`: its interface is safe. This one
//! is the ground it stands on, and the way to
//!
//! - call a part of libevent for which there is no safe interface;
//! - move a C program to Rust in steps, both halves on one `event_base`;
//! - give C code inside another crate a libevent to be compiled and linked with.
//!
//! Everything here is `unsafe` in the plain sense: pointers are not checked,
//! lifetimes are the caller's, and a callback that unwinds into C aborts.
//!
//! # Example
//!
//! ```
//! use libevent_sys::*;
//! use std::ffi::{c_short, c_void};
//!
//! unsafe extern "C" fn on_timeout(_: evutil_socket_t, what: c_short, seen: *mut c_void) {
//!     unsafe { *seen.cast::<c_short>() = what }
//! }
//!
//! let mut seen: c_short = 0;
//! unsafe {
//!     let base = event_base_new();
//!     let timer = evtimer_new(base, Some(on_timeout), (&raw mut seen).cast());
//!     evtimer_add(timer, &timeval { tv_sec: 0, tv_usec: 1000 });
//!     assert_eq!(event_base_dispatch(base), 1, "it returns 1 when no event is left");
//!     event_free(timer);
//!     event_base_free(base);
//! }
//! assert_eq!(seen, EV_TIMEOUT);
//! ```
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `vendored` | yes | compiles the pinned libevent; without it the system's is used |
//! | `threads` | yes | locking: `evthread_*`, and `libevent_pthreads` on Unix |
//! | `openssl` | | TLS bufferevents, with the OpenSSL that `openssl-sys` finds |
//! | `compat` | | libevent 1.4's interface around one global base |
//! | `static` | | links a system library statically; the vendored one always is |
//! | `buildtime-bindgen` | | bindings from the headers found, not the committed ones; needs libclang |
//!
//! A feature cannot be turned off from further up the dependency graph; these
//! variables can: `LIBEVENT_NO_VENDOR=1` asks for the system's library,
//! `LIBEVENT_DIR=<prefix>` for the one installed there, `LIBEVENT_STATIC=0` or
//! `1` for how to link it. Each has a form for one target only, such as
//! `X86_64_UNKNOWN_LINUX_GNU_LIBEVENT_DIR`.
//!
//! The bindings are those of 2.1.13. Of a system's 2.1 they are all valid but
//! [`LIBEVENT_VERSION`] and its number, which [`event_get_version`] tells right,
//! and one function: [`evutil_secure_rng_add_bytes`] may be missing where the C
//! library has an `arc4random` of its own.
//!
//! # For C code
//!
//! A crate that depends on this one *directly* gets in its build script the
//! folders of an installed libevent, as the variables `DEP_EVENT_ROOT`,
//! `DEP_EVENT_INCLUDE` and `DEP_EVENT_LIB` (to be split with
//! `std::env::split_paths`), and `DEP_EVENT_VERSION`, `DEP_EVENT_VERSION_NUMBER`,
//! `DEP_EVENT_VENDORED`, `DEP_EVENT_THREADS`, `DEP_EVENT_OPENSSL` (`0` or `1`):
//!
//! ```no_run
//! # #[cfg(any())]
//! # mod build {
//! // build.rs; the crate has libevent-sys among its [dependencies], and names
//! // it in its code (`use libevent_sys as _;`) so that it is linked.
//! fn main() {
//!     let include = std::env::var_os("DEP_EVENT_INCLUDE").expect("a direct dependency on libevent-sys");
//!     cc::Build::new().file("echo.c").includes(std::env::split_paths(&include)).compile("echo");
//! }
//! # }
//! ```
//!
//! For other build systems the same place has `lib/libevent*.a` and relocatable
//! `lib/pkgconfig/libevent*.pc`.
//!
//! # Not here
//!
//! `evbuffer_cb_suspend` and `evbuffer_cb_unsuspend`, which upstream declares and
//! has disabled; on other systems than Windows its `evthread_use_windows_threads`,
//! `evdns_base_config_windows_nameservers` and `evdns_config_windows_nameservers`;
//! and the macros `EVTAG_*` and `EVRPC_*`, which generate C code.
#![no_std]
#![warn(missing_docs, missing_debug_implementations)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

/// One generated file: as committed, or as the build script has just made it.
macro_rules! generated {
    ($($(#[$condition:meta])* $name:ident)*) => {$(
        $(#[$condition])*
        #[cfg(not(feature = "buildtime-bindgen"))]
        #[allow(missing_docs, missing_debug_implementations, clippy::all)]
        mod $name;

        $(#[$condition])*
        #[cfg(feature = "buildtime-bindgen")]
        #[allow(missing_docs, missing_debug_implementations, clippy::all)]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
        }

        $(#[$condition])*
        pub use $name::*;
    )*};
}

generated! {
    bindings
    #[cfg(feature = "threads")]
    bindings_threads
    #[cfg(feature = "openssl")]
    bindings_openssl
    #[cfg(feature = "compat")]
    bindings_compat
}

mod addrinfo;
mod macros;
mod socket_error;
#[cfg(all(unix, feature = "threads"))]
mod threads;
mod types;
#[cfg(windows)]
mod windows;

pub use addrinfo::*;
pub use macros::*;
pub use socket_error::*;
#[cfg(all(unix, feature = "threads"))]
pub use threads::*;
pub use types::*;
#[cfg(windows)]
pub use windows::*;
