//! Floor 1, the safe half: system calls through `rustix`, one noun per file.
#![forbid(unsafe_code)]

pub(crate) mod alarm;
pub(crate) mod clock;
pub(crate) mod notifier;
pub(crate) mod pidfd;
pub(crate) mod pollable;
pub(crate) mod probe;
pub(crate) mod signalfd;
