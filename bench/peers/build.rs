//! Compiles the peers that are written in C, against the very libevent that
//! our own crate links.

use std::env;
use std::path::PathBuf;

const SHARED: &str = "c/contest.c";

fn main() {
    println!("cargo::rerun-if-changed=c");
    let include = env::var_os("DEP_EVENT_INCLUDE").expect("libevent-sys tells its dependents");
    let include: Vec<PathBuf> = env::split_paths(&include).collect();
    for program in ["raw", "libevent"] {
        cc::Build::new()
            .file(format!("c/{program}.c"))
            .file(SHARED)
            .includes(&include)
            .warnings(true)
            .extra_warnings(true)
            .define("_GNU_SOURCE", None)
            .define("main", format!("{program}_main").as_str())
            .cargo_metadata(false)
            .compile(&format!("peer_{program}"));
        let folder = env::var("OUT_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-search=native={folder}");
    }
}
