//! The lowest layer: watchers and timers with callbacks.

mod pipe;
mod timers;

use contest::words::Pipe;
use contest::{Contestant, Outcome};

/// Callbacks on the loop.
pub(crate) struct Bare;

impl Contestant for Bare {
    fn pipe(&self, size: Pipe) -> Outcome {
        pipe::run(size)
    }

    fn timers(&self, count: u32) -> Outcome {
        timers::many(count)
    }

    fn rearm(&self, count: u32, moves: u32) -> Outcome {
        timers::rearm(count, moves)
    }

    fn precision(&self, count: u32, micros: u32) -> Outcome {
        timers::precision(count, micros)
    }
}
