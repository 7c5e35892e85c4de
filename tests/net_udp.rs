//! UDP: datagrams whole or not at all, over both families, to one and to many.

mod sockets;
mod support;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;

use event::{Bind, EventLoop, LoopHandle, Ownership, RawIo, SocketAddress, SocketError, UdpSocket};
use event::{spawn, yield_now};
use proptest::collection::vec;
use proptest::prelude::*;
use sockets::{ECONNREFUSED, assert_closed, assert_pending, assert_timeout, begin_and_drop};
use sockets::{local, local_v6, pattern, run, run_on};
use support::alone::{alone, open_descriptors};
use support::fds::{at_number, own_number};
use support::ms;

fn bound(handle: &LoopHandle) -> UdpSocket {
    UdpSocket::bind(handle, local()).unwrap()
}

/// Two that have each other for a peer.
fn peers(handle: &LoopHandle, any: SocketAddress) -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind(handle, &any).unwrap();
    let other = UdpSocket::bind(handle, any).unwrap();
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

/// What comes next, as text.
async fn text(socket: &UdpSocket) -> String {
    let mut buffer = [0; 100];
    let datagram = socket.recv(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..datagram.len].to_vec()).unwrap()
}

#[test]
fn a_datagram_brings_its_senders_address_over_both_families() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let server = UdpSocket::bind(handle, &any).unwrap();
            let client = UdpSocket::bind(handle, &any).unwrap();
            assert_ne!(client.local_addr().unwrap().port(), Some(0));
            let sent = client.send_to(b"ping", server.local_addr().unwrap()).await.unwrap();
            let mut buffer = [0; 9];
            let (datagram, from) = server.recv_from(&mut buffer).await.unwrap();
            assert_eq!((sent, &buffer[..datagram.len]), (4, &b"ping"[..]));
            assert_eq!(from, client.local_addr().unwrap());
            server.send_to(b"pong", from).await.unwrap();
            assert_eq!(text(&client).await, "pong");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn datagrams_of_any_size_arrive_whole_and_apart(sizes in vec(0..=65_507_usize, 1..3)) {
        run(async |handle| {
            let (one, other) = peers(handle, local());
            for size in &sizes {
                assert_eq!(one.send(&pattern(*size)).await.unwrap(), *size);
            }
            for size in &sizes {
                let mut buffer = vec![0; 70_000];
                let datagram = other.recv(&mut buffer).await.unwrap();
                assert!(!datagram.is_truncated());
                assert!(buffer[..datagram.len] == pattern(*size));
            }
        });
    }
}

#[test]
fn a_datagram_of_no_bytes_is_one() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        assert_eq!(one.send(b"").await.unwrap(), 0);
        one.send(b"after").await.unwrap();
        let datagram = other.recv(&mut [0; 9]).await.unwrap();
        assert_eq!((datagram.len, datagram.is_truncated()), (0, false));
        assert_eq!(text(&other).await, "after");
    });
}

#[test]
fn one_that_is_longer_than_the_buffer_says_so_and_spoils_nothing() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        one.send(b"0123456789").await.unwrap();
        one.send(b"after").await.unwrap();
        let mut buffer = [0; 4];
        let (datagram, from) = other.recv_from(&mut buffer).await.unwrap();
        assert!(datagram.is_truncated());
        assert_eq!((datagram.len, datagram.full_len), (4, 10));
        assert_eq!((&buffer, from), (b"0123", one.local_addr().unwrap()));
        assert_eq!(text(&other).await, "after");
    });
}

#[test]
fn a_peer_keeps_others_out_until_it_is_taken_back() {
    run(async |handle| {
        let (one, other, stranger) = (bound(handle), bound(handle), bound(handle));
        let here = one.local_addr().unwrap();
        one.connect(other.local_addr().unwrap()).unwrap();
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        stranger.send_to(b"stranger", &here).await.unwrap();
        other.send_to(b"friend", &here).await.unwrap();
        assert_eq!(text(&one).await, "friend");
        one.disconnect().unwrap();
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(one.local_addr().unwrap(), here);
        stranger.send_to(b"again", here).await.unwrap();
        assert_eq!(text(&one).await, "again");
    });
}

