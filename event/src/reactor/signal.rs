//! Signals as callbacks: the handle, and what a callback is given.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::rc::Rc;

use super::handle::LoopHandle;
use super::inbox::{Inbox, Subscriber};
use crate::sys::Signal;

/// What a signal's callback is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// Which signal.
    pub signal: Signal,
    /// How many of it were read at this time. The system merges those of a
    /// number below `SIGRTMIN` that wait; of the others each one counts.
    pub count: u64,
    /// The process that sent the last of them; 0 if it was the kernel.
    pub sender: u32,
    /// The user who sent the last of them.
    pub user: u32,
}

/// A watched signal. Dropping it ends the watch; [`detach`](Self::detach) lets it be.
///
/// Made by [`LoopHandle::watch_signal`].
#[must_use = "dropping it ends the watch"]
pub struct SignalWatcher {
    inbox: Rc<Inbox>,
    subscriber: Option<Rc<Subscriber>>,
}

impl LoopHandle {
    /// Runs `call` when the signal has arrived, in the loop and not in a signal
    /// handler: it may do anything.
    ///
    /// While a signal is watched it is blocked in this thread and read from a
    /// descriptor (`signalfd(2)`). When its last watcher is gone the mask is as
    /// it was before: unblocked only if it was the watch that had blocked it,
    /// and then what had arrived and was not yet reported is dropped. A program
    /// with threads calls [`Signal::block`] before it spawns them.
    ///
    /// Several watchers of one loop may share a signal; they are called in the
    /// order in which they were made. Each loop may have signals of its own,
    /// but no two loops the same.
    ///
    /// A signal that is sent to one thread (`pthread_kill(3)`, a fault of its
    /// own) is not for the loop of another.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use event::{EventLoop, Signal};
    ///
    /// let events = EventLoop::new()?;
    /// let stop = events.handle();
    /// let _term = events.handle().watch_signal(Signal::TERM, move |arrived| {
    ///     println!("{} from process {}", arrived.signal, arrived.sender);
    ///     stop.stop();
    /// })?;
    /// Signal::TERM.send(std::process::id())?;
    /// events.run()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SignalError`] says which; nothing has changed then.
    pub fn watch_signal(
        &self,
        signal: Signal,
        call: impl FnMut(Arrival) + 'static,
    ) -> Result<SignalWatcher, SignalError> {
        self.core().check().map_err(SignalError::System)?;
        if !signal.is_catchable() {
            return Err(SignalError::Uncatchable(signal));
        }
        let inbox = Inbox::of(self, signal)?;
        let subscriber = inbox.subscribe(Box::new(call));
        Ok(SignalWatcher { inbox, subscriber: Some(subscriber) })
    }
}

impl SignalWatcher {
    /// The signal.
    pub fn signal(&self) -> Signal {
        self.inbox.signal()
    }

    /// Whether it may still be called: the loop has not ended.
    pub fn is_watching(&self) -> bool {
        self.inbox.is_open()
    }

    /// Lets the watch go on without a handle, until the loop ends.
    pub fn detach(mut self) {
        self.subscriber = None;
    }
}

impl Drop for SignalWatcher {
    fn drop(&mut self) {
        if let Some(subscriber) = self.subscriber.take() {
            self.inbox.unsubscribe(&subscriber);
        }
    }
}

impl fmt::Debug for SignalWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalWatcher")
            .field("signal", &self.signal())
            .field("watching", &self.is_watching())
            .finish()
    }
}

/// Why a signal is not watched.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignalError {
    /// The number is not one of a signal that a program can use.
    OutOfRange(i32),
    /// The system lets nobody have it: `SIGKILL`, `SIGSTOP`.
    Uncatchable(Signal),
    /// Another loop of this process watches it. A signal is delivered once, so
    /// it would be chance which of the two hears of it.
    Taken(Signal),
    /// What the system said: no descriptor is left, or the loop is gone.
    System(io::Error),
}

impl TryFrom<i32> for Signal {
    type Error = SignalError;

    fn try_from(number: i32) -> Result<Self, SignalError> {
        Self::new(number).ok_or(SignalError::OutOfRange(number))
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(number) => write!(f, "{number} is not the number of a signal"),
            Self::Uncatchable(signal) => write!(f, "{signal} cannot be watched"),
            Self::Taken(signal) => {
                write!(f, "{signal} is watched by another loop of this process")
            }
            Self::System(error) => write!(f, "cannot watch the signal: {error}"),
        }
    }
}

impl std::error::Error for SignalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SignalError> for io::Error {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::System(error) => error,
            SignalError::Taken(_) => Self::new(io::ErrorKind::ResourceBusy, error),
            other => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}
