//! What libevent must know of things that it knows nothing of, on a base of
//! C's: that there are some, and that one has happened.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::sys::{RawBase, RawEvent, What};

/// Two events without a descriptor. (Two, because deleting an event takes its
/// activation back.)
pub(crate) struct Anchor {
    /// While added it counts as pending, and never happens: `event_base_dispatch`
    /// goes on while timers, closures or tasks wait.
    pending: RawEvent,
    held: Cell<bool>,
    /// Never added, only activated.
    happened: RawEvent,
}

impl Anchor {
    pub(crate) fn new(base: &Rc<RawBase>) -> io::Result<Self> {
        let event = || RawEvent::new(base, -1, |_| {});
        Ok(Self { pending: event()?, held: Cell::new(false), happened: event()? })
    }

    /// Holds C's loop, or lets it go.
    pub(crate) fn hold(&self, hold: bool) {
        if self.held.replace(hold) == hold {
            return;
        }
        if hold {
            // Without a descriptor there is nothing that could fail.
            let _ = self.pending.listen(What::READ);
        } else {
            self.pending.silence();
        }
    }

    /// Makes the running turn one in which something has happened: with
    /// `EVLOOP_ONCE` it ends.
    pub(crate) fn stir(&self) {
        self.happened.activate();
    }
}
