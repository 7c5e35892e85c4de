//! skeleton docs
#![cfg_attr(docsrs, feature(doc_cfg))]

mod os;
mod reactor;
#[allow(unsafe_code)]
mod sys;

pub use libevent_sys as ffi;
pub use reactor::{
    AsyncFd, Builder, Counters, EventLoop, Feature, Interest, Kind, LoopClosed, LoopHandle,
    OnPanic, Readiness, Ready, Registration, Remote, Timer, TimerError, Watch, WatchError, Watcher,
};
pub use sys::{ForeignBase, Forked, RawIo};

/// The version of the libevent that is linked (`event_get_version(3)`).
///
/// ```
/// assert!(event::libevent_version().starts_with("2."));
/// ```
pub fn libevent_version() -> &'static str {
    sys::version()
}
