//! What an HTTP server must do.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use bench::answers::Answer;
use bench::server::Server;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A connection, and what has come of the next answer.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    fn connect(server: &Server) -> io::Result<Self> {
        Ok(Self { stream: server.connect()?, received: Vec::new() })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(answer) = Answer::read(&self.received)? {
                self.received.drain(..answer.length);
                return Ok(answer);
            }
            if self.receive()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        let count = self.stream.read(&mut buffer)?;
        self.received.extend(&buffer[..count]);
        Ok(count)
    }

    /// That nothing comes, in a moment in which it would.
    fn expect_silence(&mut self) -> io::Result<()> {
        self.stream.set_nonblocking(true)?;
        sleep(Duration::from_millis(20));
        let received = self.receive();
        self.stream.set_nonblocking(false)?;
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.expect_no_more(),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("an answer, or an end, before its time")),
        }
    }

    fn expect_end(&mut self) -> io::Result<()> {
        self.expect_no_more()?;
        match self.receive()? {
            0 => Ok(()),
            more => Err(io::Error::other(format!("{more} bytes after the last answer"))),
        }
    }

    fn expect_no_more(&self) -> io::Result<()> {
        match self.received.len() {
            0 => Ok(()),
            more => Err(io::Error::other(format!("{more} bytes too many"))),
        }
    }
}

pub(super) fn two_segments(server: &Server) -> io::Result<()> {
    let mut client = Client::connect(server)?;
    for cut in 1..REQUEST.len() {
        let (begin, end) = REQUEST.split_at(cut);
        client.send(begin)?;
        // Long enough for the server to have read it, most of the time.
        sleep(Duration::from_millis(1));
        client.send(end)?;
        client.answer()?;
    }
    client.send(&REQUEST[..REQUEST.len() - 1])?;
    client.expect_silence()?;
    client.send(&REQUEST[REQUEST.len() - 1..])?;
    client.answer()?;
    client.expect_silence()
}

pub(super) fn pipelined(server: &Server) -> io::Result<()> {
    let mut client = Client::connect(server)?;
    client.send(&REQUEST.repeat(2))?;
    client.answer()?;
    client.answer()?;
    client.expect_silence()?;
    // More than it answers in one poll, and a half.
    client.send(&REQUEST.repeat(100))?;
    client.send(&REQUEST[..10])?;
    (0..100).try_for_each(|_| client.answer().map(drop))?;
    client.send(&REQUEST[10..])?;
    client.answer()?;
    client.expect_silence()
}

pub(super) fn keep_alive(server: &Server) -> io::Result<()> {
    let mut client = Client::connect(server)?;
    for _ in 0..100 {
        client.send(REQUEST)?;
        if client.answer()?.closes {
            return Err(io::Error::other("it says that it closes"));
        }
    }
    client.expect_silence()
}

pub(super) fn close(server: &Server) -> io::Result<()> {
    let mut client = Client::connect(server)?;
    client.send(REQUEST)?;
    client.answer()?;
    client.send(LAST)?;
    if !client.answer()?.closes {
        return Err(io::Error::other("it does not say that it closes"));
    }
    client.expect_end()
}
