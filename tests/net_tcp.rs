//! Streams over TCP: what is written arrives, whole and once; what goes wrong
//! is told apart; and nothing is left behind.

mod posix;
mod sockets;
mod support;

use std::cell::Cell;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use event::{EventLoop, Kind, ServerSocket, Socket, SocketError, sleep, spawn, yield_now};
use sockets::{
    ECONNREFUSED, assert_closed, assert_pending, begin_and_drop, closed_port, connected,
    half_std_pair, local, local_v6, memory, pattern, run, run_on, silent, tcp_pair,
};
use support::alone::{alone, open_descriptors};
use support::ms;

#[test]
fn a_refused_connect_does_not_look_successful() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let error = Socket::connect(handle, closed_port(any)).await.unwrap_err();
            assert!(matches!(error, SocketError::ConnectionFailed { .. }), "{error}");
            assert_eq!(error.errno(), Some(ECONNREFUSED));
        }
    });
}

/// When the loop waits for it already: the descriptor is writable then, as with
/// success.
#[test]
fn a_connect_that_is_refused_later_does_not_look_successful() {
    run(async |handle| {
        let (server, _clients) = silent(handle).await;
        let address = server.local_addr().unwrap();
        let mut connecting = pin!(Socket::connect(handle, &address));
        assert_pending(connecting.as_mut()).await;
        drop(server);
        // The next packet of the attempt, a second later, is answered.
        let error = connecting.await.unwrap_err();
        assert!(matches!(error, SocketError::ConnectionFailed { .. }), "{error}");
        assert_eq!(error.errno(), Some(ECONNREFUSED));
    });
}

#[test]
fn both_families_connect_and_serve() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let server = ServerSocket::bind(handle, any).unwrap();
            let (client, served) = connected(&server).await;
            assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
            assert_eq!(served.peer_addr().unwrap(), client.local_addr().unwrap());
            client.write_all(b"there").await.unwrap();
            served.write_all(b"back").await.unwrap();
            let (mut there, mut back) = ([0; 5], [0; 4]);
            served.read_exact(&mut there).await.unwrap();
            client.read_exact(&mut back).await.unwrap();
            assert_eq!((&there, &back), (b"there", b"back"));
        }
    });
}

#[test]
fn sixty_four_mebibytes_reach_a_slow_reader_whole_and_in_bounded_memory() {
    alone(|| {
        let bytes = pattern(64 << 20);
        run(async |handle| {
            let (writer, reader) = tcp_pair(handle).await;
            let before = memory("VmHWM");
            let writing = writer.write_all(&bytes);
            let reading = async {
                let (mut buffer, mut place) = (vec![0; 256 << 10], 0);
                while place < bytes.len() {
                    let count = reader.read(&mut buffer).await.unwrap();
                    assert!(buffer[..count] == bytes[place..place + count], "differs at {place}");
                    place += count;
                    yield_now().await;
                }
            };
            let (written, ()) = both(writing, reading).await;
            written.unwrap();
            let grown = memory("VmHWM") - before;
            assert!(grown < 8 << 10, "{grown} kB more");
        });
    });
}

