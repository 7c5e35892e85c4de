//! A libevent that is already installed, and what it says of itself.

use crate::env;
use crate::library::{self, Library};
use crate::target::Target;
use crate::version::Version;
use std::fs;
use std::path::{Path, PathBuf};

/// The system's library, if the user asked for it by a variable or by leaving
/// the feature `vendored` out. A feature cannot be turned off from further up
/// the dependency graph: hence the variables.
pub fn find(target: &Target) -> Result<Option<Library>, String> {
    if let Some(prefix) = env::targeted("LIBEVENT_DIR") {
        return from_prefix(Path::new(&prefix), target).map(Some);
    }
    let unwanted = env::switch("LIBEVENT_NO_VENDOR").unwrap_or(false);
    if unwanted || !cfg!(feature = "vendored") {
        return from_pkg_config(target).map(Some);
    }
    Ok(None)
}

/// `LIBEVENT_STATIC` decides over the feature, in both directions.
fn wants_static() -> Option<bool> {
    env::switch("LIBEVENT_STATIC").or(cfg!(feature = "static").then_some(true))
}

fn from_prefix(prefix: &Path, target: &Target) -> Result<Library, String> {
    installed_in(prefix, target)
        .map_err(|cause| format!("LIBEVENT_DIR={}: {cause}\n{}", prefix.display(), ways_out()))
}

fn installed_in(prefix: &Path, target: &Target) -> Result<Library, String> {
    let multiarch = multiarch();
    let include = existing(prefix, &["include"], &multiarch);
    // The compiler alone would go on to its own folders.
    if !include.iter().any(|folder| folder.join("event2/event.h").is_file()) {
        return Err("there is no include/event2/event.h".into());
    }
    let version = version_in(&include)?;
    let names = library::names(target);
    let (lib, is_static) = choose(existing(prefix, &["lib", "lib64"], &multiarch), &names)?;
    Ok(Library {
        root: prefix.to_owned(),
        include,
        lib: vec![lib.clone()],
        search: vec![lib],
        names,
        is_static,
        version,
        vendored: false,
    })
}

/// The folder that has all of `names`, and whether as archives. Shared libraries
/// are preferred, as linkers do; a prefix that holds only archives, such as this
/// crate's own, is linked statically.
fn choose(folders: Vec<PathBuf>, names: &[&str]) -> Result<(PathBuf, bool), String> {
    let kinds = wants_static().map_or(vec![false, true], |is_static| vec![is_static]);
    for is_static in kinds {
        let complete = |folder: &&PathBuf| names.iter().all(|name| holds(folder, name, is_static));
        if let Some(folder) = folders.iter().find(complete) {
            return Ok((folder.clone(), is_static));
        }
    }
    let kind = wants_static().map_or("", |is_static| if is_static { "static " } else { "shared " });
    Err(format!("no folder of {folders:?} has all of the {kind}libraries {}", names.join(", ")))
}

fn holds(folder: &Path, name: &str, is_static: bool) -> bool {
    let endings: &[&str] = if is_static { &["a"] } else { &["so", "dylib", "tbd", "dll.a"] };
    let unix = endings.iter().any(|end| folder.join(format!("lib{name}.{end}")).is_file());
    // Both of MSVC's kinds have one name.
    unix || folder.join(format!("{name}.lib")).is_file()
}

fn from_pkg_config(target: &Target) -> Result<Library, String> {
    let is_static = wants_static().unwrap_or(false);
    let names = library::names(target);
    let (mut include, mut search) = (Vec::new(), Vec::new());
    // From the core up: what is missing is best named by its root.
    for name in names.iter().rev() {
        let found = probe(&format!("lib{name}"), is_static)?;
        include.extend(found.include_paths);
        search.extend(found.link_paths);
    }
    let include = with_multiarch(distinct(include), &multiarch());
    let version = version_in(&include).map_err(|cause| format!("{cause}\n{}", ways_out()))?;
    Ok(Library {
        root: variable("prefix"),
        include,
        lib: vec![variable("libdir")],
        search: distinct(search),
        names,
        is_static,
        version,
        vendored: false,
    })
}

