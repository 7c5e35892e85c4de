//! The layer of buffered streams: the crate's own, beside libevent's.

use contest::{Contestant, Outcome};
use event::EventLoop;

use super::servers;

/// A buffered reader and writer for each connection.
pub(crate) struct Buffered;

impl Contestant for Buffered {
    fn echo(&self, port: u16) -> Outcome {
        servers::serve(&EventLoop::new()?, port, servers::echo_buffered)
    }
}
