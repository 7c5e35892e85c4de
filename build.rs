//! Compiles the C halves of examples and tests against the headers that
//! `libevent-sys` exports: the proof that any crate can link our libevent.
//! A crate gets these variables by a direct, normal dependency on it.

use std::env;

const C_FILES: [&str; 3] =
    ["examples/c/facts.c", "examples/c/half.c", "examples/embed_in_c/host.c"];

const METADATA: [&str; 8] =
    ["ROOT", "INCLUDE", "LIB", "VERSION", "VERSION_NUMBER", "VENDORED", "THREADS", "OPENSSL"];

fn main() {
    println!("cargo::rerun-if-changed=examples/c");
    println!("cargo::rerun-if-changed=examples/embed_in_c");
    for key in METADATA {
        println!("cargo::rustc-env=DEP_EVENT_{key}={}", metadata(key));
    }
    cc::Build::new()
        .files(C_FILES)
        .includes(env::split_paths(&metadata("INCLUDE")))
        .compile("c_halves");
}

fn metadata(key: &str) -> String {
    let name = format!("DEP_EVENT_{key}");
    env::var(&name).unwrap_or_else(|_| panic!("libevent-sys told its dependents no {name}"))
}
