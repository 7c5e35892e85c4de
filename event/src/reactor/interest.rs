//! What a watcher wants to hear of, what a descriptor has to say, and which
//! callbacks follow from the two (rules 2.2 to 2.4).
#![forbid(unsafe_code)]

use bitflags::bitflags;
use rustix::event::PollFlags;

use crate::sys::What;

bitflags! {
    /// The callbacks of a watcher that may run.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Interest: u8 {
        /// The read callback.
        const READ = 1;
        /// The write callback.
        const WRITE = 2;
        /// The error callback.
        const ERROR = 4;
    }
}

bitflags! {
    /// What a descriptor was found ready for.
    ///
    /// Errors and hang-ups are told apart only where it matters for the
    /// choice of callbacks: a watcher with nothing but a read callback is not
    /// worth the `poll(2)` that finds out, and reports plain `READ`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Readiness: u8 {
        /// Bytes, a connection or the end of file can be read.
        const READ = 1;
        /// There is room to write.
        const WRITE = 2;
        /// An error is pending (`EPOLLERR`).
        const ERROR = 4;
        /// The peer has hung up (`EPOLLHUP`).
        const HANG_UP = 8;
    }
}

impl Readiness {
    /// What libevent says, taken at its word.
    pub(crate) fn reported(what: What) -> Self {
        let mut ready = Self::empty();
        ready.set(Self::READ, what.contains(What::READ));
        ready.set(Self::WRITE, what.contains(What::WRITE));
        ready
    }

    /// What `poll(2)` says.
    pub(crate) fn probed(found: PollFlags) -> Self {
        let mut ready = Self::empty();
        ready.set(Self::READ, found.contains(PollFlags::IN));
        ready.set(Self::WRITE, found.contains(PollFlags::OUT));
        ready.set(Self::ERROR, found.contains(PollFlags::ERR));
        ready.set(Self::HANG_UP, found.contains(PollFlags::HUP));
        ready
    }

    /// The callbacks that this readiness calls for, of those installed.
    pub(crate) fn calls(self, installed: Interest) -> Interest {
        let transfer = installed & (Interest::READ | Interest::WRITE);
        if self.contains(Self::ERROR) {
            let handled = installed.contains(Interest::ERROR);
            return if handled { Interest::ERROR } else { transfer };
        }
        let mut due = Interest::empty();
        due.set(Interest::READ, self.intersects(Self::READ | Self::HANG_UP));
        due.set(Interest::WRITE, self.contains(Self::WRITE));
        due & transfer
    }

    /// Whether epoll goes on reporting this to whatever is registered, asked or not.
    pub(crate) fn is_unmaskable(self) -> bool {
        self.intersects(Self::ERROR | Self::HANG_UP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules, written the other way round: callback by callback.
    fn by_the_book(ready: Readiness, installed: Interest) -> Interest {
        let error = ready.contains(Readiness::ERROR);
        let takes_over = error && installed.contains(Interest::ERROR);
        let read = error || ready.intersects(Readiness::READ | Readiness::HANG_UP);
        let write = error || ready.contains(Readiness::WRITE);
        let mut due = Interest::empty();
        due.set(Interest::ERROR, takes_over);
        due.set(Interest::READ, read && !takes_over && installed.contains(Interest::READ));
        due.set(Interest::WRITE, write && !takes_over && installed.contains(Interest::WRITE));
        due
    }

    #[test]
    fn rules_2_3_and_2_4_hold_for_all_sixteen_masks_and_every_set_of_callbacks() {
        for (mask, installed) in (0..16).flat_map(|mask| (0..8).map(move |set| (mask, set))) {
            let ready = Readiness::from_bits_retain(mask);
            let installed = Interest::from_bits_retain(installed);
            assert_eq!(
                ready.calls(installed),
                by_the_book(ready, installed),
                "{ready:?} {installed:?}"
            );
        }
    }

    #[test]
    fn rule_2_4_a_hang_up_alone_is_read_and_never_write() {
        let due = Readiness::HANG_UP.calls(Interest::all());
        assert_eq!(due, Interest::READ);
        assert_eq!(Readiness::HANG_UP.calls(Interest::WRITE), Interest::empty());
    }
}
