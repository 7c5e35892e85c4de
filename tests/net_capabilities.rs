//! Capabilities: what is said to be there works, and what is not there is said
//! not to be, fails with `Unsupported`, or is done in another way.

mod old_kernel;
mod sockets;
mod support;

use std::fs::File;
use std::time::Duration;

use event::{Bind, Capabilities, Connect, Keepalive, Listen, PageBuffer, ReceiveBatch};
use event::{Outgoing, SocketAddress, Splice, UdpSocket, spawn};
use event::{SeqpacketSocket, ServerSocket, Socket, SocketError};
use old_kernel::{Missing, without};
use sockets::{local, local_v6, pattern, run, tcp_pair};
use support::alone::{alone, open_descriptors};

/// `SO_ZEROCOPY` of `asm-generic/socket.h`.
const SO_ZEROCOPY: libc::c_int = 60;

fn all() -> Capabilities {
    Capabilities::get().unwrap()
}

#[track_caller]
fn assert_unsupported<T: std::fmt::Debug>(result: Result<T, SocketError>) {
    match result {
        Err(error @ SocketError::Unsupported(_)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
        }
        other => panic!("was not unsupported: {other:?}"),
    }
}

#[test]
fn what_is_said_to_be_there_works() {
    let able = all();
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        let udp = UdpSocket::bind(handle, local()).unwrap();
        let file = File::open("/proc/self/exe").unwrap();
        let pages = || PageBuffer::new(9).unwrap();
        assert_eq!(client.write_zero_copy(pages()).await.is_ok(), able.zero_copy);
        assert_eq!(client.send_file(&file, 0, 9).await.is_ok(), able.send_file);
        assert_eq!(client.options().user_timeout().is_ok(), able.user_timeout);
        assert_eq!(udp.enable_gro().is_ok(), able.udp_gro);
        assert_eq!(udp.options().set_reuse_port(true).is_ok(), able.reuse_port);
        assert_eq!(SeqpacketSocket::pair(handle).is_ok(), able.seqpacket);
        assert_eq!(SocketAddress::unix_abstract("x").is_ok(), able.abstract_unix);
        let v6 = SocketAddress::ipv6("::1", 0).unwrap();
        assert_eq!(UdpSocket::bind(handle, v6).is_ok(), able.ipv6);
    });
}

#[test]
fn asking_again_finds_the_same() {
    assert_eq!(Capabilities::probe().unwrap(), all());
    assert_eq!(all(), all());
}

#[test]
fn asking_leaves_nothing_open() {
    alone(|| {
        let before = open_descriptors();
        for _ in 0..10 {
            Capabilities::probe().unwrap();
        }
        assert_eq!(open_descriptors(), before);
    });
}

#[test]
fn without_descriptors_nothing_is_found_out() {
    alone(|| {
        let mut hoard = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            hoard.push(file);
        }
        // Wherever it runs out, it is not taken for an answer.
        for _ in 0..4 {
            let error = Capabilities::get().unwrap_err();
            assert!(error.is_exhaustion(), "{error}");
            hoard.pop();
        }
        drop(hoard);
        Capabilities::get().unwrap();
    });
}

#[test]
fn what_could_not_be_tried_is_not_said_to_be_missing() {
    without(&[Missing::Descriptors(libc::SYS_socketpair)], || {
        let error = Capabilities::probe().unwrap_err();
        assert!(error.is_exhaustion(), "{error}");
    });
}

#[test]
fn without_zero_copy_it_is_unsupported_and_plain_writing_goes_on() {
    without(&[Missing::Option(libc::SOL_SOCKET, SO_ZEROCOPY)], || {
        let able = Capabilities::probe().unwrap();
        assert!(!able.zero_copy);
        let mut rest = all();
        rest.zero_copy = false;
        assert_eq!(able, rest, "nothing else is missing");
        run(async |handle| {
            let (client, served) = tcp_pair(handle).await;
            let pages = PageBuffer::copied(b"hello").unwrap();
            assert_unsupported(client.write_zero_copy(pages).await);
            client.write_all(b"hello").await.unwrap();
            served.read_exact(&mut [0; 5]).await.unwrap();
            let udp = UdpSocket::bind(handle, local()).unwrap();
            let to = served.local_addr().unwrap();
            assert_unsupported(udp.send_zero_copy_to(PageBuffer::new(1).unwrap(), to).await);
        });
    });
}

#[test]
fn without_sendfile_it_is_unsupported() {
    without(&[Missing::Call(libc::SYS_sendfile)], || {
        assert!(!Capabilities::probe().unwrap().send_file);
        run(async |handle| {
            let (client, _served) = tcp_pair(handle).await;
            let file = File::open("/proc/self/exe").unwrap();
            assert_unsupported(client.send_file(&file, 0, 9).await);
            let mut at = 5;
            assert_unsupported(client.send_file_all(&file, &mut at, None).await);
            assert_eq!(at, 5);
        });
    });
}

#[test]
fn without_gro_it_is_unsupported_and_single_receives_go_on() {
    without(&[Missing::Option(libc::SOL_UDP, libc::UDP_GRO)], || {
        assert!(!Capabilities::probe().unwrap().udp_gro);
        run(async |handle| {
            let socket = UdpSocket::bind(handle, local()).unwrap();
            assert_unsupported(socket.enable_gro());
            assert_unsupported(socket.gro());
            socket.send_to(b"x", socket.local_addr().unwrap()).await.unwrap();
            assert_eq!(socket.recv(&mut [0; 9]).await.unwrap().len, 1);
        });
    });
}

