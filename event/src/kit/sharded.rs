//! A server on several threads, each with a loop of its own.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::shard::{Board, Service, Shard, Tell};
use super::shard_error::ShardError;
use crate::net::{Listen, ServerSocket, Socket, SocketAddress};
use crate::reactor::EventLoop;

/// A server that is to run on several threads: each has a loop and a listening
/// socket of its own on the same address (`SO_REUSEPORT`), and the system
/// spreads the clients among them. Nothing is shared, so handlers need be
/// neither `Send` nor `Sync`.
///
/// A handler that panics loses its client, and no more.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use event::{EventLoop, Sharded, Socket, SocketAddress};
///
/// let server = Sharded::new().shards(2).start(
///     SocketAddress::ipv4("127.0.0.1", 0)?,
///     |shard| {
///         let greeting = format!("shard {}", shard.index());
///         move |socket: Socket, _peer| {
///             let greeting = greeting.clone();
///             async move { drop(socket.write_all(greeting.as_bytes()).await) }
///         }
///     },
/// )?;
/// let events = EventLoop::new()?;
/// let text = events.block_on(async {
///     let client = Socket::connect(&events.handle(), server.address()).await?;
///     let mut text = Vec::new();
///     client.read_to_end(&mut text, 100).await?;
///     Ok::<_, event::SocketError>(text)
/// })??;
/// assert!(text.starts_with(b"shard "));
/// for report in server.stop(Duration::from_secs(1)) {
///     assert!(report.outcome.is_ok());
/// }
/// # Ok(()) }
/// ```
#[must_use = "it serves when started"]
pub struct Sharded {
    shards: usize,
    listen: Listen,
    tell: Tell,
}

impl Default for Sharded {
    fn default() -> Self {
        let shards = thread::available_parallelism().map_or(1, usize::from);
        Self { shards, listen: Listen::new(), tell: Arc::new(|_, _| {}) }
    }
}

impl Sharded {
    /// As many shards as the system can run at a time.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many shards; at least one.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards.max(1);
        self
    }

    /// How to listen.
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen = listen;
        self
    }

    /// Calls `tell` with a shard's index and what went wrong there, on the
    /// shard's thread: a handler's panic, descriptors that have run out, the end
    /// of the shard.
    pub fn on_error(mut self, tell: impl Fn(usize, &ShardError) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }

    /// Starts all shards; they are listening when this returns. Each calls
    /// `make` on its own thread, which makes the handler of its clients.
    ///
    /// A port of 0 is one of the system's choice, the same for all. If there is
    /// more than one shard, another server of the same user may listen on the
    /// same port unnoticed.
    ///
    /// # Errors
    ///
    /// [`ShardError`] of the first shard that cannot start, for instance
    /// [`ShardError::Listen`] if the address is in use; nothing is left running.
    pub fn start<M, S, F>(
        self,
        address: impl Into<SocketAddress>,
        make: M,
    ) -> Result<ShardedServer, ShardError>
    where
        M: Fn(Shard) -> S + Send + Sync + 'static,
        S: Fn(Socket, SocketAddress) -> F + 'static,
        F: Future<Output = ()> + 'static,
    {
        let listen = if self.shards > 1 { self.listen.reuse_port(true) } else { self.listen };
        let plan = Arc::new(Plan { listen, make, tell: self.tell });
        let mut server = ShardedServer { address: address.into(), shards: Vec::new() };
        for index in 0..self.shards {
            server.add(index, &plan)?;
        }
        Ok(server)
    }
}

/// What all shards have in common.
struct Plan<M> {
    listen: Listen,
    make: M,
    tell: Tell,
}

impl<M, S, F> Plan<M>
where
    M: Fn(Shard) -> S,
    S: Fn(Socket, SocketAddress) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    /// All of a shard, on its thread; how many clients had to be cut off.
    fn run(
        &self,
        index: usize,
        address: &SocketAddress,
        board: Arc<Board>,
        started: &SyncSender<SocketAddress>,
    ) -> Result<usize, ShardError> {
        let events = EventLoop::new().map_err(ShardError::Loop)?;
        let handle = events.handle();
        let server = self.listen.on(&handle, address).map_err(ShardError::Listen)?;
        let local = server.local_addr().map_err(ShardError::Listen)?;
        let shard = Shard::new(index, handle);
        let handler = (self.make)(shard.clone());
        // Whoever started it may have given up meanwhile: then there is an order to stop.
        let _ = started.send(local);
        self.serve(&events, shard, server, handler, board)
    }

    fn serve(
        &self,
        events: &EventLoop,
        shard: Shard,
        server: ServerSocket,
        handler: S,
        board: Arc<Board>,
    ) -> Result<usize, ShardError> {
        let service = Service::new(shard, server, handler, board, self.tell.clone());
        events.block_on(service.run()).map_err(ShardError::Loop)?
    }
}

