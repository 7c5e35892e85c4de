//! Floor 3: futures on the loop. Tasks, their handles, and time to wait for.
#![forbid(unsafe_code)]

mod block_on;
mod executor;
mod inbox;
mod interval;
mod job;
mod join;
mod join_error;
mod outcome;
mod queue;
mod root;
mod sleep;
mod spawn;
mod timeout;
mod yield_now;

pub use interval::{Interval, interval};
pub use join::JoinHandle;
pub use join_error::JoinError;
pub use sleep::{Sleep, sleep, sleep_until};
pub use spawn::spawn;
pub use timeout::{Elapsed, Timeout, timeout};
pub use yield_now::{YieldNow, yield_now};

use crate::reactor::LoopHandle;

/// The loop that the free functions mean.
#[track_caller]
fn current() -> LoopHandle {
    LoopHandle::current().expect("no event loop is running on this thread")
}
