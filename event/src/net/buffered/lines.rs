//! Lines as a stream.
#![forbid(unsafe_code)]

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncRead;

use super::reader::BufferedReader;
use crate::net::SocketError;

/// A stream of lines without their ends; from
/// [`BufferedReader::lines`]. It ends with the stream below.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Lines<R>(BufferedReader<R>);

impl<R> Lines<R> {
    pub(super) fn new(reader: BufferedReader<R>) -> Self {
        Self(reader)
    }

    /// The reader, with what was read and not taken.
    pub fn into_inner(self) -> BufferedReader<R> {
        self.0
    }
}

impl<R: AsyncRead + Unpin> Stream for Lines<R> {
    type Item = Result<String, SocketError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let line = ready!(self.0.poll_line(context)).transpose();
        Poll::Ready(line.map(|line| line.map(str::to_owned)))
    }
}