/// A server that runs on several threads; from [`Sharded::start`]. Dropping it
/// stops it without patience.
#[must_use = "dropping it stops the server"]
pub struct ShardedServer {
    address: SocketAddress,
    shards: Vec<Running>,
}

struct Running {
    board: Arc<Board>,
    thread: JoinHandle<Result<usize, ShardError>>,
}

/// What became of one shard.
#[derive(Debug)]
#[non_exhaustive]
pub struct ShardReport {
    /// Which shard.
    pub index: usize,
    /// How many clients it accepted.
    pub served: u64,
    /// How many of them had not ended when the time was up, and were cut off; or
    /// why the shard ended without being told to.
    pub outcome: Result<usize, ShardError>,
}

impl ShardedServer {
    fn add<M, S, F>(&mut self, index: usize, plan: &Arc<Plan<M>>) -> Result<(), ShardError>
    where
        M: Fn(Shard) -> S + Send + Sync + 'static,
        S: Fn(Socket, SocketAddress) -> F + 'static,
        F: Future<Output = ()> + 'static,
    {
        let (started, start) = sync_channel(1);
        let board = Arc::<Board>::default();
        let (plan, address, its_board) = (plan.clone(), self.address.clone(), board.clone());
        let body = move || {
            let run = || plan.run(index, &address, its_board, &started);
            let ended = catch_unwind(AssertUnwindSafe(run));
            let ended = ended.unwrap_or_else(|payload| Err(ShardError::panicked(&*payload)));
            ended.inspect_err(|error| (plan.tell)(index, error))
        };
        let thread = thread::Builder::new().name(format!("shard-{index}")).spawn(body);
        let running = Running { board, thread: thread.map_err(ShardError::Thread)? };
        match start.recv() {
            Ok(address) => self.address = address,
            Err(_) => return running.join().map(drop),
        }
        self.shards.push(running);
        Ok(())
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// How many clients are there, on all shards.
    pub fn active(&self) -> usize {
        self.shards.iter().map(|shard| shard.board.active.load(Ordering::Relaxed)).sum()
    }

    /// How many clients have been accepted, on all shards.
    pub fn served(&self) -> u64 {
        self.shards.iter().map(Running::served).sum()
    }

    /// How many shards are running: all of them, unless one has failed.
    pub fn running(&self) -> usize {
        self.shards.iter().filter(|shard| !shard.thread.is_finished()).count()
    }

    /// Tells all shards to stop, and does not wait for it: they accept no more
    /// clients than those who are connected already, and these are cut off when
    /// `patience` is at its end. May be called again, to lose patience.
    pub fn begin_stop(&self, patience: Duration) {
        for shard in &self.shards {
            shard.board.orders.stop(patience);
        }
    }

    /// Waits until all shards have ended.
    pub fn join(mut self) -> Vec<ShardReport> {
        std::mem::take(&mut self.shards).into_iter().enumerate().map(report).collect()
    }

    /// Stops all shards and waits for that, for `patience` at the most (and what
    /// a handler takes that does not await); a report of each.
    pub fn stop(self, patience: Duration) -> Vec<ShardReport> {
        self.begin_stop(patience);
        self.join()
    }
}

fn report((index, shard): (usize, Running)) -> ShardReport {
    let board = shard.board.clone();
    let outcome = shard.join();
    ShardReport { index, served: board.served.load(Ordering::Relaxed), outcome }
}

impl Running {
    fn served(&self) -> u64 {
        self.board.served.load(Ordering::Relaxed)
    }

    fn join(self) -> Result<usize, ShardError> {
        // The hook for errors may panic, outside of everything.
        let joined = self.thread.join();
        joined.unwrap_or_else(|payload| Err(ShardError::panicked(&*payload)))
    }
}

impl Drop for ShardedServer {
    fn drop(&mut self) {
        self.begin_stop(Duration::ZERO);
        for shard in self.shards.drain(..) {
            // Its errors have been told.
            let _ = shard.join();
        }
    }
}

impl fmt::Debug for Sharded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharded")
            .field("shards", &self.shards)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ShardedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedServer")
            .field("address", &self.address)
            .field("shards", &self.shards.len())
            .field("active", &self.active())
            .finish_non_exhaustive()
    }
}
