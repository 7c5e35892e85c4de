//! Compiles the vendored libevent, or finds the system's. The parts are in
//! `build/`, one noun each; this is their table of contents.

#[path = "build/compile.rs"]
mod compile;
#[path = "build/config.rs"]
mod config;
#[path = "build/env.rs"]
mod env;
#[path = "build/library.rs"]
mod library;
#[path = "build/metadata.rs"]
mod metadata;
#[path = "build/pin.rs"]
mod pin;
#[path = "build/pkgconfig.rs"]
mod pkgconfig;
#[path = "build/source.rs"]
mod source;
#[path = "build/target.rs"]
mod target;
#[path = "build/version.rs"]
mod version;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    if let Err(cause) = build() {
        for line in cause.trim_end().lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Result<(), String> {
    metadata::declare();
    let target = target::Target::from_cargo()?;
    let source = source::Source::locate()?;
    let library = compile::compile(&source, &target)?;
    metadata::emit(&library, &target)
}
