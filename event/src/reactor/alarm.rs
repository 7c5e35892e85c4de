//! The alarm of a loop: a descriptor that it watches.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use crate::os::alarm::Alarm as Descriptor;
use crate::sys::{Forked, RawBase, RawEvent, What};

pub(crate) struct Alarm {
    /// First: it ends before the descriptor closes.
    _event: RawEvent,
    descriptor: Rc<Descriptor>,
}

impl Alarm {
    /// `rang` is called after each ring.
    pub(crate) fn new(base: &Rc<RawBase>, rang: impl Fn() + 'static) -> io::Result<Self> {
        let edges = base.has_edges();
        let descriptor = Rc::new(Descriptor::new()?);
        let rings = descriptor.clone();
        let call = move |_| {
            // There may be no next deadline to set it to, and it would ring on.
            if !edges {
                rings.hush();
            }
            rang();
        };
        let event = RawEvent::new(base, descriptor.as_fd().as_raw_fd(), call)?;
        event.listen_unseen(if edges { What::READ | What::EDGE } else { What::READ })?;
        Ok(Self { _event: event, descriptor })
    }

    /// After a fork: an alarm that is not the parent's.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        self.descriptor.renew(child)
    }

    /// Rings once at `deadline`, and not when it was to before.
    pub(crate) fn set(&self, deadline: i64) -> io::Result<()> {
        self.descriptor.set(deadline)
    }
}
