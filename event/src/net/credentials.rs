//! Who is at the other end of a Unix socket.
#![forbid(unsafe_code)]

use rustix::io::Errno;

use super::endpoint::Endpoint;
use super::error::SocketError;
use super::seqpacket::SeqpacketSocket;
use super::socket::Socket;
use super::unix_datagram::UnixDatagram;
use crate::sys::peer_ids;

/// Who was at the other end when it was connected (`SO_PEERCRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credentials {
    /// The process; `None` if it has no number here (it is in another
    /// namespace), or if the system does not tell.
    pub pid: Option<u32>,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

/// What the system says of a socket with nobody at the other end.
const NOBODY: (i32, u32, u32) = (0, u32::MAX, u32::MAX);

fn credentials(endpoint: &Endpoint) -> Result<Credentials, SocketError> {
    let (pid, uid, gid) = endpoint.with(
        |fd| match peer_ids(fd)? {
            NOBODY => Err(Errno::NOTCONN.into()),
            ids => Ok(ids),
        },
        SocketError::option("SO_PEERCRED"),
    )?;
    Ok(Credentials { pid: u32::try_from(pid).ok().filter(|pid| *pid != 0), uid, gid })
}

macro_rules! peer_credentials {
    ($($socket:ident),*) => {$(
        impl $socket {
            /// Who is at the other end of this Unix socket: who has connected,
            /// listened, or made the pair.
            ///
            /// # Errors
            ///
            /// [`SocketError::OptionFailed`], with `ENOTCONN` if nobody is or
            /// if it is no Unix socket; [`SocketError::Closed`].
            pub fn peer_credentials(&self) -> Result<Credentials, SocketError> {
                credentials(&self.endpoint)
            }
        }
    )*};
}

peer_credentials!(Socket, SeqpacketSocket, UnixDatagram);
