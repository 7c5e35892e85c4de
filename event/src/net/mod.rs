//! Floor 3: sockets. Addresses, ownership, deadlines, and asynchronous
//! input and output on readiness.
#![forbid(unsafe_code)]

mod address;
mod connect;
mod create;
mod endpoint;
mod error;
mod futures_io;
mod incoming;
mod listen;
mod options;
mod ownership;
#[cfg(any(feature = "hyper", feature = "tokio"))]
mod poll;
mod read;
mod rest;
mod server;
mod socket;
mod split;
#[cfg(target_os = "linux")]
mod tcp_info;
mod write;

pub use address::SocketAddress;
pub use connect::Connect;
pub use error::SocketError;
pub use incoming::{Incoming, IntoIncoming};
pub use listen::Listen;
pub use options::{Keepalive, SocketOptions};
pub use ownership::{AdoptError, Ownership};
#[cfg(any(feature = "hyper", feature = "tokio"))]
pub(crate) use poll::AsSocket;
pub use server::ServerSocket;
pub use socket::Socket;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
#[cfg(target_os = "linux")]
pub use tcp_info::{TcpInfo, TcpState};
