//! What `bench verify` and the driver share: a server that is a process of its own.
#![forbid(unsafe_code)]

pub mod server;
