//! What the tests of sockets share: a loop with a time limit, pairs and
//! servers of each family, and what to expect of errors.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use event::{
    Connect, EventLoop, Listen, LoopHandle, ServerSocket, Socket, SocketAddress, SocketError,
};

/// Longer than anything here takes, on any machine.
pub const GENEROUS: Duration = Duration::from_secs(60);

pub const ECONNREFUSED: i32 = 111;

/// Runs a test on a loop of its own, and sees to it that it leaves nothing behind.
#[track_caller]
pub fn run<T>(test: impl AsyncFnOnce(&LoopHandle) -> T) -> T {
    run_on(&EventLoop::new().unwrap(), test)
}

#[track_caller]
pub fn run_on<T>(events: &EventLoop, test: impl AsyncFnOnce(&LoopHandle) -> T) -> T {
    let handle = events.handle();
    let limited = handle.timeout(GENEROUS, test(&handle));
    let result = events.block_on(limited).unwrap().expect("the test was waiting in vain");
    assert_eq!(handle.registrations(), [], "something is left behind");
    result
}

/// Port 0 of the loopback interface.
pub fn local() -> SocketAddress {
    SocketAddress::ipv4("127.0.0.1", 0).unwrap()
}

pub fn local_v6() -> SocketAddress {
    SocketAddress::ipv6("::1", 0).unwrap()
}

/// Two ends of a TCP connection.
pub async fn tcp_pair(handle: &LoopHandle) -> (Socket, Socket) {
    let server = ServerSocket::bind(handle, local()).unwrap();
    connected(&server).await
}

/// A client of that server's, and the server's end of it.
pub async fn connected(server: &ServerSocket) -> (Socket, Socket) {
    let client = Socket::connect(server.handle(), server.local_addr().unwrap()).await.unwrap();
    (client, server.accept().await.unwrap().0)
}

/// Our end, and a blocking end of the standard library's, for a thread.
pub fn half_std_pair(handle: &LoopHandle) -> (Socket, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let ours = listener.accept().unwrap().0;
    (Socket::adopt(handle, ours).unwrap(), theirs)
}

/// A port of the loopback interface on which nobody listens.
pub fn closed_port(any: SocketAddress) -> SocketAddress {
    let events = EventLoop::new().unwrap();
    ServerSocket::bind(&events.handle(), any).unwrap().local_addr().unwrap()
}

/// A server whose backlog is full lets the next client's packets fall.
pub async fn silent(handle: &LoopHandle) -> (ServerSocket, Vec<Socket>) {
    let server = Listen::new().backlog(0).on(handle, local()).unwrap();
    let mut clients = Vec::new();
    let connect = Connect::new().timeout(Duration::from_millis(100));
    while let Ok(client) = connect.to(handle, server.local_addr().unwrap()).await {
        clients.push(client);
        assert!(clients.len() < 100, "the backlog has no end");
    }
    (server, clients)
}

/// A place for a Unix socket, gone with the value.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let file = format!("event-test-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(file))
    }

    pub fn path(&self) -> &PathBuf {
        &self.0
    }

    pub fn address(&self) -> SocketAddress {
        SocketAddress::unix(&self.0).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Polls a future once: it must be pending.
pub async fn assert_pending<F: Future>(mut future: Pin<&mut F>)
where
    F::Output: Debug,
{
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending => Poll::Ready(()),
        Poll::Ready(output) => panic!("was not pending: {output:?}"),
    })
    .await;
}

/// Begins an operation, lets it wait, and drops it.
pub async fn begin_and_drop<F: Future>(future: F)
where
    F::Output: Debug,
{
    let mut future = pin!(future);
    assert_pending(future.as_mut()).await;
    event::sleep(Duration::from_millis(2)).await;
}

#[track_caller]
pub fn assert_closed<T: Debug>(result: Result<T, SocketError>) {
    assert!(matches!(result, Err(SocketError::Closed)), "{result:?}");
}

#[track_caller]
pub fn assert_timeout<T: Debug>(result: Result<T, SocketError>) {
    assert!(matches!(result, Err(SocketError::Timeout)), "{result:?}");
}

/// Bytes that tell their place: no two 251-byte pages are alike in position.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index >> 16) as u8).collect()
}

/// A row of `/proc/self/status`, in kilobytes.
pub fn memory(row: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(row)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
