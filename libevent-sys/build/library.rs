//! A libevent that can be linked, wherever it came from.

use crate::target::{Family, Target};
use crate::version::Version;
use std::path::PathBuf;

pub struct Library {
    pub root: PathBuf,
    pub include: Vec<PathBuf>,
    pub lib: Vec<PathBuf>,
    /// Those of `lib` where the linker would not look by itself.
    pub search: Vec<PathBuf>,
    /// What to link, dependents first: a linker reads archives once, in order.
    pub names: Vec<&'static str>,
    pub is_static: bool,
    pub version: Version,
    pub vendored: bool,
}

pub const THREADS: bool = cfg!(feature = "threads");
pub const OPENSSL: bool = cfg!(feature = "openssl");

/// The libraries that the features ask for, in the order of [`Library::names`].
pub fn names(target: &Target) -> Vec<&'static str> {
    let mut names = vec!["event_extra"];
    // Windows' own locks are part of the core there, as upstream has it.
    if THREADS && target.family != Family::Windows {
        names.push("event_pthreads");
    }
    if OPENSSL {
        names.push("event_openssl");
    }
    names.push("event_core");
    names
}
