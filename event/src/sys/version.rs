//! What the linked library says of itself.

use std::ffi::CStr;

/// The version of the libevent that is linked, by `event_get_version`.
pub(crate) fn version() -> &'static str {
    // SAFETY: [STATIC-TEXT] the function takes nothing and never fails.
    let text = unsafe { libevent_sys::event_get_version() };
    // SAFETY: [STATIC-TEXT] libevent returns a pointer to a string literal.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().unwrap_or("unknown")
}
