//! The buffered reader and writer: records, watermarks, limits, and errors that
//! are told.

mod sockets;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use event::{
    BufferedReader, BufferedWriter, EventLoop, LoopHandle, Socket, SocketError, copy, sleep, spawn,
    yield_now,
};
use futures_core::Stream;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use sockets::{assert_closed, assert_pending, assert_timeout, begin_and_drop, pattern, run};

fn pair(handle: &LoopHandle) -> (Socket, BufferedReader<Socket>) {
    let (client, served) = Socket::pair(handle).unwrap();
    (client, BufferedReader::new(served))
}

#[track_caller]
fn assert_limit<T: std::fmt::Debug>(result: Result<T, SocketError>, expected: usize) {
    assert!(
        matches!(result, Err(SocketError::LimitExceeded { limit }) if limit == expected),
        "{result:?}"
    );
}

#[test]
fn lines_are_found_whichever_way_they_arrive() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        let sending = spawn(async move {
            for byte in b"one\r\n\ntwo\rtoo\nlast" {
                client.write_all(&[*byte]).await.unwrap();
                yield_now().await;
            }
        });
        for expected in ["one", "", "two\rtoo", "last"] {
            assert_eq!(reader.line().await.unwrap(), Some(expected));
        }
        assert_eq!(reader.line().await.unwrap(), None);
        assert_eq!(reader.line().await.unwrap(), None);
        sending.await.unwrap();
    });
}

#[test]
fn a_record_has_its_delimiter_unless_the_stream_ended() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        client.write_all(b"a;bb\0;c").await.unwrap();
        client.close();
        assert_eq!(reader.until(b';').await.unwrap(), b"a;");
        assert_eq!(reader.until(0).await.unwrap(), b"bb\0");
        assert_eq!(reader.until(b';').await.unwrap(), b";");
        assert_eq!(reader.until(b';').await.unwrap(), b"c");
        assert_eq!(reader.until(b';').await.unwrap(), b"");
    });
}

#[test]
fn what_was_searched_for_one_delimiter_is_searched_for_another() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        client.write_all(b"a;b").await.unwrap();
        begin_and_drop(reader.until(b'\n')).await;
        assert_eq!(reader.until(b';').await.unwrap(), b"a;");
    });
}

#[test]
fn a_dropped_read_loses_nothing() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        for part in ["hel", "lo ", "world"] {
            client.write_all(part.as_bytes()).await.unwrap();
            begin_and_drop(reader.line()).await;
        }
        client.write_all(b"\n").await.unwrap();
        assert_eq!(reader.line().await.unwrap(), Some("hello world"));
    });
}

#[test]
fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
    run(async |handle| {
        let (client, reader) = pair(handle);
        let mut reader = reader.limit(5);
        client.write_all(b"1234\n12345\n1\n").await.unwrap();
        assert_eq!(reader.until(b'\n').await.unwrap(), b"1234\n");
        assert_limit(reader.until(b'\n').await, 5);
        assert_limit(reader.line().await, 5); // it is still there
        let mut skipped = [0; 6];
        reader.read_exact(&mut skipped).await.unwrap();
        assert_eq!(&skipped, b"12345\n");
        assert_eq!(reader.line().await.unwrap(), Some("1"));
    });
}

#[test]
fn an_endless_line_is_refused_in_bounded_memory() {
    run(async |handle| {
        let (client, reader) = pair(handle);
        let mut reader = reader.limit(100_000);
        let flood = spawn(async move { client.write_all(&[b'x'; 10 << 20]).await });
        assert_limit(reader.line().await, 100_000);
        assert!(reader.buffer().len() < 300_000, "{} bytes are held", reader.buffer().len());
        drop(reader);
        assert!(flood.await.unwrap().is_err());
    });
}

#[test]
fn a_line_that_is_no_text_is_an_error_and_the_next_is_not() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        client.write_all(b"\xFF\xFE\ngood\n").await.unwrap();
        assert_eq!(reader.line().await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(reader.line().await.unwrap(), Some("good"));
    });
}

#[test]
fn the_sockets_own_errors_come_through() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        reader.get_ref().set_read_timeout(Some(Duration::from_millis(2)));
        assert_timeout(reader.line().await);
        client.write_all(b"late\n").await.unwrap();
        assert_eq!(reader.line().await.unwrap(), Some("late"));
        reader.get_mut().close();
        assert_closed(reader.line().await);
    });
}

#[test]
fn an_end_in_the_middle_is_told_from_the_end() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        client.write_all(b"12").await.unwrap();
        client.close();
        let cut = reader.read_exact(&mut [0; 3]).await;
        assert!(matches!(cut, Err(SocketError::ConnectionClosed)), "{cut:?}");
    });
}