/// An address that was just bound.
fn nobody(handle: &LoopHandle) -> SocketAddress {
    bound(handle).local_addr().unwrap()
}

#[test]
fn a_refusal_is_told_once_and_the_socket_goes_on() {
    run(async |handle| {
        let socket = bound(handle);
        let address = nobody(handle);
        socket.connect(&address).unwrap();
        socket.set_read_timeout(Some(ms(20)));
        socket.send(b"x").await.unwrap();
        let error = socket.recv(&mut [0; 9]).await.unwrap_err();
        assert!(matches!(error, SocketError::ReadFailed(_)), "{error}");
        assert_eq!(error.errno(), Some(ECONNREFUSED));
        assert_timeout(socket.recv(&mut [0; 9]).await);
        // The next one that is sent tells of the one before.
        socket.send(b"x").await.unwrap();
        let error = socket.send(b"x").await.unwrap_err();
        assert!(matches!(error, SocketError::WriteFailed(_)), "{error}");
        assert_eq!(error.errno(), Some(ECONNREFUSED));
        // And when somebody is there at last, all is well.
        let server = UdpSocket::bind(handle, address).unwrap();
        socket.send(b"here").await.unwrap();
        assert_eq!(text(&server).await, "here");
        server.send_to(b"there", socket.local_addr().unwrap()).await.unwrap();
        assert_eq!(text(&socket).await, "there");
    });
}

#[test]
fn a_refusal_wakes_who_waits_and_then_lets_the_loop_sleep() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let socket = Rc::new(bound(handle));
        socket.connect(nobody(handle)).unwrap();
        let waiting = socket.clone();
        let waiting = spawn(async move { waiting.recv(&mut [0; 9]).await });
        yield_now().await;
        socket.send(b"x").await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap_err().errno(), Some(ECONNREFUSED));
        let before = handle.counters().turns;
        socket.set_read_timeout(Some(ms(50)));
        assert_timeout(socket.recv(&mut [0; 9]).await);
        assert!(handle.counters().turns - before < 10, "the loop spins");
    });
}

#[test]
fn peeking_leaves_it_where_it_is() {
    run(async |handle| {
        let (one, other) = peers(handle, local_v6());
        one.send(b"look").await.unwrap();
        let mut buffer = [0; 2];
        let datagram = other.peek(&mut buffer).await.unwrap();
        assert_eq!((datagram.len, datagram.full_len, &buffer), (2, 4, b"lo"));
        assert_eq!(other.peek_from(&mut buffer).await.unwrap().1, one.local_addr().unwrap());
        assert_eq!(text(&other).await, "look");
        assert!(other.try_recv(&mut buffer).unwrap().is_none());
    });
}

#[test]
fn trying_never_waits_and_readiness_is_waited_for() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        assert!(other.try_recv_from(&mut [0; 9]).unwrap().is_none());
        let sending = spawn(async move {
            one.writable().await.unwrap();
            assert_eq!(one.try_send(b"a").unwrap(), Some(1));
            let to = one.peer_addr().unwrap();
            assert_eq!(one.try_send_to(b"bc", to).unwrap(), Some(2));
        });
        let mut lengths = Vec::new();
        while lengths.len() < 2 {
            other.readable().await.unwrap();
            while let Some(datagram) = other.try_recv(&mut [0; 9]).unwrap() {
                lengths.push(datagram.len);
            }
        }
        assert_eq!(lengths, [1, 2]);
        sending.await.unwrap();
    });
}

#[test]
fn waiting_ends_with_its_time_and_the_socket_goes_on() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        other.set_read_timeout(Some(ms(10)));
        assert_eq!(other.read_timeout(), Some(ms(10)));
        assert_timeout(other.recv(&mut [0; 9]).await);
        one.send(b"late").await.unwrap();
        assert_eq!(text(&other).await, "late");
    });
}

#[test]
fn a_receive_that_is_dropped_loses_nothing() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        for _ in 0..10 {
            begin_and_drop(other.recv(&mut [0; 9])).await;
        }
        {
            let mut buffer = [0; 9];
            let mut receiving = pin!(other.recv(&mut buffer));
            assert_pending(receiving.as_mut()).await;
            one.send(b"first").await.unwrap();
            // It is reported, and not asked for any more.
            other.readable().await.unwrap();
        }
        assert_eq!(text(&other).await, "first");
    });
}