/// Both at once, in one task.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut one, mut other) = (None, None);
    std::future::poll_fn(move |context| {
        use std::task::Poll;
        if one.is_none() {
            if let Poll::Ready(output) = a.as_mut().poll(context) {
                one = Some(output);
            }
        }
        if other.is_none() {
            if let Poll::Ready(output) = b.as_mut().poll(context) {
                other = Some(output);
            }
        }
        match (one.take(), other.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            unfinished => {
                (one, other) = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}

#[test]
fn a_read_takes_no_more_than_it_is_given_room_for() {
    run(async |handle| {
        let (ours, mut theirs) = half_std_pair(handle);
        let all = pattern(3 << 20);
        let sent = all.clone();
        let sender = thread::spawn(move || theirs.write_all(&sent).unwrap());
        let mut place = 0;
        for room in [1, 2, 7, 4096, 65537, 1 << 20].into_iter().cycle() {
            let mut buffer = vec![0; room];
            let count = ours.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            assert!(count <= room && buffer[..count] == all[place..place + count]);
            assert!(buffer[count..].iter().all(|byte| *byte == 0), "more was written than told");
            place += count;
        }
        assert_eq!(place, all.len());
        sender.join().unwrap();
    });
}

#[test]
fn bytes_the_end_nothing_and_errors_are_told_apart() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let mut buffer = [0; 8];
        assert_eq!(ours.try_read(&mut buffer).unwrap(), None, "nothing");
        theirs.write_all(b"abc").await.unwrap();
        ours.readable().await.unwrap();
        assert_eq!(ours.try_read(&mut buffer).unwrap(), Some(3), "bytes");
        theirs.shutdown(Shutdown::Write).unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 0, "the end");
        assert_eq!(ours.try_read(&mut buffer).unwrap(), Some(0), "and again");
        theirs.options().set_linger(Some(Duration::ZERO)).unwrap();
        let (again, theirs_again) = tcp_pair(handle).await;
        theirs_again.options().set_linger(Some(Duration::ZERO)).unwrap();
        drop(theirs_again);
        let error = again.read(&mut buffer).await.unwrap_err();
        assert!(matches!(error, SocketError::ReadFailed(_)), "{error}");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn an_end_that_comes_together_with_the_last_bytes_is_not_lost() {
    run(async |handle| {
        for _ in 0..200 {
            let (ours, theirs) = tcp_pair(handle).await;
            theirs.write_all(b"last").await.unwrap();
            drop(theirs);
            // More room than bytes: the read is short, and the next one waits.
            assert_eq!(ours.read(&mut [0; 100]).await.unwrap(), 4);
            assert_eq!(ours.read(&mut [0; 100]).await.unwrap(), 0);
        }
    });
}

#[test]
fn a_reset_that_follows_the_last_bytes_is_not_lost() {
    run(async |handle| {
        for _ in 0..100 {
            let (ours, theirs) = tcp_pair(handle).await;
            theirs.write_all(b"last").await.unwrap();
            assert_eq!(ours.read(&mut [0; 100]).await.unwrap(), 4);
            theirs.options().set_linger(Some(Duration::ZERO)).unwrap();
            drop(theirs);
            let error = ours.read(&mut [0; 100]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn what_is_peeked_is_read_again() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        theirs.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        for _ in 0..3 {
            assert_eq!(ours.peek(&mut buffer).await.unwrap(), 3);
        }
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 3);
        drop(theirs);
        assert_eq!(ours.peek(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn vectored_reads_fill_one_buffer_after_the_other() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        theirs.write_all(b"abcdefgh").await.unwrap();
        let (mut one, mut two, mut three) = ([0; 3], [0; 0], [0; 9]);
        let mut buffers = [&mut one[..], &mut two[..], &mut three[..]].map(IoSliceMut::new);
        assert_eq!(ours.read_vectored(&mut buffers).await.unwrap(), 8);
        assert_eq!((&one, &three[..5]), (b"abc", &b"defgh"[..]));
        assert_eq!(ours.try_read_vectored(&mut [IoSliceMut::new(&mut one)]).unwrap(), None);
        assert_eq!(ours.try_read_vectored(&mut []).unwrap(), Some(0));
    });
}

#[test]
fn vectored_writes_take_any_number_of_buffers() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let all = pattern(5000 * 700);
        let mut buffers: Vec<_> = all.chunks(700).map(IoSlice::new).collect();
        assert!(buffers.len() > 4 * 1024);
        // Empty ones among them, more in a row than the system takes at once.
        buffers.splice(2000..2000, std::iter::repeat_n(IoSlice::new(&[]), 3000));
        buffers.insert(0, IoSlice::new(&[]));
        let mut got = Vec::new();
        let reading = theirs.read_to_end(&mut got, all.len());
        let writing = async {
            ours.write_all_vectored(&mut buffers).await.unwrap();
            ours.shutdown(Shutdown::Write).unwrap();
        };
        let (read, ()) = both(reading, writing).await;
        assert_eq!(read.unwrap(), all.len());
        assert!(got == all);
        ours.write_all_vectored(&mut []).await.unwrap();
    });
}

#[test]
fn an_empty_write_or_read_is_done_at_once() {
    run(async |handle| {
        let (ours, _theirs) = tcp_pair(handle).await;
        assert_eq!(ours.write(&[]).await.unwrap(), 0);
        ours.write_all(&[]).await.unwrap();
        assert_eq!(ours.write_vectored(&[IoSlice::new(&[])]).await.unwrap(), 0);
        assert_eq!(ours.read(&mut []).await.unwrap(), 0);
        ours.read_exact(&mut []).await.unwrap();
        ours.close();
        assert_closed(ours.write(&[]).await);
        assert_closed(ours.read(&mut []).await);
    });
}

#[test]
fn read_exact_says_when_the_stream_ends_before() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        theirs.write_all(b"abc").await.unwrap();
        drop(theirs);
        let mut buffer = [0; 4];
        let error = ours.read_exact(&mut buffer).await.unwrap_err();
        assert!(matches!(error, SocketError::ConnectionClosed), "{error}");
        assert_eq!(&buffer, b"abc\0");
    });
}

