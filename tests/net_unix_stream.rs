//! Streams between processes of one machine.

mod sockets;

use std::time::Duration;

use event::{Connect, Listen, ServerSocket, Socket, SocketAddress, SocketError, sleep, spawn};
use sockets::{Place, assert_pending, assert_timeout, connected, pattern, run};
use std::io::ErrorKind;
use std::pin::pin;

#[test]
fn clients_reach_a_server_by_path_and_by_name() {
    let place = Place::new("reach");
    let name = format!("event-test-reach-{}", std::process::id());
    run(async |handle| {
        for address in [place.address(), SocketAddress::unix_abstract(name).unwrap()] {
            let server = ServerSocket::bind(handle, &address).unwrap();
            let (client, served) = connected(&server).await;
            assert_eq!(client.peer_addr().unwrap(), address);
            assert_eq!(served.local_addr().unwrap(), address);
            // A client has no name.
            assert_eq!(served.peer_addr().unwrap().path(), None);
            client.write_all(b"hello").await.unwrap();
            drop(client);
            let mut text = Vec::new();
            served.read_to_end(&mut text, 9).await.unwrap();
            assert_eq!(text, b"hello");
        }
    });
}

#[test]
fn a_pair_is_connected() {
    run(async |handle| {
        let (one, other) = Socket::pair(handle).unwrap();
        assert!(one.local_addr().unwrap().is_unix());
        let all = pattern(3 << 20);
        let sent = all.clone();
        let writing = spawn(async move { one.write_all(&sent).await.unwrap() });
        let mut got = Vec::new();
        other.read_to_end(&mut got, all.len()).await.unwrap();
        assert!(got == all);
        writing.await.unwrap();
    });
}

#[test]
fn a_place_without_a_server_says_why() {
    let place = Place::new("without");
    run(async |handle| {
        let error = Socket::connect(handle, place.address()).await.unwrap_err();
        assert!(matches!(error, SocketError::ConnectionFailed { .. }));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(ServerSocket::bind(handle, place.address()).unwrap());
        let error = Socket::connect(handle, place.address()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn the_file_of_a_former_server_is_removed_on_request_only() {
    let place = Place::new("stale");
    run(async |handle| {
        drop(ServerSocket::bind(handle, place.address()).unwrap());
        let error = ServerSocket::bind(handle, place.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let careful = Listen::new().remove_stale(true);
        let server = careful.on(handle, place.address()).unwrap();
        // One that is alive stays.
        let error = careful.on(handle, place.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // Of the probe nothing is left but a client that has gone.
        assert_eq!(server.accept().await.unwrap().0.read(&mut [0]).await.unwrap(), 0);
        connected(&server).await;
    });
}

#[test]
fn a_file_that_is_no_socket_is_never_removed() {
    let place = Place::new("file");
    std::fs::write(place.path(), "precious").unwrap();
    run(async |handle| {
        let error = Listen::new().remove_stale(true).on(handle, place.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), "precious");
}

/// The kernel answers EAGAIN here, and has nothing to wait for.
#[test]
fn a_client_waits_while_the_backlog_is_full() {
    let place = Place::new("backlog");
    run(async |handle| {
        let server = Listen::new().backlog(0).on(handle, place.address()).unwrap();
        let first = Socket::connect(handle, place.address()).await.unwrap();
        let connect = Connect::new().timeout(Duration::from_millis(20));
        assert_timeout(connect.to(handle, place.address()).await);
        let mut second = pin!(Socket::connect(handle, place.address()));
        assert_pending(second.as_mut()).await;
        drop(server.accept().await.unwrap());
        let second = second.await.unwrap();
        sleep(Duration::ZERO).await;
        drop((first, second));
    });
}
