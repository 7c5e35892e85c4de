//! What the tests and examples of this member share: certificates, an HTTP
//! service that is `!Send` on purpose, the end of a program.
#![forbid(unsafe_code)]

pub mod http;
mod interrupt;
pub mod support;
pub mod tls;

pub use interrupt::interrupted;

/// What a demonstration fails with.
pub type Failure = Box<dyn std::error::Error>;

/// The guide's code must compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/hyper-and-friends.md")]
struct Guide;
