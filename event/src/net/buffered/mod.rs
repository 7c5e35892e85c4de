//! Reading and writing through a buffer, with limits.
#![forbid(unsafe_code)]

mod lines;
mod queue;
mod reader;
mod writer;

pub use lines::Lines;
pub use reader::BufferedReader;
pub use writer::BufferedWriter;

use std::io;

use super::error::SocketError;

/// The error of a socket, which the traits have made an [`io::Error`] of; that
/// of any other stream is what `failed` makes of it.
fn restore(error: io::Error, failed: fn(io::Error) -> SocketError) -> SocketError {
    error.downcast().unwrap_or_else(failed)
}