#[test]
fn closing_ends_what_is_pending_and_all_that_comes_after() {
    run(async |handle| {
        let socket = bound(handle);
        {
            let mut buffer = [0; 9];
            let mut receiving = pin!(socket.recv(&mut buffer));
            assert_pending(receiving.as_mut()).await;
            socket.close();
            assert_closed(receiving.await);
        }
        assert!(socket.is_closed() && socket.raw_fd().is_none());
        assert_closed(socket.recv(&mut [0]).await);
        assert_closed(socket.send(b"x").await);
        assert_closed(socket.send_to(b"x", local()).await);
        assert_closed(socket.try_recv(&mut [0]));
        assert_closed(socket.connect(local()));
        assert_closed(socket.local_addr());
        assert_closed(socket.ttl());
        socket.close();
    });
}

#[test]
fn tasks_that_share_a_socket_get_each_datagram_once() {
    const EACH: usize = 40;
    run(async |handle| {
        let (one, other) = peers(handle, local());
        let (other, seen) = (Rc::new(other), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (socket, seen) = (other.clone(), seen.clone());
                spawn(async move {
                    for _ in 0..EACH {
                        let mut buffer = [0];
                        assert_eq!(socket.recv(&mut buffer).await.unwrap().len, 1);
                        seen.borrow_mut().push(buffer[0]);
                    }
                })
            })
            .collect();
        for number in 0..4 * EACH {
            one.send(&[number as u8]).await.unwrap();
            yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        seen.borrow_mut().sort_unstable();
        assert!(seen.borrow().iter().copied().eq(0..4 * EACH as u8));
    });
}

fn std_socket() -> OwnedFd {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().into()
}

fn is_open(number: i32) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok()
}

#[test]
#[allow(unsafe_code)]
fn a_descriptor_is_closed_by_its_owner_and_by_nobody_else() {
    run(async |handle| {
        let number = own_number();
        let owned = UdpSocket::adopt(handle, at_number(number, std_socket())).unwrap();
        assert_eq!(owned.ownership(), Some(Ownership::Owned));
        owned.close();
        assert!(!is_open(number));
        // The number is another's now.
        let other = at_number(number, std_socket());
        drop(owned);
        assert!(is_open(other.as_raw_fd()));

        // SAFETY: `other` stays open to the end of the test.
        let lend = || unsafe { RawIo::lend(other.as_raw_fd()) };
        let borrowed = UdpSocket::adopt_borrowed(handle, lend()).unwrap();
        assert!(!borrowed.owns_descriptor());
        borrowed.close();
        drop(borrowed);
        assert!(UdpSocket::adopt_borrowed(handle, lend()).unwrap().into_fd().is_none());
        assert!(is_open(other.as_raw_fd()));

        let detached = UdpSocket::adopt(handle, other).unwrap().into_fd().unwrap();
        assert_eq!(detached.as_raw_fd(), number);
    });
}

#[test]
fn what_is_no_udp_socket_is_handed_back_open() {
    run(async |handle| {
        let stream = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let unix = std::os::unix::net::UnixDatagram::unbound().unwrap();
        for fd in [OwnedFd::from(stream), OwnedFd::from(unix)] {
            let number = fd.as_raw_fd();
            let (fd, error) = UdpSocket::adopt(handle, fd).unwrap_err().into_parts();
            assert!(matches!(error, SocketError::AdoptionFailed(_)), "{error}");
            assert_eq!(fd.unwrap().as_raw_fd(), number);
        }
    });
}

#[test]
fn what_cannot_be_bound_says_why_and_leaves_nothing_open() {
    alone(|| {
        run(async |handle| {
            let taken = bound(handle).local_addr().unwrap();
            let holder = UdpSocket::bind(handle, &taken).unwrap();
            let before = open_descriptors();
            for _ in 0..1000 {
                match UdpSocket::bind(handle, &taken) {
                    Err(SocketError::BindFailed { address, error }) => {
                        assert_eq!((address, error.kind()), (taken.clone(), ErrorKind::AddrInUse));
                    }
                    other => panic!("bound twice: {other:?}"),
                }
            }
            let unix = SocketAddress::unix("/nowhere").unwrap();
            let error = UdpSocket::bind(handle, unix).unwrap_err();
            assert!(matches!(error, SocketError::InvalidAddress(_)), "{error}");
            assert_eq!(open_descriptors(), before);
            drop(holder);
        });
    });
}

