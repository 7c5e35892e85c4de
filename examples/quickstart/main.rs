//! The main job, end to end: an echo server on one loop, a few hundred clients
//! on another loop in a second thread, random bytes between them, every byte
//! checked.
//!
//! `cargo run --release --example quickstart`

mod client;
mod noise;
mod server;

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use event::EventLoop;

const CLIENTS: usize = 256;
const MESSAGES: usize = 64;
const MESSAGE: usize = 16 * 1024;

fn main() -> io::Result<()> {
    let before = descriptors();
    let begin = Instant::now();
    let events = EventLoop::new()?;
    let backend = events.backend();

    let server = server::Server::start(&events.handle())?;
    let address = server.address()?;
    let stop = events.remote();
    let clients = thread::spawn(move || {
        let outcome = exchange(address);
        // The server's loop may have failed and gone already; its error counts then.
        let _ = stop.stop();
        outcome
    });
    events.run()?;
    let verified = clients.join().expect("the client thread does not panic")?;
    let served = server.served();
    drop((server, events));
    let seconds = begin.elapsed().as_secs_f64();

    assert_eq!(verified.messages, CLIENTS * MESSAGES, "a message was lost");
    assert_eq!(served.bytes, verified.bytes as u64, "the server echoed another number of bytes");
    println!("libevent {} on {backend}", event::libevent_version());
    println!("{} connections served, all of them closed by the clients", served.connections);
    println!("{} bytes sent, echoed and compared: every one came back as it was", verified.bytes);
    let rate = verified.messages as f64 / seconds;
    println!(
        "{} messages of {MESSAGE} bytes in {seconds:.2} s: {rate:.0} messages/s",
        verified.messages
    );
    println!("descriptors: {before} before, {} after", descriptors());
    assert_eq!(descriptors(), before, "a descriptor leaked");
    Ok(())
}

/// All clients on a loop of their own, until the last has what it came for.
fn exchange(address: SocketAddr) -> io::Result<client::Verified> {
    let events = EventLoop::new()?;
    let clients = (0..CLIENTS)
        .map(|seed| {
            client::Client::start(&events.handle(), address, seed as u64, MESSAGES, MESSAGE)
        })
        .collect::<io::Result<Vec<_>>>()?;
    events.run()?;
    clients.iter().map(client::Client::verified).sum()
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() - 1)
}
