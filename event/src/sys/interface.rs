//! Network interfaces by name.

use std::ffi::CString;
use std::io;

/// `if_nametoindex(3)`.
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    // SAFETY: [OWN-MEMORY] a text that lives until the end of this call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}