#[test]
fn lines_are_a_stream() {
    run(async |handle| {
        let (client, reader) = pair(handle);
        client.write_all(b"one\ntwo\nrest").await.unwrap();
        let mut lines = reader.lines();
        let mut all = Vec::new();
        while all.len() < 2 {
            let next = poll_fn(|context| Pin::new(&mut lines).poll_next(context)).await;
            all.push(next.unwrap().unwrap());
        }
        assert_eq!(all, ["one", "two"]);
        let (socket, rest) = lines.into_inner().into_parts();
        assert_eq!(rest, b"rest");
        client.write_all(b"!").await.unwrap();
        assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

#[test]
fn the_reader_is_a_reader_for_others() {
    run(async |handle| {
        let (client, mut reader) = pair(handle);
        let sent = pattern(100_000);
        let sending = sent.clone();
        let sender = spawn(async move { client.write_all(&sending).await });
        let mut back = reader.until(7).await.unwrap().to_vec();
        let there =
            poll_fn(|context| Pin::new(&mut reader).poll_fill_buf(context).map_ok(<[u8]>::to_vec));
        let there = there.await.unwrap();
        assert_eq!(there, sent[back.len()..back.len() + there.len()]);
        Pin::new(&mut reader).consume(1);
        back.push(there[0]);
        for size in [1, 10, 8192, 65_536, 3].into_iter().cycle() {
            let mut part = vec![0; size];
            match poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut part)).await.unwrap() {
                0 => break,
                count => back.extend_from_slice(&part[..count]),
            }
        }
        assert!(back == sent, "bytes were changed");
        sender.await.unwrap().unwrap();
    });
}

/// Takes what the test allows, and notes each write.
#[derive(Clone, Default)]
struct Peer {
    writes: Rc<RefCell<Vec<Vec<u8>>>>,
    room: Rc<Cell<usize>>,
    waiter: Rc<RefCell<Option<Waker>>>,
    fails: Rc<Cell<Option<ErrorKind>>>,
    closed: Rc<Cell<bool>>,
    panics: bool,
}

impl Peer {
    fn allow(&self, room: usize) {
        self.room.set(self.room.get() + room);
        self.waiter.take().into_iter().for_each(Waker::wake);
    }

    fn fail(&self, kind: ErrorKind) {
        self.fails.set(Some(kind));
        self.waiter.take().into_iter().for_each(Waker::wake);
    }

    fn taken(&self) -> Vec<u8> {
        self.writes.borrow().concat()
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        assert!(!self.panics, "a bad writer");
        if let Some(kind) = self.fails.get() {
            return Poll::Ready(Err(kind.into()));
        }
        let count = bytes.len().min(self.room.get());
        if count == 0 {
            self.waiter.replace(Some(context.waker().clone()));
            return Poll::Pending;
        }
        self.room.set(self.room.get() - count);
        self.writes.borrow_mut().push(bytes[..count].to_vec());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed.set(true);
        Poll::Ready(Ok(()))
    }
}

#[test]
fn many_small_pushes_are_one_write() {
    run(async |handle| {
        let peer = Peer::default();
        peer.allow(usize::MAX);
        let writer = BufferedWriter::new(handle, peer.clone());
        for _ in 0..100 {
            writer.push(b"0123456789").unwrap();
        }
        assert_eq!((writer.buffered(), peer.writes.borrow().len()), (1000, 0));
        writer.flush().await.unwrap();
        assert_eq!(writer.buffered(), 0);
        assert_eq!(peer.writes.borrow().len(), 1);
        assert_eq!(peer.taken(), b"0123456789".repeat(100));
    });
}

#[test]
fn a_large_write_goes_straight_through_and_keeps_its_place() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone());
        let bytes = pattern(50_000);
        peer.allow(20_000);
        writer.write(&bytes).await.unwrap();
        assert_eq!((peer.taken().len(), writer.buffered()), (20_000, 30_000));
        // Not past what waits already.
        writer.write(&bytes[..30_000]).await.unwrap();
        assert_eq!(peer.writes.borrow().len(), 1);
        peer.allow(usize::MAX);
        writer.flush().await.unwrap();
        writer.push(b"small").unwrap();
        writer.write(&bytes).await.unwrap();
        writer.close().await.unwrap();
        assert!(peer.taken() == [&bytes[..], &bytes[..30_000], b"small", &bytes].concat());
    });
}

