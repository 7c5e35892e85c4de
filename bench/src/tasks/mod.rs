//! The layer of tasks: futures on the loop.

mod pipe;
mod run;
mod sleeps;
mod spawns;

use contest::partner::xwake;
use contest::seat::Seat;
use contest::words::Pipe;
use contest::{Contestant, Outcome};

/// Tasks on the loop.
pub(crate) struct Tasks;

impl Contestant for Tasks {
    fn pipe(&self, size: Pipe) -> Outcome {
        pipe::run(size)
    }

    fn timers(&self, count: u32) -> Outcome {
        run::task(sleeps::many(count))
    }

    fn rearm(&self, count: u32, moves: u32) -> Outcome {
        run::task(sleeps::rearm(count, moves))
    }

    fn precision(&self, count: u32, micros: u32) -> Outcome {
        run::task(sleeps::precision(count, micros))
    }

    fn tasks(&self, count: u32) -> Outcome {
        run::task(spawns::measure(count))
    }

    fn xwake(&self, count: u32, seat: &Seat) -> Outcome {
        xwake(count, seat, |trips| run::task(async { Ok(trips.await) }))
    }
}
