//! The alarm of a loop where the kernel has none: a timer of libevent's. One
//! that rings early does no harm: nothing is found to be due, and it is set anew.
#![forbid(unsafe_code)]

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::os::clock;
use crate::sys::{Forked, RawBase, RawEvent};

pub(crate) struct Alarm(RawEvent);

impl Alarm {
    /// `rang` is called after each ring.
    pub(crate) fn new(base: &Rc<RawBase>, rang: impl Fn() + 'static) -> io::Result<Self> {
        Ok(Self(RawEvent::timer(base, move |_| rang())?))
    }

    /// After a fork: libevent's timers are memory, and the child's already.
    #[allow(clippy::unnecessary_wraps, reason = "a descriptor may fail")]
    pub(crate) fn renew(&self, _: &Forked) -> io::Result<()> {
        Ok(())
    }

    /// Rings once at `deadline`, and not when it was to before.
    pub(crate) fn set(&self, deadline: i64) -> io::Result<()> {
        let left = deadline.saturating_sub(clock::now()).max(0);
        self.0.ring_after(Duration::from_nanos(left.unsigned_abs()))
    }
}