#[test]
fn what_cannot_be_sent_says_why() {
    run(async |handle| {
        let socket = bound(handle);
        let to = bound(handle).local_addr().unwrap();
        let error = |sent: Result<usize, SocketError>| match sent {
            Err(SocketError::WriteFailed(error)) => error.raw_os_error(),
            other => panic!("was sent: {other:?}"),
        };
        assert_eq!(error(socket.send(b"x").await), Some(libc::EDESTADDRREQ));
        assert_eq!(error(socket.send_to(&[0; 70_000], &to).await), Some(libc::EMSGSIZE));
        assert_eq!(error(socket.send_to(b"x", to.to_mapped()).await), Some(libc::EAFNOSUPPORT));
        socket.connect(to).unwrap();
        assert_eq!(error(socket.send(&[0; 70_000]).await), Some(libc::EMSGSIZE));
        assert_eq!(socket.send(b"x").await.unwrap(), 1);
    });
}

#[test]
fn options_are_as_they_were_asked_for_before_binding() {
    run(async |handle| {
        let bind = Bind::new().reuse_port(true).reuse_address(true).broadcast(true);
        let bind = bind.send_buffer(70_000).receive_buffer(90_000);
        let one = bind.udp(handle, local()).unwrap();
        let options = one.options();
        assert!(options.reuse_port().unwrap() && options.reuse_address().unwrap());
        assert!(one.broadcast().unwrap());
        assert!(options.send_buffer().unwrap() >= 70_000);
        assert!(options.receive_buffer().unwrap() >= 90_000);
        let other = bind.udp(handle, one.local_addr().unwrap()).unwrap();
        assert_eq!(one.local_addr().unwrap(), other.local_addr().unwrap());
    });
}

