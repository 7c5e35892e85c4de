//! Servers: every client is served, none is lost, and running out of
//! descriptors costs neither the server nor the processor.

mod sockets;
mod support;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::TcpStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::{
    EventLoop, Incoming, Kind, Listen, LoopHandle, ServerSocket, Socket, SocketAddress,
    SocketError, sleep, spawn,
};
use futures_core::{FusedStream, Stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockets::{
    assert_closed, assert_pending, begin_and_drop, connected, local, local_v6, memory, run, run_on,
};
use support::alone::{alone, open_descriptors};
use support::{hold_up, ms};

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Blocking clients, whom the kernel completes without our loop.
fn clients(server: &ServerSocket, count: usize) -> Vec<TcpStream> {
    let address = server.local_addr().unwrap().as_socket().unwrap();
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn port_zero_is_one_that_can_be_asked_for() {
    run(async |handle| {
        for any in [local(), local_v6(), SocketAddress::any_ipv4(0), SocketAddress::any_ipv6(0)] {
            let server = ServerSocket::bind(handle, &any).unwrap();
            let told = server.local_addr().unwrap();
            assert_ne!(told.port(), Some(0));
            assert_eq!(told.ip(), any.ip());
        }
    });
}

#[test]
fn only_version_six_or_both() {
    run(async |handle| {
        for only in [true, false] {
            let server =
                Listen::new().v6_only(only).on(handle, SocketAddress::any_ipv6(0)).unwrap();
            assert_eq!(server.options().v6_only().unwrap(), only);
            let port = server.local_addr().unwrap().port().unwrap();
            Socket::connect(handle, local_v6().with_port(port)).await.unwrap();
            let v4 = Socket::connect(handle, local().with_port(port)).await;
            assert_eq!(v4.is_err(), only);
        }
    });
}

#[test]
fn several_servers_share_a_port_if_all_agree() {
    run(async |handle| {
        let shared = Listen::new().reuse_port(true);
        let first = shared.on(handle, local()).unwrap();
        let address = first.local_addr().unwrap();
        let second = shared.on(handle, &address).unwrap();
        ServerSocket::bind(handle, &address).unwrap_err();
        let _clients = clients(&first, 64);
        let mut served = [0, 0];
        for _ in 0..64 {
            let found = [first.try_accept().unwrap(), second.try_accept().unwrap()];
            served[0] += usize::from(found[0].is_some());
            served[1] += usize::from(found[1].is_some());
        }
        assert_eq!(served[0] + served[1], 64);
        assert!(served[0] > 0 && served[1] > 0, "{served:?}");
    });
}

#[test]
fn clients_that_left_before_they_were_accepted_are_no_error() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        for client in clients(&server, 20) {
            rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        }
        let (client, served) = {
            let client = Socket::connect(handle, server.local_addr().unwrap()).await.unwrap();
            let address = client.local_addr().unwrap();
            loop {
                let (served, peer) = server.accept().await.unwrap();
                if peer == address {
                    break (client, served);
                }
            }
        };
        client.write_all(b"x").await.unwrap();
        assert_eq!(served.read(&mut [0]).await.unwrap(), 1);
    });
}

#[test]
fn nobody_there_is_none() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        assert!(server.try_accept().unwrap().is_none());
        let _client = clients(&server, 1);
        assert!(server.try_accept().unwrap().is_some());
        assert!(server.try_accept().unwrap().is_none());
    });
}

#[test]
fn dropping_a_pending_accept_loses_no_client() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        for _ in 0..50 {
            let mut accepting = Box::pin(server.accept());
            assert_pending(accepting.as_mut()).await;
            let mut client = clients(&server, 1);
            sleep(Duration::ZERO).await;
            drop(accepting);
            let client = client.remove(0).local_addr().unwrap();
            assert_eq!(server.accept().await.unwrap().1, client.into());
        }
        begin_and_drop(server.accept()).await;
    });
}

