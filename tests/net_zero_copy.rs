//! Sending without copying: every byte arrives, the buffer comes back when the
//! kernel has done with it, and its telling so is no error.

mod posix;
mod sockets;
mod support;

use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;

use event::{EventLoop, PageBuffer, Signal, Socket, SocketError, UdpSocket, ZeroCopied, spawn};
use proptest::prelude::*;
use rustix::process::{Resource, Rlimit, setrlimit};
use sockets::tcp_pair;
use sockets::{assert_closed, assert_timeout, local, local_v6, memory, pattern, run, run_on};
use support::alone::{alone, open_descriptors};
use support::ms;

fn buffer(length: usize) -> PageBuffer {
    PageBuffer::copied(&pattern(length)).unwrap()
}

#[test]
fn all_bytes_arrive_and_the_buffer_comes_back() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let length = 5 << 20;
        let reading = spawn(async move {
            let mut got = Vec::new();
            served.read_to_end(&mut got, length).await.unwrap();
            got
        });
        let in_flight = client.write_zero_copy(buffer(length)).await.unwrap();
        let ZeroCopied { buffer, copied, .. } = in_flight.await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(buffer[..] == pattern(length));
        // To the same machine the kernel has to copy after all, and says so.
        assert!(copied);
        assert!(reading.await.unwrap() == pattern(length));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn buffers_of_any_size_follow_each_other_and_come_back_in_any_order(
        lengths in proptest::collection::vec(0..150_000_usize, 1..6),
        v6: bool,
        backwards: bool,
    ) {
        run(async |handle| {
            let any = if v6 { local_v6() } else { local() };
            let server = event::ServerSocket::bind(handle, any).unwrap();
            let (client, served) = sockets::connected(&server).await;
            let expected: Vec<_> = lengths.iter().flat_map(|length| pattern(*length)).collect();
            let limit = expected.len();
            let reading = spawn(async move {
                let mut got = Vec::new();
                served.read_to_end(&mut got, limit).await.unwrap();
                got
            });
            let mut flying = Vec::new();
            for length in &lengths {
                flying.push((*length, client.write_zero_copy(buffer(*length)).await.unwrap()));
            }
            if backwards {
                flying.reverse();
            }
            for (length, in_flight) in flying {
                assert!(in_flight.await.unwrap().buffer[..] == pattern(length));
            }
            client.shutdown(Shutdown::Write).unwrap();
            assert!(reading.await.unwrap() == expected);
        });
    }
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    alone(|| {
        posix::set_ignored(Signal::PIPE, false);
        run(async |handle| {
            let (client, served) = tcp_pair(handle).await;
            drop(served);
            let error = loop {
                match client.write_zero_copy(buffer(1)).await {
                    Ok(in_flight) => drop(in_flight),
                    Err(error) => break error,
                }
                event::sleep(ms(1)).await;
            };
            let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(kinds.contains(&error.kind()), "{error}");
            let again = client.write_zero_copy(buffer(1)).await.unwrap_err();
            assert_eq!(again.kind(), ErrorKind::BrokenPipe);
        });
        posix::assert_default(Signal::PIPE);
    });
}

#[test]
fn frozen_bytes_go_to_many_at_the_same_time() {
    run(async |handle| {
        let bytes = buffer(1 << 20).freeze();
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (client, served) = tcp_pair(handle).await;
            let bytes = bytes.clone();
            tasks.push(spawn(async move {
                let in_flight = client.write_zero_copy(bytes.clone()).await.unwrap();
                let sent = in_flight.await.unwrap();
                assert_eq!(sent.buffer.len(), bytes.len());
            }));
            tasks.push(spawn(async move {
                let mut got = vec![0; 1 << 20];
                served.read_exact(&mut got).await.unwrap();
                assert!(got == pattern(1 << 20));
            }));
        }
        drop(bytes);
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn what_the_kernel_tells_is_no_error_and_does_not_keep_the_loop_busy() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let (client, reader) = (Rc::new(client), Rc::new(served));
        // Somebody reads all the while; somebody else has no interest in his buffers.
        let reading = client.clone();
        let reading = spawn(async move { reading.read(&mut [0; 9]).await });
        for _ in 0..20 {
            let in_flight = client.write_zero_copy(buffer(10_000)).await.unwrap();
            drop(in_flight);
            let mut got = vec![0; 10_000];
            reader.read_exact(&mut got).await.unwrap();
            assert!(got == pattern(10_000));
        }
        let before = handle.counters();
        event::sleep(ms(60)).await;
        let after = handle.counters();
        assert!(after.turns - before.turns < 20, "the loop spins: {before:?} {after:?}");
        assert!(client.options().take_error().unwrap().is_none());
        reader.write_all(b"x").await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), 1);
    });
}

