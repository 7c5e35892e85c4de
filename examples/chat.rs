//! A chat: what one says, all others hear. A slow reader does not hold them up:
//! what it has not read yet waits in its own buffer, and beyond a limit it is
//! shown out.
//!
//! `cargo run --example chat [ADDRESS]`
//!
//! With an address it serves until SIGINT (`nc 127.0.0.1 7777` is a client).
//! Without one it shows itself: five talk, and one never reads.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use event::{
    BufferedReader, BufferedWriter, EventLoop, JoinHandle, Listen, LoopHandle, OwnedReadHalf,
    OwnedWriteHalf, ServerSocket, Signal, Socket, SocketAddress, SocketError, spawn, yield_now,
};

/// Nobody is owed more than this.
const LIMIT: usize = 256 * 1024;

/// What is owed is held here and not by the system, which would take megabytes.
const SYSTEMS: usize = 32 * 1024;

fn main() -> io::Result<()> {
    let events = EventLoop::new()?;
    match std::env::args().nth(1) {
        Some(address) => serve(&events, address.parse()?),
        None => show(&events),
    }
}

fn serve(events: &EventLoop, address: SocketAddress) -> io::Result<()> {
    let handle = events.handle();
    let server = Listen::new().send_buffer(SYSTEMS).on(&handle, address)?;
    println!("chat on {}", server.local_addr()?);
    let _interrupt = handle.clone().watch_signal(Signal::INT, move |_| handle.stop())?;
    events.handle().spawn(accept(server, Rc::default()));
    events.run_forever()
}

/// Those who are there.
#[derive(Default)]
struct Room {
    members: RefCell<BTreeMap<u64, Member>>,
    arrived: Cell<u64>,
    /// How many were too slow.
    shown_out: Cell<u64>,
}

struct Member {
    writer: BufferedWriter<OwnedWriteHalf>,
    reading: JoinHandle<()>,
}

async fn accept(server: ServerSocket, room: Rc<Room>) {
    while let Ok((socket, _peer)) = server.accept().await {
        room.arrived.set(room.arrived.get() + 1);
        let number = room.arrived.get();
        let (reader, writer) = socket.into_split();
        let writer = BufferedWriter::new(server.handle(), writer).limit(LIMIT);
        let reading = spawn(listen(number, reader, room.clone()));
        room.members.borrow_mut().insert(number, Member { writer, reading });
    }
}

/// Passes on what one says, until it leaves.
async fn listen(number: u64, reader: OwnedReadHalf, room: Rc<Room>) {
    let mut reader = BufferedReader::new(reader).limit(4096);
    while let Ok(Some(line)) = reader.line().await {
        room.say(number, format!("{number}: {line}\n").as_bytes());
        if room.is_behind() {
            yield_now().await;
        }
    }
    room.members.borrow_mut().remove(&number);
}

impl Room {
    /// Tells all but the speaker, without waiting for any of them.
    fn say(&self, speaker: u64, line: &[u8]) {
        let mut members = self.members.borrow_mut();
        members.retain(|number, member| {
            let heard = *number == speaker || member.writer.push(line).is_ok();
            if !heard {
                // With both its halves gone its socket is closed.
                member.reading.abort();
                self.shown_out.set(self.shown_out.get() + 1);
            }
            heard
        });
    }

    /// Whether somebody's buffer is filling up: time to let it be written.
    fn is_behind(&self) -> bool {
        self.members.borrow().values().any(|member| member.writer.is_full())
    }
}

const TALKERS: usize = 5;
const LINES: usize = 10_000;

/// So many lines are said in one breath.
const BREATH: usize = 100;

fn show(events: &EventLoop) -> io::Result<()> {
    let handle = events.handle();
    let listen = Listen::new().send_buffer(SYSTEMS);
    let server = listen.on(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let (address, room) = (server.local_addr()?, Rc::new(Room::default()));
    let serving = handle.spawn(accept(server, room.clone()));
    events.block_on(async {
        let _silent = Socket::connect(&handle, &address).await?;
        let mut talkers = Vec::new();
        for _ in 0..TALKERS {
            talkers.push(Socket::connect(&handle, &address).await?);
        }
        while room.members.borrow().len() <= TALKERS {
            yield_now().await;
        }
        let talks: Vec<_> = talkers.into_iter().map(|socket| spawn(talk(socket))).collect();
        for talk in talks {
            let heard = talk.await.expect("a talker panicked")?;
            assert_eq!(heard, LINES * (TALKERS - 1));
        }
        Ok::<_, SocketError>(())
    })??;
    serving.abort();
    assert_eq!(room.shown_out.get(), 1);
    println!("{TALKERS} said {LINES} lines each and heard all of each other's;");
    println!("one who never read was shown out when {} KiB waited for it", LIMIT / 1024);
    Ok(())
}

/// Says its lines, some at a time, and hears as many of each other's before it
/// goes on: people who talk are about as fast as they listen.
async fn talk(socket: Socket) -> Result<usize, SocketError> {
    let handle = LoopHandle::current().expect("a task is on a loop");
    let (reader, writer) = socket.into_split();
    let writer = BufferedWriter::new(&handle, writer);
    let mut reader = BufferedReader::new(reader);
    let mut heard = 0;
    for number in 0..LINES {
        let line = format!("this is line {number}, and it has some length\n");
        writer.write(line.as_bytes()).await?;
        if (number + 1) % BREATH == 0 {
            heard += listen_to(&mut reader, BREATH * (TALKERS - 1)).await?;
        }
    }
    writer.flush().await?;
    Ok(heard)
}

async fn listen_to(
    reader: &mut BufferedReader<OwnedReadHalf>,
    lines: usize,
) -> Result<usize, SocketError> {
    for heard in 0..lines {
        if reader.line().await?.is_none() {
            return Ok(heard);
        }
    }
    Ok(lines)
}
