//! The kernel's set behind a base, for another poller to wait on. It sits inside
//! an epoll of ours, because a base whose set is rebuilt has a new one.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll;

use crate::sys::{Forked, RawBase, supersede};

/// An epoll that is readable when the base's is.
pub(crate) struct Pollable(OwnedFd);

impl Pollable {
    /// `landmark`: a descriptor that only the base watches.
    pub(crate) fn new(base: &RawBase, landmark: RawFd) -> io::Result<Self> {
        let pollable = Self(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        pollable.follow(base, landmark)?;
        Ok(pollable)
    }

    /// In a forked child: an open file of its own, under the same number.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        supersede(child, self.0.as_raw_fd(), &epoll::create(epoll::CreateFlags::CLOEXEC)?)
    }

    /// Watches the base's set, which is a new one.
    pub(crate) fn follow(&self, base: &RawBase, landmark: RawFd) -> io::Result<()> {
        let set = base.kernel_set(landmark).ok_or(io::ErrorKind::Unsupported)?;
        epoll::add(&self.0, set, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        Ok(())
    }
}

impl AsFd for Pollable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
