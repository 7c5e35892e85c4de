//! Floor 5: policy on top of the rest.
#![forbid(unsafe_code)]

mod orders;
mod shard;
mod shard_error;
mod sharded;

pub use shard::Shard;
pub use shard_error::ShardError;
pub use sharded::{ShardReport, Sharded, ShardedServer};
