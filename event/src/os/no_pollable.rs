//! The kernel's set behind a base, for another poller to wait on: only an epoll
//! can be found and waited for.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use crate::sys::{Forked, RawBase};

/// There is none.
pub(crate) enum Pollable {}

impl Pollable {
    pub(crate) fn new(_: &RawBase, _: RawFd) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn renew(&self, _: &Forked) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn follow(&self, _: &RawBase, _: RawFd) -> io::Result<()> {
        match *self {}
    }
}

impl AsFd for Pollable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
