//! Floor 2: the turn of the loop, and what can be registered on it.
#![forbid(unsafe_code)]

#[cfg_attr(
    any(event_portable, not(any(target_os = "linux", target_os = "android"))),
    path = "alarm_timer.rs"
)]
mod alarm;
mod async_fd;
pub(crate) mod budget;
mod builder;
pub(crate) mod callback;
#[cfg(target_os = "linux")]
mod child;
mod clock;
pub(crate) mod core;
mod counters;
mod deferred;
mod dispatch;
mod event_loop;
mod handle;
mod inbox;
mod interest;
mod live;
mod registry;
mod remote;
pub(crate) mod schedule;
mod signal;
mod source;
mod timer;
pub(crate) mod timers;
mod waiters;
mod waker;
mod watch;
mod watcher;
mod wheel;

pub use async_fd::AsyncFd;
#[cfg(feature = "net")]
pub(crate) use async_fd::{Direction, POLLED};
pub use builder::{Builder, Feature};
#[cfg(target_os = "linux")]
pub use child::ChildWatcher;
pub use counters::Counters;
pub use event_loop::{EventLoop, OnPanic};
pub use handle::LoopHandle;
pub use interest::{Interest, Readiness};
pub use live::{Kind, Registration};
pub(crate) use remote::Shared;
pub use remote::{LoopClosed, Remote};
pub use signal::{Arrival, SignalError, SignalWatcher};
pub use timer::{Timer, TimerError};
#[cfg(feature = "net")]
pub(crate) use waiters::{Ticket, Waiters};
pub use waker::{LoopWaker, WakeWatcher};
pub use watch::{Watch, WatchError};
pub use watcher::{Ready, Watcher};