#[test]
fn read_to_end_has_a_limit_and_takes_nothing_beyond_it() {
    run(async |handle| {
        for (sent, limit) in [(0, 0), (0, 10), (10, 10), (9, 10), (100_000, 100_000)] {
            let (ours, theirs) = tcp_pair(handle).await;
            theirs.write_all(&pattern(sent)).await.unwrap();
            drop(theirs);
            let mut got = b"before".to_vec();
            assert_eq!(ours.read_to_end(&mut got, limit).await.unwrap(), sent);
            assert!(got[6..] == pattern(sent) && &got[..6] == b"before");
        }
        let (ours, theirs) = tcp_pair(handle).await;
        theirs.write_all(b"abcdef").await.unwrap();
        let mut got = Vec::new();
        let error = ours.read_to_end(&mut got, 4).await.unwrap_err();
        assert!(matches!(error, SocketError::LimitExceeded { limit: 4 }), "{error}");
        assert_eq!(got, b"abcd");
        let mut rest = [0; 2];
        ours.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"ef");
    });
}

#[test]
fn a_half_closed_stream_still_answers() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut question = Vec::new();
        served.read_to_end(&mut question, 100).await.unwrap();
        served.write_all(b"answer").await.unwrap();
        drop(served);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer, 100).await.unwrap();
        assert_eq!((&question[..], &answer[..]), (&b"question"[..], &b"answer"[..]));
    });
}

