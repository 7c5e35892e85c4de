//! The clients of a server, as a stream.
#![forbid(unsafe_code)]

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::address::SocketAddress;
use super::error::SocketError;
use super::server::{Accepting, ServerSocket};
use super::socket::Socket;

type Item = Result<(Socket, SocketAddress), SocketError>;

/// A stream of clients; from [`ServerSocket::incoming`].
///
/// An error is not its end: if descriptors have run out it tells so, and then
/// goes on after a while.
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    server: &'a ServerSocket,
    accepting: Accepting,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(server: &'a ServerSocket) -> Self {
        Self { server, accepting: server.accepting() }
    }
}

impl Stream for Incoming<'_> {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let Self { server, accepting } = &mut *self;
        next(server, accepting, context)
    }
}

impl FusedStream for Incoming<'_> {
    fn is_terminated(&self) -> bool {
        self.server.is_closed()
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        self.server.give_up(&mut self.accepting);
    }
}

/// A stream of clients that owns its server; from [`ServerSocket::into_incoming`].
#[must_use = "streams do nothing unless polled"]
pub struct IntoIncoming {
    server: ServerSocket,
    accepting: Accepting,
}

impl IntoIncoming {
    pub(super) fn new(server: ServerSocket) -> Self {
        let accepting = server.accepting();
        Self { server, accepting }
    }

    /// The server.
    pub fn server(&self) -> &ServerSocket {
        &self.server
    }
}

impl Stream for IntoIncoming {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let Self { server, accepting } = &mut *self;
        next(server, accepting, context)
    }
}

impl FusedStream for IntoIncoming {
    fn is_terminated(&self) -> bool {
        self.server.is_closed()
    }
}

impl Drop for IntoIncoming {
    fn drop(&mut self) {
        self.server.give_up(&mut self.accepting);
    }
}

fn next(
    server: &ServerSocket,
    accepting: &mut Accepting,
    context: &mut Context<'_>,
) -> Poll<Option<Item>> {
    match ready!(server.poll_accept(accepting, context)) {
        Err(SocketError::Closed) => Poll::Ready(None),
        item => Poll::Ready(Some(item)),
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("server", self.server).finish_non_exhaustive()
    }
}

impl fmt::Debug for IntoIncoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIncoming").field("server", &self.server).finish_non_exhaustive()
    }
}
