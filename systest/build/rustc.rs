//! ctest expands the crate with a bare rustc, which knows none of its
//! dependencies. This puts one in its place that does.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

pub fn know_dependencies(out: &Path, openssl: bool) {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    let names = ["libc"].into_iter().chain(openssl.then_some("openssl_sys"));
    let externs: String = names
        .map(|name| format!(" --extern {name}={}", find(&rustc, name, out).display()))
        .collect();
    let deps = deps(out);
    let text = format!("#!/bin/sh\nexec {rustc} -Ldependency={}{externs} \"$@\"\n", deps.display());
    let wrapper = out.join("rustc");
    fs::write(&wrapper, text).expect("OUT_DIR is writable");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("OUT_DIR is ours");
    // SAFETY: a build script has one thread.
    unsafe { env::set_var("RUSTC", wrapper) }
}

/// `target/<profile>/deps`, three above `target/<profile>/build/<us>/out`.
fn deps(out: &Path) -> PathBuf {
    out.ancestors().nth(3).expect("cargo's layout").join("deps")
}

/// The newest build of a crate that this very compiler can read: the folder may
/// hold those of other toolchains too.
fn find(rustc: &str, name: &str, out: &Path) -> PathBuf {
    let prefix = format!("lib{name}-");
    let mut builds: Vec<(SystemTime, PathBuf)> = fs::read_dir(deps(out))
        .expect("cargo's layout")
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| {
            let file = entry.file_name().into_string().unwrap_or_default();
            file.starts_with(&prefix) && file.ends_with(".rlib")
        })
        .map(|entry| {
            (entry.metadata().and_then(|data| data.modified()).expect("a time"), entry.path())
        })
        .collect();
    builds.sort();
    let found = builds
        .into_iter()
        .rev()
        .map(|(_, path)| path)
        .find(|path| readable(rustc, name, path, out));
    found.unwrap_or_else(|| {
        panic!("no build of {name} that {rustc} can read in {}", deps(out).display())
    })
}

fn readable(rustc: &str, name: &str, path: &Path, out: &Path) -> bool {
    let probe = out.join("probe.rs");
    fs::write(&probe, format!("#![no_std]\nextern crate {name};\n")).expect("OUT_DIR is writable");
    let status = Command::new(rustc)
        .args(["--crate-type=lib", "--emit=metadata", "--edition=2024", "-o"])
        .arg(out.join("libprobe.rmeta"))
        .arg(format!("-Ldependency={}", deps(out).display()))
        .arg("--extern")
        .arg(format!("{name}={}", path.display()))
        .arg(probe)
        .stderr(Stdio::null())
        .status();
    status.expect("rustc runs").success()
}
