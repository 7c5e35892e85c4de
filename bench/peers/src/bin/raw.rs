//! The peer in `c/raw.c`.

use std::ffi::{c_char, c_int};
use std::process::ExitCode;

#[link(name = "peer_raw", kind = "static")]
unsafe extern "C" {
    fn raw_main(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

fn main() -> ExitCode {
    peers::run(raw_main)
}