#[test]
fn a_large_write_that_fails_is_told_by_everything_after_it() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone());
        peer.fail(ErrorKind::StorageFull);
        let kind = |result: Result<(), SocketError>| result.unwrap_err().kind();
        assert_eq!(kind(writer.write(&pattern(50_000)).await), ErrorKind::StorageFull);
        assert_eq!(kind(writer.push(b"y")), ErrorKind::StorageFull);
        assert_eq!(kind(writer.flush().await), ErrorKind::StorageFull);
    });
}

#[test]
fn the_limit_is_kept_and_nothing_is_taken_beyond_it() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone()).limit(100);
        writer.push(&[1; 90]).unwrap();
        assert_limit(writer.push(&[2; 11]), 100);
        assert_eq!(writer.buffered(), 90);
        writer.push(&[3; 10]).unwrap();
        assert_limit(writer.push(&[4]), 100);
        yield_now().await; // what is being written counts
        assert_limit(writer.push(&[4]), 100);
        peer.allow(1);
        sleep(Duration::from_millis(1)).await;
        writer.push(&[5]).unwrap();
        peer.allow(1000);
        writer.flush().await.unwrap();
        assert_eq!(peer.taken(), [[1; 90].as_slice(), &[3; 10], &[5]].concat());
    });
}

#[test]
fn drained_is_told_at_the_low_mark() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone()).watermarks(20, 100);
        writer.push(&[0; 99]).unwrap();
        assert!(!writer.is_full());
        writer.push(&[0]).unwrap();
        assert!(writer.is_full());
        let mut drained = Box::pin(writer.drained());
        for room in [1, 50, 28] {
            peer.allow(room);
            sleep(Duration::from_millis(1)).await;
            assert_pending(drained.as_mut()).await;
        }
        assert_eq!(writer.buffered(), 21);
        peer.allow(1);
        drained.as_mut().await.unwrap();
        assert_eq!(writer.buffered(), 20);
        drop(drained);
        drop(writer);
        yield_now().await; // its task is gone
    });
}

#[test]
fn who_writes_waits_at_the_high_mark_until_the_low_one() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone()).watermarks(10, 50).limit(100);
        let bytes = pattern(1000);
        let mut writing = pin!(writer.write(&bytes));
        assert_pending(writing.as_mut()).await;
        let held = writer.buffered();
        assert!((50..=100).contains(&held), "{held} bytes are held");
        peer.allow(held - 11);
        sleep(Duration::from_millis(1)).await;
        assert_pending(writing.as_mut()).await;
        assert_eq!(writer.buffered(), 11);
        peer.allow(10_000);
        writing.await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(peer.taken(), bytes);
    });
}

#[test]
fn marks_that_make_no_sense_are_put_in_order() {
    run(async |handle| {
        for (low, high, limit) in [(0, 0, 0), (9, 9, 9), (100, 1, 50), (5, 1000, 1)] {
            let peer = Peer::default();
            peer.allow(usize::MAX);
            let writer = BufferedWriter::new(handle, peer.clone());
            let writer = writer.watermarks(low, high).limit(limit);
            writer.write(&[7; 300]).await.unwrap();
            writer.flush().await.unwrap();
            assert_eq!(peer.taken(), [7; 300]);
        }
    });
}

#[test]
fn sixty_four_megabytes_reach_a_slow_reader_whole() {
    run(async |handle| {
        let (ours, theirs) = sockets::tcp_pair(handle).await;
        let writer = Rc::new(BufferedWriter::new(handle, ours));
        let sent = pattern(64 << 20);
        let (sending, writing) = (sent.clone(), writer.clone());
        let sender = spawn(async move {
            for part in sending.chunks(1_000_003) {
                writing.write(part).await.unwrap();
            }
            writing.close().await.unwrap();
        });
        let (mut back, mut most) = (Vec::new(), 0);
        let mut part = vec![0; 300_000];
        loop {
            most = most.max(writer.buffered());
            match theirs.read(&mut part).await.unwrap() {
                0 => break,
                count => back.extend_from_slice(&part[..count]),
            }
        }
        sender.await.unwrap();
        assert!(back == sent, "{} bytes came, or others than were sent", back.len());
        assert!(most <= 128 * 1024, "{most} bytes were held");
    });
}

#[test]
fn a_close_delivers_everything_and_then_the_end() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone());
        writer.push(b"all of it").unwrap();
        begin_and_drop(writer.close()).await; // not taken back
        assert_closed(writer.push(b"more"));
        assert!(!peer.closed.get());
        peer.allow(9);
        writer.close().await.unwrap();
        assert!(peer.closed.get());
        assert_eq!(peer.taken(), b"all of it");
        writer.close().await.unwrap();
        writer.flush().await.unwrap();
        assert_closed(writer.write(b"more").await);
    });
}

