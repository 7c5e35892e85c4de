//! What `AsyncRead` and `AsyncWrite` promise, held against `Socket` for each of
//! the three kinds of them: of futures-io, tokio and hyper; over TCP and Unix.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use event::{EventLoop, Socket};
use interop::support::{GENEROUS, connected, noise};

/// One kind of the traits.
trait Kind {
    fn poll_read(io: &mut Socket, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>>;
    fn poll_write(io: &mut Socket, waker: &Waker, bytes: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_write_vectored(
        io: &mut Socket,
        waker: &Waker,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    fn poll_flush(io: &mut Socket, waker: &Waker) -> Poll<io::Result<()>>;
    fn poll_close(io: &mut Socket, waker: &Waker) -> Poll<io::Result<()>>;
}

macro_rules! writing {
    ($trait:path, $close:ident) => {
        fn poll_write(io: &mut Socket, waker: &Waker, bytes: &[u8]) -> Poll<io::Result<usize>> {
            <Socket as $trait>::poll_write(Pin::new(io), &mut Context::from_waker(waker), bytes)
        }

        fn poll_write_vectored(
            io: &mut Socket,
            waker: &Waker,
            buffers: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let context = &mut Context::from_waker(waker);
            <Socket as $trait>::poll_write_vectored(Pin::new(io), context, buffers)
        }

        fn poll_flush(io: &mut Socket, waker: &Waker) -> Poll<io::Result<()>> {
            <Socket as $trait>::poll_flush(Pin::new(io), &mut Context::from_waker(waker))
        }

        fn poll_close(io: &mut Socket, waker: &Waker) -> Poll<io::Result<()>> {
            <Socket as $trait>::$close(Pin::new(io), &mut Context::from_waker(waker))
        }
    };
}

struct Futures;

impl Kind for Futures {
    fn poll_read(io: &mut Socket, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        futures_io::AsyncRead::poll_read(Pin::new(io), &mut Context::from_waker(waker), buffer)
    }

    writing!(futures_io::AsyncWrite, poll_close);
}

struct Tokio;

impl Kind for Tokio {
    fn poll_read(io: &mut Socket, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = tokio::io::ReadBuf::new(buffer);
        let context = &mut Context::from_waker(waker);
        let polled = tokio::io::AsyncRead::poll_read(Pin::new(io), context, &mut buffer);
        polled.map_ok(|()| buffer.filled().len())
    }

    writing!(tokio::io::AsyncWrite, poll_shutdown);
}

struct Hyper;

impl Kind for Hyper {
    fn poll_read(io: &mut Socket, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = hyper::rt::ReadBuf::new(buffer);
        let context = &mut Context::from_waker(waker);
        let polled = hyper::rt::Read::poll_read(Pin::new(io), context, buffer.unfilled());
        polled.map_ok(|()| buffer.filled().len())
    }

    writing!(hyper::rt::Write, poll_shutdown);
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn waker() -> (Arc<Self>, Waker) {
        let count = Arc::<Self>::default();
        (count.clone(), count.into())
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A loop with two ends of a connection on it.
struct Pair {
    events: EventLoop,
    ours: Socket,
    theirs: Socket,
}

impl Pair {
    fn tcp() -> Self {
        let events = EventLoop::new().unwrap();
        let (ours, theirs) = events.block_on(connected(&events.handle())).unwrap();
        Self { events, ours, theirs }
    }

    fn unix() -> Self {
        let events = EventLoop::new().unwrap();
        let (ours, theirs) = Socket::pair(&events.handle()).unwrap();
        Self { events, ours, theirs }
    }

    /// The peer writes.
    fn give(&self, bytes: &[u8]) {
        self.events.block_on(self.theirs.write_all(bytes)).unwrap().unwrap();
    }

    /// The peer reads so much.
    fn take(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.events.block_on(self.theirs.read_exact(&mut bytes)).unwrap().unwrap();
        bytes
    }

    /// Runs the loop until `done`.
    #[track_caller]
    fn run_until(&self, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < GENEROUS, "waited in vain");
            self.events.run_once(Some(Duration::from_millis(1))).unwrap();
        }
    }

    /// Reads once, waiting for it.
    #[track_caller]
    fn read<K: Kind>(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let (count, waker) = Count::waker();
            match K::poll_read(&mut self.ours, &waker, buffer) {
                Poll::Ready(done) => return done,
                Poll::Pending => self.run_until(|| count.get() > 0),
            }
        }
    }

    /// Writes once, waiting for it.
    #[track_caller]
    fn write<K: Kind>(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let (count, waker) = Count::waker();
            match K::poll_write(&mut self.ours, &waker, bytes) {
                Poll::Ready(done) => return done,
                Poll::Pending => self.run_until(|| count.get() > 0),
            }
        }
    }
}

/// Runs each case for each kind, over TCP and Unix.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {$(
        mod $case {
            use super::*;

            #[test]
            fn futures() {
                super::$case::<Futures>(Pair::tcp());
                super::$case::<Futures>(Pair::unix());
            }

            #[test]
            fn tokio() {
                super::$case::<Tokio>(Pair::tcp());
                super::$case::<Tokio>(Pair::unix());
            }

            #[test]
            fn hyper() {
                super::$case::<Hyper>(Pair::tcp());
                super::$case::<Hyper>(Pair::unix());
            }
        }
    )*};
}

