//! Copying: every byte, at the pace of the slower side, in bounded memory, and
//! half-closed as the ends are.

mod sockets;
mod support;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use event::{JoinHandle, LoopHandle, Socket, copy, copy_bidirectional, sleep, spawn};
use futures_io::{AsyncRead, AsyncWrite};
use sockets::{assert_pending, pattern, run, tcp_pair};
use support::alone::{alone, open_descriptors};

const ROOM: usize = 64 * 1024;

/// A socket that is not seen to be one: it is copied through memory.
struct Plain(Socket);

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

type Counts = JoinHandle<io::Result<(u64, u64)>>;

/// A client and a server, with a proxy between them; by whichever route.
async fn proxied(handle: &LoopHandle, plain: bool) -> (Socket, Counts, Socket) {
    let (client, mut outside) = tcp_pair(handle).await;
    let (mut inside, server) = tcp_pair(handle).await;
    let task = spawn(async move {
        if plain {
            copy_bidirectional(&mut Plain(outside), &mut Plain(inside)).await
        } else {
            copy_bidirectional(&mut outside, &mut inside).await
        }
    });
    (client, task, server)
}

fn by_both_routes(test: impl AsyncFn(&LoopHandle, bool)) {
    for plain in [false, true] {
        run(async |handle| test(handle, plain).await);
    }
}

/// Writes all and ends the stream.
async fn send(socket: Rc<Socket>, bytes: Vec<u8>) {
    socket.write_all(&bytes).await.unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
}

async fn receive(socket: &Socket) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes, usize::MAX).await.unwrap();
    bytes
}

#[test]
fn a_copy_ends_with_its_reader_and_counts() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let (mut reader, mut writer) = served.into_split();
        client.write_all(b"hello").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(copy(&mut reader, &mut writer).await.unwrap(), 5);
        let mut back = [0; 5];
        client.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
        // The end is not passed on.
        assert_pending(pin!(client.read(&mut [0; 1]))).await;
    });
}

#[test]
fn both_ways_at_once_every_byte_arrives() {
    by_both_routes(async |handle, plain| {
        let (client, proxy, server) = proxied(handle, plain).await;
        let (client, server) = (Rc::new(client), Rc::new(server));
        let (asked, answered) = (pattern(20 << 20), pattern(12 << 20));
        let sending = spawn(send(client.clone(), asked.clone()));
        let answering = spawn(send(server.clone(), answered.clone()));
        let arriving = spawn(async move { receive(&server).await });
        assert!(receive(&client).await == answered, "the answer was changed");
        assert!(arriving.await.unwrap() == asked, "the question was changed");
        sending.await.unwrap();
        answering.await.unwrap();
        assert_eq!(proxy.await.unwrap().unwrap(), (20 << 20, 12 << 20));
    });
}

#[test]
fn small_messages_go_back_and_forth_at_once() {
    by_both_routes(async |handle, plain| {
        let (client, proxy, server) = proxied(handle, plain).await;
        for round in 0..200_u8 {
            let mut byte = [0];
            client.write_all(&[round]).await.unwrap();
            server.read_exact(&mut byte).await.unwrap();
            server.write_all(&[byte[0] ^ 0xFF]).await.unwrap();
            client.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte[0], !round);
        }
        client.close();
        server.close();
        assert_eq!(proxy.await.unwrap().unwrap(), (200, 200));
    });
}

#[test]
fn a_half_closed_connection_stays_half_closed() {
    by_both_routes(async |handle, plain| {
        let (client, proxy, server) = proxied(handle, plain).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(receive(&server).await, b"question");
        sleep(Duration::from_millis(5)).await;
        assert!(!proxy.is_finished());
        server.write_all(b"late answer").await.unwrap();
        server.close();
        assert_eq!(receive(&client).await, b"late answer");
        assert_eq!(proxy.await.unwrap().unwrap(), (8, 11));
    });
}

