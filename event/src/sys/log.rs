//! libevent's log, kept off standard error (hazards H22, L20).

use std::sync::Once;

static INSTALL: Once = Once::new();

/// Routes libevent's messages to the `log` facade, or nowhere without that feature.
pub(crate) fn install() {
    INSTALL.call_once(|| {
        // SAFETY: [STATIC-CLOSURE] a plain function that lives forever; `Once`
        // makes this the only write to libevent's global.
        unsafe { libevent_sys::event_set_log_callback(Some(forward)) };
    });
}

#[cfg(not(feature = "log"))]
extern "C" fn forward(_severity: libc::c_int, _text: *const libc::c_char) {}

#[cfg(feature = "log")]
extern "C" fn forward(severity: libc::c_int, text: *const libc::c_char) {
    // SAFETY: [NO-UNWIND] libevent passes a NUL-terminated text for the call.
    let text = unsafe { std::ffi::CStr::from_ptr(text) };
    let level = match severity {
        0 => log::Level::Debug,
        1 => log::Level::Info,
        2 => log::Level::Warn,
        _ => log::Level::Error,
    };
    // A logger is the user's code: a panic in it must not cross C.
    let _ = std::panic::catch_unwind(|| {
        log::log!(target: "libevent", level, "{}", text.to_string_lossy());
    });
}
