//! What holds C's `event_base_dispatch` while timers, closures or tasks wait,
//! which libevent knows nothing of.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::sys::{RawBase, RawEvent, What};

/// An event without a descriptor: it counts as pending, and never happens.
pub(crate) struct Anchor {
    event: RawEvent,
    down: Cell<bool>,
}

impl Anchor {
    pub(crate) fn new(base: &Rc<RawBase>) -> io::Result<Self> {
        let event = RawEvent::new(base, -1, Box::new(|_| {}))?;
        Ok(Self { event, down: Cell::new(false) })
    }

    /// Holds C's loop, or lets it go.
    pub(crate) fn hold(&self, hold: bool) {
        if self.down.replace(hold) == hold {
            return;
        }
        if hold {
            // Without a descriptor there is nothing that could fail.
            let _ = self.event.listen(What::READ);
        } else {
            self.event.silence();
        }
    }

    /// Makes the running turn count as one in which something happened.
    pub(crate) fn stir(&self) {
        self.event.activate();
    }
}