#[test]
fn an_error_in_the_background_is_told_by_everything_after_it() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone());
        writer.push(b"x").unwrap();
        let mut waiting = pin!(writer.flush());
        assert_pending(waiting.as_mut()).await;
        peer.fail(ErrorKind::StorageFull);
        let kind = |result: Result<(), SocketError>| result.unwrap_err().kind();
        assert_eq!(kind(waiting.await), ErrorKind::StorageFull);
        assert_eq!(kind(writer.push(b"y")), ErrorKind::StorageFull);
        assert_eq!(kind(writer.write(b"y").await), ErrorKind::StorageFull);
        assert_eq!(kind(writer.drained().await), ErrorKind::StorageFull);
        assert_eq!(kind(writer.close().await), ErrorKind::StorageFull);
        assert_eq!(writer.buffered(), 0);
    });
}

#[test]
fn the_sockets_errors_keep_their_number_and_their_kind() {
    run(async |handle| {
        let (ours, theirs) = Socket::pair(handle).unwrap();
        let writer = BufferedWriter::new(handle, ours);
        theirs.close();
        writer.push(b"x").unwrap();
        for _ in 0..2 {
            let error = writer.flush().await.unwrap_err();
            assert!(matches!(error, SocketError::WriteFailed(_)), "{error:?}");
            assert_eq!(error.errno(), Some(32), "{error}");
        }

        let (ours, _theirs) = Socket::pair(handle).unwrap();
        ours.set_write_timeout(Some(Duration::from_millis(5)));
        let writer = BufferedWriter::new(handle, ours).limit(8 << 20);
        writer.push(&[0; 4 << 20]).unwrap();
        assert_timeout(writer.flush().await);
        assert_timeout(writer.flush().await);
    });
}

#[test]
fn a_dropped_writer_discards_what_it_holds_and_lets_the_stream_go() {
    run(async |handle| {
        let peer = Peer::default();
        let writer = BufferedWriter::new(handle, peer.clone());
        writer.push(b"never seen").unwrap();
        begin_and_drop(writer.flush()).await;
        assert_eq!(Rc::strong_count(&peer.room), 2);
        drop(writer);
        yield_now().await;
        assert_eq!(Rc::strong_count(&peer.room), 1, "the stream is held");
        assert_eq!(peer.taken(), b"");
    });
}

#[test]
fn an_idle_writer_does_not_keep_the_loop_alive_and_a_busy_one_does() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let (ours, theirs) = Socket::pair(&handle).unwrap();
    let writer = BufferedWriter::new(&handle, ours);
    events.run().unwrap();
    writer.push(b"hello").unwrap();
    assert!(handle.live() > 0);
    events.run().unwrap();
    assert_eq!(writer.buffered(), 0);
    assert_eq!(theirs.try_read(&mut [0; 8]).unwrap(), Some(5));
}

#[test]
fn a_writer_without_its_loop_refuses() {
    let events = EventLoop::new().unwrap();
    let writer = BufferedWriter::new(&events.handle(), Peer::default());
    drop(events);
    assert_eq!(writer.push(b"x").unwrap_err().kind(), ErrorKind::NotConnected);
}

#[test]
fn a_writer_that_panics_ends_those_who_wait() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let peer = Peer { panics: true, ..Peer::default() };
    let writer = BufferedWriter::new(&handle, peer);
    writer.push(b"x").unwrap();
    assert_closed(
        events.block_on(handle.timeout(sockets::GENEROUS, writer.flush())).unwrap().unwrap(),
    );
    drop(writer);
    // And the panic is not lost.
    let panicked = catch_unwind(AssertUnwindSafe(|| events.run()));
    let text = *panicked.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(text, "a bad writer");
}

#[test]
fn the_writer_is_a_writer_for_others() {
    run(async |handle| {
        let (client, mut source) = Socket::pair(handle).unwrap();
        let (sink, server) = Socket::pair(handle).unwrap();
        let mut writer = BufferedWriter::new(handle, sink).watermarks(1000, 5000);
        let sent = pattern(1 << 20);
        let sending = sent.clone();
        let sender = spawn(async move { client.write_all(&sending).await });
        let copying = spawn(async move {
            let count = copy(&mut source, &mut writer).await?;
            poll_fn(|context| Pin::new(&mut writer).poll_close(context)).await?;
            io::Result::Ok(count)
        });
        let mut back = Vec::new();
        server.read_to_end(&mut back, usize::MAX).await.unwrap();
        assert!(back == sent, "bytes were changed");
        assert_eq!(copying.await.unwrap().unwrap(), 1 << 20);
        sender.await.unwrap().unwrap();
    });
}
