//! One connection of the load.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use contest::clock;

use super::Shape;
use super::replies::Replies;

pub(super) struct Client {
    stream: TcpStream,
    /// Bytes of requests that there was no room for.
    unsent: usize,
    replies: Replies,
    /// Requests without a reply.
    open: usize,
    asked: u64,
}

impl Client {
    /// Connects, and exchanges a message to see that the server works.
    pub(super) fn connect(address: SocketAddr, shape: &Shape) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(bench::server::PATIENCE))?;
        let replies = Replies::new(shape.reply);
        let mut client = Self { stream, unsent: 0, replies, open: 0, asked: 0 };
        client.send(&shape.request, shape.request.len(), 1)?;
        let mut buffer = vec![0; shape.request.len().max(1024)];
        while client.read(&mut buffer)? == 0 {}
        client.stream.set_nonblocking(true)?;
        Ok(client)
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn is_full(&self) -> bool {
        self.unsent > 0
    }

    /// Nanoseconds since the last request.
    pub(super) fn delay(&self) -> u64 {
        clock::wall() - self.asked
    }

    /// How many replies have become whole.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            done => done,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.stream.read(buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => count,
        };
        let whole = self.replies.count(&buffer[..count])?;
        // Two replies to one request would be twice as fast.
        match self.open.checked_sub(whole) {
            Some(open) if open > 0 || self.replies.is_between() => self.open = open,
            _ => return Err(io::Error::other("a reply that nobody asked for")),
        }
        Ok(whole)
    }

    /// Sends what is left, and `more` requests of `size` bytes.
    pub(super) fn send(&mut self, requests: &[u8], size: usize, more: usize) -> io::Result<()> {
        self.unsent += more * size;
        self.open += more;
        self.asked = clock::wall();
        while self.unsent > 0 {
            // In the middle of a request, if the last one is sent in part.
            let from = (size - self.unsent % size) % size;
            let rest = &requests[from..from + self.unsent];
            match (&self.stream).write(rest) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                done => self.unsent -= done?,
            }
        }
        Ok(())
    }
}