#[test]
fn a_reset_on_one_side_ends_both() {
    by_both_routes(async |handle, plain| {
        let (client, proxy, server) = proxied(handle, plain).await;
        client.options().set_linger(Some(Duration::ZERO)).unwrap();
        client.close();
        let error = proxy.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn a_stalled_reader_stalls_the_writer() {
    by_both_routes(async |handle, plain| {
        let (client, proxy, server) = proxied(handle, plain).await;
        let sent = pattern(48 << 20);
        let client = Rc::new(client);
        let sending = spawn(send(client.clone(), sent.clone()));
        // Long enough for all of it, if it found room.
        sleep(Duration::from_millis(300)).await;
        assert!(!sending.is_finished(), "48 MiB are held somewhere");
        let receiving = receive(&server);
        assert!(receiving.await == sent, "bytes were changed");
        sending.await.unwrap();
        server.close();
        proxy.await.unwrap().unwrap();
    });
}

#[test]
fn a_dropped_copy_leaves_the_sockets_as_they_are() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let (mut reader, mut writer) = served.into_split();
        {
            let mut copying = pin!(copy(&mut reader, &mut writer));
            assert_pending(copying.as_mut()).await;
        }
        client.write_all(b"x").await.unwrap();
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 1);
        writer.write_all(b"y").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

/// Alone, for it counts descriptors: a pipe is made when there is much to copy,
/// and is gone in the end.
#[test]
fn an_idle_proxy_has_two_descriptors_and_a_finished_one_none() {
    alone(|| {
        run(async |handle| {
            let before = open_descriptors();
            let (client, proxy, server) = proxied(handle, false).await;
            client.write_all(b"x").await.unwrap();
            server.read_exact(&mut [0]).await.unwrap();
            assert_eq!(open_descriptors(), before + 4);
            let client = Rc::new(client);
            let sending = client.clone();
            let sending = spawn(async move { sending.write_all(&pattern(8 << 20)).await });
            server.read_exact(&mut vec![0; 8 << 20]).await.unwrap();
            sending.await.unwrap().unwrap();
            assert_eq!(open_descriptors(), before + 4 + 2, "the kernel did not copy");
            client.shutdown(Shutdown::Write).unwrap();
            server.close();
            proxy.await.unwrap().unwrap();
            client.close();
            assert_eq!(open_descriptors(), before);
        });
    });
}

/// An endless source that counts what is taken.
struct Source(Rc<Cell<usize>>);

impl AsyncRead for Source {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.set(self.0.get() + buffer.len());
        Poll::Ready(Ok(buffer.len()))
    }
}

/// Takes `room` bytes, and then waits for ever. Notes what it is asked.
#[derive(Default)]
struct Sink {
    room: usize,
    /// What it answers when it is full, in place of waiting.
    full: Option<io::Result<usize>>,
    flushed: Rc<Cell<usize>>,
    taken: Rc<RefCell<Vec<u8>>>,
}

impl AsyncWrite for Sink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return self.full.take().map_or(Poll::Pending, Poll::Ready);
        }
        self.room -= count;
        self.taken.borrow_mut().extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed.set(self.taken.borrow().len());
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn no_more_is_read_than_fits_into_the_buffer() {
    run(async |_| {
        let taken = Rc::new(Cell::new(0));
        let (mut source, mut sink) =
            (Source(taken.clone()), Sink { room: 100_000, ..Sink::default() });
        let mut copying = pin!(copy(&mut source, &mut sink));
        assert_pending(copying.as_mut()).await;
        assert_pending(copying.as_mut()).await;
        assert!(taken.get() <= 100_000 + ROOM, "{} bytes were read", taken.get());
    });
}

#[test]
fn the_errors_of_the_writer_are_the_copys() {
    let refused = |full| {
        run(async |_| {
            let sink = Sink { room: 10, full: Some(full), ..Sink::default() };
            copy(&mut Source(Rc::default()), &mut { sink }).await.unwrap_err().kind()
        })
    };
    assert_eq!(refused(Err(ErrorKind::StorageFull.into())), ErrorKind::StorageFull);
    assert_eq!(refused(Ok(0)), ErrorKind::WriteZero);
}

#[test]
fn what_was_written_is_flushed_before_more_is_waited_for() {
    run(async |handle| {
        let (client, mut served) = tcp_pair(handle).await;
        let mut sink = Sink { room: usize::MAX, ..Sink::default() };
        let flushed = sink.flushed.clone();
        client.write_all(b"hello").await.unwrap();
        served.readable().await.unwrap();
        let mut copying = pin!(copy(&mut served, &mut sink));
        assert_pending(copying.as_mut()).await;
        assert_eq!(flushed.get(), 5);
        client.close();
        assert_eq!(copying.await.unwrap(), 5);
    });
}

#[test]
fn a_copy_inside_the_poll_of_another_has_room_of_its_own() {
    /// Copies something else while it is asked.
    struct Nested;

    impl AsyncRead for Nested {
        fn poll_read(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            buffer.fill(b'o');
            let mut sink = Sink { room: ROOM, ..Sink::default() };
            let mut source = Source(Rc::default());
            assert!(pin!(copy(&mut source, &mut sink)).poll(context).is_pending());
            assert!(buffer.iter().all(|byte| *byte == b'o'), "the buffer is shared");
            Poll::Ready(Ok(buffer.len()))
        }
    }

    run(async |_| {
        let mut sink = Sink { room: 2 * ROOM, ..Sink::default() };
        let taken = sink.taken.clone();
        assert_pending(pin!(copy(&mut Nested, &mut sink))).await;
        assert_eq!(*taken.borrow(), vec![b'o'; 2 * ROOM]);
    });
}
