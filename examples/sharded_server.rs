//! A server with a loop on each core: one call starts it, and it is stopped
//! gracefully. Each shard counts for itself, in a plain `Cell`.
//!
//! `cargo run --example sharded_server [ADDRESS]`
//!
//! With an address it serves lines (`nc 127.0.0.1 7777`) until SIGINT, and then
//! gives its clients ten seconds. Without one it shows itself: a thousand
//! clients, and some who are still there when it stops.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use event::{
    BufferedReader, EventLoop, Shard, Sharded, ShardedServer, Signal, Socket, SocketAddress,
    SocketError,
};

fn main() -> io::Result<()> {
    match std::env::args().nth(1) {
        Some(address) => serve(address.parse()?),
        None => show(),
    }
}

/// Serves until SIGINT.
fn serve(address: SocketAddress) -> io::Result<()> {
    // Before there are threads, which inherit it: the signal is for this one.
    let events = EventLoop::new()?;
    let handle = events.handle();
    let _interrupt = handle.clone().watch_signal(Signal::INT, move |_| handle.stop())?;
    let server = start(address)?;
    println!("{} shards on {}", server.running(), server.address());
    events.run()?;
    println!("{} clients are given ten seconds", server.active());
    report(server, Duration::from_secs(10));
    Ok(())
}

fn start(address: SocketAddress) -> io::Result<ShardedServer> {
    let server = Sharded::new().shards(std::thread::available_parallelism()?.get().max(2));
    let server = server.on_error(|shard, error| eprintln!("shard {shard}: {error}"));
    server.start(address, handler).map_err(io::Error::other)
}

/// Called once on the thread of each shard.
fn handler(shard: Shard) -> impl Fn(Socket, SocketAddress) -> Served + 'static {
    let lines = Rc::new(Cell::new(0_u64));
    move |socket, _peer| {
        let answering = answer(socket, shard.index(), lines.clone());
        Box::pin(async move {
            if let Err(error) = answering.await {
                eprintln!("a client is lost: {error}");
            }
        })
    }
}

type Served = std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// Answers each line with the shard, and how many lines it has answered.
async fn answer(socket: Socket, shard: usize, lines: Rc<Cell<u64>>) -> Result<(), SocketError> {
    let mut reader = BufferedReader::new(&socket);
    while reader.line().await?.is_some() {
        lines.set(lines.get() + 1);
        socket.write_all(format!("{shard} {}\n", lines.get()).as_bytes()).await?;
    }
    Ok(())
}

/// Stops it; how many clients each shard has served, and how many were cut off.
fn report(server: ShardedServer, patience: Duration) -> (Vec<u64>, usize) {
    let mut cut_off = 0;
    let reports = server.stop(patience);
    for report in &reports {
        println!("shard {} served {} clients", report.index, report.served);
        cut_off += report.outcome.as_ref().copied().unwrap_or(0);
    }
    (reports.iter().map(|report| report.served).collect(), cut_off)
}

const CLIENTS: usize = 1000;
const STAYING: usize = 7;

fn show() -> io::Result<()> {
    let server = start(SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let address = SocketAddr::try_from(server.address())?;
    let mut staying = Vec::new();
    for client in 0..CLIENTS {
        let stream = TcpStream::connect(address)?;
        let answer = ask(&stream)?;
        assert!(answer.starts_with(|first: char| first.is_ascii_digit()), "{answer:?}");
        if client < STAYING {
            staying.push(stream);
        }
    }
    let (served, cut_off) = report(server, Duration::from_millis(100));
    assert_eq!(served.iter().sum::<u64>(), CLIENTS as u64);
    assert!(served.iter().all(|count| *count > 0), "one shard did nothing");
    assert_eq!(cut_off, STAYING);
    println!("{cut_off} clients who stayed were cut off after 100 ms");
    Ok(())
}

fn ask(mut stream: &TcpStream) -> io::Result<String> {
    stream.write_all(b"?\n")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}