fn probe(name: &str, is_static: bool) -> Result<pkg_config::Library, String> {
    pkg_config::Config::new()
        .range_version("2.1.0".."2.3")
        // Our own link lines are written instead: the crate's would link the
        // shared library wherever it is the system's, whatever is asked for.
        .cargo_metadata(false)
        // A shared library in the linker's own folders needs no -L, which could
        // put them before a folder that the user prefers.
        .print_system_libs(is_static)
        .statik(is_static)
        .probe(name)
        .map_err(|error| format!("the system has no usable {name}\n{}\n{error}", ways_out()))
}

fn variable(name: &str) -> PathBuf {
    pkg_config::get_variable("libevent_core", name).unwrap_or_default().into()
}

/// What the headers say, read as the compiler reads them: they depend on the
/// target, and may be an older package's than the library that was found.
fn version_in(include: &[PathBuf]) -> Result<Version, String> {
    // An upgrade of the system's package is to be noticed.
    for headers in
        include.iter().map(|folder| folder.join("event2")).filter(|folder| folder.is_dir())
    {
        println!("cargo::rerun-if-changed={}", headers.display());
    }
    let question = PathBuf::from(env::cargo("OUT_DIR")).join("version.c");
    let text = "#include <event2/event.h>\nlibevent-sys LIBEVENT_VERSION_NUMBER EVENT__SIZEOF_OFF_T LIBEVENT_VERSION\n";
    fs::write(&question, text)
        .map_err(|error| format!("cannot write {}: {error}", question.display()))?;
    let answer =
        cc::Build::new().includes(include).warnings(false).file(&question).try_expand().map_err(
            |error| format!("the C compiler finds no event2/event.h in {include:?}: {error}"),
        )?;
    judge(&String::from_utf8_lossy(&answer))
}

/// Refuses what the bindings do not describe.
fn judge(answer: &str) -> Result<Version, String> {
    let answer = answer.rsplit("libevent-sys ").next().unwrap_or_default();
    // gcc puts a line marker before what comes from a system header.
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let [number, offset, text] = words[..] else {
        return Err(format!("the headers do not name their version: {answer:?}"));
    };
    let version = Version::counted(number, text.trim_matches('"'))?;
    if !version.is_supported() {
        return Err(format!("libevent {} is not supported, 2.1.0 up to 2.2 are", version.text));
    }
    match offset {
        "8" => Ok(version),
        _ => Err(format!(
            "libevent {} was built with {offset}-byte file offsets, the bindings have 8",
            version.text
        )),
    }
}

fn existing(prefix: &Path, folders: &[&str], multiarch: &Option<String>) -> Vec<PathBuf> {
    let folders = folders.iter().map(|folder| prefix.join(folder)).collect();
    let mut folders = with_multiarch(folders, multiarch);
    folders.retain(|folder| folder.is_dir());
    folders
}

fn with_multiarch(mut folders: Vec<PathBuf>, multiarch: &Option<String>) -> Vec<PathBuf> {
    let Some(triple) = multiarch else {
        return folders;
    };
    let more: Vec<_> = folders.iter().map(|folder| folder.join(triple)).collect();
    folders.extend(more.into_iter().filter(|folder| folder.is_dir()));
    folders
}

/// Debian keeps what differs by architecture, `event-config.h` too, in folders
/// named after a triple of its own, which its compilers know.
fn multiarch() -> Option<String> {
    let compiler = cc::Build::new().try_get_compiler().ok()?;
    let output = compiler.to_command().arg("-print-multiarch").output().ok()?;
    let triple = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !triple.is_empty()).then_some(triple)
}

fn distinct(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    folders.sort();
    folders.dedup();
    folders
}

fn ways_out() -> &'static str {
    "what to do, one of:\n\
     \x20 - install libevent 2.1 or 2.2 with its headers, and pkg-config\n\
     \x20     Debian, Ubuntu: apt-get install libevent-dev pkg-config    Fedora: dnf install libevent-devel\n\
     \x20     Alpine: apk add libevent-dev pkgconf    macOS: brew install libevent pkgconf\n\
     \x20     FreeBSD: pkg install libevent pkgconf    Windows: vcpkg install libevent, and LIBEVENT_DIR\n\
     \x20 - LIBEVENT_DIR=<prefix>, or <TARGET>_LIBEVENT_DIR, if it is in a place of its own\n\
     \x20 - enable the feature `vendored` without LIBEVENT_NO_VENDOR and LIBEVENT_DIR: libevent is compiled then"
}
