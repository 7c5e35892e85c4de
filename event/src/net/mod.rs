//! Floor 3: sockets. Addresses, ownership, deadlines, and asynchronous
//! input and output on readiness.
#![forbid(unsafe_code)]

mod address;
mod batch;
mod bind;
mod buffered;
mod calls;
mod capabilities;
mod common;
mod connect;
mod copy;
mod create;
mod credentials;
mod datagram;
mod endpoint;
mod error;
mod futures_io;
mod in_flight;
mod incoming;
mod listen;
mod many;
mod multicast;
mod options;
mod ownership;
mod page_buffer;
mod parcel;
#[cfg(any(feature = "hyper", feature = "tokio"))]
mod poll;
mod rare;
mod read;
mod rest;
mod segments;
mod send_file;
mod seqpacket;
mod seqpacket_server;
mod server;
mod socket;
mod splice;
mod split;
#[cfg(target_os = "linux")]
mod tcp_info;
mod udp;
mod unix_datagram;
mod write;
mod zero_copy;

pub use address::SocketAddress;
pub use batch::{Outgoing, ReceiveBatch, Received};
pub use bind::Bind;
pub use buffered::{BufferedReader, BufferedWriter, Lines};
pub use capabilities::Capabilities;
pub use connect::Connect;
pub use copy::{copy, copy_bidirectional};
pub use credentials::Credentials;
pub use datagram::Datagram;
pub use error::SocketError;
pub use in_flight::{InFlight, ZeroCopied};
pub use incoming::{Incoming, IntoIncoming};
pub use listen::Listen;
pub use options::{Keepalive, SocketOptions};
pub use ownership::{AdoptError, Ownership};
pub use page_buffer::{PageBuffer, PageBytes, ZeroCopyBuffer};
pub use parcel::Parcel;
#[cfg(any(feature = "hyper", feature = "tokio"))]
pub(crate) use poll::AsSocket;
pub use seqpacket::SeqpacketSocket;
pub use seqpacket_server::SeqpacketServer;
pub use server::ServerSocket;
pub use socket::Socket;
pub use splice::Splice;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
#[cfg(target_os = "linux")]
pub use tcp_info::{TcpInfo, TcpState};
pub use udp::UdpSocket;
pub use unix_datagram::UnixDatagram;
