//! A soak: a thousand connections that come and go, every byte checked, while
//! memory and descriptors must stay where they are.
//!
//! `cargo run --release --example soak [SECONDS [CONNECTIONS]]`

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::{
    Connect, EventLoop, JoinHandle, Listen, LoopHandle, Sharded, Socket, SocketAddress,
    SocketError, copy, interval, sleep,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Samples taken in all; the first quarter is for warming up.
const SAMPLES: u32 = 20;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse());
    let seconds = arguments.next().transpose().map_err(io::Error::other)?.unwrap_or(3);
    let connections = arguments.next().transpose().map_err(io::Error::other)?.unwrap_or(1000);
    allow_descriptors(2 * connections + 100)?;
    let before = Sample::take()?;
    let (samples, done) = soak(Duration::from_secs(seconds), connections as usize)?;
    let after = Sample::take()?;
    println!(
        "{} connections, {} MiB there and back, every byte right",
        done.connections.get(),
        done.bytes.get() >> 20
    );
    println!("before {before}; after {after}");
    assert_eq!(before.descriptors, after.descriptors, "descriptors are left over");
    judge(&samples[samples.len() / 4..]);
    Ok(())
}

/// What the clients have done.
#[derive(Default)]
struct Done {
    connections: Cell<u64>,
    bytes: Cell<u64>,
}

/// The server on a thread of its own, the clients on this one.
fn soak(time: Duration, connections: usize) -> io::Result<(Vec<Sample>, Rc<Done>)> {
    let any = SocketAddress::ipv4("127.0.0.1", 0)?;
    let server = Sharded::new()
        .shards(1)
        .listen(Listen::new().nodelay(true))
        .start(any, |_| echo)
        .map_err(io::Error::other)?;
    let events = EventLoop::new()?;
    let (handle, done) = (events.handle(), Rc::new(Done::default()));
    let end = Instant::now() + time;
    let clients: Vec<JoinHandle<_>> = (0..connections as u64)
        .map(|seed| handle.spawn(churn(server.address().clone(), seed, end, done.clone())))
        .collect();
    let samples = events.block_on(async {
        let mut samples = Vec::new();
        let mut ticks = interval(time / SAMPLES)?;
        while Instant::now() < end {
            ticks.tick().await;
            samples.push(Sample::take()?);
            println!("{} connections, {}", done.connections.get(), samples[samples.len() - 1]);
        }
        for client in clients {
            client.await.expect("a client panicked")?;
        }
        io::Result::Ok(samples)
    })??;
    let report = server.stop(Duration::from_secs(5)).remove(0);
    assert_eq!((report.served, report.outcome.ok()), (done.connections.get(), Some(0)));
    Ok((samples, done))
}

async fn echo(socket: Socket, _peer: SocketAddress) {
    let (mut reader, mut writer) = socket.into_split();
    // Clients leave when they have what they want; they check, not we.
    drop(copy(&mut reader, &mut writer).await);
}

/// One connection after the other.
async fn churn(address: SocketAddress, seed: u64, end: Instant, done: Rc<Done>) -> io::Result<()> {
    let handle = LoopHandle::current().expect("a task is on a loop");
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    while Instant::now() < end {
        let socket = Connect::new()
            .nodelay(true)
            .timeout(Duration::from_secs(20))
            .to(&handle, &address)
            .await?;
        for _ in 0..noise.below(8) {
            exchange(&socket, &mut noise, &done).await?;
        }
        done.connections.set(done.connections.get() + 1);
        sleep(Duration::from_millis(noise.below(100))).await;
    }
    Ok(())
}

/// A message there and back, of up to 32 KiB and as often of a few bytes.
async fn exchange(socket: &Socket, noise: &mut Noise, done: &Done) -> Result<(), SocketError> {
    let most = 1 << noise.below(16);
    let length = noise.below(most) as usize;
    let sent: Vec<u8> = (0..length).map(|_| noise.below(256) as u8).collect();
    let mut back = vec![0; length];
    socket.write_all(&sent).await?;
    socket.read_exact(&mut back).await?;
    assert!(back == sent, "other bytes came back than were sent");
    done.bytes.set(done.bytes.get() + length as u64);
    Ok(())
}

/// Numbers that look random (xorshift64*).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }
}

/// What the process has at some moment.
struct Sample {
    descriptors: usize,
    kilobytes: usize,
}

impl Sample {
    fn take() -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = resident.and_then(|row| row.split_whitespace().next()?.parse().ok());
        let kilobytes = number.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { descriptors: std::fs::read_dir("/proc/self/fd")?.count() - 1, kilobytes })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} descriptors, {} KiB", self.descriptors, self.kilobytes)
    }
}

/// Memory must not grow: after warming up, the last half needs as much as the
/// first, give or take what the allocator keeps.
fn judge(samples: &[Sample]) {
    let most =
        |samples: &[Sample]| samples.iter().map(|sample| sample.kilobytes).max().unwrap_or(0);
    let (early, late) = samples.split_at(samples.len() / 2);
    let (early, late) = (most(early), most(late));
    assert!(late <= early + early / 4 + 2048, "memory grows: {early} KiB, then {late} KiB");
    println!("memory is flat: {early} KiB at most, then {late} KiB");
}

fn allow_descriptors(count: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.map(|current| current.max(count));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, ..limit })?)
}
