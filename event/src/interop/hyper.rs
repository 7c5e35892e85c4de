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

/// So many bytes are copied together sooner than the kernel collects them:
/// `sendmsg(2)` of two buffers takes it 180 ns longer than `send(2)` of one.
const SMALL: usize = 1024;

/// The bytes of all buffers in one, if that costs less.
fn in_one<'a>(buffers: &'a [IoSlice<'_>], room: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    if let [only] = buffers {
        return Some(only);
    }
    let mut length = 0;
    for buffer in buffers {
        room.get_mut(length..length + buffer.len())?.copy_from_slice(buffer);
        length += buffer.len();
    }
    Some(&room[..length])
}

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
                self.as_socket().poll_receive(context, wanted, receive)
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
                let (socket, mut room) = (self.as_socket(), [0; SMALL]);
                let written = match in_one(buffers, &mut room) {
                    Some(bytes) => socket.poll_write(context, bytes),
                    None => socket.poll_write_vectored(context, buffers),
                };
                written.map_err(io::Error::from)
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
