//! Floor 1, the unsafe half: one raw owner per C object, every trampoline, and
//! the few system calls that have no safe wrapper. Nothing here knows that a
//! reactor exists; policy is handed down as closures. Raw pointers stay inside.
//!
//! Each `unsafe` block cites an invariant of `docs/SAFETY.md` by name.

mod base;
#[cfg(target_os = "linux")]
mod clean_start;
mod config;
mod event;
mod fd;
mod foreign;
mod fork;
mod forked;
mod kernel_set;
mod log;
#[cfg(target_os = "linux")]
mod pipe_write;
#[cfg(any(test, not(target_os = "linux")))]
mod self_pipe;
mod signal;
mod signal_set;
#[cfg(all(feature = "net", target_os = "linux"))]
mod tcp_info;
#[cfg(any(feature = "hyper", feature = "tokio"))]
mod uninit;
mod version;

pub(crate) use base::RawBase;
#[cfg(target_os = "linux")]
pub(crate) use clean_start::start_clean;
pub(crate) use config::RawConfig;
pub(crate) use event::{RawEvent, What};
pub use fd::RawIo;
pub use foreign::ForeignBase;
pub(crate) use fork::Lineage;
pub use forked::Forked;
pub(crate) use forked::supersede;
#[cfg(target_os = "linux")]
pub(crate) use pipe_write::write_to_pipe;
#[cfg(any(test, not(target_os = "linux")))]
pub(crate) use self_pipe::Handler;
pub use signal::Signal;
pub(crate) use signal_set::SignalSet;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use tcp_info::tcp_info;
#[cfg(feature = "hyper")]
pub(crate) use uninit::recv_hyper;
#[cfg(feature = "tokio")]
pub(crate) use uninit::recv_tokio;
pub(crate) use version::version;