#[test]
fn linger_of_zero_resets_the_connection() {
    run(async |handle| {
        let (ours, mut theirs) = half_std_pair(handle);
        ours.options().set_linger(Some(Duration::ZERO)).unwrap();
        ours.close();
        assert_eq!(theirs.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

/// The signal's default disposition would end the process.
#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    alone(|| {
        posix::set_ignored(event::Signal::PIPE, false);
        run(async |handle| {
            for path in 0..6 {
                let (ours, theirs) = tcp_pair(handle).await;
                drop(theirs);
                let error = write_until_it_fails(&ours, path).await;
                assert!(matches!(error, SocketError::WriteFailed(_)), "{error}");
                let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        });
        posix::assert_default(event::Signal::PIPE);
    });
}

/// By each of the ways that write.
async fn write_until_it_fails(socket: &Socket, path: usize) -> SocketError {
    use futures_io::AsyncWrite;
    let bytes = [IoSlice::new(b"x"), IoSlice::new(b"y")];
    loop {
        let mut writer = socket;
        let mut writer = pin!(&mut writer);
        let written = match path {
            0 => socket.write(b"x").await,
            1 => socket.write_vectored(&bytes).await,
            2 => socket.try_write(b"x").map(Option::unwrap_or_default),
            3 => socket.try_write_vectored(&bytes).map(Option::unwrap_or_default),
            4 => {
                let polled = std::future::poll_fn(|cx| writer.as_mut().poll_write(cx, b"x")).await;
                polled.map_err(inner)
            }
            _ => std::future::poll_fn(|cx| writer.as_mut().poll_write_vectored(cx, &bytes))
                .await
                .map_err(inner),
        };
        if let Err(error) = written {
            return error;
        }
        sleep(ms(1)).await;
    }
}

fn inner(error: std::io::Error) -> SocketError {
    error.downcast().unwrap()
}

#[test]
fn two_tasks_use_the_halves_at_the_same_time() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let echo = spawn(async move {
            let mut buffer = vec![0; 10_000];
            loop {
                match theirs.read(&mut buffer).await.unwrap() {
                    0 => break,
                    count => theirs.write_all(&buffer[..count]).await.unwrap(),
                }
            }
        });
        let all = Rc::new(pattern(5 << 20));
        let (reader, writer) = ours.into_split();
        let sent = all.clone();
        let writing = spawn(async move { writer.write_all(&sent).await.unwrap() });
        let mut got = Vec::new();
        // The writer's end is dropped when it is done, which ends the stream.
        reader.read_to_end(&mut got, all.len()).await.unwrap();
        assert!(got == *all);
        writing.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn halves_are_put_together_again() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let (reader, writer) = ours.into_split();
        let (other_reader, other_writer) = theirs.into_split();
        let mixed = reader.reunite(other_writer).unwrap_err();
        let (reader, other_writer) = (mixed.0, mixed.1);
        let ours = reader.reunite(writer).unwrap();
        let theirs = other_reader.reunite(other_writer).unwrap();
        ours.write_all(b"x").await.unwrap();
        assert_eq!(theirs.read(&mut [0; 9]).await.unwrap(), 1);
        // A half that is forgotten does not end the stream.
        let (reader, writer) = ours.into_split();
        writer.forget();
        begin_and_drop(theirs.read(&mut [0])).await;
        drop(reader);
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn two_readers_of_one_socket_are_both_served() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let ours = Rc::new(ours);
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let ours = ours.clone();
                spawn(async move { ours.read(&mut [0]).await.unwrap() })
            })
            .collect();
        sleep(ms(5)).await;
        for _ in 0..5 {
            theirs.write_all(b"x").await.unwrap();
            sleep(ms(1)).await;
        }
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
    });
}

#[test]
fn dropping_a_pending_operation_loses_no_byte() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        for _ in 0..100 {
            let mut reading = Box::pin(async { ours.read(&mut [0; 4]).await });
            assert_pending(reading.as_mut()).await;
            theirs.write_all(b"abcd").await.unwrap();
            sleep(Duration::ZERO).await;
            // Woken, but not polled again: the bytes stay.
            drop(reading);
            let mut got = [0; 4];
            ours.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"abcd");
        }
    });
}

#[test]
fn dropping_a_pending_operation_leaves_no_registration_and_no_timer() {
    run(async |handle| {
        let (ours, _theirs) = tcp_pair(handle).await;
        ours.set_read_timeout(Some(Duration::from_secs(1000)));
        let count = |kind| handle.registrations().iter().filter(|one| one.kind == kind).count();
        let timers = count(Kind::Timer);
        for _ in 0..3 {
            let mut reading = Box::pin(async { ours.read(&mut [0; 4]).await });
            assert_pending(reading.as_mut()).await;
            assert_eq!((count(Kind::Async), count(Kind::Timer)), (1, timers + 1));
            drop(reading);
            assert_eq!((count(Kind::Async), count(Kind::Timer)), (0, timers));
        }
    });
}