cases!(
    a_read_takes_at_most_the_buffer_and_leaves_the_rest,
    an_empty_read_is_done_at_once_and_is_not_the_end,
    the_end_is_said_again_and_again,
    the_end_that_comes_with_data_is_not_lost,
    of_two_wakers_the_last_is_woken,
    reading_and_writing_wait_apart,
    a_write_waits_for_room_and_goes_on,
    an_empty_write_is_done_at_once,
    a_vectored_write_keeps_the_order,
    a_vectored_write_of_any_size_keeps_the_order,
    more_buffers_than_the_system_takes_are_written_in_part,
    closing_twice_is_no_error_and_ends_one_direction,
    writing_after_the_end_is_an_error_and_no_signal,
    flushing_is_done_at_once,
    dropped_while_pending_nothing_is_left,
    closed_while_pending_the_waiter_is_told,
    a_read_that_takes_too_long_ends_and_the_next_succeeds,
);

fn a_read_takes_at_most_the_buffer_and_leaves_the_rest<K: Kind>(mut pair: Pair) {
    pair.give(b"0123456789");
    let mut all = Vec::new();
    for expected in [3, 3, 3, 1] {
        let mut buffer = [b'.'; 3];
        assert_eq!(pair.read::<K>(&mut buffer).unwrap(), expected);
        assert!(buffer[expected..].iter().all(|byte| *byte == b'.'), "written past the count");
        all.extend_from_slice(&buffer[..expected]);
    }
    assert_eq!(all, b"0123456789");
    assert!(K::poll_read(&mut pair.ours, Waker::noop(), &mut [0; 3]).is_pending());
}

fn an_empty_read_is_done_at_once_and_is_not_the_end<K: Kind>(mut pair: Pair) {
    pair.give(b"x");
    let polled = K::poll_read(&mut pair.ours, Waker::noop(), &mut []);
    assert!(matches!(polled, Poll::Ready(Ok(0))), "{polled:?}");
    assert_eq!(pair.read::<K>(&mut [0; 8]).unwrap(), 1);
}

fn the_end_is_said_again_and_again<K: Kind>(mut pair: Pair) {
    pair.theirs.shutdown(Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(pair.read::<K>(&mut [0; 8]).unwrap(), 0);
    }
}

fn the_end_that_comes_with_data_is_not_lost<K: Kind>(mut pair: Pair) {
    // Waits first, so that both are reported at once.
    let (count, waker) = Count::waker();
    assert!(K::poll_read(&mut pair.ours, &waker, &mut [0; 64]).is_pending());
    pair.give(b"last words");
    pair.theirs.close();
    pair.run_until(|| count.get() > 0);
    assert_eq!(pair.read::<K>(&mut [0; 64]).unwrap(), 10);
    assert_eq!(pair.read::<K>(&mut [0; 64]).unwrap(), 0);
}

