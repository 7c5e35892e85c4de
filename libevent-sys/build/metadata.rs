//! What cargo, this crate and its dependents are told.

use crate::library::{Library, OPENSSL, THREADS};
use crate::target::Target;
use crate::version::Version;
use std::path::PathBuf;

/// Every cfg that a build of this crate may set.
pub fn declare() {
    for cfg in ["libevent_2_1", "libevent_2_2", "libevent_vendored"] {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
    }
}

pub fn emit(library: &Library, target: &Target) -> Result<(), String> {
    link(library, target);
    series(&library.version);
    if library.vendored {
        println!("cargo::rustc-cfg=libevent_vendored");
    }
    for (key, value) in [
        ("ROOT", library.root.display().to_string()),
        ("INCLUDE", joined(&library.include)?),
        ("LIB", joined(&library.lib)?),
        ("VERSION", library.version.text.clone()),
        ("VERSION_NUMBER", format!("{:#010x}", library.version.number)),
        ("VENDORED", flag(library.vendored)),
        ("THREADS", flag(THREADS)),
        ("OPENSSL", flag(OPENSSL)),
    ] {
        println!("cargo::metadata={key}={value}");
    }
    Ok(())
}

fn link(library: &Library, target: &Target) {
    for folder in &library.search {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
    let kind = if library.is_static { "static" } else { "dylib" };
    for name in &library.names {
        println!("cargo::rustc-link-lib={kind}={name}");
    }
    for name in target.system_libraries() {
        println!("cargo::rustc-link-lib=dylib={name}");
    }
}

fn series(version: &Version) {
    let series = if version.is_2_2() { "2_2" } else { "2_1" };
    println!("cargo::rustc-cfg=libevent_{series}");
}

/// Several folders in one value, to be read with `std::env::split_paths`.
fn joined(folders: &[PathBuf]) -> Result<String, String> {
    let joined = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    joined.into_string().map_err(|path| format!("{path:?} is not UTF-8"))
}

fn flag(on: bool) -> String {
    u8::from(on).to_string()
}