#[test]
fn closing_ends_the_pending_operations_of_other_tasks() {
    run(async |handle| {
        let (ours, _theirs) = tcp_pair(handle).await;
        let ours = Rc::new(ours);
        ours.set_read_timeout(Some(Duration::from_secs(1000)));
        while ours.try_write(&[0; 65536]).unwrap().is_some() {}
        let (reader, writer) = (ours.clone(), ours.clone());
        let reading = spawn(async move { reader.read(&mut [0]).await });
        let writing = spawn(async move { writer.write(&[0]).await });
        sleep(ms(2)).await;
        ours.close();
        assert_closed(reading.await.unwrap());
        assert_closed(writing.await.unwrap());
        assert!(ours.is_closed());
        assert_closed(ours.read(&mut [0]).await);
        assert_closed(ours.write(&[0]).await);
        assert_closed(ours.peek(&mut [0]).await);
        assert_closed(ours.readable().await);
        assert_closed(ours.try_read(&mut [0]));
        assert_closed(ours.shutdown(Shutdown::Both));
        assert_closed(ours.local_addr());
        assert_closed(ours.peer_addr());
        assert_eq!(ours.raw_fd(), None);
    });
}

#[test]
fn a_socket_that_outlives_its_loop_yields_errors() {
    let events = EventLoop::new().unwrap();
    let (one, _other) = Socket::pair(&events.handle()).unwrap();
    drop(events);
    run(async |handle| {
        let error = one.read(&mut [0]).await.unwrap_err();
        assert!(matches!(error, SocketError::ReadFailed(_)), "{error}");
        let error = Socket::connect(&one.handle().clone(), local()).await.unwrap_err();
        assert!(matches!(error, SocketError::AdoptionFailed(_)), "{error}");
        assert!(Socket::pair(handle).is_ok());
    });
}

#[test]
fn a_task_that_always_finds_data_does_not_starve_the_rest() {
    run(async |handle| {
        let (one, other) = Socket::pair(handle).unwrap();
        let ticks = Rc::new(Cell::new(0));
        let counted = ticks.clone();
        let timer = handle.every(ms(1), move |_| counted.set(counted.get() + 1)).unwrap();
        let before = handle.counters().turns;
        // None of these ever has to wait.
        for _ in 0..64 * 100 {
            one.write_all(b"x").await.unwrap();
            other.read_exact(&mut [0]).await.unwrap();
        }
        let turns = handle.counters().turns - before;
        assert!(turns >= 99, "128 operations a turn are 100 turns, not {turns}");
        assert!(ticks.get() > 0);
        drop(timer);
    });
}

#[test]
fn a_million_operations_leave_memory_flat() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        run_on(&events, async |handle| {
            let (one, other) = Socket::pair(handle).unwrap();
            one.set_read_timeout(Some(Duration::from_secs(100)));
            exchange(&one, &other, 5_000).await;
            let (before, open) = (memory("VmRSS"), open_descriptors());
            exchange(&one, &other, 250_000).await;
            let grown = memory("VmRSS").saturating_sub(before);
            assert!(grown < 512, "{grown} kB more");
            assert_eq!(open_descriptors(), open);
        });
    });
}

/// Four operations a round, one of which waits.
async fn exchange(one: &Socket, other: &Socket, rounds: usize) {
    for _ in 0..rounds {
        let mut byte = [0];
        let mut reading = pin!(one.read(&mut byte));
        assert_pending(reading.as_mut()).await;
        other.write_all(b"x").await.unwrap();
        assert_eq!(reading.await.unwrap(), 1);
        one.write_all(b"y").await.unwrap();
        other.read_exact(&mut [0]).await.unwrap();
    }
}

#[test]
fn signals_that_interrupt_calls_are_not_seen() {
    alone(|| {
        let signal = event::Signal::ALRM;
        posix::interrupt_on(signal);
        let target = posix::Target::this_thread();
        thread::scope(|scope| {
            // Hung up when the test ends, in whichever way.
            let (_end, ended) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                let pause = Duration::from_micros(200);
                while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    target.send(signal);
                }
            });
            run(async |handle| {
                let server = ServerSocket::bind(handle, local()).unwrap();
                while posix::interruptions() < 200 {
                    let (one, other) = connected(&server).await;
                    one.write_all(&pattern(100_000)[..]).await.unwrap_or_else(|e| panic!("{e}"));
                    drop(one);
                    let mut got = Vec::new();
                    other.read_to_end(&mut got, 1 << 20).await.unwrap();
                    assert!(got == pattern(100_000));
                }
            });
        });
    });
}
