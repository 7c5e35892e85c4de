//! The kernel's set behind a base, for another poller to wait on.
//!
//! libevent does not tell which epoll descriptor is its own. `/proc` does: the
//! one whose list of watched descriptors has those that nobody else watches.
//! It sits inside an epoll of ours, because a rebuilt base has a new one.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll;

use crate::sys::{Forked, RawBase, supersede};

/// An epoll that is readable when the base's is.
pub(crate) struct Pollable(OwnedFd);

impl Pollable {
    /// `landmarks`: descriptors that only the base watches.
    pub(crate) fn new(base: &RawBase, landmarks: [RawFd; 2]) -> io::Result<Self> {
        let pollable = Self(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        pollable.follow(base, landmarks)?;
        Ok(pollable)
    }

    /// In a forked child: an open file of its own, under the same number.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        supersede(child, self.0.as_raw_fd(), &epoll::create(epoll::CreateFlags::CLOEXEC)?)
    }

    /// Looks for the base's set (anew) and watches it.
    pub(crate) fn follow(&self, base: &RawBase, landmarks: [RawFd; 2]) -> io::Result<()> {
        let inner = find(landmarks).ok_or(io::ErrorKind::Unsupported)?;
        let inner = base.borrow_backend(inner);
        epoll::add(&self.0, inner, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        Ok(())
    }
}

impl AsFd for Pollable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The number of the epoll descriptor that watches all the landmarks.
fn find(landmarks: [RawFd; 2]) -> Option<RawFd> {
    let entries = fs::read_dir("/proc/self/fdinfo").ok()?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut sets = numbers.filter(|number: &RawFd| {
        let watched = targets(*number);
        landmarks.iter().all(|landmark| watched.contains(landmark))
    });
    sets.next()
}

/// What an epoll descriptor watches: the `tfd:` lines of its `fdinfo`.
fn targets(number: RawFd) -> Vec<RawFd> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    let lines = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
    lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).collect()
}
