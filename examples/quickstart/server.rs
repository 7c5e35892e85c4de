//! The echo server: a listener, and a watcher for each connection.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

use event::{Interest, LoopHandle, Ready, Watcher};

/// What the server has done.
#[derive(Clone, Copy, Default)]
pub struct Served {
    pub connections: usize,
    pub bytes: u64,
}

pub struct Server {
    listener: Watcher<TcpListener>,
    served: Rc<Cell<Served>>,
}

impl Server {
    /// Listens on a port of the system's choice.
    pub fn start(events: &LoopHandle) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let served = Rc::new(Cell::new(Served::default()));
        let counts = served.clone();
        let listener =
            events.watch(listener).on_read(move |ready| accept(&ready, &counts)).start()?;
        Ok(Self { listener, served })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        let address = self.listener.with_io(TcpListener::local_addr);
        address.unwrap_or_else(|| Err(ErrorKind::NotConnected.into()))
    }

    pub fn served(&self) -> Served {
        self.served.get()
    }
}

fn accept(ready: &Ready<'_, TcpListener>, served: &Rc<Cell<Served>>) {
    while let Ok((stream, _)) = ready.io().accept() {
        let mut counts = served.get();
        counts.connections += 1;
        served.set(counts);
        if let Err(error) = Connection::start(&ready.handle(), stream, served.clone()) {
            eprintln!("a connection could not be watched: {error}");
        }
    }
}

/// One client: what it sent and has not got back yet.
struct Connection {
    unsent: Vec<u8>,
    served: Rc<Cell<Served>>,
}

impl Connection {
    fn start(events: &LoopHandle, stream: TcpStream, served: Rc<Cell<Served>>) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let reading = Rc::new(RefCell::new(Self { unsent: Vec::new(), served }));
        let writing = reading.clone();
        let watcher = events
            .watch(stream)
            .on_read(move |ready| run(ready, &reading, Self::read))
            .on_write(move |ready| run(ready, &writing, Self::write))
            .interest(Interest::READ)
            .start()?;
        watcher.detach(); // it ends itself
        Ok(())
    }

    fn read(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        match stream.read(&mut buffer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.unsent.extend_from_slice(&buffer[..count]);
                self.write(stream)
            }
        }
    }

    fn write(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let count = stream.write(&self.unsent)?;
        self.unsent.drain(..count);
        let mut served = self.served.get();
        served.bytes += count as u64;
        self.served.set(served);
        Ok(())
    }
}

/// Runs one step; afterwards listens for what is needed next, or hangs up.
fn run(
    ready: Ready<'_, TcpStream>,
    connection: &RefCell<Connection>,
    step: impl Fn(&mut Connection, &TcpStream) -> io::Result<()>,
) {
    let mut connection = connection.borrow_mut();
    match step(&mut connection, ready.io()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => {
            drop(ready.unwatch());
        }
        _ => {
            // No more is read before the client has taken what it is owed.
            let next = if connection.unsent.is_empty() { Interest::READ } else { Interest::WRITE };
            if ready.set_interest(next).is_err() {
                drop(ready.unwatch());
            }
        }
    }
}
