//! Servers: a slab of connections, one buffer for all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

const CHUNK: usize = 64 * 1024;
const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    /// The peer has ended its stream: a short read is not the last.
    ended: bool,
    unsent: Vec<u8>,
}

struct Server {
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

pub fn serve(port: u16, keep: bool) -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    // Again, with the contract's backlog.
    lengthen_backlog(&listener)?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut server = Server { clients: Vec::new(), free: Vec::new(), buffer: vec![0; CHUNK] };
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("ready");
    loop {
        peers::poll(&mut poll, &mut events)?;
        for event in &events {
            match event.token() {
                LISTENER => server.welcome(poll.registry(), &listener, keep)?,
                Token(index) => server.serve(index, event),
            }
        }
    }
}

fn lengthen_backlog(listener: &TcpListener) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: a system call on a descriptor that is open.
    match unsafe { libc::listen(listener.as_raw_fd(), 4096) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Server {
    fn welcome(
        &mut self,
        registry: &Registry,
        listener: &TcpListener,
        keep: bool,
    ) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((stream, _)) if keep => self.enter(registry, stream)?,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn enter(&mut self, registry: &Registry, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.clients.push(None);
            self.clients.len() - 1
        });
        registry.register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        self.clients[index] = Some(Client { stream, ended: false, unsent: Vec::new() });
        Ok(())
    }

    fn serve(&mut self, index: usize, event: &Event) {
        let Some(client) = &mut self.clients[index] else {
            return;
        };
        client.ended |= event.is_read_closed() || event.is_error();
        match client.echo(&mut self.buffer) {
            Ok(true) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(false) | Err(_) => {
                self.clients[index] = None;
                self.free.push(index);
            }
        }
    }
}

impl Client {
    /// Sends back what is there; `false` at the end of the stream.
    fn echo(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            self.flush()?;
            let count = self.stream.read(buffer)?;
            if count == 0 {
                return Ok(false);
            }
            self.reply(&buffer[..count])?;
            if count < buffer.len() && !self.ended && self.unsent.is_empty() {
                return Ok(true);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.stream.write(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        Ok(())
    }

    fn reply(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = match self.stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}
