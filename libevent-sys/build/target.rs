//! The system that libevent is built for.
//!
//! Known only from `CARGO_CFG_*`: `cfg!` in a build script answers for the
//! machine that compiles, which is another one when cross-compiling.

use crate::env;

/// Which of upstream's source sets applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// epoll
    Linux,
    /// kqueue
    Bsd,
    /// event ports and /dev/poll
    Solaris,
    /// poll and select
    Unix,
    /// select and completion ports
    Windows,
}

pub struct Target {
    pub triple: String,
    pub family: Family,
    pub msvc: bool,
}

impl Target {
    pub fn from_cargo() -> Result<Self, String> {
        let triple = env::cargo("TARGET");
        let family = family().ok_or_else(|| unsupported(&triple))?;
        let msvc = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "msvc");
        Ok(Self { triple, family, msvc })
    }

    /// Libraries of the system that libevent's objects refer to.
    pub fn system_libraries(&self) -> &'static [&'static str] {
        match self.family {
            Family::Windows => &["ws2_32", "iphlpapi", "shell32", "advapi32"],
            Family::Solaris => &["socket", "nsl"],
            _ => &[],
        }
    }
}

fn family() -> Option<Family> {
    let families = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    let has = |name| families.split(',').any(|family| family == name);
    match &*env::cargo("CARGO_CFG_TARGET_OS") {
        _ if has("wasm") => None,
        "linux" | "android" => Some(Family::Linux),
        "freebsd" | "netbsd" | "openbsd" | "dragonfly" => Some(Family::Bsd),
        "macos" | "ios" | "tvos" | "watchos" | "visionos" => Some(Family::Bsd),
        "solaris" | "illumos" => Some(Family::Solaris),
        "windows" => Some(Family::Windows),
        _ if has("unix") => Some(Family::Unix),
        _ => None,
    }
}

fn unsupported(triple: &str) -> String {
    format!(
        "libevent does not support the target {triple}: it has no sockets and no poll()\n\
         supported: Linux, Android, macOS and iOS, the BSDs, Solaris and illumos, Windows, \
         and Unix systems with poll()\n\
         what to do: build for one of these, or keep libevent-sys out of this target with\n\
         \x20   [target.'cfg(any(unix, windows))'.dependencies]"
    )
}
