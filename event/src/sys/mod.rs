//! Floor 1, the unsafe half: one raw owner per C object, every trampoline, and
//! the few system calls that have no safe wrapper. Nothing here knows that a
//! reactor exists; policy is handed down as closures. Raw pointers stay inside.
//!
//! Each `unsafe` block cites an invariant of `docs/SAFETY.md` by name.

mod base;
#[cfg(target_os = "linux")]
mod clean_start;
mod config;
#[cfg(feature = "net")]
mod control;
#[cfg(feature = "net")]
mod credentials;
#[cfg(all(feature = "net", target_os = "linux"))]
mod datagrams;
mod event;
mod fd;
mod foreign;
mod fork;
mod forked;
#[cfg(feature = "net")]
mod interface;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel_set;
mod log;
#[cfg(feature = "net")]
mod message;
#[cfg(all(feature = "net", target_os = "linux"))]
mod option;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other_set;
#[cfg(feature = "net")]
mod pages;
#[cfg(target_os = "linux")]
mod pipe_write;
#[cfg(feature = "net")]
mod rights;
#[cfg(any(test, event_portable, not(target_os = "linux")))]
mod self_pipe;
mod signal;
mod signal_set;
#[cfg(target_os = "linux")]
mod sigpipe;
#[cfg(all(feature = "net", target_os = "linux"))]
mod tcp_info;
#[cfg(any(feature = "hyper", feature = "tokio"))]
mod uninit;
mod version;

pub(crate) use base::RawBase;
#[cfg(target_os = "linux")]
pub(crate) use clean_start::start_clean;
pub(crate) use config::RawConfig;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use control::controls;
#[cfg(feature = "net")]
pub(crate) use control::{Control, room};
#[cfg(feature = "net")]
pub(crate) use credentials::peer_ids;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use datagrams::receive_many;
pub(crate) use event::{RawEvent, Report, Slot, What};
pub use fd::RawIo;
pub use foreign::ForeignBase;
pub(crate) use fork::Lineage;
pub use forked::Forked;
pub(crate) use forked::supersede;
#[cfg(feature = "net")]
pub(crate) use interface::interface_index;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use message::receive;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use option::{option, set_option};
#[cfg(feature = "net")]
pub(crate) use pages::Pages;
#[cfg(target_os = "linux")]
pub(crate) use pipe_write::write_to_pipe;
#[cfg(feature = "net")]
pub(crate) use rights::receive_rights;
#[cfg(any(test, event_portable, not(target_os = "linux")))]
pub(crate) use self_pipe::Handler;
pub use signal::Signal;
pub(crate) use signal_set::SignalSet;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use sigpipe::without_sigpipe;
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) use tcp_info::tcp_info;
#[cfg(feature = "hyper")]
pub(crate) use uninit::recv_hyper;
#[cfg(feature = "tokio")]
pub(crate) use uninit::recv_tokio;
pub(crate) use version::version;
