//! A TCP proxy: passes bytes on both ways, at the pace of the slower side, and
//! leaves half-closed connections half-closed. Bulk goes through the kernel.
//!
//! `cargo run --example tcp_proxy [LISTEN TARGET]`
//!
//! With two addresses it serves until SIGINT. Without them it shows itself, between
//! a server that answers only when its client has ended, and a client that is in
//! no hurry to read.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use event::{
    Connect, EventLoop, LoopHandle, ServerSocket, Signal, Socket, SocketAddress, SocketError,
    copy_bidirectional, sleep, spawn,
};

fn main() -> io::Result<()> {
    let events = EventLoop::new()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [listen, target] => serve(&events, listen.parse()?, target.parse()?),
        _ => show(&events),
    }
}

fn serve(events: &EventLoop, listen: SocketAddress, target: SocketAddress) -> io::Result<()> {
    let handle = events.handle();
    let server = ServerSocket::bind(&handle, listen)?;
    println!("{} leads to {target}", server.local_addr()?);
    let _interrupt = handle.clone().watch_signal(Signal::INT, move |_| handle.stop())?;
    events.handle().spawn(accept(server, target));
    events.run_forever()
}

async fn accept(server: ServerSocket, target: SocketAddress) {
    loop {
        match server.accept().await {
            Ok((client, peer)) => drop(spawn(report(peer, pass(client, target.clone())))),
            Err(error) if error.is_exhaustion() => eprintln!("{error}"),
            Err(error) => return eprintln!("{error}"),
        }
    }
}

async fn report(peer: SocketAddress, passing: impl Future<Output = io::Result<(u64, u64)>>) {
    match passing.await {
        Ok((there, back)) => println!("{peer}: {there} bytes there, {back} back"),
        Err(error) => println!("{peer}: {error}"),
    }
}

/// One connection. What goes wrong on either side ends both.
async fn pass(mut client: Socket, target: SocketAddress) -> io::Result<(u64, u64)> {
    let connect = Connect::new().nodelay(true).timeout(Duration::from_secs(5));
    let mut server = connect.to(client.handle(), target).await?;
    copy_bidirectional(&mut client, &mut server).await
}

const QUESTION: usize = 16 << 20;
const ANSWER: usize = 64 << 20;

fn show(events: &EventLoop) -> io::Result<()> {
    let handle = events.handle();
    let local = || SocketAddress::ipv4("127.0.0.1", 0);
    let target = ServerSocket::bind(&handle, local()?)?;
    let proxy = ServerSocket::bind(&handle, local()?)?;
    let (entry, taken) = (proxy.local_addr()?, Rc::new(Cell::new(0)));
    let proxying = handle.spawn(accept(proxy, target.local_addr()?));
    let answering = handle.spawn(answer(target, taken.clone()));
    let waited = events.block_on(ask(&handle, entry, &taken))??;
    events.block_on(answering)?.expect("the server panicked")?;
    proxying.abort();
    println!("{} MiB there and {} MiB back, every byte right", QUESTION >> 20, ANSWER >> 20);
    println!("the server had sent {} MiB while the client did not read", waited >> 20);
    Ok(())
}

/// A server that reads to the end before it answers, and counts what is taken.
async fn answer(server: ServerSocket, taken: Rc<Cell<usize>>) -> Result<(), SocketError> {
    let (socket, _peer) = server.accept().await?;
    let mut question = Vec::new();
    socket.read_to_end(&mut question, QUESTION).await?;
    assert!(question == bytes(QUESTION), "the question was changed");
    for part in bytes(ANSWER).chunks(64 * 1024) {
        socket.write_all(part).await?;
        taken.set(taken.get() + part.len());
    }
    Ok(())
}

/// Asks, ends its half, and is in no hurry to read: how much was sent meanwhile.
async fn ask(
    handle: &LoopHandle,
    entry: SocketAddress,
    taken: &Cell<usize>,
) -> Result<usize, SocketError> {
    let socket = Socket::connect(handle, entry).await?;
    socket.write_all(&bytes(QUESTION)).await?;
    socket.shutdown(Shutdown::Write)?;
    let waited = at_a_standstill(taken).await;
    assert!(waited < ANSWER, "somebody holds all of the answer");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer, ANSWER).await?;
    assert!(answer == bytes(ANSWER), "the answer was changed");
    Ok(waited)
}

/// Waits until something has been taken, and no more is.
async fn at_a_standstill(taken: &Cell<usize>) -> usize {
    loop {
        let before = taken.get();
        sleep(Duration::from_millis(200)).await;
        if before > 0 && taken.get() == before {
            return before;
        }
    }
}

/// Bytes that tell their place.
fn bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    for (place, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&(place as u64 * 0x9E37_79B9).to_le_bytes());
    }
    bytes
}
