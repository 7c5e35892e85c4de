//! Writes the comparison: ctest's for constants, layouts and addresses, and our
//! own for signatures, which ctest leaves out.

#[path = "build/declared.rs"]
mod declared;
#[path = "build/rustc.rs"]
mod rustc;
#[path = "build/signatures.rs"]
mod signatures;
#[path = "build/skip.rs"]
mod skip;

use declared::Declared;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const CRATE: &str = "../libevent-sys/src";

/// In the order of a careful C program: the compat headers lean on the rest.
const HEADERS: [&str; 24] = [
    "event",
    "event_struct",
    "event_compat",
    "buffer",
    "buffer_compat",
    "bufferevent",
    "bufferevent_struct",
    "bufferevent_compat",
    "bufferevent_ssl",
    "dns",
    "dns_struct",
    "dns_compat",
    "http",
    "http_struct",
    "http_compat",
    "keyvalq_struct",
    "listener",
    "rpc",
    "rpc_struct",
    "rpc_compat",
    "tag",
    "tag_compat",
    "thread",
    "util",
];

/// Structures of the system, some under the names that libevent gives them.
const FOREIGN: [&str; 8] = [
    "sockaddr",
    "timeval",
    "tm",
    "in_addr",
    "in6_addr",
    "evbuffer_iovec",
    "evutil_addrinfo",
    "ssl_st",
];

/// Against what the bindings are held.
pub struct Headers {
    include: Vec<PathBuf>,
    /// Whether the library is the vendored one, or else the system's.
    vendored: bool,
    openssl: bool,
}

fn main() {
    println!("cargo::rerun-if-changed={CRATE}");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let headers = Headers::from_cargo();
    let declared = Rc::new(Declared::read(&headers.files(), Path::new(CRATE)));
    signatures::compare(&headers, &declared, &out);
    compare(&headers, &declared, &out);
}

impl Headers {
    fn from_cargo() -> Self {
        let metadata =
            |key| env::var(key).unwrap_or_else(|_| panic!("libevent-sys did not emit {key}"));
        Self {
            include: env::split_paths(&metadata("DEP_EVENT_INCLUDE")).collect(),
            vendored: metadata("DEP_EVENT_VENDORED") == "1",
            openssl: metadata("DEP_EVENT_OPENSSL") == "1",
        }
    }

    /// The generated files that describe them.
    fn files(&self) -> Vec<&'static str> {
        let openssl = self.openssl.then_some("bindings_openssl.rs");
        ["bindings.rs", "bindings_threads.rs", "bindings_compat.rs"]
            .into_iter()
            .chain(openssl)
            .collect()
    }

    /// The headers of a library that takes its randomness from the C library do
    /// not declare the function that adds to libevent's own.
    fn lacks(&self) -> &'static [&'static str] {
        if self.vendored { &[] } else { &["evutil_secure_rng_add_bytes"] }
    }
}

fn compare(headers: &Headers, declared: &Rc<Declared>, out: &Path) {
    let mut test = ctest::TestGenerator::new();
    // The library itself was compiled so, and its numbers follow.
    test.define("_GNU_SOURCE", None).define("_FILE_OFFSET_BITS", Some("64"));
    test.edition(2024).out_dir(out);
    for folder in &headers.include {
        test.include(folder);
    }
    for header in HEADERS {
        test.header(&format!("event2/{header}.h"));
    }
    for feature in ["compat", "threads"].into_iter().chain(headers.openssl.then_some("openssl")) {
        test.cfg("feature", Some(feature));
    }
    skip::rename(&mut test, declared);
    skip::skip(&mut test, declared, headers);
    rustc::know_dependencies(out, headers.openssl);
    ctest::generate_test(&mut test, Path::new(CRATE).join("lib.rs"), "abi.rs")
        .expect("ctest generates");
}