fn of_two_wakers_the_last_is_woken<K: Kind>(mut pair: Pair) {
    let (first, first_waker) = Count::waker();
    let (last, last_waker) = Count::waker();
    assert!(K::poll_read(&mut pair.ours, &first_waker, &mut [0; 8]).is_pending());
    assert!(K::poll_read(&mut pair.ours, &last_waker, &mut [0; 8]).is_pending());
    pair.give(b"x");
    pair.run_until(|| last.get() > 0);
    assert_eq!(first.get(), 0, "one that had been replaced was woken");
    drop(first_waker);
    assert_eq!(Arc::strong_count(&first), 1, "one that had been replaced is still held");
}

fn reading_and_writing_wait_apart<K: Kind>(mut pair: Pair) {
    let (reading, reads) = Count::waker();
    let (writing, writes) = Count::waker();
    assert!(K::poll_read(&mut pair.ours, &reads, &mut [0; 8]).is_pending());
    while K::poll_write(&mut pair.ours, &writes, &[0; 65_536]).is_ready() {}
    pair.give(b"x");
    pair.run_until(|| reading.get() > 0);
    assert_eq!(pair.read::<K>(&mut [0; 8]).unwrap(), 1);
    assert_eq!(writing.get(), 0, "there was no room");
}

fn a_write_waits_for_room_and_goes_on<K: Kind>(mut pair: Pair) {
    let sent = noise(8 << 20);
    let (count, waker) = Count::waker();
    let mut written = 0;
    while let Poll::Ready(done) = K::poll_write(&mut pair.ours, &waker, &sent[written..]) {
        written += done.unwrap();
    }
    assert!(0 < written && written < sent.len(), "{written} bytes found room");
    assert_eq!(count.get(), 0);
    let mut taken = pair.take(written);
    pair.run_until(|| count.get() > 0);
    while written < sent.len() {
        let count = pair.write::<K>(&sent[written..]).unwrap();
        written += count;
        taken.extend(pair.take(count));
    }
    assert!(taken == sent, "other bytes than were sent");
}

fn an_empty_write_is_done_at_once<K: Kind>(mut pair: Pair) {
    // Also where there is no room.
    while K::poll_write(&mut pair.ours, Waker::noop(), &[0; 65_536]).is_ready() {}
    let buffers = [IoSlice::new(&[]), IoSlice::new(&[])];
    let polled = K::poll_write_vectored(&mut pair.ours, Waker::noop(), &buffers);
    assert!(matches!(polled, Poll::Ready(Ok(0)) | Poll::Pending), "{polled:?}");
    let fresh = &mut Pair::unix();
    let polled = K::poll_write(&mut fresh.ours, Waker::noop(), &[]);
    assert!(matches!(polled, Poll::Ready(Ok(0))), "{polled:?}");
}

fn a_vectored_write_keeps_the_order<K: Kind>(mut pair: Pair) {
    let buffers = [b"one".as_slice(), b"", b"two", b"three"].map(IoSlice::new);
    let polled = K::poll_write_vectored(&mut pair.ours, Waker::noop(), &buffers);
    assert!(matches!(polled, Poll::Ready(Ok(11))), "{polled:?}");
    assert_eq!(pair.take(11), b"onetwothree");
}

fn a_vectored_write_of_any_size_keeps_the_order<K: Kind>(mut pair: Pair) {
    let bytes = noise(8192);
    // Small ones may be copied together, where others are not.
    for (first, second) in [(500, 500), (1, 1023), (1023, 2), (1024, 1), (0, 2000), (4000, 4000)] {
        let buffers = [&bytes[..first], &bytes[first..first + second]].map(IoSlice::new);
        let polled = K::poll_write_vectored(&mut pair.ours, Waker::noop(), &buffers);
        assert!(matches!(polled, Poll::Ready(Ok(count)) if count == first + second), "{polled:?}");
        assert!(pair.take(first + second) == bytes[..first + second], "other bytes than were sent");
    }
}