#[test]
fn nothing_unread_keeps_the_loop_busy_either() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let (client, served) = tcp_pair(handle).await;
        // Bytes that the sender does not read, and bytes that nobody takes from him.
        served.write_all(b"unread").await.unwrap();
        client.set_write_timeout(Some(ms(20)));
        let mut kept = Vec::new();
        while let Ok(in_flight) = client.write_zero_copy(buffer(1 << 20)).await {
            kept.push(in_flight);
        }
        let before = handle.counters().turns;
        event::sleep(ms(60)).await;
        assert!(handle.counters().turns - before < 20, "the loop spins");
        drop((client, kept));
    });
}

#[test]
fn closing_ends_the_connection_at_once_and_the_wait_for_a_buffer() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        client.set_write_timeout(Some(ms(20)));
        let mut kept = Vec::new();
        // So much that the kernel cannot have done with it before it is read.
        loop {
            match client.write_zero_copy(buffer(1 << 20)).await {
                Ok(in_flight) => kept.push(in_flight),
                Err(SocketError::Timeout) => break,
                Err(other) => panic!("{other}"),
            }
        }
        let waiting = kept.pop().unwrap();
        let waiting = spawn(waiting);
        event::yield_now().await;
        client.close();
        assert_closed(client.write_zero_copy(buffer(9)).await);
        // Done or not: it is told, and not waited for.
        match waiting.await.unwrap() {
            Ok(sent) => assert_eq!(sent.buffer.len(), 1 << 20),
            Err(error) => assert!(matches!(error, SocketError::Closed), "{error}"),
        }
        // The bytes that were taken still arrive, and then the end.
        drop(kept);
        served.set_read_timeout(Some(support::GENEROUS));
        let mut got = Vec::new();
        served.read_to_end(&mut got, usize::MAX / 2).await.unwrap();
        let expected = pattern(1 << 20);
        assert!(got.chunks(1 << 20).all(|part| part == &expected[..part.len()]));
    });
}

#[test]
fn a_socket_that_is_handed_out_sends_its_end_with_its_last_descriptor() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        client.write_zero_copy(buffer(9)).await.unwrap().await.unwrap();
        let fd = client.into_fd().unwrap();
        served.read_exact(&mut [0; 9]).await.unwrap();
        served.set_read_timeout(Some(ms(20)));
        assert_timeout(served.read(&mut [0]).await);
        drop(fd);
        assert_eq!(served.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn an_error_is_still_an_error() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let in_flight = client.write_zero_copy(buffer(100_000)).await.unwrap();
        served.options().set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(served);
        // The connection was reset: nobody looks at the bytes any more.
        assert_eq!(in_flight.await.unwrap().buffer.len(), 100_000);
        let error = client.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = client.write_zero_copy(buffer(9)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

/// Takes the right to pin more memory than the limit says from this thread.
#[allow(unsafe_code)]
fn respect_the_limit() {
    const VERSION_3: u32 = 0x2008_0522;
    const IPC_LOCK: u32 = 1 << 14;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable; the lower halves, and the upper.
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: this thread's, by a header and a place as that version has them.
    let got = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    assert_eq!(got, 0);
    sets[0] = sets[0].map(|set| set & !IPC_LOCK);
    // SAFETY: as above.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    assert_eq!(set, 0);
}

#[test]
fn more_than_may_be_pinned_is_copied() {
    alone(|| {
        respect_the_limit();
        let limit = Rlimit { current: Some(65_536), maximum: Some(65_536) };
        setrlimit(Resource::Memlock, limit).unwrap();
        run(async |handle| {
            let (client, served) = tcp_pair(handle).await;
            // The first call would pin all of it, and may not.
            let in_flight = client.write_zero_copy(buffer(100_000)).await.unwrap();
            let sent = in_flight.await.unwrap();
            assert!(sent.copied && sent.buffer[..] == pattern(100_000));
            // What is below the limit is not.
            let in_flight = client.write_zero_copy(buffer(1000)).await.unwrap();
            assert_eq!(in_flight.await.unwrap().buffer.len(), 1000);
            let mut got = vec![0; 101_000];
            served.read_exact(&mut got).await.unwrap();
            assert!(got[..100_000] == pattern(100_000) && got[100_000..] == pattern(1000));
        });
    });
}

#[test]
fn a_thousand_small_ones_at_one_go_all_come_back() {
    const TASKS: usize = 4;
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let client = Rc::new(client);
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let client = client.clone();
                spawn(async move {
                    let mut flying = Vec::new();
                    for _ in 0..300 {
                        flying.push(client.write_zero_copy(buffer(1)).await.unwrap());
                    }
                    for in_flight in flying {
                        assert_eq!(in_flight.await.unwrap().buffer.len(), 1);
                    }
                })
            })
            .collect();
        served.read_exact(&mut [0; TASKS * 300]).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_datagram_is_sent_without_copying_too() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let sender = UdpSocket::bind(handle, &any).unwrap();
            let receiver = UdpSocket::bind(handle, any).unwrap();
            let to = receiver.local_addr().unwrap();
            let first = sender.send_zero_copy_to(buffer(20_000), &to).await.unwrap();
            sender.connect(to).unwrap();
            let second = sender.send_zero_copy(buffer(0)).await.unwrap();
            let third = sender.send_zero_copy(buffer(5)).await.unwrap();
            for expected in [20_000, 0, 5] {
                let mut got = vec![0; 30_000];
                let datagram = receiver.recv(&mut got).await.unwrap();
                assert!(got[..datagram.len] == pattern(expected));
            }
            assert_eq!(third.await.unwrap().buffer.len(), 5);
            assert_eq!(second.await.unwrap().buffer.len(), 0);
            assert_eq!(first.await.unwrap().buffer.len(), 20_000);
        }
    });
}

