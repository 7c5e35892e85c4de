//! Floor 1, the unsafe half: one raw owner per C object, every trampoline, and
//! the few system calls that have no safe wrapper. Nothing here knows that a
//! reactor exists; policy is handed down as closures. Raw pointers stay inside.
//!
//! Each `unsafe` block cites an invariant of `docs/SAFETY.md` by name.

mod base;
mod config;
mod event;
mod fd;
mod foreign;
mod fork;
mod forked;
mod log;
mod version;

pub(crate) use base::RawBase;
pub(crate) use config::RawConfig;
pub(crate) use event::{RawEvent, What};
pub use fd::RawIo;
pub use foreign::ForeignBase;
pub(crate) use fork::Lineage;
pub use forked::Forked;
pub(crate) use forked::supersede;
pub(crate) use version::version;
