//! Ownership: a descriptor is closed once by its owner, and by nobody else.

mod sockets;
mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use event::{EventLoop, Ownership, RawIo, ServerSocket, Socket, SocketError};
use rustix::fs::{OFlags, fcntl_getfl};
use sockets::{assert_closed, local, run};
use support::alone::{alone, open_descriptors};
use support::fds::{at_number, own_number};

fn is_open(number: RawFd) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok()
}

/// The test keeps the owner open for longer than what is made of this.
#[allow(unsafe_code)]
fn lend(fd: &OwnedFd) -> RawIo {
    // SAFETY: as above.
    unsafe { RawIo::lend(fd.as_raw_fd()) }
}

/// One end of a pair under a number of its own, and the other end.
fn numbered() -> (OwnedFd, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (at_number(own_number(), ours), theirs)
}

#[test]
fn close_and_drop_close_an_owned_descriptor_once() {
    let events = EventLoop::new().unwrap();
    let (fd, mut theirs) = numbered();
    let number = fd.as_raw_fd();
    let socket = Socket::adopt(&events.handle(), fd).unwrap();
    assert!(socket.owns_descriptor());
    assert_eq!(socket.ownership(), Some(Ownership::Owned));
    socket.close();
    assert!(!is_open(number));
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the peer has seen the end");
    // The number is another's now: closing again and dropping leave it alone.
    let other = at_number(number, std::fs::File::open("/dev/null").unwrap());
    socket.close();
    drop(socket);
    assert!(is_open(other.as_raw_fd()));
}

#[test]
fn dropping_closes_an_owned_descriptor() {
    let events = EventLoop::new().unwrap();
    let (fd, _theirs) = numbered();
    let number = fd.as_raw_fd();
    drop(Socket::adopt(&events.handle(), fd).unwrap());
    assert!(!is_open(number));
}

#[test]
fn nothing_closes_a_borrowed_descriptor() {
    let events = EventLoop::new().unwrap();
    let (fd, mut theirs) = numbered();
    let socket = Socket::adopt_borrowed(&events.handle(), lend(&fd)).unwrap();
    assert!(!socket.owns_descriptor());
    assert_eq!(socket.ownership(), Some(Ownership::Borrowed));
    socket.close();
    assert_closed(socket.try_read(&mut [0]));
    drop(socket);
    drop(Socket::adopt_borrowed(&events.handle(), lend(&fd)).unwrap());
    assert!(Socket::adopt_borrowed(&events.handle(), lend(&fd)).unwrap().into_fd().is_none());
    UnixStream::from(fd).write_all(b"alive").unwrap();
    let mut text = [0; 5];
    theirs.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"alive");
}

#[test]
fn a_detached_descriptor_stays_open_and_unregistered() {
    run(async |handle| {
        let (fd, theirs) = numbered();
        let number = fd.as_raw_fd();
        let socket = Socket::adopt(handle, fd).unwrap();
        let fd = socket.into_fd().unwrap();
        assert_eq!(fd.as_raw_fd(), number);
        // It can be taken into service anew.
        let again = Socket::adopt(handle, fd).unwrap();
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(again.read(&mut [0; 9]).await.unwrap(), 1);
        assert!(again.into_fd().is_some());
    });
}

#[test]
fn adopting_sets_non_blocking_also_on_what_is_borrowed() {
    let events = EventLoop::new().unwrap();
    let (fd, _theirs) = numbered();
    assert!(!fcntl_getfl(&fd).unwrap().contains(OFlags::NONBLOCK));
    let _socket = Socket::adopt_borrowed(&events.handle(), lend(&fd)).unwrap();
    assert!(fcntl_getfl(&fd).unwrap().contains(OFlags::NONBLOCK));
}

#[test]
fn what_is_no_stream_socket_is_handed_back_open() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let datagrams = OwnedFd::from(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    for fd in [file, datagrams] {
        let number = fd.as_raw_fd();
        let refused = Socket::adopt(&handle, fd).unwrap_err();
        let (fd, error) = refused.into_parts();
        assert!(matches!(error, SocketError::AdoptionFailed(_)), "{error}");
        assert_eq!(fd.unwrap().as_raw_fd(), number);
    }
}

#[test]
fn what_does_not_listen_is_no_server() {
    let events = EventLoop::new().unwrap();
    let (fd, _theirs) = numbered();
    let refused = ServerSocket::adopt(&events.handle(), fd).unwrap_err();
    assert!(refused.into_parts().0.is_some());
}

#[test]
fn a_loop_that_is_gone_hands_the_descriptor_back() {
    let handle = EventLoop::new().unwrap().handle();
    let (fd, _theirs) = numbered();
    let refused = Socket::adopt(&handle, fd).unwrap_err();
    assert!(refused.into_parts().0.is_some());
}

#[test]
fn an_adopted_listener_serves() {
    run(async |handle| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = ServerSocket::adopt(handle, listener).unwrap();
        let client = Socket::connect(handle, address).await.unwrap();
        let (served, peer) = server.accept().await.unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
        assert!(served.owns_descriptor());
    });
}

#[test]
fn a_borrowed_listener_listens_on_after_close() {
    run(async |handle| {
        let listener = OwnedFd::from(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let server = ServerSocket::adopt_borrowed(handle, lend(&listener)).unwrap();
        let address = server.local_addr().unwrap();
        assert!(!server.owns_descriptor());
        server.close();
        assert_closed(server.local_addr());
        drop(server);
        Socket::connect(handle, address).await.unwrap();
    });
}

#[test]
fn closing_inside_a_look_at_the_descriptor_waits_for_its_end() {
    run(async |handle| {
        let (one, _other) = Socket::pair(handle).unwrap();
        let seen = one.with_fd(|fd: BorrowedFd<'_>| {
            one.close();
            is_open(fd.as_raw_fd())
        });
        assert!(seen.unwrap(), "open as long as it is looked at");
        assert_closed(one.with_fd(|_| ()));
    });
}

#[test]
fn all_that_is_made_is_non_blocking_and_closed_on_exec() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        let (client, served) = sockets::connected(&server).await;
        let (one, other) = Socket::pair(handle).unwrap();
        let check = |fd: BorrowedFd<'_>| {
            assert!(fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK));
            let flags = rustix::io::fcntl_getfd(fd).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        };
        for socket in [&client, &served, &one, &other] {
            socket.with_fd(check).unwrap();
        }
        server.with_fd(check).unwrap();
    });
}

#[test]
fn a_thousand_failures_leak_nothing() {
    alone(|| {
        run(async |handle| {
            let server = ServerSocket::bind(handle, local()).unwrap();
            let taken = server.local_addr().unwrap();
            let refusing = sockets::closed_port(local());
            let before = open_descriptors();
            for _ in 0..1000 {
                ServerSocket::bind(handle, &taken).unwrap_err();
                Socket::connect(handle, &refusing).await.unwrap_err();
                Socket::adopt(handle, std::fs::File::open("/dev/null").unwrap()).unwrap_err();
            }
            assert_eq!(open_descriptors(), before);
        });
    });
}
