//! What every contestant written in Rust shares, so that two of them differ in
//! their event loop and in nothing else: the words of the contract, the seat
//! (one CPU, 20,000 descriptors), the input, the clocks and the figures.
#![forbid(unsafe_code)]

pub mod chance;
pub mod clock;
pub mod deadlines;
pub mod greeting;
pub mod lateness;
pub mod memory;
pub mod oneshot;
pub mod partner;
pub mod ring;
pub mod seat;
pub mod service;
pub mod words;

mod contestant;

pub use contestant::{Contestant, Failure, Outcome, main};
