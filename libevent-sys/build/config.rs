//! The headers: upstream's, and the configuration that is ours.

use crate::library::{OPENSSL, THREADS};
use crate::source::Source;
use std::fs;
use std::path::Path;

/// Our `event-config.h` and `evconfig-private.h`, which decide by predefined
/// macros, so that nothing is probed and a consumer's compiler decides alike.
pub const PRIVATE: &str = "include";

/// Puts the public headers under `include`, as upstream's `make install` would.
pub fn install(source: &Source, include: &Path) -> Result<(), String> {
    for (folder, into) in [("include", ""), ("include/event2", "event2")] {
        let into = include.join(into);
        fs::create_dir_all(&into).map_err(|error| unwritable(&into, &error))?;
        for header in source.headers(folder)? {
            let copy = into.join(header.file_name().unwrap_or_default());
            fs::copy(&header, &copy).map_err(|error| unwritable(&copy, &error))?;
        }
    }
    install_config(&include.join("event2/event-config.h"))
}

/// The features are written into the installed header, and not given as flags:
/// what a consumer of the headers sees is then what the library was built with.
fn install_config(installed: &Path) -> Result<(), String> {
    let ours = Path::new(PRIVATE).join("event2/event-config.h");
    println!("cargo::rerun-if-changed={PRIVATE}");
    let text = fs::read_to_string(&ours)
        .map_err(|error| format!("cannot read {}: {error}", ours.display()))?;
    let text = format!("{}{text}", features());
    fs::write(installed, text).map_err(|error| unwritable(installed, &error))
}

fn features() -> String {
    let mut lines = String::from("/* The features this build of libevent-sys was given. */\n");
    if OPENSSL {
        lines += "#define EVENT__HAVE_OPENSSL 1\n";
    }
    if !THREADS {
        lines += "#define EVENT__DISABLE_THREAD_SUPPORT 1\n";
    }
    lines
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