#[track_caller]
fn assert_lacks<T: std::fmt::Debug>(result: Result<T, SocketError>, option: &str) {
    match result {
        Err(SocketError::Unsupported(name)) => assert_eq!(name, option),
        other => panic!("{option} was not unsupported: {other:?}"),
    }
}

#[test]
fn options_that_the_kernel_lacks_are_unsupported_by_name() {
    let missing = [
        Missing::Option(libc::SOL_SOCKET, libc::SO_REUSEPORT),
        Missing::Option(libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
        Missing::Option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
        Missing::Option(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
        Missing::Option(libc::IPPROTO_TCP, libc::TCP_INFO),
        Missing::Option(libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    ];
    without(&missing, || {
        let able = Capabilities::probe().unwrap();
        assert!(!able.reuse_port && !able.user_timeout);
        run(async |handle| {
            let (client, _served) = tcp_pair(handle).await;
            let options = client.options();
            assert_lacks(options.reuse_port(), "SO_REUSEPORT");
            assert_lacks(options.set_reuse_port(true), "SO_REUSEPORT");
            assert_lacks(options.device(), "SO_BINDTODEVICE");
            assert_lacks(options.set_device(Some(b"lo")), "SO_BINDTODEVICE");
            assert_lacks(options.user_timeout(), "TCP_USER_TIMEOUT");
            assert_lacks(options.set_user_timeout(None), "TCP_USER_TIMEOUT");
            assert_lacks(options.tcp_info(), "TCP_INFO");
            let every =
                Keepalive { interval: Some(Duration::from_secs(9)), ..Keepalive::default() };
            assert_lacks(options.set_keepalive(Some(every)), "TCP_KEEPINTVL");
            assert_eq!(options.keepalive().unwrap(), None, "nothing is half done");
            // What the kernel lacks is one thing, what a family lacks another.
            let refused = options.set_tclass(0x20).unwrap_err();
            assert_eq!(refused.errno(), Some(libc::ENOPROTOOPT), "{refused}");
            let v6 = UdpSocket::bind(handle, local_v6()).unwrap();
            assert_lacks(v6.options().set_tclass(0x20), "IPV6_TCLASS");
        });
    });
}

#[test]
fn what_is_to_be_opened_with_such_an_option_is_not() {
    let missing = [
        Missing::Option(libc::SOL_SOCKET, libc::SO_REUSEPORT),
        Missing::Option(libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
    ];
    without(&missing, || {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            let there = server.local_addr().unwrap();
            assert_lacks(Listen::new().reuse_port(true).on(handle, local()), "SO_REUSEPORT");
            assert_lacks(Listen::new().device("lo").on(handle, local()), "SO_BINDTODEVICE");
            assert_lacks(Bind::new().reuse_port(true).udp(handle, local()), "SO_REUSEPORT");
            assert_lacks(Bind::new().device("lo").udp(handle, local()), "SO_BINDTODEVICE");
            assert_lacks(Connect::new().device("lo").to(handle, there).await, "SO_BINDTODEVICE");
        });
    });
}

#[test]
fn without_gso_the_probe_says_so() {
    without(&[Missing::Option(libc::SOL_UDP, libc::UDP_SEGMENT)], || {
        assert!(!Capabilities::probe().unwrap().udp_gso);
    });
}

#[test]
fn without_batches_datagrams_go_one_by_one() {
    let missing = [Missing::Call(libc::SYS_sendmmsg), Missing::Call(libc::SYS_recvmmsg)];
    without(&missing, || {
        assert!(!Capabilities::probe().unwrap().batches);
        run(async |handle| {
            let one = UdpSocket::bind(handle, local()).unwrap();
            let other = UdpSocket::bind(handle, local()).unwrap();
            let to = other.local_addr().unwrap();
            let texts: Vec<_> = (1..20).map(pattern).collect();
            let datagrams: Vec<_> = texts.iter().map(|text| Outgoing::to(text, &to)).collect();
            let mut rest = &datagrams[..];
            while !rest.is_empty() {
                let sent = one.send_batch(rest).await.unwrap();
                rest = &rest[sent..];
            }
            let mut batch = ReceiveBatch::new(8, 100);
            let mut seen = Vec::new();
            while seen.len() < texts.len() {
                other.recv_batch(&mut batch).await.unwrap();
                seen.extend(batch.iter().map(|datagram| datagram.bytes.to_vec()));
                assert!(batch.iter().all(|datagram| *datagram.from == one.local_addr().unwrap()));
            }
            assert_eq!(seen, texts);
            // Segments need neither.
            one.connect(to).unwrap();
            one.set_gso(false);
            assert_eq!(one.send_segments(&pattern(50), 20).await.unwrap(), 3);
            for length in [20, 20, 10] {
                assert_eq!(other.recv(&mut [0; 99]).await.unwrap().len, length);
            }
        });
    });
}

#[test]
fn without_splice_bytes_are_copied_here() {
    without(&[Missing::Call(libc::SYS_splice)], || {
        assert!(!Capabilities::probe().unwrap().splice);
        run(async |handle| {
            let (client, from) = Socket::pair(handle).unwrap();
            let (to, server) = tcp_pair(handle).await;
            let writing = spawn(async move { client.write_all(&pattern(500_000)).await.unwrap() });
            let reading = spawn(async move {
                let mut all = vec![0; 500_000];
                server.read_exact(&mut all).await.unwrap();
                all
            });
            let mut splice = Splice::new().unwrap();
            assert_eq!(splice.copy(&from, &to).await.unwrap(), 500_000);
            assert!(!splice.is_spliced());
            assert!(reading.await.unwrap() == pattern(500_000));
            writing.await.unwrap();
        });
    });
}
