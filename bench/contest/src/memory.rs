//! How much memory the process has touched.

use std::fs;
use std::io;

use rustix::param::page_size;

/// Kilobytes that are resident now.
///
/// # Errors
///
/// If `/proc` does not say.
pub fn resident_kb() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or(io::ErrorKind::InvalidData)?;
    Ok(pages * page_size() as u64 / 1024)
}
