//! libevent, safely: an event loop for Rust that C can share.
//!
//! An [`EventLoop`] runs on one thread. Everything is registered through its
//! [`LoopHandle`]: watchers of descriptors ([`LoopHandle::watch`]), timers
//! ([`LoopHandle::timer_after`]), closures put off to the next turn. A
//! [`Remote`] reaches it from other threads. Futures wait for descriptors with
//! an [`AsyncFd`].
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::io::{Read, Write};
//! use std::os::unix::net::UnixStream;
//!
//! let events = event::EventLoop::new()?;
//! let (ours, mut theirs) = UnixStream::pair()?;
//! let watcher = events.handle().watch(ours).on_read(|ready| {
//!     let mut text = String::new();
//!     ready.io().read_to_string(&mut text).unwrap();
//!     println!("{text}");
//!     ready.unwatch();
//! }).start()?;
//! theirs.write_all(b"hello")?;
//! drop(theirs);
//! events.run()?; // until nothing is registered any more
//! # drop(watcher);
//! # Ok(()) }
//! ```
//!
//! # What it promises
//!
//! - A descriptor has one owner. It is moved into its watcher and handed back
//!   by `unwatch`, or shared by `Rc` and then forgotten when it closes; it is
//!   deregistered before it closes, and a reused number is never confused.
//! - Callbacks run from the loop only, in a fixed order (error, read, write;
//!   descriptors, timers, deferred), and whatever they do to their own or
//!   other registrations takes effect at once.
//! - Timers are absolute and monotonic, neither early nor drifting, and equal
//!   deadlines keep their order.
//! - A panic in a callback comes out of `run*` and loses nothing else.
//! - Whatever is registered ends with its loop; handles that outlive it yield
//!   errors.
//!
//! Each promise is a numbered rule with a test, in `docs/CONTRACT.md`. All
//! `unsafe` is in one module, and each block cites a named invariant of
//! `docs/SAFETY.md`.
//!
//! # Features
//!
//! | feature | default | what |
//! |---|---|---|
//! | `vendored` | yes | compile the pinned libevent; off: the system's |
//! | `net` | yes | sockets: off, only the loop and its tasks are built |
//! | `hyper` | | hyper 1 on the loop: `hyper::rt::{Read, Write, Timer, Executor}` |
//! | `tokio` | | `tokio::io::{AsyncRead, AsyncWrite}` for sockets |
//! | `hyper` | | hyper 1 on the loop: its traits, timer and executor |
//! | `tokio` | | tokio's `AsyncRead` and `AsyncWrite`, without its runtime |
//! | `log` | | libevent's own messages go to the `log` facade |
//!
//! libevent itself is at hand as [`ffi`]; both share one static copy.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "hyper", feature = "tokio"))]
mod interop;
#[cfg(feature = "net")]
mod kit;
#[cfg(feature = "net")]
mod net;
mod os;
#[cfg(target_os = "linux")]
mod process;
mod reactor;
#[allow(unsafe_code)]
mod sys;
mod task;

#[cfg(feature = "hyper")]
pub use interop::LoopTimer;
#[cfg(feature = "net")]
pub use kit::{Shard, ShardError, ShardReport, Sharded, ShardedServer};
pub use libevent_sys as ffi;
#[cfg(feature = "net")]
pub use net::{
    AdoptError, Bind, Capabilities, Connect, Credentials, Datagram, InFlight, Incoming,
    IntoIncoming, Keepalive, Listen, Outgoing, OwnedReadHalf, OwnedWriteHalf, Ownership,
    PageBuffer, PageBytes, Parcel, ReadHalf, ReceiveBatch, Received, ReuniteError, SeqpacketServer,
    SeqpacketSocket, ServerSocket, Socket, SocketAddress, SocketError, SocketOptions, Splice,
    UdpSocket, UnixDatagram, WriteHalf, ZeroCopied, ZeroCopyBuffer,
};
#[cfg(feature = "net")]
pub use net::{BufferedReader, BufferedWriter, Lines, copy, copy_bidirectional};
#[cfg(all(feature = "net", target_os = "linux"))]
pub use net::{TcpInfo, TcpState};
#[cfg(target_os = "linux")]
pub use process::{Process, Spawn, SpawnError};
#[cfg(target_os = "linux")]
pub use reactor::ChildWatcher;
pub use reactor::{
    Arrival, AsyncFd, Builder, Counters, EventLoop, Feature, Interest, Kind, LoopClosed,
    LoopHandle, LoopWaker, OnPanic, Readiness, Ready, Registration, Remote, SignalError,
    SignalWatcher, Timer, TimerError, WakeWatcher, Watch, WatchError, Watcher,
};
pub use sys::{ForeignBase, Forked, RawIo, Signal};
pub use task::{
    Elapsed, Interval, JoinError, JoinHandle, Sleep, Timeout, YieldNow, interval, sleep,
    sleep_until, spawn, timeout, yield_now,
};

/// The version of the libevent that is linked (`event_get_version(3)`).
///
/// ```
/// assert!(event::libevent_version().starts_with("2."));
/// ```
pub fn libevent_version() -> &'static str {
    sys::version()
}

/// The README's code must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadMe;

/// The guide's code must compile and run.
#[cfg(all(doctest, feature = "net", target_os = "linux"))]
mod guide {
    #[doc = include_str!("../../docs/guide/contract.md")]
    struct Contract;
    #[doc = include_str!("../../docs/guide/ownership.md")]
    struct Ownership;
    #[doc = include_str!("../../docs/guide/concurrency.md")]
    struct Concurrency;
    #[doc = include_str!("../../docs/guide/panics.md")]
    struct Panics;
    #[doc = include_str!("../../docs/guide/signals-and-fork.md")]
    struct SignalsAndFork;
    #[doc = include_str!("../../docs/guide/embedding.md")]
    struct Embedding;
    #[doc = include_str!("../../docs/guide/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../../docs/guide/sockets.md")]
    struct Sockets;
    #[doc = include_str!("../../docs/guide/deadlines-and-backpressure.md")]
    struct DeadlinesAndBackpressure;
    #[doc = include_str!("../../docs/guide/from-tokio.md")]
    struct FromTokio;
    #[doc = include_str!("../../docs/guide/from-c-libevent.md")]
    struct FromCLibevent;
    #[doc = include_str!("../../docs/guide/from-swift-event.md")]
    struct FromSwiftEvent;
}
