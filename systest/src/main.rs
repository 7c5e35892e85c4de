//! Exits with an error that names each difference between the bindings and the
//! C headers. What it runs is written by the build script.
#![allow(clippy::all)]

use libevent_sys::*;

include!(concat!(env!("OUT_DIR"), "/abi.rs"));
