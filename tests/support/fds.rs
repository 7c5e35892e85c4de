//! Descriptor numbers of the test's own choice. Tests of one binary run in
//! parallel, and the lowest free number may be anybody's; these are nobody
//! else's, so that one may be closed and used again on purpose.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::fcntl_dupfd_cloexec;

static NEXT: AtomicI32 = AtomicI32::new(600);

/// A number that no other test uses.
pub fn own_number() -> RawFd {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Moves an open file to that number.
#[track_caller]
pub fn at_number(number: RawFd, file: impl Into<OwnedFd>) -> OwnedFd {
    let file = file.into();
    let moved = duplicate_from(number, &file);
    assert_eq!(moved.as_raw_fd(), number, "the number is taken");
    moved
}

/// Another descriptor of the same open file.
pub fn duplicate(file: &impl AsFd) -> OwnedFd {
    duplicate_from(0, file)
}

fn duplicate_from(least: RawFd, file: &impl AsFd) -> OwnedFd {
    fcntl_dupfd_cloexec(file, least).unwrap()
}
