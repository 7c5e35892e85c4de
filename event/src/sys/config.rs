//! `event_config`: how a base is to be made.

use std::ffi::CString;
use std::io;
use std::ptr::NonNull;

use libevent_sys as ffi;

/// Owner of one `event_config`.
pub(crate) struct RawConfig(NonNull<ffi::event_config>);

impl RawConfig {
    /// `event_config_new`, with the flags that every base of ours has: no
    /// libevent locks (each loop is single-threaded by type), a deaf ear for
    /// the environment (H24), and no cached time (L11).
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: [CHECKED-NULL] takes nothing; NULL is handled below.
        let config = unsafe { ffi::event_config_new() };
        let config = Self(NonNull::new(config).ok_or(io::ErrorKind::OutOfMemory)?);
        config.set(ffi::EVENT_BASE_FLAG_NOLOCK)?;
        config.set(ffi::EVENT_BASE_FLAG_IGNORE_ENV)?;
        config.set(ffi::EVENT_BASE_FLAG_NO_CACHE_TIME)?;
        // libevent's own timer is the alarm there: by a coarse clock it would ring
        // some milliseconds late. (On Linux the alarm is a timerfd of ours.)
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        config.set(ffi::EVENT_BASE_FLAG_PRECISE_TIMER)?;
        Ok(config)
    }

    fn set(&self, flag: ffi::event_base_config_flag) -> io::Result<()> {
        // SAFETY: [ONE-OWNER] the pointer is ours and live.
        let result = unsafe { ffi::event_config_set_flag(self.as_ptr(), flag as libc::c_int) };
        accepted(result, "event_config_set_flag refused a flag")
    }

    /// `event_config_avoid_method`.
    pub(crate) fn avoid(&self, method: &str) -> io::Result<()> {
        let method = CString::new(method)?;
        // SAFETY: [ONE-OWNER] ours and live; libevent copies the name.
        let result = unsafe { ffi::event_config_avoid_method(self.as_ptr(), method.as_ptr()) };
        accepted(result, "event_config_avoid_method failed")
    }

    /// `event_config_require_features`.
    pub(crate) fn require(&self, features: libc::c_int) -> io::Result<()> {
        // SAFETY: [ONE-OWNER] ours and live.
        let result = unsafe { ffi::event_config_require_features(self.as_ptr(), features) };
        accepted(result, "event_config_require_features failed")
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::event_config {
        self.0.as_ptr()
    }
}

impl Drop for RawConfig {
    fn drop(&mut self) {
        // SAFETY: [ONE-OWNER] freed once, here; bases copy what they need.
        unsafe { ffi::event_config_free(self.as_ptr()) };
    }
}

fn accepted(result: libc::c_int, what: &'static str) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::other(what)),
    }
}