#[test]
fn dropping_a_pending_accept_leaves_no_registration_and_no_timer() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        server.set_accept_timeout(Some(Duration::from_secs(1000)));
        let count = |kind| handle.registrations().iter().filter(|one| one.kind == kind).count();
        let timers = count(Kind::Timer);
        let waiting = (1, timers + 1);
        for _ in 0..3 {
            let mut accepting = Box::pin(server.accept());
            assert_pending(accepting.as_mut()).await;
            assert_eq!((count(Kind::Async), count(Kind::Timer)), waiting);
            drop(accepting);
            assert_eq!((count(Kind::Async), count(Kind::Timer)), (0, timers));
            let mut incoming = server.incoming();
            assert_pending(pin!(next(&mut incoming))).await;
            assert_eq!((count(Kind::Async), count(Kind::Timer)), waiting);
            drop(incoming);
            assert_eq!((count(Kind::Async), count(Kind::Timer)), (0, timers));
        }
    });
}

#[test]
fn the_stream_of_clients_pulls_on_demand_and_ends_when_dropped() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        let all = clients(&server, 5);
        let mut served = Vec::new();
        let mut incoming = server.incoming();
        for _ in 0..2 {
            served.push(next(&mut incoming).await.unwrap().unwrap().1);
        }
        drop(incoming);
        // The other three are still in the backlog, and nobody takes them.
        sleep(ms(10)).await;
        let mut incoming: Incoming<'_> = server.incoming();
        for _ in 0..3 {
            served.push(next(&mut incoming).await.unwrap().unwrap().1);
        }
        let expected: Vec<_> = all.iter().map(|c| c.local_addr().unwrap().into()).collect();
        assert_eq!(served, expected);
    });
}

#[test]
fn the_stream_of_clients_ends_when_the_server_is_closed() {
    run(async |handle| {
        let server = Rc::new(ServerSocket::bind(handle, local()).unwrap());
        let closed = server.clone();
        let closing = spawn(async move {
            sleep(ms(5)).await;
            closed.close();
        });
        let mut incoming = server.incoming();
        assert!(!incoming.is_terminated());
        assert!(next(&mut incoming).await.is_none());
        assert!(incoming.is_terminated());
        closing.await.unwrap();
        assert_closed(server.accept().await);
        assert_closed(server.local_addr());
        let mut owned = ServerSocket::bind(handle, local()).unwrap().into_incoming();
        let _client = clients(owned.server(), 1);
        next(&mut owned).await.unwrap().unwrap();
    });
}

