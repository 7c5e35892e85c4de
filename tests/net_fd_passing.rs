//! Descriptors along messages: they arrive, they are ours, and none is lost in
//! silence or leaked.

mod posix;
mod sockets;
mod support;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::pin;

use event::{LoopHandle, Parcel, SeqpacketSocket, Signal, Socket, SocketError, UnixDatagram};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockets::{assert_pending, run, tcp_pair};
use support::alone::{alone, open_descriptors};
use support::peers::pipe;

fn null() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

fn nulls(count: usize) -> Vec<OwnedFd> {
    (0..count).map(|_| null()).collect()
}

fn borrow(fds: &[OwnedFd]) -> Vec<BorrowedFd<'_>> {
    fds.iter().map(AsFd::as_fd).collect()
}

/// The three kinds of sockets that pass descriptors.
enum Pair {
    Stream(Socket, Socket),
    Packets(SeqpacketSocket, SeqpacketSocket),
    Datagrams(UnixDatagram, UnixDatagram),
}

impl Pair {
    fn all(handle: &LoopHandle) -> [Self; 3] {
        let stream = Socket::pair(handle).unwrap();
        let packets = SeqpacketSocket::pair(handle).unwrap();
        let datagrams = UnixDatagram::pair(handle).unwrap();
        [
            Self::Stream(stream.0, stream.1),
            Self::Packets(packets.0, packets.1),
            Self::Datagrams(datagrams.0, datagrams.1),
        ]
    }

    /// The one who receives is gone.
    fn leave(&self) {
        match self {
            Self::Stream(_, other) => other.close(),
            Self::Packets(_, other) => other.close(),
            Self::Datagrams(_, other) => other.close(),
        }
    }

    async fn send(&self, bytes: &[u8], fds: &[OwnedFd]) -> Result<usize, SocketError> {
        let fds = borrow(fds);
        match self {
            Self::Stream(one, _) => one.send_with_fds(bytes, &fds).await,
            Self::Packets(one, _) => one.send_with_fds(bytes, &fds).await,
            Self::Datagrams(one, _) => one.send_with_fds(bytes, &fds).await,
        }
    }

    async fn receive(&self, buffer: &mut [u8], most: usize) -> Result<Parcel, SocketError> {
        match self {
            Self::Stream(_, other) => other.recv_with_fds(buffer, most).await,
            Self::Packets(_, other) => other.recv_with_fds(buffer, most).await,
            Self::Datagrams(_, other) => other.recv_with_fds(buffer, most).await,
        }
    }

    /// As somebody does who knows nothing of descriptors.
    async fn receive_plainly(&self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Stream(_, other) => other.read(buffer).await.unwrap(),
            Self::Packets(_, other) => other.recv(buffer).await.unwrap().unwrap().len,
            Self::Datagrams(_, other) => other.recv(buffer).await.unwrap().len,
        }
    }
}

#[test]
fn what_arrives_is_the_same_file_and_child_processes_do_not_inherit_it() {
    run(async |handle| {
        for pair in Pair::all(handle) {
            let (reader, writer) = pipe();
            assert_eq!(pair.send(b"two", &[writer, null()]).await.unwrap(), 3);
            let mut buffer = [0; 9];
            let parcel = pair.receive(&mut buffer, 2).await.unwrap();
            assert_eq!((parcel.len(), parcel.is_empty(), &buffer[..3]), (3, false, &b"two"[..]));
            assert!(!parcel.has_lost_fds() && !parcel.datagram().is_truncated());
            let fds = parcel.into_fds().unwrap();
            assert_eq!(fds.len(), 2);
            assert!(fds.iter().all(|fd| fcntl_getfd(fd).unwrap() == FdFlags::CLOEXEC));
            let mut writer = File::from(fds.into_iter().next().unwrap());
            writer.write_all(b"through").unwrap();
            drop(writer);
            let mut text = String::new();
            File::from(reader).read_to_string(&mut text).unwrap();
            assert_eq!(text, "through");
        }
    });
}

