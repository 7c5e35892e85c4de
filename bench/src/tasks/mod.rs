//! The layers of tasks: futures on the loop.

mod buffered;
mod hyper;
mod pipe;
mod run;
mod servers;
mod sleeps;
mod spawns;

use std::io;
use std::time::Duration;

use contest::partner::xwake;
use contest::seat::Seat;
use contest::words::Pipe;
use contest::{Contestant, Outcome};
use event::EventLoop;

pub(crate) use buffered::Buffered;
pub(crate) use hyper::Hyper;

/// How long the busy layer looks before it sleeps.
const LOOK: Duration = Duration::from_micros(50);

/// Tasks on the loop, each with what it needs.
#[derive(Default)]
pub(crate) struct Tasks {
    /// One buffer for all connections, instead of one for each.
    pub(crate) shared: bool,
    /// A busy look before each sleep.
    pub(crate) busy: bool,
}

impl Tasks {
    fn events(&self) -> io::Result<EventLoop> {
        let look = if self.busy { LOOK } else { Duration::ZERO };
        EventLoop::builder().busy_look(look).build()
    }
}

impl Contestant for Tasks {
    fn pipe(&self, size: Pipe) -> Outcome {
        pipe::run(&self.events()?, size)
    }

    fn echo(&self, port: u16) -> Outcome {
        let echo = if self.shared { servers::echo_shared } else { servers::echo };
        servers::serve(&self.events()?, port, echo)
    }

    fn accept(&self, port: u16) -> Outcome {
        servers::serve(&self.events()?, port, drop)
    }

    fn http(&self, port: u16) -> Outcome {
        servers::serve(&self.events()?, port, servers::greet)
    }

    fn timers(&self, count: u32) -> Outcome {
        run::task(&self.events()?, sleeps::many(count))
    }

    fn rearm(&self, count: u32, moves: u32) -> Outcome {
        run::task(&self.events()?, sleeps::rearm(count, moves))
    }

    fn precision(&self, count: u32, micros: u32) -> Outcome {
        run::task(&self.events()?, sleeps::precision(count, micros))
    }

    fn tasks(&self, count: u32) -> Outcome {
        run::task(&self.events()?, spawns::measure(count))
    }

    fn xwake(&self, count: u32, seat: &Seat) -> Outcome {
        let events = self.events()?;
        xwake(count, seat, |trips| {
            run::task(&events, async {
                trips.await;
                Ok(())
            })
        })
    }
}
