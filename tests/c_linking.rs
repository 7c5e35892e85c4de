//! Any crate can compile C against our libevent, and share a base with it.

// Raw FFI is the subject here.
#![allow(unsafe_code)]

use libevent_sys as sys;
use std::ffi::{CStr, c_char, c_uint};
use std::path::Path;

// The example is the program under test; only its `main` is of no use here.
#[allow(dead_code)]
#[path = "../examples/shared_base.rs"]
mod shared_base;

unsafe extern "C" {
    safe fn facts_version() -> *const c_char;
    safe fn facts_version_number() -> c_uint;
    safe fn facts_sizeof_event() -> usize;
}

#[test]
fn c_and_rust_share_one_loop() {
    let meeting = shared_base::meet();
    assert_eq!(meeting.c_ticks, 1);
    assert_eq!(meeting.c_heard, "hello from Rust");
    assert_eq!(meeting.rust_ticks, 1);
    assert_eq!(meeting.rust_heard, "hello from C");
    assert_eq!(meeting.loop_ended, 1);
}

#[test]
fn c_header_library_and_rust_agree_on_struct_event() {
    // SAFETY: no precondition.
    let library = unsafe { sys::event_get_struct_event_size() };
    assert_eq!(library, facts_sizeof_event());
    assert_eq!(library, size_of::<sys::event>());
}

#[test]
fn header_library_and_metadata_are_one_version() {
    let header = text(facts_version());
    // SAFETY: no precondition.
    let library = text(unsafe { sys::event_get_version() });
    assert_eq!(header, library);
    assert_eq!(header, env!("DEP_EVENT_VERSION"));
}

#[test]
fn header_library_and_metadata_are_one_version_number() {
    let hexadecimal = env!("DEP_EVENT_VERSION_NUMBER").strip_prefix("0x").expect("a C constant");
    let metadata = u32::from_str_radix(hexadecimal, 16).expect("a 32-bit number");
    // SAFETY: no precondition.
    let library = unsafe { sys::event_get_version_number() };
    assert_eq!(facts_version_number(), library);
    assert_eq!(metadata, library);
}

#[test]
fn metadata_names_existing_folders() {
    assert!(Path::new(env!("DEP_EVENT_ROOT")).is_dir());
    assert!(holds(env!("DEP_EVENT_INCLUDE"), "event2/event.h"));
    assert!(holds(env!("DEP_EVENT_INCLUDE"), "event2/event-config.h"));
    for folder in std::env::split_paths(env!("DEP_EVENT_LIB")) {
        assert!(folder.is_dir(), "{}", folder.display());
    }
}

/// The layout that other build systems are pointed at; a system library lies
/// where its distribution put it.
#[test]
fn vendored_library_is_laid_out_as_installed() {
    if env!("DEP_EVENT_VENDORED") == "0" {
        return;
    }
    let root = Path::new(env!("DEP_EVENT_ROOT"));
    assert_eq!(root.join("include"), Path::new(env!("DEP_EVENT_INCLUDE")));
    assert_eq!(root.join("lib"), Path::new(env!("DEP_EVENT_LIB")));
    for file in
        ["lib/libevent.a", "lib/libevent_core.a", "lib/pkgconfig/libevent.pc", "include/event.h"]
    {
        assert!(root.join(file).is_file(), "{file}");
    }
}

#[test]
fn metadata_states_what_was_built() {
    assert!(["0", "1"].contains(&env!("DEP_EVENT_VENDORED")));
    for (part, flag) in [
        ("event_pthreads", env!("DEP_EVENT_THREADS")),
        ("event_openssl", env!("DEP_EVENT_OPENSSL")),
    ] {
        let built = holds(env!("DEP_EVENT_LIB"), &format!("lib{part}.a"));
        match env!("DEP_EVENT_VENDORED") {
            "1" => assert_eq!(flag == "1", built, "{part}"),
            _ => assert!(["0", "1"].contains(&flag), "{part}"),
        }
    }
}

fn text(c: *const c_char) -> &'static str {
    // SAFETY: a constant of the library or of the header.
    unsafe { CStr::from_ptr(c) }.to_str().expect("ASCII")
}

fn holds(folders: &str, file: &str) -> bool {
    std::env::split_paths(folders).any(|folder| folder.join(file).is_file())
}
