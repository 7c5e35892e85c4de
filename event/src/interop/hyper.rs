//! The traits of hyper 1: bytes in and out, and tasks.
#![forbid(unsafe_code)]

use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Executor, Read, ReadBufCursor, Write};

use crate::net::{AsSocket, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Socket, WriteHalf};
use crate::reactor::LoopHandle;
use crate::sys::recv_hyper;

macro_rules! read {
    ($($reader:ty),*) => {$(
        impl Read for $reader {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                mut buffer: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                let wanted = buffer.remaining();
                let receive = |fd: BorrowedFd<'_>| recv_hyper(fd, &mut buffer);
                let polled = self.as_socket().poll_take(context, wanted, receive);
                polled.map_ok(drop).map_err(io::Error::from)
            }
        }
    )*};
}

macro_rules! write {
    ($($writer:ty),*) => {$(
        /// `poll_shutdown` ends the stream for the peer; the descriptor stays open.
        impl Write for $writer {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.as_socket().poll_write(context, bytes).map_err(io::Error::from)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.as_socket().poll_write_vectored(context, buffers).map_err(io::Error::from)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.as_socket().end_stream().map_err(io::Error::from))
            }
        }
    )*};
}

read!(Socket, &Socket, ReadHalf<'_>, OwnedReadHalf);
write!(Socket, &Socket, WriteHalf<'_>, OwnedWriteHalf);

/// hyper's tasks are the loop's. They need not be `Send`, so neither need be
/// the service: an `Rc` in it is fine, with HTTP/2 also.
impl<F> Executor<F> for LoopHandle
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        drop(self.spawn(future));
    }
}
