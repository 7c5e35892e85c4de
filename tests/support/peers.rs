//! Descriptors in every state that a kernel reports, each made on purpose.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustix::pipe::{PipeFlags, pipe_with};

/// A connected pair that does not block.
pub fn stream_pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (ours, theirs)
}

/// A pair of which the first has something to read.
pub fn readable() -> (UnixStream, UnixStream) {
    let (ours, theirs) = stream_pair();
    (&theirs).write_all(b"x").unwrap();
    (ours, theirs)
}

/// A connected pair over the loopback interface; ours does not block.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

/// The two ends of a pipe, reading end first.
pub fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).unwrap()
}

/// The writing end of a pipe whose reader has gone: an error is pending.
pub fn broken_pipe() -> OwnedFd {
    pipe().1
}

/// The reading end of an empty pipe whose writer has gone: a hang-up alone.
pub fn hung_up_pipe() -> OwnedFd {
    pipe().0
}

/// A connection that the peer has reset: an error and a hang-up.
pub fn reset() -> TcpStream {
    let (ours, theirs) = tcp_pair();
    sockopt::set_socket_linger(&theirs, Some(Duration::ZERO)).unwrap();
    drop(theirs);
    await_bits(&ours, PollFlags::ERR);
    ours
}

/// A connection that both sides have shut down: a hang-up, but no error.
pub fn finished() -> TcpStream {
    let (ours, theirs) = tcp_pair();
    ours.shutdown(Shutdown::Write).unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    await_bits(&ours, PollFlags::HUP);
    ours
}

/// A connection that nobody accepted: refused, which is an error.
pub fn refused() -> OwnedFd {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    match connect(&socket, &closed_port()) {
        Err(Errno::INPROGRESS | Errno::CONNREFUSED) => {}
        other => panic!("a closed port answered: {other:?}"),
    }
    await_bits(&socket, PollFlags::ERR);
    socket
}

/// A port that was just bound and is closed: nobody else is given it soon.
fn closed_port() -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port())
}

/// Waits until the kernel says so: packets need their time even on loopback.
fn await_bits(fd: &impl std::os::fd::AsFd, bits: PollFlags) {
    let timeout = super::GENEROUS.try_into().unwrap();
    loop {
        let mut asked = [PollFd::new(fd, PollFlags::IN | PollFlags::OUT)];
        poll(&mut asked, Some(&timeout)).unwrap();
        if asked[0].revents().contains(bits) {
            return;
        }
    }
}

/// Reads until it would block or the end; what there was.
pub fn drain(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    // The error is that it would block, or what this test is not about.
    let _ = from.read_to_end(&mut all);
    all
}

/// Writes until it would block; how much went in.
pub fn fill(mut into: impl Write) -> usize {
    let chunk = [0; 65536];
    let mut sum = 0;
    while let Ok(n) = into.write(&chunk) {
        sum += n;
    }
    sum
}
