//! Unix datagrams and packets: whole, in order, none lost, and paced by their
//! receiver.

mod sockets;
mod support;

use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;

use event::{AdoptError, EventLoop, LoopHandle, Ownership, RawIo, SeqpacketServer};
use event::{SeqpacketSocket, Socket, SocketAddress, SocketError, UnixDatagram, spawn};
use proptest::collection::vec;
use proptest::prelude::*;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
use sockets::{Place, assert_closed, assert_pending, assert_timeout, local, pattern};
use sockets::{run, run_on, tcp_pair};
use support::alone::{alone, open_descriptors};
use support::fds::{at_number, own_number};
use support::ms;

/// A name in the abstract namespace that no other test has.
fn abstract_name(name: &str) -> SocketAddress {
    SocketAddress::unix_abstract(format!("event-test-{}-{name}", std::process::id())).unwrap()
}

/// The next datagram.
async fn next(socket: &UnixDatagram) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let datagram = socket.recv(&mut buffer).await.unwrap();
    assert!(!datagram.is_truncated());
    buffer[..datagram.len].to_vec()
}

#[test]
fn a_datagram_brings_its_senders_address_by_path_and_by_name() {
    let (here, there) = (Place::new("dgram-here"), Place::new("dgram-there"));
    run(async |handle| {
        let by_name = (abstract_name("here"), abstract_name("there"));
        for (server, client) in [(here.address(), there.address()), by_name] {
            let server = UnixDatagram::bind(handle, server).unwrap();
            let client = UnixDatagram::bind(handle, client).unwrap();
            client.send_to(b"ping", server.local_addr().unwrap()).await.unwrap();
            let (datagram, from) = server.recv_from(&mut [0; 9]).await.unwrap();
            assert_eq!((datagram.len, &from), (4, &client.local_addr().unwrap()));
            server.send_to(b"pong", from).await.unwrap();
            assert_eq!(next(&client).await, b"pong");
        }
    });
}

#[test]
fn who_is_not_bound_has_no_address() {
    run(async |handle| {
        let server = UnixDatagram::bind(handle, abstract_name("nameless")).unwrap();
        let client = UnixDatagram::unbound(handle).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        client.send(b"ping").await.unwrap();
        let (_, from) = server.recv_from(&mut [0; 9]).await.unwrap();
        assert!(from.is_unix() && from.path().is_none() && from.abstract_name().is_none());
        client.disconnect().unwrap();
        assert!(client.send(b"ping").await.is_err());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn datagrams_of_any_size_arrive_whole_and_in_order(sizes in vec(0..=60_000_usize, 1..40)) {
        run(async |handle| {
            let (one, other) = UnixDatagram::pair(handle).unwrap();
            let texts: Vec<_> = sizes.iter().map(|size| pattern(*size)).collect();
            let sent = texts.clone();
            // More than there is room for: the sender has to wait.
            let sending = spawn(async move {
                for text in &sent {
                    assert_eq!(one.send(text).await.unwrap(), text.len());
                }
            });
            for text in &texts {
                assert!(next(&other).await == *text);
            }
            sending.await.unwrap();
        });
    }
}

#[test]
fn one_that_is_longer_than_the_buffer_says_so() {
    run(async |handle| {
        let (one, other) = UnixDatagram::pair(handle).unwrap();
        one.send(b"0123456789").await.unwrap();
        let datagram = other.peek(&mut [0; 3]).await.unwrap();
        assert_eq!((datagram.len, datagram.full_len), (3, 10));
        let datagram = other.recv(&mut [0; 4]).await.unwrap();
        assert_eq!((datagram.len, datagram.full_len, datagram.is_truncated()), (4, 10, true));
        assert!(other.try_recv(&mut [0; 4]).unwrap().is_none());
    });
}

/// Sends until there is no room; how many.
fn fill(mut send: impl FnMut() -> Result<Option<usize>, SocketError>) -> usize {
    (0..).take_while(|_| send().unwrap().is_some()).count()
}

#[test]
fn a_sender_waits_for_room_and_the_loop_sleeps() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let server = UnixDatagram::bind(handle, abstract_name("room")).unwrap();
        let client = Rc::new(UnixDatagram::unbound(handle).unwrap());
        client.connect(server.local_addr().unwrap()).unwrap();
        let sent = fill(|| client.try_send(&[7; 9]));
        assert!(sent > 0);
        client.set_write_timeout(Some(ms(30)));
        let before = handle.counters().turns;
        assert_timeout(client.send(b"late").await);
        assert!(handle.counters().turns - before < 10, "the loop spins");
        client.set_write_timeout(None);
        let sending = client.clone();
        let sending = spawn(async move { sending.send(b"last").await.unwrap() });
        for _ in 0..sent {
            assert_eq!(next(&server).await, [7; 9]);
        }
        assert_eq!(next(&server).await, b"last");
        sending.await.unwrap();
    });
}

