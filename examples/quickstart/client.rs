//! A client: sends a message, waits for all of it to come back, compares.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::iter::Sum;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;

use event::{Interest, LoopHandle, Ready};

use crate::noise::Noise;

/// What came back and was right.
#[derive(Clone, Copy, Default)]
pub struct Verified {
    pub messages: usize,
    pub bytes: usize,
}

impl Sum for Verified {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            messages: sum.messages + one.messages,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// A handle to look at the outcome with.
pub struct Client(Rc<RefCell<Exchange>>);

struct Exchange {
    noise: Noise,
    message: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    left: usize,
    outcome: io::Result<Verified>,
}

impl Client {
    pub fn start(
        events: &LoopHandle,
        server: SocketAddr,
        seed: u64,
        messages: usize,
        size: usize,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut exchange = Exchange {
            noise: Noise::new(seed),
            message: vec![0; size],
            sent: 0,
            received: Vec::with_capacity(size),
            left: messages,
            outcome: Ok(Verified::default()),
        };
        exchange.next_message();
        let exchange = Rc::new(RefCell::new(exchange));
        let (reading, writing) = (exchange.clone(), exchange.clone());
        let watcher = events
            .watch(stream)
            .on_read(move |ready| run(ready, &reading, Exchange::read))
            .on_write(move |ready| run(ready, &writing, Exchange::write))
            .start()?;
        watcher.detach();
        Ok(Self(exchange))
    }

    pub fn verified(&self) -> io::Result<Verified> {
        let mut exchange = self.0.borrow_mut();
        std::mem::replace(&mut exchange.outcome, Ok(Verified::default()))
    }
}

impl Exchange {
    fn next_message(&mut self) {
        self.noise.fill(&mut self.message);
        self.sent = 0;
        self.received.clear();
    }

    fn write(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        self.sent += stream.write(&self.message[self.sent..])?;
        Ok(())
    }

    fn read(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.received.extend_from_slice(&buffer[..count]);
        if self.received.len() < self.message.len() {
            return Ok(());
        }
        self.compare()
    }

    fn compare(&mut self) -> io::Result<()> {
        if self.received != self.message {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the echo differs from the message",
            ));
        }
        if let Ok(verified) = &mut self.outcome {
            verified.messages += 1;
            verified.bytes += self.message.len();
        }
        self.left -= 1;
        if self.left > 0 {
            self.next_message();
        }
        Ok(())
    }
}

/// Runs one step; afterwards listens for what is needed next, or ends.
fn run(
    ready: Ready<'_, TcpStream>,
    exchange: &RefCell<Exchange>,
    step: impl Fn(&mut Exchange, &TcpStream) -> io::Result<()>,
) {
    let mut exchange = exchange.borrow_mut();
    let stepped = match step(&mut exchange, ready.io()) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        other => other,
    };
    let unsent = exchange.sent < exchange.message.len();
    let next = if unsent { Interest::READ | Interest::WRITE } else { Interest::READ };
    if let Err(error) = stepped.and_then(|()| ready.set_interest(next)) {
        exchange.outcome = Err(error);
        exchange.left = 0;
    }
    if exchange.left == 0 {
        drop(ready.unwatch());
    }
}
