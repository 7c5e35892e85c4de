//! A TCP echo server: a task for each client, a time limit for idle ones.
//!
//! `cargo run --example echo_server [ADDRESS]`
//!
//! With an address (`127.0.0.1:7777`, `[::]:7777`, `unix:/run/echo`) it serves
//! until SIGINT. Without one it shows itself: clients of its own send, and
//! compare what comes back.

use std::io;
use std::time::Duration;

use event::{
    EventLoop, JoinHandle, Listen, LoopHandle, ServerSocket, Signal, Socket, SocketAddress,
    SocketError, copy, spawn,
};

const IDLE: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    let events = EventLoop::new()?;
    match std::env::args().nth(1) {
        Some(address) => serve(&events, address.parse()?),
        None => show(&events),
    }
}

/// Serves until SIGINT.
fn serve(events: &EventLoop, address: SocketAddress) -> io::Result<()> {
    let handle = events.handle();
    let server = open(&handle, address)?;
    println!("echo on {}", server.local_addr()?);
    let _interrupt = handle.clone().watch_signal(Signal::INT, move |_| handle.stop())?;
    events.handle().spawn(accept(server));
    events.run_forever()
}

fn open(handle: &LoopHandle, address: SocketAddress) -> Result<ServerSocket, SocketError> {
    Listen::new().nodelay(true).remove_stale(true).on(handle, address)
}

/// A task for each client.
async fn accept(server: ServerSocket) {
    loop {
        match server.accept().await {
            Ok((socket, _peer)) => drop(spawn(echo(socket))),
            // It goes on by itself when descriptors are free again.
            Err(error) if error.is_exhaustion() => eprintln!("{error}"),
            Err(error) => return eprintln!("{error}"),
        }
    }
}

async fn echo(socket: Socket) {
    socket.set_read_timeout(Some(IDLE));
    socket.set_write_timeout(Some(IDLE));
    let (mut reader, mut writer) = socket.into_split();
    if let Err(error) = copy(&mut reader, &mut writer).await {
        eprintln!("a client is lost: {error}");
    }
}

const CLIENTS: usize = 20;
const BYTES: usize = 1 << 20;

/// Its own clients.
fn show(events: &EventLoop) -> io::Result<()> {
    let handle = events.handle();
    let server = open(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let address = server.local_addr()?;
    let serving = handle.spawn(accept(server));
    let clients = events.block_on(async {
        let started = (0..CLIENTS).map(|number| spawn(client(address.clone(), number)));
        for client in started.collect::<Vec<JoinHandle<_>>>() {
            client.await.expect("a client panicked")?;
        }
        Ok::<_, SocketError>(CLIENTS)
    })??;
    serving.abort();
    println!("{clients} clients sent {BYTES} bytes each over {}: all came back", events.backend());
    Ok(())
}

async fn client(address: SocketAddress, number: usize) -> Result<(), SocketError> {
    let handle = LoopHandle::current().expect("a task is on a loop");
    let (reader, writer) = Socket::connect(&handle, address).await?.into_split();
    let sent: Vec<u8> = (0..BYTES).map(|place| (place * number + (place >> 8)) as u8).collect();
    let sending = sent.clone();
    // Dropping the writing half ends the stream.
    let sender = spawn(async move { writer.write_all(&sending).await });
    let mut back = Vec::new();
    reader.read_to_end(&mut back, BYTES).await?;
    sender.await.expect("the sender panicked")?;
    assert!(back == sent, "client {number} got back other bytes than it sent");
    Ok(())
}
