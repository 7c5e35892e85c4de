//! The peer in `c/libevent.c`.

use std::ffi::{c_char, c_int};
use std::process::ExitCode;

use libevent_sys as _;

#[link(name = "peer_libevent", kind = "static")]
unsafe extern "C" {
    fn libevent_main(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

fn main() -> ExitCode {
    peers::run(libevent_main)
}
