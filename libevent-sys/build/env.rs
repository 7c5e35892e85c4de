//! Environment variables, each announced to cargo so that a change rebuilds.

use std::env;
use std::ffi::OsString;

/// The value of `name`; an empty one counts as unset.
pub fn var(name: &str) -> Option<OsString> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The value of `<TARGET>_<name>`, else of `name`, as openssl-sys reads its own.
pub fn targeted(name: &str) -> Option<OsString> {
    let target = cargo("TARGET").to_uppercase().replace(['-', '.'], "_");
    var(&format!("{target}_{name}")).or_else(|| var(name))
}

/// A switch: unset is `None`, `0` and its spellings are off, all else is on.
pub fn switch(name: &str) -> Option<bool> {
    let value = targeted(name)?.to_string_lossy().to_lowercase();
    Some(!matches!(&*value, "0" | "false" | "no" | "off"))
}

/// What cargo itself always sets for a build script.
pub fn cargo(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}
