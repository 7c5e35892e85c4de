//! The layer of hyper, on our loop: its traits are the sockets' own.

use contest::{Contestant, Outcome};
use event::EventLoop;

use super::servers;

/// Another crate's server, whose tasks are the loop's.
pub(crate) struct Hyper;

impl Contestant for Hyper {
    fn http(&self, port: u16) -> Outcome {
        servers::serve(&EventLoop::new()?, port, servers::hyper)
    }
}
