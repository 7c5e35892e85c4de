//! Options: set, read back, and refused where they mean nothing.

mod sockets;

use std::time::Duration;

use event::{Connect, Keepalive, Listen, ServerSocket, Socket, SocketError, TcpState, UdpSocket};
use sockets::{connected, local, local_v6, run, tcp_pair};

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, SocketError>, name: &str) {
    match result {
        Err(SocketError::OptionFailed { option, error }) => {
            assert_eq!(option, name);
            assert!(error.raw_os_error().is_some());
        }
        other => panic!("{name} was not refused: {other:?}"),
    }
}

#[test]
fn what_is_set_is_read_back() {
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        let options = client.options();
        for on in [true, false] {
            options.set_nodelay(on).unwrap();
            assert_eq!(options.nodelay().unwrap(), on);
            options.set_reuse_address(on).unwrap();
            assert_eq!(options.reuse_address().unwrap(), on);
            options.set_reuse_port(on).unwrap();
            assert_eq!(options.reuse_port().unwrap(), on);
        }
        for time in [Some(Duration::from_secs(3)), Some(Duration::ZERO), None] {
            options.set_linger(time).unwrap();
            assert_eq!(options.linger().unwrap(), time);
        }
        for time in [Some(Duration::from_millis(1234)), None] {
            options.set_user_timeout(time).unwrap();
            assert_eq!(options.user_timeout().unwrap(), time);
        }
        options.set_tos(0x10).unwrap();
        assert_eq!(options.tos().unwrap(), 0x10);
        assert!(options.take_error().unwrap().is_none());
    });
}

#[test]
fn keepalive_has_four_parts() {
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        let options = client.options();
        assert_eq!(options.keepalive().unwrap(), None);
        let seconds = |count| Some(Duration::from_secs(count));
        let all = Keepalive { idle: seconds(11), interval: seconds(12), count: Some(3) };
        options.set_keepalive(Some(all)).unwrap();
        assert_eq!(options.keepalive().unwrap(), Some(all));
        // What is not given stays as it is.
        options.set_keepalive(Some(Keepalive { count: Some(4), ..Keepalive::default() })).unwrap();
        assert_eq!(options.keepalive().unwrap(), Some(Keepalive { count: Some(4), ..all }));
        options.set_keepalive(None).unwrap();
        assert_eq!(options.keepalive().unwrap(), None);
    });
}

#[test]
fn buffers_tell_their_true_size() {
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        let options = client.options();
        options.set_send_buffer(50_000).unwrap();
        options.set_receive_buffer(60_000).unwrap();
        // Linux doubles them, for its own bookkeeping.
        assert_eq!(options.send_buffer().unwrap(), 100_000);
        assert_eq!(options.receive_buffer().unwrap(), 120_000);
    });
}

#[test]
fn the_class_of_traffic_belongs_to_a_family() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local_v6()).unwrap();
        let (v6, _served) = connected(&server).await;
        v6.options().set_tclass(0x20).unwrap();
        assert_eq!(v6.options().tclass().unwrap(), 0x20);
        assert_refused(v6.options().set_tos(0x10), "IP_TOS");
        let (v4, _served) = tcp_pair(handle).await;
        assert_refused(v4.options().set_tclass(0x20), "IPV6_TCLASS");
        assert_refused(v4.options().tclass(), "IPV6_TCLASS");
        assert_refused(v4.options().v6_only(), "IPV6_V6ONLY");
        let (unix, _other) = Socket::pair(handle).unwrap();
        assert_refused(unix.options().tos(), "IP_TOS");
        assert_refused(unix.options().set_nodelay(true), "TCP_NODELAY");
        assert_refused(unix.options().tcp_info(), "TCP_INFO");
    });
}

