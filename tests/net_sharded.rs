//! A server on several threads: one call starts it, clients are spread, stopping
//! is graceful up to a deadline, and errors are told.

mod sockets;
mod support;

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use event::{Listen, ShardError, Sharded, ShardedServer, Socket, SocketAddress, SocketError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockets::{GENEROUS, local, local_v6};
use support::alone::{alone, open_descriptors};

async fn echo(socket: Socket, _peer: SocketAddress) {
    let mut bytes = [0; 4096];
    while let Ok(count) = socket.read(&mut bytes).await {
        if count == 0 || socket.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

fn connect(server: &ShardedServer) -> TcpStream {
    let stream = TcpStream::connect(server.address().as_socket().unwrap()).unwrap();
    stream.set_read_timeout(Some(GENEROUS)).unwrap();
    stream
}

fn ask(mut stream: &TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// What errors are told, for the test's thread.
fn told() -> (impl Fn(usize, &ShardError) + Send + Sync + 'static, Receiver<(usize, String)>) {
    let (sender, receiver) = channel();
    let sender: Mutex<Sender<_>> = Mutex::new(sender);
    let tell = move |index, error: &ShardError| {
        sender.lock().unwrap().send((index, error.to_string())).unwrap();
    };
    (tell, receiver)
}

#[track_caller]
fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < GENEROUS, "waited in vain");
        thread::yield_now();
    }
}

#[test]
fn clients_are_spread_over_threads_that_share_nothing() {
    for address in [local(), local_v6()] {
        let threads = Arc::new(Mutex::new(HashSet::new()));
        let seen = threads.clone();
        let server = Sharded::new().shards(3).start(address, move |shard| {
            assert_eq!(shard.index(), seen.lock().unwrap().len());
            seen.lock().unwrap().insert(thread::current().id());
            let count = Rc::new(Cell::new(0_u8)); // neither Send nor Sync
            move |socket: Socket, _| {
                count.set(count.get() + 1);
                let number = count.get();
                async move { drop(socket.write_all(&[number]).await) }
            }
        });
        let server = server.unwrap();
        assert_eq!((server.running(), threads.lock().unwrap().len()), (3, 3));
        for _ in 0..90 {
            assert_eq!(connect(&server).read(&mut [0]).unwrap(), 1);
        }
        assert_eq!(server.served(), 90);
        let reports = server.stop(GENEROUS);
        assert_eq!(reports.iter().map(|report| report.served).sum::<u64>(), 90);
        for (index, report) in reports.iter().enumerate() {
            assert_eq!(report.index, index);
            assert!(report.served > 0, "a shard had no clients: {reports:?}");
            assert!(matches!(report.outcome, Ok(0)), "{reports:?}");
        }
    }
}

#[test]
fn stopping_lets_clients_end_and_takes_no_new_ones() {
    let server = Sharded::new().shards(2).start(local(), |_| echo).unwrap();
    let client = connect(&server);
    assert_eq!(ask(&client, b"before"), b"before");
    assert_eq!(server.active(), 1);
    server.begin_stop(GENEROUS);
    wait_until(|| TcpStream::connect(server.address().as_socket().unwrap()).is_err());
    assert_eq!(ask(&client, b"still served"), b"still served");
    client.shutdown(Shutdown::Write).unwrap();
    let start = Instant::now();
    let reports = server.join();
    assert!(reports.iter().all(|report| matches!(report.outcome, Ok(0))), "{reports:?}");
    assert!(start.elapsed() < GENEROUS / 2, "it waited longer than for its clients");
}

#[test]
fn clients_that_do_not_end_are_cut_off_at_the_deadline() {
    let patience = Duration::from_millis(100);
    let server = Sharded::new().shards(2).start(local(), |_| echo).unwrap();
    let clients = [(); 5].map(|()| connect(&server));
    clients.iter().for_each(|client| assert_eq!(ask(client, b"x"), b"x"));
    let start = Instant::now();
    let reports = server.stop(patience);
    assert!(start.elapsed() >= patience);
    assert!(start.elapsed() < GENEROUS / 2);
    let cut: usize = reports.into_iter().map(|report| report.outcome.unwrap()).sum();
    assert_eq!(cut, 5);
    for mut client in clients {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn patience_can_be_lost() {
    let server = Sharded::new().shards(2).start(local(), |_| echo).unwrap();
    let client = connect(&server);
    assert_eq!(ask(&client, b"x"), b"x");
    server.begin_stop(Duration::from_secs(3600));
    wait_until(|| server.running() == 1); // the one without clients
    let start = Instant::now();
    server.stop(Duration::ZERO);
    assert!(start.elapsed() < GENEROUS);
}

#[test]
fn clients_in_the_backlog_are_served_before_the_end() {
    let barrier = Arc::new(Barrier::new(2));
    let hold = barrier.clone();
    let server = Sharded::new().shards(1).start(local(), move |_| {
        let hold = hold.clone();
        move |socket: Socket, peer| {
            let hold = hold.clone();
            async move {
                let mut first = [0];
                if socket.peek(&mut first).await.is_ok() && first == *b"!" {
                    hold.wait(); // the shard is here,
                    hold.wait(); // and stays for a while
                }
                echo(socket, peer).await;
            }
        }
    });
    let server = server.unwrap();
    let mut first = connect(&server);
    first.write_all(b"!").unwrap();
    barrier.wait();
    let waiting = [(); 20].map(|()| connect(&server));
    server.begin_stop(GENEROUS);
    barrier.wait();
    waiting.iter().for_each(|client| assert_eq!(ask(client, b"served"), b"served"));
    drop((first, waiting));
    assert!(matches!(server.join()[0].outcome, Ok(0)));
}

#[test]
fn a_handler_that_panics_loses_its_client_only() {
    let (tell, errors) = told();
    let server = Sharded::new().shards(1).on_error(tell).start(local(), |_| {
        async |socket: Socket, _| {
            let mut byte = [0];
            socket.read_exact(&mut byte).await.unwrap();
            assert_ne!(&byte, b"!", "a bad byte");
            socket.write_all(&byte).await.unwrap();
        }
    });
    let server = server.unwrap();
    let (good, mut bad) = (connect(&server), connect(&server));
    bad.write_all(b"!").unwrap();
    assert_eq!(bad.read(&mut [0]).unwrap(), 0);
    let (shard, error) = errors.recv_timeout(GENEROUS).unwrap();
    assert_eq!(shard, 0);
    assert!(error.contains("a bad byte"), "{error}");
    assert_eq!(ask(&good, b"."), b".");
    assert_eq!(ask(&connect(&server), b"."), b".");
    assert_eq!(server.running(), 1);
    assert!(server.stop(GENEROUS)[0].outcome.is_ok());
}

#[test]
fn an_address_in_use_is_an_error_and_nothing_is_left() {
    alone(|| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (descriptors, threads) = (open_descriptors(), threads());
        let address = SocketAddress::from(taken.local_addr().unwrap());
        let error = Sharded::new().shards(3).start(address, |_| echo).unwrap_err();
        assert!(
            matches!(&error, ShardError::Listen(SocketError::BindFailed { error, .. })
                if error.kind() == ErrorKind::AddrInUse),
            "{error:?}"
        );
        assert_eq!((open_descriptors(), threads), (descriptors, self::threads()));
    });
}

#[test]
fn a_later_shard_that_cannot_start_takes_the_earlier_ones_with_it() {
    alone(|| {
        let (descriptors, threads) = (open_descriptors(), threads());
        let (tell, errors) = told();
        let started = Sharded::new().shards(3).on_error(tell).start(local(), |shard| {
            assert_ne!(shard.index(), 1, "no second shard");
            echo
        });
        let error = started.unwrap_err();
        let ShardError::Panicked(text) = &error else { panic!("{error:?}") };
        assert!(text.contains("no second shard"), "{text}");
        assert_eq!(errors.recv().unwrap().0, 1);
        assert_eq!((open_descriptors(), threads), (descriptors, self::threads()));
    });
}

#[test]
fn a_stopped_server_leaves_nothing_behind() {
    alone(|| {
        let (descriptors, threads) = (open_descriptors(), threads());
        for round in 0..20 {
            let server = Sharded::new().shards(2).start(local(), |_| echo).unwrap();
            let client = connect(&server);
            assert_eq!(ask(&client, b"x"), b"x");
            // Also if it is dropped.
            if round % 2 == 0 { drop(server.stop(Duration::ZERO)) } else { drop(server) }
        }
        assert_eq!((open_descriptors(), threads), (descriptors, self::threads()));
    });
}

#[test]
fn descriptors_that_run_out_are_told_and_waited_for() {
    alone(|| {
        let (tell, errors) = told();
        let server = Sharded::new().shards(1).on_error(tell).start(local(), |_| echo).unwrap();
        let client = connect(&server);
        assert_eq!(ask(&client, b"x"), b"x");
        let waiting = connect(&server);
        assert_eq!(ask(&waiting, b"x"), b"x");
        let starved = connect_at_the_limit(&server);
        let (_, error) = errors.recv_timeout(GENEROUS).unwrap();
        assert!(error.contains("Too many open files"), "{error}");
        drop(client);
        assert_eq!(ask(&starved, b"served after all"), b"served after all");
        assert_eq!(server.running(), 1);
    });
}

/// Connects with the last descriptor that the process may have.
fn connect_at_the_limit(server: &ShardedServer) -> TcpStream {
    let limit = getrlimit(Resource::Nofile);
    let next = std::fs::File::open("/dev/null").unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&next);
    let current = Some(u64::try_from(number).unwrap() + 1);
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    drop(next);
    connect(server)
}

#[test]
fn the_options_are_the_listeners() {
    let listen = Listen::new().nodelay(true).backlog(7);
    let server = Sharded::new().shards(2).listen(listen).start(local(), |_| {
        async |socket: Socket, _| {
            let on = socket.options().nodelay().unwrap();
            socket.write_all(&[u8::from(on)]).await.unwrap();
        }
    });
    let server = server.unwrap();
    let mut answer = [0];
    connect(&server).read_exact(&mut answer).unwrap();
    assert_eq!(answer, [1]);
}

/// How many threads this process has. One that has just ended is listed for a
/// moment longer.
fn threads() -> usize {
    let count = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let mut least = count();
    for _ in 0..100 {
        thread::yield_now();
        least = least.min(count());
    }
    least
}
