//! Floor 4: child processes, started and talked to by callbacks.
#![forbid(unsafe_code)]

mod handle;
mod input;
mod offspring;
mod output;
mod spawn;

pub use handle::Process;
pub use spawn::{Spawn, SpawnError};