#[test]
fn where_it_cannot_be_told_what_is_done_it_is_refused() {
    run(async |handle| {
        let (unix, _other) = Socket::pair(handle).unwrap();
        let refused = unix.write_zero_copy(buffer(9)).await;
        assert!(matches!(refused, Err(SocketError::Unsupported(_))), "{refused:?}");
        // Somebody has done it before, and counted.
        let (client, _served) = tcp_pair(handle).await;
        client.write_zero_copy(buffer(9)).await.unwrap().await.unwrap();
        let again = Socket::adopt(handle, client.into_fd().unwrap()).unwrap();
        let refused = again.write_zero_copy(buffer(9)).await;
        assert!(matches!(refused, Err(SocketError::Unsupported(_))), "{refused:?}");
        assert_eq!(again.write(b"x").await.unwrap(), 1);
    });
}

#[test]
fn without_edges_to_wait_for_it_is_refused_before_a_byte_is_sent() {
    let events = EventLoop::builder().avoid("epoll").build().unwrap();
    assert_ne!(events.backend(), "epoll");
    run_on(&events, async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let refused = client.write_zero_copy(buffer(9)).await;
        assert!(matches!(refused, Err(SocketError::Unsupported(_))), "{refused:?}");
        drop(client);
        assert_eq!(served.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn pages_keep_their_bytes_and_their_bounds() {
    let mut pages = PageBuffer::new(5000).unwrap();
    assert!(pages.iter().all(|byte| *byte == 0));
    pages.copy_from_slice(&pattern(5000));
    assert!(pages.capacity() >= 5000);
    pages.resize(3).unwrap();
    assert_eq!(pages.len(), 3);
    let refused = pages.resize(pages.capacity() + 1).unwrap_err();
    assert!(matches!(refused, SocketError::LimitExceeded { .. }));
    pages.resize(5000).unwrap();
    assert!(pages[..] == pattern(5000));
    let frozen = pages.freeze();
    assert!(frozen.clone()[..] == pattern(5000));
    assert!(PageBuffer::new(0).unwrap().is_empty());
    assert!(PageBuffer::new(usize::MAX / 2).is_err());
}

#[test]
fn neither_memory_nor_descriptors_are_left() {
    alone(|| {
        let round = || {
            run(async |handle| {
                let (client, served) = tcp_pair(handle).await;
                for number in 0..200 {
                    let pages = PageBuffer::new(100_000).unwrap();
                    let in_flight = client.write_zero_copy(pages).await.unwrap();
                    let mut got = vec![0; 100_000];
                    served.read_exact(&mut got).await.unwrap();
                    if number % 2 == 0 {
                        in_flight.await.unwrap();
                    }
                }
            });
        };
        round();
        let (descriptors, before) = (open_descriptors(), memory("VmRSS"));
        (0..3).for_each(|_| round());
        assert_eq!(open_descriptors(), descriptors);
        let after = memory("VmRSS");
        assert!(after < before + 5000, "{before} kB before, {after} kB after");
    });
}
