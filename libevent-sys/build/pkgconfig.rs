//! `lib/pkgconfig/*.pc`, for build systems that are not cargo.

use crate::target::Target;
use crate::version::Version;
use std::fs;
use std::path::Path;

pub fn write(lib: &Path, names: &[&str], target: &Target, version: &Version) -> Result<(), String> {
    let folder = lib.join("pkgconfig");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
    for name in names.iter().chain(&["event"]) {
        let file = folder.join(format!("lib{name}.pc"));
        fs::write(&file, text(name, target, version))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

/// The prefix is found from the file's own place, so that the whole layout can
/// be copied elsewhere.
fn text(name: &str, target: &Target, version: &Version) -> String {
    let (requires, private) = match name {
        "event" | "event_core" => ("", ""),
        "event_openssl" => ("libevent_core", "openssl"),
        _ => ("libevent_core", ""),
    };
    let system = target.system_libraries().iter().map(|name| format!(" -l{name}"));
    let pthread = if name == "event_pthreads" { " -pthread" } else { "" };
    format!(
        "prefix=${{pcfiledir}}/../..\n\
         libdir=${{prefix}}/lib\n\
         includedir=${{prefix}}/include\n\
         \n\
         Name: lib{name}\n\
         Description: libevent, compiled by libevent-sys\n\
         Version: {}\n\
         Requires: {requires}\n\
         Requires.private: {private}\n\
         Libs: -L${{libdir}} -l{name}\n\
         Libs.private:{}{pthread}\n\
         Cflags: -I${{includedir}}{pthread}\n",
        version.text,
        system.collect::<String>(),
    )
}
