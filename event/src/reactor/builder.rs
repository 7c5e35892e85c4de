//! How a loop is to be made.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::time::Duration;

use super::clock::Clock;
use super::core::Core;
use super::event_loop::EventLoop;
use crate::sys::{RawBase, RawConfig};

/// An ability that a backend can be asked for (`event_config_require_features(3)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// Edge-triggered events.
    EdgeTriggered,
    /// A cost of an event that does not grow with the number of descriptors.
    ConstantTime,
    /// Descriptors of any kind, not only sockets.
    AnyDescriptor,
    /// Being told of a peer's half-close before its bytes are read.
    EarlyClose,
}

/// Options of a loop to be made; [`EventLoop::builder`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::builder().avoid("epoll").build()?;
/// assert_eq!(events.backend(), "poll");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    avoid: Vec<String>,
    require: Vec<Feature>,
    busy_look: Duration,
    test_clock: bool,
}

impl Builder {
    /// Does without the backend of that name (`epoll`, `poll`, `select`, …).
    pub fn avoid(mut self, backend: impl Into<String>) -> Self {
        self.avoid.push(backend.into());
        self
    }

    /// Insists on an ability.
    pub fn require(mut self, feature: Feature) -> Self {
        self.require.push(feature);
        self
    }

    /// Looks for events for so long before each sleep. Trades a busy core for
    /// latency: the sleep and the wake-up are most of what a lone message
    /// waits for. Off (zero) by default.
    pub fn busy_look(mut self, duration: Duration) -> Self {
        self.busy_look = duration;
        self
    }

    /// Runs the loop on virtual time, which starts at zero, stands still while
    /// anything happens, and jumps to the next deadline when the loop is idle:
    /// an hour of timeouts is tested in a millisecond.
    pub fn test_clock(mut self) -> Self {
        self.test_clock = true;
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] if no backend is left,
    /// [`io::ErrorKind::InvalidInput`] for a name with a NUL in it, and what the
    /// system says if descriptors or memory run out.
    pub fn build(&self) -> io::Result<EventLoop> {
        let config = RawConfig::new()?;
        for backend in &self.avoid {
            config.avoid(backend)?;
        }
        config.require(self.require.iter().fold(0, |all, feature| all | feature.bit()))?;
        let base = RawBase::new(&config)?;
        let clock = if self.test_clock { Clock::Virtual(Cell::new(0)) } else { Clock::Monotonic };
        Ok(EventLoop::from_core(Core::new(base, clock, self.busy_look)?))
    }
}

impl Feature {
    fn bit(self) -> i32 {
        match self {
            Self::EdgeTriggered => 1,
            Self::ConstantTime => 2,
            Self::AnyDescriptor => 4,
            Self::EarlyClose => 8,
        }
    }
}