#[test]
fn one_who_is_no_peer_is_waited_for_too_and_the_loop_sleeps() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let server = UnixDatagram::bind(handle, abstract_name("strangers")).unwrap();
        let address = server.local_addr().unwrap();
        let client = UnixDatagram::unbound(handle).unwrap();
        let sent = fill(|| client.try_send_to(&[7; 9], &address));
        client.set_write_timeout(Some(ms(100)));
        let before = handle.counters().turns;
        assert_timeout(client.send_to(b"late", &address).await);
        let turns = handle.counters().turns - before;
        assert!(turns < 20, "the loop spins: {turns} turns");
        client.set_write_timeout(None);
        let sending = spawn(async move { client.send_to(b"last", &address).await.unwrap() });
        for _ in 0..sent {
            assert_eq!(next(&server).await, [7; 9]);
        }
        assert_eq!(next(&server).await, b"last");
        sending.await.unwrap();
    });
}

#[test]
fn a_place_without_a_receiver_says_why() {
    let place = Place::new("dgram-without");
    run(async |handle| {
        let client = UnixDatagram::unbound(handle).unwrap();
        let error = client.send_to(b"x", place.address()).await.unwrap_err();
        assert!(matches!(error, SocketError::WriteFailed(_)));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(UnixDatagram::bind(handle, place.address()).unwrap());
        let error = client.connect(place.address()).unwrap_err();
        assert!(matches!(error, SocketError::ConnectionFailed { .. }));
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The file is still there.
        let error = UnixDatagram::bind(handle, place.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = UnixDatagram::bind(handle, local()).unwrap_err();
        assert!(matches!(error, SocketError::InvalidAddress(_)));
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_for_both_directions() {
    run(async |handle| {
        let (one, other) = UnixDatagram::pair(handle).unwrap();
        drop(other);
        let error = one.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let (one, other) = UnixDatagram::pair(handle).unwrap();
        other.shutdown(Shutdown::Read).unwrap();
        assert_eq!(one.send(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn packets_are_kept_apart_until_the_connection_ends() {
    let place = Place::new("packets");
    run(async |handle| {
        for address in [place.address(), abstract_name("packets")] {
            let server = SeqpacketServer::bind(handle, &address).unwrap();
            assert_eq!(server.local_addr().unwrap(), address);
            let client = SeqpacketSocket::connect(handle, &address).await.unwrap();
            let served = server.accept().await.unwrap();
            assert_eq!(client.peer_addr().unwrap(), address);
            for size in [1, 10, 60_000] {
                assert_eq!(client.send(&pattern(size)).await.unwrap(), size);
            }
            drop(client);
            let mut buffer = vec![0; 60_000];
            for size in [1, 10, 60_000] {
                let packet = served.recv(&mut buffer).await.unwrap().unwrap();
                assert!(buffer[..packet.len] == pattern(size));
            }
            assert_eq!(served.recv(&mut buffer).await.unwrap(), None);
            assert_eq!(served.recv(&mut buffer).await.unwrap(), None);
            assert_eq!(served.send(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_packet_that_is_longer_than_the_buffer_says_so() {
    run(async |handle| {
        let (one, other) = SeqpacketSocket::pair(handle).unwrap();
        one.send(b"0123456789").await.unwrap();
        one.send(b"after").await.unwrap();
        let packet = other.peek(&mut [0; 3]).await.unwrap().unwrap();
        assert_eq!((packet.len, packet.full_len), (3, 10));
        let packet = other.recv(&mut [0; 4]).await.unwrap().unwrap();
        assert_eq!((packet.len, packet.full_len), (4, 10));
        assert_eq!(other.recv(&mut [0; 9]).await.unwrap().unwrap().len, 5);
    });
}

#[test]
fn nothing_cannot_be_sent_where_it_would_mean_the_end() {
    run(async |handle| {
        let (one, other) = SeqpacketSocket::pair(handle).unwrap();
        assert_eq!(one.send(b"").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.try_send(b"").unwrap_err().kind(), ErrorKind::InvalidInput);
        one.send(b"x").await.unwrap();
        assert_eq!(other.recv(&mut [0; 9]).await.unwrap().unwrap().len, 1);
    });
}

#[test]
fn a_packet_waits_for_room_and_so_does_a_receiver() {
    run(async |handle| {
        let (one, other) = SeqpacketSocket::pair(handle).unwrap();
        other.set_read_timeout(Some(ms(10)));
        assert_timeout(other.recv(&mut [0; 9]).await);
        other.set_read_timeout(None);
        let sent = fill(|| one.try_send(&[7; 1000]));
        one.set_write_timeout(Some(ms(10)));
        assert_timeout(one.send(b"late").await);
        one.set_write_timeout(None);
        let sending = spawn(async move { one.send(b"last").await.unwrap() });
        let mut lengths = Vec::new();
        while let Some(packet) = other.recv(&mut [0; 1000]).await.unwrap() {
            lengths.push(packet.len);
        }
        assert_eq!(lengths.pop(), Some(4));
        assert_eq!(lengths, vec![1000; sent]);
        sending.await.unwrap();
    });
}

#[test]
fn a_server_waits_for_its_clients_no_longer_than_it_is_told() {
    run(async |handle| {
        let server = SeqpacketServer::bind(handle, abstract_name("waits")).unwrap();
        server.set_accept_timeout(Some(ms(10)));
        assert_eq!(server.accept_timeout(), Some(ms(10)));
        assert_timeout(server.accept().await);
        let address = server.local_addr().unwrap();
        let client = SeqpacketSocket::connect(handle, address).await.unwrap();
        // One who waits and gives up takes no client along.
        drop(server.accept());
        let served = server.accept().await.unwrap();
        served.send(b"hello").await.unwrap();
        assert_eq!(client.recv(&mut [0; 9]).await.unwrap().unwrap().len, 5);
        let mut accepting = pin!(server.accept());
        assert_pending(accepting.as_mut()).await;
        server.close();
        assert_closed(accepting.await);
    });
}

#[test]
fn a_server_without_descriptors_says_so_once_and_recovers() {
    alone(|| {
        run(async |handle| {
            let server = SeqpacketServer::bind(handle, abstract_name("exhausted")).unwrap();
            let address = server.local_addr().unwrap();
            let _client = SeqpacketSocket::connect(handle, address).await.unwrap();
            let mut hoard = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                hoard.push(file);
            }
            let error = server.accept().await.unwrap_err();
            assert!(error.is_exhaustion(), "{error}");
            let before = handle.counters().turns;
            let ending = handle.clone();
            let freeing = spawn(async move {
                ending.sleep(ms(30)).await;
                drop(hoard);
            });
            let mut refused = 0;
            while server.accept().await.is_err() {
                refused += 1;
            }
            let turns = handle.counters().turns - before;
            assert!(turns < 60 && refused < 10, "it spins: {turns} turns, {refused} refusals");
            freeing.await.unwrap();
        });
    });
}

#[test]
fn a_client_waits_while_the_backlog_is_full() {
    run(async |handle| {
        let name = format!("event-test-{}-backlog", std::process::id());
        let address = SocketAddress::unix_abstract(&name).unwrap();
        let socket = packets();
        bind(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap()).unwrap();
        listen(&socket, 0).unwrap();
        let server = SeqpacketServer::adopt(handle, socket).unwrap();
        let _first = SeqpacketSocket::connect(handle, &address).await.unwrap();
        let mut second = pin!(SeqpacketSocket::connect(handle, &address));
        assert_pending(second.as_mut()).await;
        let _served = server.accept().await.unwrap();
        second.await.unwrap();
        let nobody = abstract_name("backlog-nobody");
        let error = SeqpacketSocket::connect(handle, nobody).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn closing_ends_what_is_pending_and_all_that_comes_after() {
    run(async |handle| {
        let (one, _other) = SeqpacketSocket::pair(handle).unwrap();
        let mut buffer = [0; 9];
        let mut receiving = pin!(one.recv(&mut buffer));
        assert_pending(receiving.as_mut()).await;
        one.close();
        assert_closed(receiving.await);
        assert_closed(one.send(b"x").await);
        assert_closed(one.peer_credentials());
        let (one, _other) = UnixDatagram::pair(handle).unwrap();
        one.close();
        assert_closed(one.recv(&mut [0]).await);
        assert_closed(one.send(b"x").await);
        assert_closed(one.send_to(b"x", abstract_name("x")).await);
        assert_closed(one.disconnect());
    });
}

fn datagrams() -> OwnedFd {
    std::os::unix::net::UnixDatagram::unbound().unwrap().into()
}

fn packets() -> OwnedFd {
    socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap()
}

fn streams() -> OwnedFd {
    std::os::unix::net::UnixStream::pair().unwrap().0.into()
}

#[test]
fn what_is_of_another_kind_is_handed_back_open() {
    #[track_caller]
    fn refused<T: std::fmt::Debug>(
        adopt: impl FnOnce(OwnedFd) -> Result<T, AdoptError>,
        fd: OwnedFd,
    ) {
        let number = fd.as_raw_fd();
        let (fd, error) = adopt(fd).unwrap_err().into_parts();
        assert!(matches!(error, SocketError::AdoptionFailed(_)), "{error}");
        assert_eq!(fd.unwrap().as_raw_fd(), number);
    }
    run(async |handle| {
        refused(|fd| UnixDatagram::adopt(handle, fd), packets());
        refused(|fd| UnixDatagram::adopt(handle, fd), streams());
        refused(|fd| SeqpacketSocket::adopt(handle, fd), datagrams());
        refused(|fd| SeqpacketServer::adopt(handle, fd), packets());
        assert!(UnixDatagram::adopt(handle, datagrams()).is_ok());
        assert!(SeqpacketSocket::adopt(handle, packets()).is_ok());
    });
}

#[test]
#[allow(unsafe_code)]
fn a_descriptor_is_closed_by_its_owner_and_by_nobody_else() {
    let is_open = |number| std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok();
    run(async |handle| {
        let number = own_number();
        let owned = UnixDatagram::adopt(handle, at_number(number, datagrams())).unwrap();
        assert_eq!(owned.ownership(), Some(Ownership::Owned));
        owned.close();
        assert!(!is_open(number));
        let other = at_number(number, datagrams());
        drop(owned);
        // SAFETY: `other` stays open to the end of the test.
        let lent = unsafe { RawIo::lend(other.as_raw_fd()) };
        let borrowed = UnixDatagram::adopt_borrowed(handle, lent).unwrap();
        assert!(!borrowed.owns_descriptor());
        borrowed.close();
        drop(borrowed);
        assert!(is_open(number));
    });
}

#[test]
fn nothing_is_left_open() {
    alone(|| {
        let before = open_descriptors();
        run(async |handle| {
            for round in 0..20 {
                let pair = UnixDatagram::pair(handle).unwrap();
                pair.0.send(b"x").await.unwrap();
                drop(pair.1.recv(&mut [0]));
                let server = SeqpacketServer::bind(handle, abstract_name("left")).unwrap();
                let address = server.local_addr().unwrap();
                let client = SeqpacketSocket::connect(handle, &address).await.unwrap();
                if round % 2 == 0 {
                    let served = server.accept().await.unwrap();
                    client.close();
                    assert_eq!(served.recv(&mut [0]).await.unwrap(), None);
                }
                assert!(SeqpacketServer::bind(handle, &address).is_err());
            }
        });
        assert_eq!(open_descriptors(), before);
    });
}

/// Who this process is.
fn ourselves() -> (Option<u32>, u32, u32) {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    (Some(std::process::id()), uid, gid)
}

async fn stream_pair(handle: &LoopHandle) -> (Socket, Socket) {
    let address = abstract_name("credentials");
    let server = event::ServerSocket::bind(handle, address).unwrap();
    sockets::connected(&server).await
}

#[test]
fn the_peer_of_a_unix_socket_is_known() {
    run(async |handle| {
        let (client, served) = stream_pair(handle).await;
        let (packets, _other) = SeqpacketSocket::pair(handle).unwrap();
        let (datagrams, _other) = UnixDatagram::pair(handle).unwrap();
        let all = [
            client.peer_credentials(),
            served.peer_credentials(),
            packets.peer_credentials(),
            datagrams.peer_credentials(),
        ];
        for peer in all.map(Result::unwrap) {
            assert_eq!((peer.pid, peer.uid, peer.gid), ourselves());
        }
    });
}

#[test]
fn where_there_is_no_peer_none_is_made_up() {
    run(async |handle| {
        let alone = UnixDatagram::unbound(handle).unwrap();
        assert_eq!(alone.peer_credentials().unwrap_err().kind(), ErrorKind::NotConnected);
        let (tcp, _other) = tcp_pair(handle).await;
        assert!(matches!(tcp.peer_credentials(), Err(SocketError::OptionFailed { .. })));
    });
}