#[test]
fn ipv6_takes_ipv4_in_unless_it_is_told_not_to() {
    run(async |handle| {
        let both = Bind::new().v6_only(false).udp(handle, SocketAddress::any_ipv6(0)).unwrap();
        let port = both.local_addr().unwrap().port().unwrap();
        let client = bound(handle);
        client.send_to(b"four", (Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (_, from) = both.recv_from(&mut [0; 9]).await.unwrap();
        assert!(from.is_ipv6());
        assert_eq!(from.to_canonical(), client.local_addr().unwrap());

        let six = Bind::new().v6_only(true).udp(handle, SocketAddress::any_ipv6(0)).unwrap();
        let port = six.local_addr().unwrap().port().unwrap();
        assert!(six.options().v6_only().unwrap());
        client.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        client.send(b"four").await.unwrap();
        assert_eq!(client.recv(&mut [0]).await.unwrap_err().errno(), Some(ECONNREFUSED));
    });
}

#[test]
fn a_broadcast_needs_leave() {
    run(async |handle| {
        let receiver = UdpSocket::bind(handle, SocketAddress::any_ipv4(0)).unwrap();
        let all = (Ipv4Addr::new(127, 255, 255, 255), receiver.local_addr().unwrap().port());
        let all = SocketAddress::from((all.0, all.1.unwrap()));
        let sender = bound(handle);
        let error = sender.send_to(b"all", &all).await.unwrap_err();
        assert_eq!(error.errno(), Some(libc::EACCES));
        sender.set_broadcast(true).unwrap();
        assert!(sender.broadcast().unwrap());
        sender.send_to(b"all", &all).await.unwrap();
        assert_eq!(text(&receiver).await, "all");
    });
}

#[test]
fn members_of_a_group_receive_until_they_leave() {
    run(async |handle| {
        let group = Ipv4Addr::new(239, 255, 70, 2);
        let member = UdpSocket::bind(handle, SocketAddress::any_ipv4(0)).unwrap();
        let sender = UdpSocket::bind(handle, SocketAddress::any_ipv4(0)).unwrap();
        let port = member.local_addr().unwrap().port().unwrap();
        let loopback = UdpSocket::interface_index("lo").unwrap();
        sender.set_multicast_interface(loopback).unwrap();

        sender.send_to(b"too early", (group, port)).await.unwrap();
        member.join_multicast(group, loopback).unwrap();
        sender.send_to(b"member", (group, port)).await.unwrap();
        assert_eq!(text(&member).await, "member");
        member.leave_multicast(group, loopback).unwrap();
        sender.send_to(b"too late", (group, port)).await.unwrap();
        sender.send_to(b"last", (Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(text(&member).await, "last");
    });
}

/// Whether this machine is a member, as the kernel says. (It need not have a
/// route for sending IPv6 multicasts over the loopback interface.)
fn is_member(group: Ipv6Addr) -> bool {
    let digits: String = group.octets().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::read_to_string("/proc/net/igmp6").unwrap().contains(&digits)
}

#[test]
fn an_ipv6_group_has_its_member_until_he_leaves_or_is_closed() {
    run(async |handle| {
        let group = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x7002);
        let member = UdpSocket::bind(handle, SocketAddress::any_ipv6(0)).unwrap();
        let loopback = UdpSocket::interface_index("lo").unwrap();
        assert!(!is_member(group));
        member.join_multicast(group, loopback).unwrap();
        assert!(is_member(group));
        assert!(member.join_multicast(group, loopback).is_err());
        member.leave_multicast(group, loopback).unwrap();
        assert!(!is_member(group));
        member.join_multicast(group, loopback).unwrap();
        member.set_multicast_interface(loopback).unwrap();
        let asked = member.with_fd(|fd| rustix::net::sockopt::ipv6_multicast_if(fd).unwrap());
        assert_eq!(asked.unwrap(), loopback);
        member.close();
        assert!(!is_member(group));
    });
}

#[test]
fn who_does_not_loop_does_not_hear_himself() {
    run(async |handle| {
        let group = Ipv4Addr::new(239, 255, 70, 3);
        let member = UdpSocket::bind(handle, SocketAddress::any_ipv4(0)).unwrap();
        let port = member.local_addr().unwrap().port().unwrap();
        let loopback = UdpSocket::interface_index("lo").unwrap();
        member.join_multicast(group, loopback).unwrap();
        member.set_multicast_interface(loopback).unwrap();
        member.set_multicast_loop(false).unwrap();
        assert!(!member.multicast_loop().unwrap());
        let sender = bound(handle);
        sender.send_to(b"home", (Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(text(&member).await, "home");
    });
}

#[test]
fn reach_is_set_and_read_back_in_both_families() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let socket = UdpSocket::bind(handle, any).unwrap();
            socket.set_ttl(7).unwrap();
            socket.set_multicast_ttl(9).unwrap();
            assert_eq!((socket.ttl().unwrap(), socket.multicast_ttl().unwrap()), (7, 9));
            for on in [false, true] {
                socket.set_multicast_loop(on).unwrap();
                assert_eq!(socket.multicast_loop().unwrap(), on);
            }
        }
    });
}

#[test]
fn a_group_of_another_family_or_an_unknown_interface_is_refused() {
    run(async |handle| {
        let (four, six) = (bound(handle), UdpSocket::bind(handle, local_v6()).unwrap());
        let errno = |joined: Result<(), SocketError>| match joined {
            Err(SocketError::OptionFailed { error, .. }) => error.raw_os_error(),
            other => panic!("was not refused: {other:?}"),
        };
        let group = Ipv4Addr::new(239, 255, 70, 4);
        let group_v6 = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x7004);
        assert_eq!(errno(six.join_multicast(group, 0)), Some(libc::EAFNOSUPPORT));
        assert_eq!(errno(four.join_multicast(group_v6, 0)), Some(libc::EAFNOSUPPORT));
        assert_eq!(errno(four.join_multicast(group, 999_999)), Some(libc::ENODEV));
        assert_eq!(errno(four.leave_multicast(group, 0)), Some(libc::EADDRNOTAVAIL));
        assert_eq!(errno(UdpSocket::interface_index("nowhere").map(drop)), Some(libc::ENODEV));
        assert!(UdpSocket::interface_index("l\0").is_err());
    });
}
