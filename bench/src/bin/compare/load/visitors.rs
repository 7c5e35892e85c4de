//! Clients that connect, and wait to be sent away.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use contest::clock;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::{BATCH, Exchanged};

/// At the same time.
const IN_FLIGHT: usize = 64;

struct Visitors {
    poller: OwnedFd,
    address: SocketAddr,
    inside: Vec<Option<TcpStream>>,
}

/// Visits for a while.
pub(crate) fn visit(address: SocketAddr, time: Duration) -> io::Result<Exchanged> {
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut visitors = Visitors { poller, address, inside: Vec::new() };
    for index in 0..IN_FLIGHT {
        visitors.inside.push(None);
        visitors.enter(index)?;
    }
    visitors.run(time)
}

impl Visitors {
    fn run(&mut self, time: Duration) -> io::Result<Exchanged> {
        let begin = clock::wall();
        let mut done = Exchanged::default();
        let mut events = Vec::with_capacity(BATCH);
        while u128::from(clock::wall() - begin) < time.as_nanos() {
            events.clear();
            epoll::wait(&self.poller, rustix::buffer::spare_capacity(&mut events), None)?;
            for event in &events {
                let index = event.data.u64() as usize;
                self.leave(index)?;
                self.enter(index)?;
                done.messages += 1;
            }
        }
        done.nanos = clock::wall() - begin;
        Ok(done)
    }

    fn enter(&mut self, index: usize) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let data = epoll::EventData::new_u64(index as u64);
        // Said only when the server has closed.
        epoll::add(&self.poller, socket.as_fd(), data, epoll::EventFlags::IN)?;
        self.inside[index] = Some(socket.into());
        Ok(())
    }

    fn leave(&mut self, index: usize) -> io::Result<()> {
        let Some(mut stream) = self.inside[index].take() else {
            return Ok(());
        };
        match stream.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other("the server sent something")),
        }
    }
}
