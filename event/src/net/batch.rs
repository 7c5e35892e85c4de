//! Many datagrams at once: one system call for dozens of them.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{self, IoSliceMut};
use std::os::fd::BorrowedFd;

use super::address::SocketAddress;
use super::datagram::{transmit, transmit_to};
use super::endpoint::Wait;
use super::error::SocketError;
use super::many;
use super::udp::UdpSocket;
use crate::reactor::Direction;

/// A datagram that is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// What it says.
    pub bytes: &'a [u8],
    /// Where it goes; `None` is to the peer.
    pub to: Option<&'a SocketAddress>,
}

impl<'a> Outgoing<'a> {
    /// To the peer ([`UdpSocket::connect`]).
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, to: None }
    }

    /// To that address.
    pub fn to(bytes: &'a [u8], address: &'a SocketAddress) -> Self {
        Self { bytes, to: Some(address) }
    }

    /// By itself.
    pub(super) fn transmit(&self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        match self.to {
            Some(address) => transmit_to(fd, self.bytes, &address.to_system()?),
            None => transmit(fd, self.bytes),
        }
    }
}

/// Room for many datagrams, which is used again and again; for
/// [`UdpSocket::recv_batch`].
pub struct ReceiveBatch {
    bytes: Vec<u8>,
    /// Of each datagram's room.
    size: usize,
    arrivals: Vec<Arrival>,
}

/// What has come into one room: a datagram, or several of the same length that
/// were put together.
pub(super) struct Arrival {
    pub(super) full_len: usize,
    pub(super) from: SocketAddress,
    /// The length of each but the last.
    pub(super) segment: usize,
}

/// A datagram of a [`ReceiveBatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received<'a> {
    /// What it says, or as much of it as there was room for.
    pub bytes: &'a [u8],
    /// Who has sent it.
    pub from: &'a SocketAddress,
    /// So many bytes were sent.
    pub full_len: usize,
}

impl Received<'_> {
    /// Whether it was longer than the room for it.
    pub fn is_truncated(&self) -> bool {
        self.full_len > self.bytes.len()
    }
}

impl ReceiveBatch {
    /// Room for `count` datagrams of at most `size` bytes each; at least one.
    /// (The system is not asked for more than 32 at a time.)
    ///
    /// A socket that receives datagrams put together
    /// ([`UdpSocket::enable_gro`]) needs 65,536 bytes each.
    pub fn new(count: usize, size: usize) -> Self {
        let (count, size) = (count.max(1), size.max(1));
        Self { bytes: vec![0; count * size], size, arrivals: Vec::with_capacity(count) }
    }

    /// How many datagrams have come.
    pub fn len(&self) -> usize {
        self.arrivals.iter().map(Arrival::datagrams).sum()
    }

    /// Whether none has come.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// The datagrams that have come, in order.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        let rooms = self.bytes.chunks_exact(self.size);
        rooms.zip(&self.arrivals).flat_map(|(room, arrival)| arrival.split(room))
    }
}

impl Arrival {
    /// One that is empty is one too.
    fn datagrams(&self) -> usize {
        self.full_len.div_ceil(self.segment.max(1)).max(1)
    }

    /// One after the other. Those that had no room left are told of also, by
    /// the length that they had.
    fn split<'a>(&'a self, room: &'a [u8]) -> impl Iterator<Item = Received<'a>> {
        (0..self.datagrams()).map(move |i| {
            let start = i * self.segment;
            let end = self.full_len.min(start + self.segment);
            let bytes = &room[start.min(room.len())..end.min(room.len())];
            Received { bytes, from: &self.from, full_len: end - start }
        })
    }
}

impl UdpSocket {
    /// Sends datagrams in order, as many as there is room for, waiting for room
    /// for the first (`sendmmsg(2)`, where there is one). How many were sent:
    /// those after them are to be sent again.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), for the first of them: nothing was sent
    /// then. What goes wrong with a later one is told when it is the first.
    pub async fn send_batch(&self, datagrams: &[Outgoing<'_>]) -> Result<usize, SocketError> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        self.endpoint.perform(wait, failed, |fd| many::transmit(fd, datagrams)).await
    }

    /// Receives what is there, in place of what `batch` held, waiting for the
    /// first datagram (`recvmmsg(2)`, where there is one). How many there are.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_batch(&self, batch: &mut ReceiveBatch) -> Result<usize, SocketError> {
        let ReceiveBatch { bytes, size, arrivals } = batch;
        let receive = |fd: BorrowedFd<'_>| {
            arrivals.clear();
            let rooms = bytes.chunks_exact_mut(*size).take(many::MOST);
            let mut rooms: Vec<_> = rooms.map(IoSliceMut::new).collect();
            many::receive(fd, &mut rooms, arrivals)
        };
        let (wait, failed) = (Wait::new(Direction::Read), SocketError::ReadFailed);
        self.endpoint.perform(wait, failed, receive).await?;
        Ok(batch.len())
    }
}

impl fmt::Debug for ReceiveBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(room: usize, full_len: usize, segment: usize) -> ReceiveBatch {
        let mut batch = ReceiveBatch::new(1, room);
        batch.bytes.iter_mut().zip(0u8..).for_each(|(byte, i)| *byte = i);
        let from = SocketAddress::any_ipv4(1);
        batch.arrivals.push(Arrival { full_len, from, segment });
        batch
    }

    fn seen(batch: &ReceiveBatch) -> Vec<(Vec<u8>, usize)> {
        assert_eq!(batch.len(), batch.iter().count());
        batch.iter().map(|one| (one.bytes.to_vec(), one.full_len)).collect()
    }

    #[test]
    fn datagrams_that_were_put_together_are_told_apart() {
        let expected = [(vec![0, 1, 2, 3], 4), (vec![4, 5, 6, 7], 4), (vec![8, 9], 2)];
        assert_eq!(seen(&batch(16, 10, 4)), expected);
    }

    #[test]
    fn one_is_one_and_an_empty_one_is_one_too() {
        assert_eq!(seen(&batch(16, 3, 3)), [(vec![0, 1, 2], 3)]);
        assert_eq!(seen(&batch(16, 0, 0)), [(vec![], 0)]);
    }

    #[test]
    fn what_had_no_room_is_told_of_by_its_length() {
        let all = batch(6, 12, 4);
        assert_eq!(seen(&all), [(vec![0, 1, 2, 3], 4), (vec![4, 5], 4), (vec![], 4)]);
        let truncated: Vec<_> = all.iter().map(|one| one.is_truncated()).collect();
        assert_eq!(truncated, [false, true, true]);
    }
}
