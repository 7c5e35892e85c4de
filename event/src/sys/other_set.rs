//! The kernel's set behind a base where it is no epoll: a closed descriptor
//! leaves it by itself, whoever has a duplicate, and a forked child does not
//! share it. There is nothing to be mended.

use std::io;
use std::os::fd::RawFd;

use super::{Forked, RawBase};

impl RawBase {
    /// Nothing in the set is out of reach.
    #[allow(clippy::unnecessary_wraps, reason = "an epoll may fail")]
    pub(crate) fn renew_set(&self, _landmark: RawFd) -> io::Result<()> {
        Ok(())
    }

    /// What is deleted in the child is not deleted in the parent.
    #[allow(clippy::unnecessary_wraps, reason = "an epoll may fail")]
    pub(crate) fn part_from_parent(&self, _child: &Forked, _landmark: RawFd) -> io::Result<()> {
        Ok(())
    }
}
