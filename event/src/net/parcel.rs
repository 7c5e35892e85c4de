//! Descriptors that are passed along with a message (`SCM_RIGHTS`).
#![forbid(unsafe_code)]

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use socket2::{MsgHdr, SockRef};

use super::address::SocketAddress;
use super::datagram::{Datagram, WHOLE};
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::seqpacket::{SeqpacketSocket, not_empty};
use super::socket::Socket;
use super::unix_datagram::UnixDatagram;
use super::write::SIGNED;
use crate::reactor::Direction;
use crate::sys::{Control, receive_rights, room};

/// A message that may have brought descriptors along.
///
/// They are closed with it unless they are [taken](Self::into_fds). Child
/// processes do not inherit them.
#[derive(Debug)]
#[must_use = "it owns the descriptors that came"]
pub struct Parcel {
    datagram: Datagram,
    from: SocketAddress,
    fds: Vec<OwnedFd>,
    /// As many as were asked for.
    most: usize,
    lost: bool,
}

impl Parcel {
    /// How many bytes are in the buffer; none from a stream or a connection of
    /// packets is its end.
    pub fn len(&self) -> usize {
        self.datagram.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of the message was received.
    pub fn datagram(&self) -> Datagram {
        self.datagram
    }

    /// Who has sent it, if it has an address.
    pub fn from(&self) -> &SocketAddress {
        &self.from
    }

    /// The descriptors that have arrived.
    pub fn fds(&self) -> &[OwnedFd] {
        &self.fds
    }

    /// Whether there were more descriptors than have arrived: more than were
    /// asked for, or than this process may have open. They are closed.
    pub fn has_lost_fds(&self) -> bool {
        self.lost
    }

    /// Takes all descriptors.
    ///
    /// # Errors
    ///
    /// If some of them were lost: [`SocketError::LimitExceeded`] if they were
    /// more than asked for, [`SocketError::ReadFailed`] with `EMFILE` if this
    /// process may not have so many open. Those that did arrive are closed.
    pub fn into_fds(self) -> Result<Vec<OwnedFd>, SocketError> {
        match self.lost {
            false => Ok(self.fds),
            true if self.fds.len() < self.most => Err(SocketError::ReadFailed(Errno::MFILE.into())),
            true => Err(SocketError::LimitExceeded { limit: self.most }),
        }
    }
}

/// `whole` tells a datagram's length; of a stream it would throw bytes away.
async fn receive(
    endpoint: &Endpoint,
    buffer: &mut [u8],
    most: usize,
    whole: bool,
) -> Result<Parcel, SocketError> {
    let flags = if whole { WHOLE.bits() as i32 } else { 0 };
    let receive = |fd: BorrowedFd<'_>| {
        let came = receive_rights(fd, buffer, most, flags)?;
        let cut = came.message.flags & libc::MSG_TRUNC != 0;
        let datagram = Datagram::new(came.message.length, buffer.len(), cut);
        let from = SocketAddress::from_system(&came.message.from);
        Ok(Parcel { datagram, from, fds: came.fds, most, lost: came.lost })
    };
    endpoint.perform(Wait::new(Direction::Read), SocketError::ReadFailed, receive).await
}

async fn transmit(
    endpoint: &Endpoint,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> Result<usize, SocketError> {
    // TCP would take the bytes and throw the descriptors away.
    if !fds.is_empty() && !endpoint.local_addr()?.is_unix() {
        return Err(SocketError::Unsupported("descriptors over the Internet"));
    }
    let controls = rights(fds);
    let send = |fd: BorrowedFd<'_>| -> io::Result<usize> {
        let buffers = [IoSlice::new(bytes)];
        let message = MsgHdr::new().with_buffers(&buffers).with_control(&controls);
        SockRef::from(&fd).sendmsg(&message, SIGNED)
    };
    endpoint.perform(Wait::new(Direction::Write), SocketError::WriteFailed, send).await
}

fn rights(fds: &[BorrowedFd<'_>]) -> Vec<u8> {
    if fds.is_empty() {
        return Vec::new();
    }
    let data: Vec<u8> = fds.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes()).collect();
    let mut place = vec![0; room(data.len())];
    Control { level: libc::SOL_SOCKET, kind: libc::SCM_RIGHTS, data: &data }.write(&mut place);
    place
}

/// With `$whole` messages, as `$send` and `$recv` do it without descriptors.
macro_rules! passing {
    ($socket:ident, $whole:literal, $send:ident, $recv:ident) => {
        impl $socket {
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), "),")]
            /// with descriptors, at most 253, which the receiver gets
            /// duplicates of; ours stay open. Unix sockets only.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), "),")]
            /// with `EINVAL` if there are too many, with `ETOOMANYREFS` if too
            /// many are under way, with [`io::ErrorKind::InvalidInput`] if they
            /// come without any byte. [`SocketError::Unsupported`] if this is
            /// no Unix socket.
            pub async fn send_with_fds(
                &self,
                bytes: &[u8],
                fds: &[BorrowedFd<'_>],
            ) -> Result<usize, SocketError> {
                // A datagram of no bytes is one; elsewhere it would not arrive.
                if $whole != "datagram" {
                    not_empty(bytes)?;
                }
                transmit(&self.endpoint, bytes, fds).await
            }

            #[doc = concat!("As [`", stringify!($recv), "`](Self::", stringify!($recv), "),")]
            /// with at most `most` descriptors that come along. Without this
            /// they are closed by the system.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($recv), "`](Self::", stringify!($recv), ").")]
            pub async fn recv_with_fds(
                &self,
                buffer: &mut [u8],
                most: usize,
            ) -> Result<Parcel, SocketError> {
                receive(&self.endpoint, buffer, most, $whole != "stream").await
            }
        }
    };
}

passing!(Socket, "stream", write, read);
passing!(SeqpacketSocket, "packets", send, recv);
passing!(UnixDatagram, "datagram", send, recv);
