//! Floor 5: the traits that let other crates run on the loop.
#![forbid(unsafe_code)]

#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod hyper_timer;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "hyper")]
pub use hyper_timer::LoopTimer;
