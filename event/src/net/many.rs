//! The system's calls for many datagrams. Where they are missing, one is sent or
//! received at a time: going on to the next would mean to lose its error.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, IoSliceMut};
use std::os::fd::BorrowedFd;

use rustix::net::RecvFlags;

use super::batch::{Arrival, Outgoing};
use super::datagram;

/// The most at a time: what they need fits on the stack.
pub(super) const MOST: usize = 32;

/// Sends as many as there is room for, at least one; an error is the first one's.
pub(super) fn transmit(fd: BorrowedFd<'_>, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
    match kernel::transmit(fd, datagrams) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            datagrams.first().map_or(Ok(0), |first| first.transmit(fd).map(|_| 1))
        }
        done => done,
    }
}

/// Receives what is there, at most one for each buffer; an error is the first
/// one's.
pub(super) fn receive(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    arrivals: &mut Vec<Arrival>,
) -> io::Result<()> {
    match kernel::receive(fd, buffers, arrivals) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let Some(buffer) = buffers.first_mut() else { return Ok(()) };
            let (datagram, from) = datagram::receive(fd, buffer, RecvFlags::empty())?;
            let full_len = datagram.full_len;
            arrivals.push(Arrival { full_len, from, segment: full_len });
            Ok(())
        }
        done => done,
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::array;
    use std::io::{self, IoSlice, IoSliceMut};
    use std::os::fd::BorrowedFd;

    use rustix::io::Errno;
    use rustix::net::{MMsgHdr, SendAncillaryBuffer, SocketAddrAny, sendmmsg};

    use super::super::address::SocketAddress;
    use super::super::batch::{Arrival, Outgoing};
    use super::super::write::FLAGS;
    use super::MOST;
    use crate::sys::receive_many;

    pub(super) fn transmit(fd: BorrowedFd<'_>, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        let datagrams = &datagrams[..datagrams.len().min(MOST)];
        let bytes = |i| datagrams.get(i).map_or(&[][..], |one: &Outgoing<'_>| one.bytes);
        let vectors: [_; MOST] = array::from_fn(|i| [IoSlice::new(bytes(i))]);
        let mut none: [_; MOST] = array::from_fn(|_| SendAncillaryBuffer::default());
        let targets: Vec<_> = datagrams.iter().map(target).collect::<io::Result<_>>()?;
        let parts = targets.iter().zip(&vectors).zip(&mut none);
        let mut headers: Vec<_> = parts
            .map(|((target, vector), none)| match target {
                Some(target) => MMsgHdr::new_with_addr(target, vector, none),
                None => MMsgHdr::new(vector, none),
            })
            .collect();
        Ok(sendmmsg(fd, &mut headers, FLAGS)?)
    }

    fn target(datagram: &Outgoing<'_>) -> io::Result<Option<SocketAddrAny>> {
        let Some(address) = datagram.to else { return Ok(None) };
        let address = address.as_socket().ok_or(Errno::AFNOSUPPORT)?;
        Ok(Some(address.into()))
    }

    pub(super) fn receive(
        fd: BorrowedFd<'_>,
        buffers: &mut [IoSliceMut<'_>],
        arrivals: &mut Vec<Arrival>,
    ) -> io::Result<()> {
        receive_many::<MOST>(fd, buffers, |one| {
            let (full_len, segment) = (one.length, one.segment.unwrap_or(one.length));
            let from = SocketAddress::from_system(&one.from);
            arrivals.push(Arrival { full_len, from, segment });
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, ErrorKind, IoSliceMut};
    use std::os::fd::BorrowedFd;

    use super::super::batch::{Arrival, Outgoing};

    pub(super) fn transmit(_: BorrowedFd<'_>, _: &[Outgoing<'_>]) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn receive(
        _: BorrowedFd<'_>,
        _: &mut [IoSliceMut<'_>],
        _: &mut Vec<Arrival>,
    ) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
