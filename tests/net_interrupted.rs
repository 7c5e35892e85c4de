//! What passes is not seen: calls that a signal has interrupted, that find
//! nothing although there was a report, clients that are gone.
#![cfg(target_os = "linux")]

mod fickle_kernel;
mod sockets;
mod support;

use std::io::{IoSlice, IoSliceMut, Write};
use std::rc::Rc;

use event::{LoopHandle, ServerSocket, Socket, SocketError, Splice, UdpSocket, spawn};
use fickle_kernel::failing;
use rustix::io::Errno;
use sockets::{connected, local, pattern, run, tcp_pair};
use support::ms;

/// All that move bytes or clients.
const CALLS: [libc::c_long; 8] = [
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_readv,
    libc::SYS_sendfile,
    libc::SYS_splice,
];

/// And the wait for them.
#[cfg(target_arch = "x86_64")]
const WAIT: libc::c_long = libc::SYS_epoll_wait;
#[cfg(not(target_arch = "x86_64"))]
const WAIT: libc::c_long = libc::SYS_epoll_pwait;

#[test]
fn interruptions_come_out_of_no_operation() {
    let calls: Vec<_> = CALLS.into_iter().chain([WAIT]).collect();
    each_way(&calls, &[Some(Errno::INTR), None, Some(Errno::INTR), Some(Errno::INTR), None]);
}

#[test]
fn a_report_of_nothing_comes_out_of_no_operation() {
    each_way(
        &CALLS,
        &[Some(Errno::AGAIN), None, None, Some(Errno::INTR), Some(Errno::AGAIN), None],
    );
}

#[track_caller]
fn each_way(calls: &[libc::c_long], script: &[Option<Errno>]) {
    let made = failing(calls, script, || {
        run(async |handle| {
            streams(handle).await;
            buffers(handle).await;
            datagrams(handle).await;
            files(handle).await;
        });
    });
    let failures = script.iter().flatten().count();
    for call in calls {
        let count = made.get(call).copied().unwrap_or(0);
        assert!(count > failures, "call {call} was made {count} times");
    }
}

async fn streams(handle: &LoopHandle) {
    let server = ServerSocket::bind(handle, local()).unwrap();
    for _ in 0..5 {
        let (client, served) = connected(&server).await;
        let bytes = Rc::new(pattern(1 << 20));
        let sent = bytes.clone();
        let writing = spawn(async move { client.write_all(&sent).await.unwrap() });
        served.readable().await.unwrap();
        assert!(served.peek(&mut [0; 9]).await.unwrap() > 0);
        let mut got = Vec::new();
        served.read_to_end(&mut got, bytes.len()).await.unwrap();
        assert!(got == *bytes);
        writing.await.unwrap();
        served.try_read(&mut [0]).unwrap();
        server.try_accept().unwrap();
    }
}

async fn buffers(handle: &LoopHandle) {
    let (one, other) = tcp_pair(handle).await;
    // So many that they are not copied together.
    let bytes = pattern(2000);
    for _ in 0..5 {
        let parts = [IoSlice::new(&bytes[..700]), IoSlice::new(&bytes[700..])];
        assert_eq!(one.write_vectored(&parts).await.unwrap(), 2000);
        let (mut first, mut second) = ([0; 1], [0; 3000]);
        let mut room = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut room).await.unwrap(), 2000);
        assert_eq!((&first[..], &second[..1999]), bytes.split_at(1));
        other.try_read_vectored(&mut [IoSliceMut::new(&mut second)]).unwrap();
        one.try_write_vectored(&[]).unwrap();
    }
}

async fn datagrams(handle: &LoopHandle) {
    let (one, other) =
        (UdpSocket::bind(handle, local()).unwrap(), UdpSocket::bind(handle, local()).unwrap());
    for byte in 0..5 {
        one.send_to(&[byte], other.local_addr().unwrap()).await.unwrap();
        let mut got = [9; 2];
        assert_eq!(other.recv_from(&mut got).await.unwrap().1, one.local_addr().unwrap());
        assert_eq!(got, [byte, 9]);
    }
}

async fn files(handle: &LoopHandle) {
    let bytes = pattern(200_000);
    let mut file = tempfile();
    file.write_all(&bytes).unwrap();
    for mut splice in [Splice::new().unwrap(), Splice::buffered()] {
        let (sender, from) = Socket::pair(handle).unwrap();
        let (to, receiver) = Socket::pair(handle).unwrap();
        let file = file.try_clone().unwrap();
        let sending = spawn(async move { sender.send_file_all(&file, &mut 0, None).await });
        let copying = spawn(async move { splice.copy(&from, &to).await });
        let mut got = Vec::new();
        receiver.read_to_end(&mut got, bytes.len()).await.unwrap();
        assert!(got == bytes);
        assert_eq!(sending.await.unwrap().unwrap(), 200_000);
        assert_eq!(copying.await.unwrap().unwrap(), 200_000);
    }
}

fn tempfile() -> std::fs::File {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("event-test", MemfdFlags::CLOEXEC).unwrap().into()
}

/// What `accept(2)` says of clients that are gone, or whose network is.
const PASSING: [Errno; 12] = [
    Errno::CONNABORTED,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    Errno::NONET,
    Errno::NOPROTOOPT,
    Errno::OPNOTSUPP,
    Errno::PERM,
    Errno::PROTO,
    Errno::TIMEDOUT,
    Errno::INTR,
];

#[test]
fn a_client_that_is_gone_costs_the_next_one_nothing() {
    let script: Vec<_> = PASSING.into_iter().map(Some).chain([None]).collect();
    let made = failing(&[libc::SYS_accept4], &script, || {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            for _ in 0..3 {
                let (client, served) = connected(&server).await;
                assert_eq!(served.peer_addr().unwrap(), client.local_addr().unwrap());
            }
        });
    });
    assert!(made[&libc::SYS_accept4] >= 3 * script.len(), "{made:?}");
}

/// Somebody forbids it: that is told, and not asked for without end.
#[test]
fn a_server_that_may_accept_nobody_is_told() {
    failing(&[libc::SYS_accept4], &[Some(Errno::PERM)], || {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            let _client = Socket::connect(handle, server.local_addr().unwrap()).await.unwrap();
            let accepted = handle.timeout(ms(10_000), server.accept()).await.unwrap();
            let error = accepted.unwrap_err();
            assert!(matches!(error, SocketError::AcceptFailed(_)), "{error}");
            assert_eq!(error.errno(), Some(libc::EPERM));
        });
    });
}
