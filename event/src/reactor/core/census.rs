//! What is alive in the loop.
#![forbid(unsafe_code)]

use super::Core;
use crate::reactor::live::{Kind, Registration};

impl Core {
    /// How many things keep the loop alive.
    pub(crate) fn live(&self) -> usize {
        let tasks = self.work.get().map_or(0, |work| work.live());
        let put_off = self.deferred.len() + self.remote.waiting();
        self.listening.get() + self.timers.len() + put_off + tasks
    }

    /// What they are.
    pub(crate) fn registrations(&self) -> Vec<Registration> {
        let plain = |kind| Registration { kind, fd: None, deadline: None };
        let tasks = self.work.get().map_or(0, |work| work.live());
        let mut all: Vec<_> =
            self.registry.borrow().iter().filter_map(|watched| watched.registration()).collect();
        all.extend(
            self.timers
                .deadlines()
                .into_iter()
                .map(|deadline| Registration { deadline: Some(deadline), ..plain(Kind::Timer) }),
        );
        let put_off = self.deferred.len() + self.remote.waiting();
        all.extend(std::iter::repeat_n(plain(Kind::Deferred), put_off));
        all.extend(std::iter::repeat_n(plain(Kind::Task), tasks));
        all
    }
}