#[test]
fn two_who_accept_from_one_server_are_both_served() {
    run(async |handle| {
        let server = Rc::new(ServerSocket::bind(handle, local()).unwrap());
        let tasks = [0, 1].map(|_| {
            let server = server.clone();
            spawn(async move { next(&mut server.incoming()).await.unwrap().unwrap().1 })
        });
        sleep(ms(5)).await;
        let _clients = clients(&server, 2);
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn five_hundred_clients_before_the_first_turn_are_served_while_a_timer_ticks() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let server = ServerSocket::bind(&handle, local()).unwrap();
    let waiting = clients(&server, 500);
    run_on(&events, async |handle| {
        let served_at_ticks = Rc::new(RefCell::new(vec![0]));
        let served = Rc::new(Cell::new(0));
        let (at_ticks, count) = (served_at_ticks.clone(), served.clone());
        let timer = handle.every(ms(1), move |_| at_ticks.borrow_mut().push(count.get()));
        let mut incoming = server.incoming();
        let mut tasks = Vec::new();
        for _ in 0..500 {
            let (client, _) = next(&mut incoming).await.unwrap().unwrap();
            let served = served.clone();
            tasks.push(spawn(async move {
                client.write_all(b"hello").await.unwrap();
                hold_up(Duration::from_micros(100));
                served.set(served.get() + 1);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        drop(timer.unwrap());
        served_at_ticks.borrow_mut().push(served.get());
        // A turn takes 64 clients, which take longer than the timer's period.
        let served = served_at_ticks.borrow();
        assert_eq!(served.last(), Some(&500));
        assert!(served.windows(2).all(|tick| tick[1] - tick[0] <= 130), "{served:?}");
    });
    for mut client in waiting {
        let mut text = [0; 5];
        std::io::Read::read_exact(&mut client, &mut text).unwrap();
        assert_eq!(&text, b"hello");
    }
}

#[test]
fn a_turn_has_its_share_of_clients() {
    run(async |handle| {
        let server = Listen::new().per_turn(10).on(handle, local()).unwrap();
        let _waiting = clients(&server, 100);
        let turns = |handle: &LoopHandle| handle.counters().turns;
        let before = turns(handle);
        for _ in 0..100 {
            server.accept().await.unwrap();
        }
        assert!(turns(handle) - before >= 9, "all in {} turns", turns(handle) - before);
    });
}

/// Uses up all descriptors but as many.
fn leave_descriptors(count: usize) -> Vec<std::fs::File> {
    let limit = Rlimit { current: Some(256), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    taken.truncate(taken.len() - count);
    taken
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn running_out_of_descriptors_is_told_burns_nothing_and_passes() {
    alone(|| {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            let mut waiting = clients(&server, 8);
            let taken = leave_descriptors(4);
            let mut incoming = server.incoming();
            let mut served = Vec::new();
            let error = loop {
                match next(&mut incoming).await.unwrap() {
                    Ok((socket, _)) => served.push(socket),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, SocketError::AcceptFailed(_)), "{error}");
            assert!(error.is_exhaustion(), "{error}");
            assert_eq!(error.errno(), Some(libc::EMFILE));
            assert_eq!(served.len(), 4);
            let (before, turns) = (processor_time(), handle.counters().turns);
            let mut failures = 0;
            let end = Instant::now() + ms(500);
            while Instant::now() < end {
                if let Ok(item) = handle.timeout(ms(50), next(&mut incoming)).await {
                    assert!(item.unwrap().unwrap_err().is_exhaustion());
                    failures += 1;
                }
            }
            assert!(failures < 12, "asked {failures} times in vain");
            assert!(processor_time() - before < ms(100), "{:?}", processor_time() - before);
            assert!(handle.counters().turns - turns < 100);
            // It recovers by itself, and nobody was lost.
            drop(taken);
            while served.len() < 8 {
                if let Ok((socket, _)) = next(&mut incoming).await.unwrap() {
                    served.push(socket);
                }
            }
            for (socket, client) in served.iter().zip(&mut waiting) {
                socket.write_all(b"x").await.unwrap();
                std::io::Read::read_exact(client, &mut [0]).unwrap();
            }
        });
    });
}

#[test]
fn closing_a_server_that_rests_ends_its_accepts_at_once() {
    alone(|| {
        run(async |handle| {
            let server = Rc::new(ServerSocket::bind(handle, local()).unwrap());
            let _waiting = clients(&server, 1);
            let taken = leave_descriptors(0);
            for _ in 0..7 {
                server.accept().await.unwrap_err();
            }
            let accepting = server.clone();
            let accepting = spawn(async move { accepting.accept().await });
            sleep(ms(1)).await;
            let start = Instant::now();
            server.close();
            assert_closed(accepting.await.unwrap());
            assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
            drop(taken);
        });
    });
}

#[test]
fn an_unaccepted_server_that_closes_leaves_its_clients_an_end() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        let client = Socket::connect(handle, server.local_addr().unwrap()).await.unwrap();
        server.close();
        server.close();
        client.read(&mut [0]).await.unwrap_err();
    });
}

#[test]
fn churning_connections_leave_memory_and_descriptors_flat() {
    alone(|| {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            let churn = async |count| {
                for _ in 0..count {
                    let (client, served) = connected(&server).await;
                    client.write_all(b"x").await.unwrap();
                    served.read_exact(&mut [0]).await.unwrap();
                }
            };
            churn(500).await;
            let (before, open) = (memory("VmRSS"), open_descriptors());
            churn(5_000).await;
            assert_eq!(open_descriptors(), open);
            let grown = memory("VmRSS").saturating_sub(before);
            assert!(grown < 512, "{grown} kB more");
        });
    });
}
