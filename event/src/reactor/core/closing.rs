//! The end of a loop: nothing stays behind, whatever the captures do.
#![forbid(unsafe_code)]

use std::rc::Rc;

use super::{Core, Work};
use crate::reactor::registry::Watched;

impl Core {
    /// The end of the loop: everything registered is dropped, handles turn inert.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        if let Some(anchor) = &self.anchor {
            anchor.hold(false);
        }
        // Dropped last to first when this returns, each of them also if a
        // capture of another panics.
        let _tasks = self.work.get().cloned().map(Tasks);
        let _doorbell = self.doorbell.take();
        let _deferred = self.deferred.take();
        let _timers = self.timers.take();
        let _watches: Vec<_> = self.registry.take().iter().cloned().map(Watch).collect();
        self.remote.close();
    }
}

/// A watch that ends with the loop.
struct Watch(Rc<dyn Watched>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.retire();
        self.0.bury();
    }
}

/// The tasks, which end with the loop.
struct Tasks(Rc<dyn Work>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.clear();
    }
}