#[test]
fn a_message_may_bring_none_and_an_end_is_an_end() {
    run(async |handle| {
        let (one, other) = Socket::pair(handle).unwrap();
        one.send_with_fds(b"none", &[]).await.unwrap();
        let parcel = other.recv_with_fds(&mut [0; 9], 4).await.unwrap();
        assert_eq!((parcel.len(), parcel.fds().len()), (4, 0));
        drop(one);
        let parcel = other.recv_with_fds(&mut [0; 9], 4).await.unwrap();
        assert!(parcel.is_empty() && parcel.into_fds().unwrap().is_empty());
    });
}

#[test]
fn as_many_as_the_system_takes_arrive_and_one_more_is_refused() {
    alone(|| {
        run(async |handle| {
            for pair in Pair::all(handle) {
                pair.send(b"x", &nulls(253)).await.unwrap();
                let parcel = pair.receive(&mut [0; 9], 253).await.unwrap();
                assert_eq!(parcel.into_fds().unwrap().len(), 253);
                let error = pair.send(b"x", &nulls(254)).await.unwrap_err();
                assert!(matches!(error, SocketError::WriteFailed(_)));
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
        });
    });
}

#[test]
fn more_than_were_asked_for_are_told_of_and_closed() {
    alone(|| {
        run(async |handle| {
            for pair in Pair::all(handle) {
                let fds = nulls(9);
                let before = open_descriptors();
                for most in 0..12 {
                    pair.send(b"x", &fds).await.unwrap();
                    let parcel = pair.receive(&mut [0; 9], most).await.unwrap();
                    assert_eq!(parcel.fds().len(), most.min(9));
                    assert_eq!(open_descriptors(), before + most.min(9));
                    assert_eq!(parcel.has_lost_fds(), most < 9);
                    match parcel.into_fds() {
                        Ok(fds) => assert!(most >= 9 && fds.len() == 9),
                        Err(SocketError::LimitExceeded { limit }) => assert_eq!(limit, most),
                        Err(other) => panic!("{other}"),
                    }
                    assert_eq!(open_descriptors(), before);
                }
            }
        });
    });
}

/// Fills the numbers up, so that as many are in use as the highest says.
fn without_gaps() -> Vec<OwnedFd> {
    let mut fill = Vec::new();
    loop {
        let next = null();
        if next.as_raw_fd() as usize + 1 == open_descriptors() {
            return fill;
        }
        fill.push(next);
    }
}

#[test]
fn those_that_this_process_may_not_have_are_told_of() {
    alone(|| {
        run(async |handle| {
            for pair in Pair::all(handle) {
                let fds = nulls(5);
                pair.send(b"x", &fds).await.unwrap();
                let _gaps = without_gaps();
                let before = open_descriptors();
                let limit = getrlimit(Resource::Nofile);
                // Room for two more.
                let highest = Some(before as u64 + 2);
                setrlimit(Resource::Nofile, Rlimit { current: highest, ..limit }).unwrap();
                let parcel = pair.receive(&mut [0; 9], 5).await.unwrap();
                setrlimit(Resource::Nofile, limit).unwrap();
                assert!(parcel.has_lost_fds());
                assert_eq!((parcel.len(), parcel.fds().len()), (1, 2));
                let error = parcel.into_fds().unwrap_err();
                assert!(error.is_exhaustion(), "{error}");
                assert_eq!(open_descriptors(), before);
            }
        });
    });
}

#[test]
fn whoever_does_not_ask_for_them_leaks_none() {
    alone(|| {
        run(async |handle| {
            for pair in Pair::all(handle) {
                let before = open_descriptors();
                for _ in 0..100 {
                    pair.send(b"x", &nulls(3)).await.unwrap();
                    assert_eq!(pair.receive_plainly(&mut [0; 9]).await, 1);
                    // A parcel that nobody opens.
                    pair.send(b"x", &nulls(3)).await.unwrap();
                    drop(pair.receive(&mut [0; 9], 3).await.unwrap());
                    // A message that nobody receives.
                    pair.send(b"x", &nulls(3)).await.unwrap();
                    assert_eq!(pair.receive_plainly(&mut [0; 9]).await, 1);
                }
                assert_eq!(open_descriptors(), before);
            }
        });
    });
}

#[test]
fn a_receive_that_is_dropped_leaves_them_for_the_next() {
    run(async |handle| {
        for pair in Pair::all(handle) {
            {
                let mut buffer = [0; 9];
                let mut receiving = pin!(pair.receive(&mut buffer, 1));
                assert_pending(receiving.as_mut()).await;
                pair.send(b"x", &[null()]).await.unwrap();
            }
            let parcel = pair.receive(&mut [0; 9], 1).await.unwrap();
            assert_eq!(parcel.into_fds().unwrap().len(), 1);
        }
    });
}

#[test]
fn a_streams_bytes_stay_in_order_around_them() {
    run(async |handle| {
        let (one, other) = Socket::pair(handle).unwrap();
        let fds = nulls(2);
        one.write_all(b"before").await.unwrap();
        one.send_with_fds(b"with", &borrow(&fds)).await.unwrap();
        one.write_all(b"after").await.unwrap();
        drop(one);
        let (mut text, mut came) = (Vec::new(), Vec::new());
        loop {
            let mut buffer = [0; 3];
            let parcel = other.recv_with_fds(&mut buffer, 2).await.unwrap();
            if parcel.is_empty() {
                break;
            }
            text.extend_from_slice(&buffer[..parcel.len()]);
            came.extend(parcel.into_fds().unwrap().iter().map(|_| text.len()));
        }
        assert_eq!(text, b"beforewithafter");
        // Both of them with the first of the bytes that they were sent with.
        assert_eq!(came.len(), 2);
        assert!(came.iter().all(|end| (7..=9).contains(end)), "{came:?}");
    });
}

#[test]
fn a_datagram_may_be_cut_and_still_bring_them() {
    run(async |handle| {
        let (one, other) = UnixDatagram::pair(handle).unwrap();
        one.send_with_fds(b"", &[null().as_fd()]).await.unwrap();
        let parcel = other.recv_with_fds(&mut [0; 3], 1).await.unwrap();
        assert_eq!((parcel.len(), parcel.fds().len()), (0, 1));
        assert!(parcel.from().is_unix());
        one.send_with_fds(b"0123456789", &[null().as_fd()]).await.unwrap();
        let parcel = other.recv_with_fds(&mut [0; 3], 1).await.unwrap();
        assert_eq!((parcel.len(), parcel.datagram().full_len), (3, 10));
        assert_eq!(parcel.into_fds().unwrap().len(), 1);
    });
}

#[test]
fn credentials_that_somebody_else_has_asked_for_take_no_place() {
    run(async |handle| {
        let (one, other) = Socket::pair(handle).unwrap();
        other.with_fd(|fd| rustix::net::sockopt::set_socket_passcred(fd, true).unwrap()).unwrap();
        for count in [0, 1, 50] {
            let fds = nulls(count);
            one.send_with_fds(b"x", &borrow(&fds)).await.unwrap();
            let parcel = other.recv_with_fds(&mut [0; 9], count).await.unwrap();
            assert!(!parcel.has_lost_fds());
            assert_eq!(parcel.into_fds().unwrap().len(), count);
        }
    });
}

#[test]
fn they_do_not_travel_without_a_byte_nor_over_the_internet() {
    run(async |handle| {
        let (one, _other) = Socket::pair(handle).unwrap();
        let error = one.send_with_fds(b"", &[null().as_fd()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let (client, _served) = tcp_pair(handle).await;
        let error = client.send_with_fds(b"x", &[null().as_fd()]).await.unwrap_err();
        assert!(matches!(error, SocketError::Unsupported(_)), "{error}");
        assert_eq!(client.send_with_fds(b"x", &[]).await.unwrap(), 1);
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    alone(|| {
        posix::set_ignored(Signal::PIPE, false);
        run(async |handle| {
            for pair in Pair::all(handle) {
                pair.leave();
                let error = pair.send(b"x", &nulls(1)).await.unwrap_err();
                let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionRefused];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        });
        posix::assert_default(Signal::PIPE);
    });
}
