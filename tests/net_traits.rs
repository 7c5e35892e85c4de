//! The futures traits on sockets: what code that knows nothing of us relies on.

mod sockets;

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use event::{Kind, Socket, SocketError, sleep, spawn};
use futures_io::{AsyncRead, AsyncWrite};
use sockets::{pattern, run, tcp_pair};

#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll_read<R: AsyncRead + Unpin>(
    reader: &mut R,
    waker: &Waker,
    bytes: &mut [u8],
) -> Poll<std::io::Result<usize>> {
    Pin::new(reader).poll_read(&mut Context::from_waker(waker), bytes)
}

/// All of a stream, by the traits alone and in pieces of that size.
async fn copy<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    reader: &mut R,
    writer: &mut W,
    room: usize,
) {
    let mut buffer = vec![0; room];
    loop {
        let count = poll_fn(|cx| Pin::new(&mut *reader).poll_read(cx, &mut buffer)).await.unwrap();
        if count == 0 {
            break;
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let put = poll_fn(|cx| Pin::new(&mut *writer).poll_write(cx, rest)).await.unwrap();
            rest = &rest[put..];
        }
        poll_fn(|cx| Pin::new(&mut *writer).poll_flush(cx)).await.unwrap();
    }
    for _ in 0..2 {
        poll_fn(|cx| Pin::new(&mut *writer).poll_close(cx)).await.unwrap();
    }
}

#[test]
fn bytes_pass_through_each_kind_of_reader_and_writer() {
    run(async |handle| {
        for room in [1000, 70_000] {
            let (source, first) = tcp_pair(handle).await;
            let (second, sink) = Socket::pair(handle).unwrap();
            let all = Rc::new(pattern(2 << 20));
            let sent = all.clone();
            let writing = spawn(async move { source.write_all(&sent).await.unwrap() });
            let passing = spawn(async move {
                let (mut reader, _writer) = first.into_split();
                copy(&mut reader, &mut &second, room).await;
            });
            let (mut reader, _) = sink.split();
            let mut got = Got::default();
            copy(&mut reader, &mut got, room).await;
            assert!(got.0 == *all);
            assert_eq!(got.1, 2, "closed twice, which is allowed");
            writing.await.unwrap();
            passing.await.unwrap();
        }
    });
}

/// Keeps what is written, and counts how often it was closed.
#[derive(Default)]
struct Got(Vec<u8>, usize);

impl AsyncWrite for Got {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.1 += 1;
        Poll::Ready(Ok(()))
    }
}

#[test]
fn the_last_one_who_polls_is_woken() {
    run(async |handle| {
        let (mut ours, theirs) = Socket::pair(handle).unwrap();
        let (first, last) = (Arc::<Counted>::default(), Arc::<Counted>::default());
        for waker in [&first, &last] {
            let waker = Waker::from(waker.clone());
            assert!(poll_read(&mut ours, &waker, &mut [0]).is_pending());
        }
        theirs.write_all(b"x").await.unwrap();
        sleep(Duration::from_millis(2)).await;
        assert_eq!((first.count(), last.count()), (0, 1));
        assert!(matches!(poll_read(&mut ours, Waker::noop(), &mut [0; 9]), Poll::Ready(Ok(1))));
    });
}

#[test]
fn reading_and_writing_wait_apart() {
    run(async |handle| {
        let (mut ours, theirs) = Socket::pair(handle).unwrap();
        while ours.try_write(&[0; 65536]).unwrap().is_some() {}
        let (reads, writes) = (Arc::<Counted>::default(), Arc::<Counted>::default());
        assert!(poll_read(&mut ours, &Waker::from(reads.clone()), &mut [0]).is_pending());
        let waker = Waker::from(writes.clone());
        let polled = Pin::new(&mut ours).poll_write(&mut Context::from_waker(&waker), b"x");
        assert!(polled.is_pending());
        theirs.write_all(b"x").await.unwrap();
        sleep(Duration::from_millis(2)).await;
        assert_eq!((reads.count(), writes.count()), (1, 0));
        while theirs.try_read(&mut [0; 65536]).unwrap().is_some() {}
        sleep(Duration::from_millis(2)).await;
        assert_eq!((reads.count(), writes.count()), (1, 1));
    });
}

#[test]
fn a_socket_that_is_dropped_while_polled_leaves_nothing() {
    run(async |handle| {
        let (mut ours, _theirs) = Socket::pair(handle).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(1000)));
        let woken = Arc::<Counted>::default();
        let timers = || handle.registrations().iter().filter(|one| one.kind == Kind::Timer).count();
        let before = timers();
        assert!(poll_read(&mut ours, &Waker::from(woken.clone()), &mut [0]).is_pending());
        assert_eq!(timers(), before + 1);
        drop(ours);
        assert_eq!(timers(), before);
        assert!(handle.registrations().iter().all(|one| one.kind != Kind::Async));
        assert_eq!(woken.count(), 1, "whoever waited is told");
    });
}

#[test]
fn vectored_operations_are_vectored_and_errors_can_be_had_back() {
    run(async |handle| {
        let (mut ours, mut theirs) = Socket::pair(handle).unwrap();
        let calls = Cell::new(0);
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        let put = poll_fn(|cx| {
            calls.set(calls.get() + 1);
            Pin::new(&mut ours).poll_write_vectored(cx, &parts)
        });
        assert_eq!((put.await.unwrap(), calls.get()), (5, 1));
        let (mut one, mut two) = ([0; 1], [0; 9]);
        let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        let taken = poll_fn(|cx| Pin::new(&mut theirs).poll_read_vectored(cx, &mut buffers)).await;
        assert_eq!((taken.unwrap(), &one, &two[..4]), (5, b"a", &b"bcde"[..]));
        theirs.close();
        let Poll::Ready(Err(error)) = poll_read(&mut theirs, Waker::noop(), &mut [0]) else {
            panic!("a closed socket was read");
        };
        assert!(matches!(error.downcast().unwrap(), SocketError::Closed));
    });
}
