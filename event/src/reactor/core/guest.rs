//! The loop as a guest: C drives it, with `event_base_loop` on a base that was
//! adopted, or another poller does, that waits for our descriptor.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use super::Core;
use crate::os::pollable::Pollable;
use crate::reactor::handle::{Current, LoopHandle};
use crate::sys::Forked;

impl Core {
    /// From now on whatever is scheduled reaches the kernel at once.
    pub(crate) fn be_eager(&self) {
        self.eager.set(true);
        self.touch();
    }

    /// After anything was scheduled or taken back: makes sure that the host
    /// notices. Our own turns look for themselves, and look back at their end.
    pub(crate) fn touch(&self) {
        if self.is_hosted() && !self.attending.get() && self.prepare() {
            self.remote.kick();
        }
    }

    /// After a turn, however it ended: a bell that rang during it may have been
    /// heard already, so what is left needs another ring.
    pub(super) fn look_back(&self) {
        if self.is_hosted() && self.prepare() {
            self.remote.kick_again();
        }
    }

    /// Whether a host, and not `run*`, is to hear of what is scheduled. A
    /// forked child has none: the kernel objects are its parent's.
    fn is_hosted(&self) -> bool {
        self.eager.get() && !self.running.get() && self.base.is_here() && !self.closed.get()
    }

    /// Sets the alarm and the anchor; whether the bell is needed too.
    fn prepare(&self) -> bool {
        if let Some(anchor) = &self.anchor {
            anchor.hold(self.live() > self.listening.get());
        }
        // A failure to set the alarm leaves the bell, which is always there.
        self.timers.arm(None).is_err() || self.is_ready()
    }

    /// The bell or the alarm rang: unless the turn is ours, does what our turn
    /// does before and after its descriptors.
    pub(super) fn attend(self: &Rc<Self>) {
        if self.closed.get() {
            return;
        }
        self.stir();
        if !self.base.is_turning() {
            self.stand_in();
        }
    }

    /// An event has happened that libevent does not count.
    fn stir(&self) {
        if let Some(anchor) = &self.anchor {
            anchor.stir();
        }
    }

    fn stand_in(self: &Rc<Self>) {
        let _attending = Attending::new(self);
        let _current = LoopHandle::new(self.clone()).make_current();
        // What the kernel refuses now it will refuse in a turn of ours as well,
        // which can say so.
        let _ = self.mend();
        self.after_descriptors(self.horizon());
        if self.remote.take_stop() {
            self.base.interrupt();
        }
    }

    /// Before a watcher's callbacks. Under C's loop nobody has said yet which
    /// loop is the current one.
    pub(crate) fn step_in(self: &Rc<Self>, unseen: bool) -> Option<Current> {
        if unseen {
            self.stir();
        }
        let hosted = self.anchor.is_some() && !self.running.get();
        hosted.then(|| LoopHandle::new(self.clone()).make_current())
    }

    /// The descriptor that becomes readable when there is something to do.
    pub(crate) fn pollable(&self) -> io::Result<BorrowedFd<'_>> {
        self.check()?;
        if self.clock.is_virtual() || !self.edges {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let pollable = match self.pollable.get() {
            Some(pollable) => pollable,
            None => {
                let made = Pollable::new(&self.base, self.remote.bell())?;
                self.pollable.get_or_init(|| made)
            }
        };
        self.be_eager();
        Ok(pollable.as_fd())
    }

    /// In a forked child: kernel objects of its own.
    pub(crate) fn reinit_after_fork(&self, child: &Forked) -> io::Result<()> {
        if self.base.is_inside() || self.running.get() {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        self.purge();
        self.base.part_from_parent(child, self.remote.bell())?;
        self.remote.renew(child)?;
        self.timers.renew(child)?;
        if let Some(pollable) = self.pollable.get() {
            pollable.renew(child)?;
        }
        let rebuilt = self.base.reinit(child);
        self.follow()?;
        rebuilt?;
        self.look_back();
        Ok(())
    }
}

/// The time in which the loop does its part of C's turn.
struct Attending<'a>(&'a Core);

impl<'a> Attending<'a> {
    fn new(core: &'a Core) -> Self {
        core.attending.set(true);
        Self(core)
    }
}

impl Drop for Attending<'_> {
    /// Also after a panic: the rest must be noticed later.
    fn drop(&mut self) {
        self.0.attending.set(false);
        self.0.look_back();
    }
}
