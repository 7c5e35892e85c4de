//! Floor 1, the safe half: system calls through `rustix`, one noun per file.
#![forbid(unsafe_code)]

#[cfg(all(any(target_os = "linux", target_os = "android"), not(event_portable)))]
pub(crate) mod alarm;
pub(crate) mod arrived;
pub(crate) mod clock;
#[cfg_attr(
    any(event_portable, not(any(target_os = "linux", target_os = "android"))),
    path = "notifier_pipe.rs"
)]
pub(crate) mod notifier;
#[cfg(all(test, all(any(target_os = "linux", target_os = "android"), not(event_portable))))]
mod notifier_pipe;
#[cfg(target_os = "linux")]
pub(crate) mod pidfd;
#[cfg(any(test, event_portable, not(target_os = "linux")))]
mod pipe;
#[cfg_attr(
    any(event_portable, not(any(target_os = "linux", target_os = "android"))),
    path = "no_pollable.rs"
)]
pub(crate) mod pollable;
pub(crate) mod probe;
#[cfg(any(test, event_portable, not(target_os = "linux")))]
pub(crate) mod signal_pipe;
#[cfg(all(target_os = "linux", not(event_portable)))]
pub(crate) mod signalfd;

#[cfg(any(event_portable, not(target_os = "linux")))]
pub(crate) use signal_pipe::SignalPipe as SignalSource;
#[cfg(all(target_os = "linux", not(event_portable)))]
pub(crate) use signalfd::SignalFd as SignalSource;
