//! How a watcher holds its descriptor: as its owner, or by a weak reference
//! (rule 1.2).
#![forbid(unsafe_code)]

use std::cell::{Ref, RefCell};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::{Rc, Weak};

/// The two ways of holding. (The third, raw, is owning a [`RawIo`](crate::RawIo).)
pub(crate) enum Source<F> {
    Owned(RefCell<Option<F>>),
    Shared(Weak<F>),
}

impl<F: AsFd> Source<F> {
    /// Gets hold of the descriptor for a dispatch, if it is still the one that
    /// was registered as `fd` (rule 1.3).
    pub(crate) fn hold(&self, fd: RawFd) -> Option<Hold<'_, F>> {
        let hold = match self {
            Self::Owned(io) => Hold::Owned(Ref::filter_map(io.borrow(), Option::as_ref).ok()?),
            Self::Shared(io) => Hold::Shared(io.upgrade()?),
        };
        (hold.io().as_fd().as_raw_fd() == fd).then_some(hold)
    }

    /// Gives an owned descriptor back, unless somebody is just looking at it.
    pub(crate) fn take(&self) -> Option<F> {
        match self {
            Self::Owned(io) => io.try_borrow_mut().ok()?.take(),
            Self::Shared(_) => None,
        }
    }
}

/// A descriptor held for a moment.
pub(crate) enum Hold<'a, F> {
    Owned(Ref<'a, F>),
    Shared(Rc<F>),
}

impl<F: AsFd> Hold<'_, F> {
    pub(crate) fn io(&self) -> &F {
        match self {
            Self::Owned(io) => io,
            Self::Shared(io) => io,
        }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.io().as_fd()
    }

    /// What must be kept alive for the length of a dispatch.
    pub(crate) fn into_shared(self) -> Option<Rc<F>> {
        match self {
            Self::Owned(_) => None,
            Self::Shared(io) => Some(io),
        }
    }
}
