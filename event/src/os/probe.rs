//! What a descriptor is really ready for: `poll(2)` without waiting.
//!
//! libevent folds errors and hang-ups into READ|WRITE (L1, L2). Asking again
//! consumes nothing, unlike `SO_ERROR`, which reading clears (L4).
#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The bits that hold now; none if the system cannot say.
pub(crate) fn probe(fd: BorrowedFd<'_>) -> PollFlags {
    let wanted = PollFlags::IN | PollFlags::OUT;
    let mut asked = [PollFd::from_borrowed_fd(fd, wanted)];
    match poll(&mut asked, Some(&NOW)) {
        Ok(1..) => asked[0].revents(),
        _ => PollFlags::empty(),
    }
}
