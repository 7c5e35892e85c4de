//! Complete raw bindings to libevent 2.1.13.
#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

mod addrinfo;
#[allow(clippy::all)]
mod bindings;
#[cfg(feature = "compat")]
#[allow(clippy::all)]
mod bindings_compat;
#[cfg(feature = "openssl")]
#[allow(clippy::all)]
mod bindings_openssl;
#[cfg(feature = "threads")]
#[allow(clippy::all)]
mod bindings_threads;
mod macros;
mod socket_error;
#[cfg(all(unix, feature = "threads"))]
mod threads;
mod types;
#[cfg(windows)]
mod windows;

pub use addrinfo::*;
pub use bindings::*;
#[cfg(feature = "compat")]
pub use bindings_compat::*;
#[cfg(feature = "openssl")]
pub use bindings_openssl::*;
#[cfg(feature = "threads")]
pub use bindings_threads::*;
pub use macros::*;
pub use socket_error::*;
#[cfg(all(unix, feature = "threads"))]
pub use threads::*;
pub use types::*;
#[cfg(windows)]
pub use windows::*;