/// It is the socket that they mean nothing to: the system has them all.
#[test]
fn options_of_tcp_are_refused_by_other_sockets() {
    run(async |handle| {
        let (unix, _other) = Socket::pair(handle).unwrap();
        let udp = UdpSocket::bind(handle, local()).unwrap();
        let idle = Keepalive { idle: Some(Duration::from_secs(9)), ..Keepalive::default() };
        for options in [unix.options(), udp.options()] {
            assert_refused(options.nodelay(), "TCP_NODELAY");
            assert_refused(options.user_timeout(), "TCP_USER_TIMEOUT");
            assert_refused(options.set_user_timeout(None), "TCP_USER_TIMEOUT");
            assert_refused(options.set_keepalive(Some(idle)), "TCP_KEEPIDLE");
            assert_refused(options.tcp_info(), "TCP_INFO");
        }
    });
}

#[test]
fn ipv4_within_ipv6_has_the_class_of_ipv4() {
    run(async |handle| {
        let any = event::SocketAddress::any_ipv6(0);
        let server = Listen::new().v6_only(false).on(handle, any).unwrap();
        let port = server.local_addr().unwrap().port().unwrap();
        let client = Socket::connect(handle, local().with_port(port)).await.unwrap();
        let (served, peer) = server.accept().await.unwrap();
        assert_eq!(peer.to_canonical(), client.local_addr().unwrap());
        served.options().set_tos(0x10).unwrap();
        assert_eq!(served.options().tos().unwrap(), 0x10);
    });
}

#[test]
fn options_of_a_connection_to_be_are_set_before_it_is_made() {
    run(async |handle| {
        let listen = Listen::new().nodelay(true).receive_buffer(30_000).send_buffer(40_000);
        let server = listen.on(handle, local()).unwrap();
        let connect = Connect::new().nodelay(true).send_buffer(50_000).receive_buffer(60_000);
        let source = event::SocketAddress::ipv4("127.0.0.2", 0).unwrap();
        let connect = connect.local(source).reuse_address(true).device("lo");
        let client = connect.to(handle, server.local_addr().unwrap()).await.unwrap();
        let (served, peer) = server.accept().await.unwrap();
        assert_eq!(peer.ip(), Some([127, 0, 0, 2].into()));
        assert!(client.options().nodelay().unwrap());
        assert_eq!(client.options().send_buffer().unwrap(), 100_000);
        assert_eq!(client.options().receive_buffer().unwrap(), 120_000);
        assert_eq!(client.options().device().unwrap().as_deref(), Some(&b"lo"[..]));
        assert!(served.options().nodelay().unwrap());
        assert_eq!(served.options().receive_buffer().unwrap(), 60_000);
        assert_eq!(served.options().send_buffer().unwrap(), 80_000);
    });
}

#[test]
fn tcp_info_tells_of_the_connection() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        assert_eq!(server.options().tcp_info().unwrap().state, TcpState::Listen);
        let (client, served) = connected(&server).await;
        client.write_all(b"x").await.unwrap();
        served.read(&mut [0]).await.unwrap();
        let info = client.options().tcp_info().unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert!(info.rtt > Duration::ZERO && info.rtt < Duration::from_secs(1), "{info:?}");
        assert!(info.send_mss > 500 && info.path_mtu > info.send_mss, "{info:?}");
        assert_eq!(info.total_retransmits, 0);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(served.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(served.options().tcp_info().unwrap().state, TcpState::CloseWait);
    });
}

#[test]
fn an_unknown_device_is_an_error() {
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        assert_refused(client.options().set_device(Some(b"none-such")), "SO_BINDTODEVICE");
        client.options().set_device(Some(b"lo")).unwrap();
        assert_eq!(client.options().device().unwrap().as_deref(), Some(&b"lo"[..]));
    });
}

#[test]
fn options_of_a_closed_socket_are_refused() {
    run(async |handle| {
        let (one, _other) = Socket::pair(handle).unwrap();
        one.close();
        assert!(matches!(one.options().nodelay(), Err(SocketError::Closed)));
    });
}
