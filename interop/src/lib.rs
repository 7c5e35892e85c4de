//! What the tests and examples of this member share: certificates, and an HTTP
//! service that is `!Send` on purpose.
#![forbid(unsafe_code)]

pub mod http;
pub mod support;
pub mod tls;

/// What a demonstration fails with.
pub type Failure = Box<dyn std::error::Error>;