fn more_buffers_than_the_system_takes_are_written_in_part<K: Kind>(mut pair: Pair) {
    let bytes = noise(3000);
    let buffers: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
    let mut left = &buffers[..];
    while !left.is_empty() {
        let (count, waker) = Count::waker();
        match K::poll_write_vectored(&mut pair.ours, &waker, left) {
            Poll::Ready(done) => left = &left[done.unwrap()..],
            Poll::Pending => pair.run_until(|| count.get() > 0),
        }
    }
    assert_eq!(pair.take(3000), bytes);
}

fn closing_twice_is_no_error_and_ends_one_direction<K: Kind>(mut pair: Pair) {
    for _ in 0..2 {
        let polled = K::poll_close(&mut pair.ours, Waker::noop());
        assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
    }
    let end = pair.events.block_on(pair.theirs.read(&mut [0; 8])).unwrap();
    assert_eq!(end.unwrap(), 0);
    pair.give(b"still here");
    assert_eq!(pair.read::<K>(&mut [0; 64]).unwrap(), 10);
    pair.theirs.close();
    assert_eq!(pair.read::<K>(&mut [0; 64]).unwrap(), 0);
    let polled = K::poll_close(&mut pair.ours, Waker::noop());
    assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
}

fn writing_after_the_end_is_an_error_and_no_signal<K: Kind>(mut pair: Pair) {
    assert!(K::poll_close(&mut pair.ours, Waker::noop()).is_ready());
    let error = pair.write::<K>(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let buffers = [IoSlice::new(b"x")];
    let polled = K::poll_write_vectored(&mut pair.ours, Waker::noop(), &buffers);
    assert!(matches!(polled, Poll::Ready(Err(error)) if error.kind() == ErrorKind::BrokenPipe));
}

fn flushing_is_done_at_once<K: Kind>(mut pair: Pair) {
    // Nothing is held back, not even where there is no room for more.
    while K::poll_write(&mut pair.ours, Waker::noop(), &[0; 65_536]).is_ready() {}
    assert!(matches!(K::poll_flush(&mut pair.ours, Waker::noop()), Poll::Ready(Ok(()))));
}

fn dropped_while_pending_nothing_is_left<K: Kind>(mut pair: Pair) {
    let (count, waker) = Count::waker();
    let before = pair.events.handle().live();
    assert!(K::poll_read(&mut pair.ours, &waker, &mut [0; 8]).is_pending());
    while K::poll_write(&mut pair.ours, &waker, &[0; 65_536]).is_ready() {}
    let Pair { events, ours, theirs } = pair;
    drop(ours);
    drop(waker);
    assert_eq!(Arc::strong_count(&count), 1, "a waker is still held");
    assert_eq!(events.handle().live(), before);
    // And the descriptor is closed: the peer comes to an end.
    let mut bytes = Vec::new();
    let _ = events.block_on(theirs.read_to_end(&mut bytes, usize::MAX)).unwrap();
}

fn closed_while_pending_the_waiter_is_told<K: Kind>(mut pair: Pair) {
    let (count, waker) = Count::waker();
    assert!(K::poll_read(&mut pair.ours, &waker, &mut [0; 8]).is_pending());
    pair.ours.close();
    assert_eq!(count.get(), 1);
    let polled = K::poll_read(&mut pair.ours, &waker, &mut [0; 8]);
    assert!(matches!(polled, Poll::Ready(Err(error)) if error.kind() == ErrorKind::NotConnected));
}

fn a_read_that_takes_too_long_ends_and_the_next_succeeds<K: Kind>(mut pair: Pair) {
    pair.ours.set_read_timeout(Some(Duration::from_millis(5)));
    let error = pair.read::<K>(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    pair.give(b"late");
    assert_eq!(pair.read::<K>(&mut [0; 8]).unwrap(), 4);
}

#[test]
fn a_vectored_read_fills_one_buffer_after_the_other() {
    for mut pair in [Pair::tcp(), Pair::unix()] {
        pair.give(b"0123456789");
        let (mut one, mut two) = ([0; 4], [0; 16]);
        let buffers = &mut [&mut one[..], &mut [], &mut two].map(IoSliceMut::new);
        let context = &mut Context::from_waker(Waker::noop());
        let ours = Pin::new(&mut pair.ours);
        let polled = futures_io::AsyncRead::poll_read_vectored(ours, context, buffers);
        assert!(matches!(polled, Poll::Ready(Ok(10))), "{polled:?}");
        assert_eq!((&one, &two[..6]), (b"0123", b"456789".as_slice()));
    }
}

#[test]
fn a_reset_is_an_error_and_not_the_end() {
    fn check<K: Kind>() {
        let mut pair = Pair::tcp();
        pair.theirs.options().set_linger(Some(Duration::ZERO)).unwrap();
        pair.theirs.close();
        let error = pair.read::<K>(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    check::<Futures>();
    check::<Tokio>();
    check::<Hyper>();
}

#[test]
fn writes_may_be_vectored() {
    let pair = Pair::unix();
    assert!(tokio::io::AsyncWrite::is_write_vectored(&pair.ours));
    assert!(hyper::rt::Write::is_write_vectored(&pair.ours));
}

/// [KERNEL-FILLS]: what was in the buffer stays, what is new comes after it, and
/// nothing is said to be there that is not.
#[test]
fn an_uninitialised_buffer_of_tokios_is_filled_from_where_it_stands() {
    let mut pair = Pair::unix();
    pair.give(b"4567");
    let mut memory = [MaybeUninit::uninit(); 10];
    let mut buffer = tokio::io::ReadBuf::uninit(&mut memory);
    buffer.put_slice(b"0123");
    let context = &mut Context::from_waker(Waker::noop());
    let polled = tokio::io::AsyncRead::poll_read(Pin::new(&mut pair.ours), context, &mut buffer);
    assert!(matches!(polled, Poll::Ready(Ok(()))));
    assert_eq!(buffer.filled(), b"01234567");
    assert_eq!((buffer.initialized().len(), buffer.remaining()), (8, 2));
}

/// [KERNEL-FILLS], as above.
#[test]
fn an_uninitialised_buffer_of_hypers_is_filled_from_where_it_stands() {
    let mut pair = Pair::unix();
    pair.give(b"4567");
    let mut memory = [MaybeUninit::uninit(); 10];
    let mut buffer = hyper::rt::ReadBuf::uninit(&mut memory);
    buffer.unfilled().put_slice(b"0123");
    let context = &mut Context::from_waker(Waker::noop());
    let ours = Pin::new(&mut pair.ours);
    let polled = hyper::rt::Read::poll_read(ours, context, buffer.unfilled());
    assert!(matches!(polled, Poll::Ready(Ok(()))));
    assert_eq!(buffer.filled(), b"01234567");
    assert_eq!(buffer.unfilled().remaining(), 2);
    let debug = format!("{buffer:?}");
    assert!(debug.contains("init: 8"), "more is taken to be initialised: {debug}");
}

/// All that reads and writes also does so behind a reference and in halves.
#[test]
fn references_and_halves_have_the_traits_too() {
    fn reads<T: futures_io::AsyncRead + tokio::io::AsyncRead + hyper::rt::Read + Unpin>(_: &T) {}
    fn writes<T: futures_io::AsyncWrite + tokio::io::AsyncWrite + hyper::rt::Write + Unpin>(_: &T) {
    }
    let pair = Pair::unix();
    reads(&&pair.ours);
    writes(&&pair.ours);
    let (reader, writer) = pair.ours.split();
    reads(&reader);
    writes(&writer);
    let (reader, writer) = pair.theirs.into_split();
    reads(&reader);
    writes(&writer);
}
