//! What the sockets of this floor have in common: a descriptor with its
//! ownership, its addresses, its limits.
#![forbid(unsafe_code)]

use std::io;

use socket2::{Domain, SockRef, Type};

use super::ownership::Descriptor;

/// Whether the descriptor is a socket of that type, and of one of these families.
pub(super) fn is_socket(fd: &Descriptor, kind: Type, domains: &[Domain]) -> io::Result<()> {
    let socket = SockRef::from(fd);
    if socket.r#type()? == kind && domains.contains(&socket.local_addr()?.domain()) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a socket of another kind"))
}

/// Whether the socket listens.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn is_listening(fd: &Descriptor) -> io::Result<()> {
    if rustix::net::sockopt::socket_acceptconn(fd)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"))
}

/// There it cannot be asked; accepting will tell.
#[cfg(target_vendor = "apple")]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it is told")]
pub(super) fn is_listening(_: &Descriptor) -> io::Result<()> {
    Ok(())
}

/// The methods of a type with an `endpoint` that is made by `from_endpoint`, of
/// a descriptor that passes the check.
macro_rules! common {
    ($socket:ident, $check:expr, $what:literal) => {
        impl $socket {
            #[doc = concat!("Takes over ", $what, ": it is closed with this object. It is put")]
            /// into non-blocking mode.
            ///
            /// # Errors
            ///
            /// Hands the descriptor back if it is something else, or if the
            /// loop is gone.
            pub fn adopt(handle: &LoopHandle, fd: impl Into<OwnedFd>) -> Result<Self, AdoptError> {
                Self::adopt_descriptor(handle, Descriptor::Owned(fd.into()))
            }

            #[doc = concat!("Uses ", $what, " that others own: it is never closed, not even")]
            /// by [`close`](Self::close). It is put into non-blocking mode, for
            /// its owner and for all duplicates also, and stays in it.
            ///
            /// # Errors
            ///
            /// As [`adopt`](Self::adopt).
            pub fn adopt_borrowed(handle: &LoopHandle, io: RawIo) -> Result<Self, AdoptError> {
                Self::adopt_descriptor(handle, Descriptor::Borrowed(io))
            }

            fn adopt_descriptor(handle: &LoopHandle, fd: Descriptor) -> Result<Self, AdoptError> {
                match $check(&fd) {
                    Ok(()) => Ok(Self::from_endpoint(Endpoint::adopt(handle, fd)?)),
                    Err(error) => {
                        Err(AdoptError::new(Some(fd), SocketError::AdoptionFailed(error)))
                    }
                }
            }

            /// Whether [`close`](Self::close) and dropping close the descriptor.
            pub fn owns_descriptor(&self) -> bool {
                self.endpoint.ownership() == Some(Ownership::Owned)
            }

            /// Who closes the descriptor; `None` once it is closed.
            pub fn ownership(&self) -> Option<Ownership> {
                self.endpoint.ownership()
            }

            /// The descriptor's number, for messages; `None` once it is closed.
            pub fn raw_fd(&self) -> Option<RawFd> {
                self.endpoint.raw()
            }

            /// Runs a call of the caller's own on the descriptor, which does
            /// not block.
            ///
            /// # Errors
            ///
            /// [`SocketError::Closed`].
            pub fn with_fd<R>(
                &self,
                f: impl FnOnce(BorrowedFd<'_>) -> R,
            ) -> Result<R, SocketError> {
                self.endpoint.with(|fd| Ok(f(fd)), SocketError::ReadFailed)
            }

            /// The loop.
            pub fn handle(&self) -> &LoopHandle {
                self.endpoint.handle()
            }

            /// The address of this end, with the port that the system chose.
            ///
            /// # Errors
            ///
            /// [`SocketError::Closed`].
            pub fn local_addr(&self) -> Result<SocketAddress, SocketError> {
                self.endpoint.local_addr()
            }

            /// The options of the system's.
            pub fn options(&self) -> SocketOptions<'_> {
                SocketOptions::new(&self.endpoint)
            }

            /// Whether [`close`](Self::close) was called.
            pub fn is_closed(&self) -> bool {
                self.endpoint.is_closed()
            }

            /// Hands the descriptor out, open and in non-blocking mode; `None`
            /// if it is borrowed or closed.
            pub fn into_fd(self) -> Option<OwnedFd> {
                self.endpoint.detach()
            }
        }

        impl fmt::Debug for $socket {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($socket), self.endpoint)
            }
        }
    };
}

/// What one can do that is connected, or sends and receives datagrams.
macro_rules! limited {
    ($socket:ident) => {
        impl $socket {
            /// Closes the descriptor if it is owned; lets it go if it is
            /// borrowed. Operations that are pending, and later ones, fail with
            /// [`SocketError::Closed`]. Closing again does nothing.
            pub fn close(&self) {
                self.endpoint.close();
            }

            /// The address of the other end.
            ///
            /// # Errors
            ///
            /// [`SocketError::OptionFailed`] with `ENOTCONN` if there is none;
            /// [`SocketError::Closed`].
            pub fn peer_addr(&self) -> Result<SocketAddress, SocketError> {
                self.endpoint.peer_addr()
            }

            /// How long receiving may wait; `None` for ever.
            pub fn read_timeout(&self) -> Option<Duration> {
                self.endpoint.time_limit(Direction::Read)
            }

            /// Limits how long receiving may wait: then it fails with
            /// [`SocketError::Timeout`], and the socket can be used further.
            pub fn set_read_timeout(&self, time: Option<Duration>) {
                self.endpoint.set_time_limit(Direction::Read, time);
            }

            /// How long sending may wait for room; `None` for ever.
            pub fn write_timeout(&self) -> Option<Duration> {
                self.endpoint.time_limit(Direction::Write)
            }

            /// As [`set_read_timeout`](Self::set_read_timeout), for sending.
            pub fn set_write_timeout(&self, time: Option<Duration>) {
                self.endpoint.set_time_limit(Direction::Write, time);
            }

            /// Ends sending, receiving or both (`shutdown(2)`); the descriptor
            /// stays open.
            ///
            /// # Errors
            ///
            /// [`SocketError::ShutdownFailed`], with `ENOTCONN` if there is no
            /// other end; [`SocketError::Closed`].
            pub fn shutdown(&self, how: Shutdown) -> Result<(), SocketError> {
                let shut = |fd: BorrowedFd<'_>| SockRef::from(&fd).shutdown(how);
                self.endpoint.with(shut, SocketError::ShutdownFailed)
            }
        }
    };
}

pub(super) use {common, limited};
