//! What goes wrong in one shard of a server.
#![forbid(unsafe_code)]

use std::any::Any;
use std::io;

use thiserror::Error;

use crate::net::SocketError;

/// What went wrong in a shard, or with one of its clients.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShardError {
    /// There was no thread to be had.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The loop could not be made, or has failed: the shard has ended.
    #[error("the shard's loop failed: {0}")]
    Loop(#[source] io::Error),
    /// The shard could not listen.
    #[error(transparent)]
    Listen(SocketError),
    /// Accepting failed. If descriptors or memory have run out the shard goes on
    /// after a while ([`SocketError::is_exhaustion`]); else it has ended.
    #[error(transparent)]
    Accept(SocketError),
    /// The handler of one client panicked, with this text: that client is lost,
    /// and the shard goes on. As the outcome of a shard it was the shard itself.
    #[error("a handler panicked: {0}")]
    Panicked(String),
}

impl ShardError {
    pub(super) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_else(|| "not with a text".to_owned()))
    }
}
