//! One connection of the load.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use contest::clock;

use super::Shape;

pub(super) struct Client {
    stream: TcpStream,
    /// Bytes of requests that there was no room for.
    unsent: usize,
    /// Bytes of a reply that is not whole.
    received: usize,
    reply: usize,
    asked: u64,
}

impl Client {
    /// Connects, and exchanges a message to see that the server works.
    pub(super) fn connect(address: SocketAddr, shape: &Shape) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(bench::server::PATIENCE))?;
        let reply = first(&mut stream, shape)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, unsent: 0, received: 0, reply, asked: 0 })
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
        let count = match self.stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            done => done?,
        };
        let bytes = self.received + count;
        self.received = bytes % self.reply;
        Ok(bytes / self.reply)
    }

    /// Sends what is left, and `more` requests of `size` bytes.
    pub(super) fn send(&mut self, requests: &[u8], size: usize, more: usize) -> io::Result<()> {
        self.unsent += more * size;
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

/// The first exchange; how long a reply is.
fn first(stream: &mut TcpStream, shape: &Shape) -> io::Result<usize> {
    stream.write_all(&shape.request)?;
    if shape.reply > 0 {
        stream.read_exact(&mut vec![0; shape.reply])?;
        return Ok(shape.reply);
    }
    let mut text = Vec::new();
    while !text.ends_with(b"Hello, World!") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        text.extend(byte);
    }
    Ok(text.len())
}
