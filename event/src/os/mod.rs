//! Floor 1, the safe half: system calls through `rustix`, one noun per file.
#![forbid(unsafe_code)]

pub(crate) mod alarm;
pub(crate) mod arrived;
pub(crate) mod clock;
pub(crate) mod notifier;
#[cfg(target_os = "linux")]
pub(crate) mod pidfd;
pub(crate) mod pollable;
pub(crate) mod probe;
#[cfg(any(test, not(target_os = "linux")))]
pub(crate) mod signal_pipe;
#[cfg(target_os = "linux")]
pub(crate) mod signalfd;

#[cfg(not(target_os = "linux"))]
pub(crate) use signal_pipe::SignalPipe as SignalSource;
#[cfg(target_os = "linux")]
pub(crate) use signalfd::SignalFd as SignalSource;
