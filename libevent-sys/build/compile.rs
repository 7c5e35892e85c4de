//! Compiles the vendored sources into the layout of an installed libevent:
//! `include/`, `lib/*.a` and `lib/pkgconfig/*.pc`.

use crate::library::{self, Library};
use crate::source::Source;
use crate::target::Target;
use crate::version::Version;
use crate::{config, env, pkgconfig};
use std::path::{Path, PathBuf};

pub fn compile(source: &Source, target: &Target) -> Result<Library, String> {
    let root = PathBuf::from(env::cargo("OUT_DIR"));
    let (include, lib) = (root.join("include"), root.join("lib"));
    let names = library::names(target);
    let version = Version::parse(&source.pin.version)?;
    config::install(source, &include)?;
    let objects = objects(source, target, &names, &include)?;
    archive(&objects, target, &lib)?;
    pkgconfig::write(&lib, &names, target, &version)?;
    Ok(Library {
        root,
        include: vec![include],
        search: vec![lib.clone()],
        lib: vec![lib],
        names,
        is_static: true,
        version,
        vendored: true,
    })
}

/// The objects of each library. All are compiled in one go, so that every core
/// has work until the end.
fn objects(
    source: &Source,
    target: &Target,
    names: &[&'static str],
    include: &Path,
) -> Result<Vec<(&'static str, Vec<PathBuf>)>, String> {
    let files = |name: &&'static str| (*name, source.files(name, target));
    let sets: Vec<_> = names.iter().map(files).collect();
    let mut objects = compiler(source, target, include)
        .files(sets.iter().flat_map(|(_, files)| files))
        .out_dir(PathBuf::from(env::cargo("OUT_DIR")).join("obj"))
        .try_compile_intermediates()
        .map_err(|error| failed(&error, target))?
        .into_iter();
    let take = |(name, files): (_, Vec<_>)| (name, objects.by_ref().take(files.len()).collect());
    Ok(sets.into_iter().map(take).collect())
}

fn compiler(source: &Source, target: &Target, include: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    build
        // Before the private folder: the installed event-config.h is the one
        // that knows the features.
        .include(include)
        .include(config::PRIVATE)
        .include(source.root.join("compat"))
        .include(&source.root)
        .define("_GNU_SOURCE", None)
        // `ev_off_t` has 64 bits on every target, and the bindings rely on it.
        .define("_FILE_OFFSET_BITS", "64")
        .opt_level_str(&optimisation())
        // Debug information of the C part is had with CFLAGS=-g.
        .debug(false)
        // Upstream's warnings are upstream's to act on.
        .warnings(false);
    if !target.msvc {
        // Upstream casts between socket address types.
        build.flag("-fno-strict-aliasing");
        // Another libevent in the same process must not be bound to this one.
        build.flag("-fvisibility=hidden");
    }
    if let Some(openssl) = env::var("DEP_OPENSSL_INCLUDE") {
        build.includes(std::env::split_paths(&openssl));
    }
    build
}

/// A debug build of a Rust program is no reason for a slow event loop.
fn optimisation() -> String {
    match &*env::cargo("OPT_LEVEL") {
        "0" | "1" => "2".into(),
        level => level.into(),
    }
}

/// One archive for each library, and `libevent.a`, upstream's core and extra in
/// one: it is what other build systems look for.
fn archive(objects: &[(&str, Vec<PathBuf>)], target: &Target, lib: &Path) -> Result<(), String> {
    std::fs::create_dir_all(lib)
        .map_err(|error| format!("cannot create {}: {error}", lib.display()))?;
    let whole = objects
        .iter()
        .filter(|(name, _)| matches!(*name, "event_core" | "event_extra"))
        .flat_map(|(_, objects)| objects.clone());
    let whole = ("event", whole.collect());
    for (name, objects) in objects.iter().chain([&whole]) {
        cc::Build::new()
            .out_dir(lib)
            .try_create_archive(name, objects)
            .map_err(|error| failed(&error, target))?;
    }
    Ok(())
}

fn failed(error: &cc::Error, target: &Target) -> String {
    let error = error.to_string();
    let cause = match error.split_once(':') {
        Some(("ToolNotFound", what)) => format!("no C compiler,{what}"),
        // cc has shown what the compiler said, and the command.
        Some(("ToolExecError", _)) => "the compiler's messages are above".into(),
        _ => error,
    };
    format!(
        "libevent could not be compiled for {}: {cause}\n\
         what to do: install a C compiler and the C library's headers\n\
         \x20   Debian, Ubuntu: apt-get install gcc libc6-dev    Fedora: dnf install gcc\n\
         \x20   Alpine: apk add gcc musl-dev    macOS: xcode-select --install\n\
         \x20   or name the compiler in CC, or in CC_<target> when cross-compiling\n\
         or use the system's libevent: LIBEVENT_NO_VENDOR=1, or LIBEVENT_DIR=<prefix>",
        target.triple
    )
}
