//! Making sockets that do not block and do not reach child processes.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::error::SocketError;

/// A new socket (`socket(2)`).
pub(crate) fn create(domain: Domain, kind: Type) -> Result<OwnedFd, SocketError> {
    make(domain, kind).map(OwnedFd::from).map_err(SocketError::CreationFailed)
}

/// Both flags with the creation: nobody forks in between.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn make(domain: Domain, kind: Type) -> io::Result<Socket> {
    Socket::new_raw(domain, kind.nonblocking().cloexec(), None)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn make(domain: Domain, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Two that are connected (`socketpair(2)`).
pub(crate) fn pair(kind: Type) -> Result<(OwnedFd, OwnedFd), SocketError> {
    make_pair(kind).map_err(SocketError::CreationFailed)
}

fn make_pair(kind: Type) -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = Socket::pair(Domain::UNIX, kind, None)?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one.into(), other.into()))
}

/// The next connection (`accept4(2)`).
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let accepted = SockRef::from(&fd).accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    accepted.map(|(socket, peer)| (socket.into(), peer))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let (socket, peer) = SockRef::from(&fd).accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket.into(), peer))
}
