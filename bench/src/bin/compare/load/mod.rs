//! The load: clients on a plain epoll loop, in the driver's own thread.

mod client;
mod replies;
mod visitors;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use bench::server::PATIENCE;
use contest::clock;
use rustix::event::{Timespec, epoll};

use client::Client;
use replies::Reply;
pub(crate) use visitors::visit;

/// How many events are taken at a time.
const BATCH: usize = 1024;

/// What the load looks like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// The contestant's word.
    pub(crate) word: &'static str,
    pub(crate) connections: usize,
    /// Messages in flight on each.
    pub(crate) depth: usize,
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Reply,
    pub(crate) time: Duration,
    /// Load and server on one CPU.
    pub(crate) beside: bool,
}

impl Shape {
    pub(crate) fn echo(connections: usize, depth: usize, size: usize) -> Self {
        Self {
            word: "echo",
            connections,
            depth,
            request: vec![b'e'; size],
            reply: Reply::Bytes(size),
            time: Duration::ZERO,
            beside: false,
        }
    }

    pub(crate) fn http(connections: usize) -> Self {
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
        Self { word: "http", request, reply: Reply::Greeting, ..Self::echo(connections, 1, 0) }
    }

    pub(crate) fn lasting(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    pub(crate) fn beside(mut self, beside: bool) -> Self {
        self.beside = beside;
        self
    }
}

/// When to pause.
pub(crate) enum Until {
    Time(Duration),
    Messages(u64),
}

/// What was exchanged.
#[derive(Debug, Default)]
pub(crate) struct Exchanged {
    pub(crate) messages: u64,
    pub(crate) nanos: u64,
    /// How long each took, if they came one at a time.
    pub(crate) delays: Vec<f64>,
}

/// Connected clients.
pub(crate) struct Load {
    poller: OwnedFd,
    clients: Vec<Client>,
    /// Requests one after another, as many as are ever sent at once.
    requests: Vec<u8>,
    size: usize,
    buffer: Vec<u8>,
}

impl Load {
    /// Connects all, and lets each exchange one message.
    pub(crate) fn connect(address: SocketAddr, shape: &Shape) -> io::Result<Self> {
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut load = Self {
            poller,
            clients: Vec::new(),
            requests: shape.request.repeat(shape.depth + 1),
            size: shape.request.len(),
            buffer: vec![0; 256 * 1024],
        };
        for index in 0..shape.connections {
            let client = Client::connect(address, shape)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&load.poller, client.stream(), data, epoll::EventFlags::IN)?;
            load.clients.push(client);
        }
        Ok(load)
    }

    /// Fills the connections up to their depth.
    pub(crate) fn begin(&mut self, depth: usize) -> io::Result<()> {
        for index in 0..self.clients.len() {
            self.send(index, depth)?;
        }
        Ok(())
    }

    /// Exchanges messages; those in flight at the end stay in flight.
    pub(crate) fn run(&mut self, until: &Until) -> io::Result<Exchanged> {
        let begin = clock::wall();
        let mut done = Exchanged::default();
        let mut events = Vec::with_capacity(BATCH);
        while !is_over(until, &done, begin) {
            self.wait(&mut events)?;
            for event in &events {
                self.serve(event.data.u64() as usize, event.flags, &mut done)?;
            }
        }
        done.nanos = clock::wall() - begin;
        Ok(done)
    }

    /// Waits for events; a server that owes an answer for ever has failed.
    fn wait(&self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        events.clear();
        let room = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.poller, room, Some(&patience))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    fn serve(
        &mut self,
        index: usize,
        flags: epoll::EventFlags,
        done: &mut Exchanged,
    ) -> io::Result<()> {
        if flags.contains(epoll::EventFlags::OUT) {
            self.send(index, 0)?;
        }
        if !flags.contains(epoll::EventFlags::IN) {
            return Ok(());
        }
        let client = &mut self.clients[index];
        let replies = client.receive(&mut self.buffer)?;
        if replies == 0 {
            return Ok(());
        }
        done.messages += replies as u64;
        if replies == 1 {
            done.delays.push(client.delay() as f64);
        }
        self.send(index, replies)
    }

    /// Sends so many more requests, or as much of them as there is room for.
    fn send(&mut self, index: usize, more: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        let was_full = client.is_full();
        client.send(&self.requests, self.size, more)?;
        if client.is_full() != was_full {
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, client.is_full());
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.poller, client.stream(), data, flags)?;
        }
        Ok(())
    }
}

fn is_over(until: &Until, done: &Exchanged, begin: u64) -> bool {
    match until {
        Until::Time(time) => u128::from(clock::wall() - begin) >= time.as_nanos(),
        Until::Messages(count) => done.messages >= *count,
    }
}
