//! What `bench verify` and the driver share: a server that is a process of its
//! own, and what it must answer.
#![forbid(unsafe_code)]

pub mod answers;
pub mod server;
