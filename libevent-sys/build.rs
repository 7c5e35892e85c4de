//! Compiles the vendored libevent, or finds the system's. The parts are in
//! `build/`, one noun each; this is their table of contents.

#[cfg(feature = "buildtime-bindgen")]
#[path = "build/bindings.rs"]
mod bindings;
#[path = "build/compile.rs"]
mod compile;
#[path = "build/config.rs"]
mod config;
#[path = "build/env.rs"]
mod env;
#[cfg(feature = "buildtime-bindgen")]
#[path = "build/generate.rs"]
mod generate;
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
#[path = "build/system.rs"]
mod system;
#[path = "build/target.rs"]
mod target;
#[path = "build/version.rs"]
mod version;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    if let Err(cause) = build() {
        cause.lines().for_each(|line| println!("cargo::error={line}"));
    }
}

fn build() -> Result<(), String> {
    metadata::declare();
    // docs.rs has no network and links nothing.
    if env::var("DOCS_RS").is_some() {
        return Ok(());
    }
    let target = target::Target::from_cargo()?;
    let library = match system::find(&target)? {
        Some(installed) => installed,
        None => compile::compile(&source::Source::locate()?, &target)?,
    };
    #[cfg(feature = "buildtime-bindgen")]
    generate::bindings(&library)?;
    metadata::emit(&library, &target)
}
