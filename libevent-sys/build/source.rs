//! Where libevent's sources are, and which of them the target needs.

use crate::pin::Pin;
use crate::target::{Family, Target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CORE: &[&str] = &[
    "buffer",
    "bufferevent",
    "bufferevent_filter",
    "bufferevent_pair",
    "bufferevent_ratelim",
    "bufferevent_sock",
    "event",
    "evmap",
    "evthread",
    "evutil",
    "evutil_rand",
    "evutil_time",
    "listener",
    "log",
    "signal",
    "strlcpy",
];
const EXTRA: &[&str] = &["event_tagging", "evdns", "evrpc", "http"];
const PTHREADS: &[&str] = &["evthread_pthread"];
const OPENSSL: &[&str] = &["bufferevent_openssl"];

const LINUX: &[&str] = &["epoll", "poll", "select"];
const BSD: &[&str] = &["kqueue", "poll", "select"];
const SOLARIS: &[&str] = &["devpoll", "evport", "poll", "select"];
const UNIX: &[&str] = &["poll", "select"];
const WINDOWS: &[&str] =
    &["buffer_iocp", "bufferevent_async", "event_iocp", "evthread_win32", "win32select"];

/// Folders whose headers the compilation reads, relative to the sources.
const HEADERS: &[&str] = &["", "WIN32-Code", "compat/sys", "include", "include/event2"];

/// The unpacked sources of the pinned release.
pub struct Source {
    pub root: PathBuf,
    pub pin: Pin,
}

impl Source {
    /// The sources shipped with the package, else those of the checkout, which
    /// are fetched if they are missing.
    pub fn locate() -> Result<Self, String> {
        let vendor = vendor_folder()?;
        let pin = Pin::read(&vendor.join("libevent.toml"))?;
        let root = vendor.join("libevent");
        if unpacked_version(&root).as_deref() != Some(&pin.version) {
            fetch(&vendor)?;
        }
        let source = Self { root, pin };
        source.announce()?;
        Ok(source)
    }

    /// The files of one of upstream's libraries, sorted.
    pub fn files(&self, library: &str, target: &Target) -> Vec<PathBuf> {
        let mut stems = match library {
            "event_core" => [CORE, backends(target.family)].concat(),
            "event_extra" => EXTRA.to_vec(),
            "event_pthreads" => PTHREADS.to_vec(),
            "event_openssl" => OPENSSL.to_vec(),
            other => unreachable!("libevent has no library {other}"),
        };
        stems.sort_unstable();
        let file = |stem| self.root.join(stem).with_extension("c");
        stems.into_iter().map(file).collect()
    }

    /// The public headers of one folder below `include`, sorted.
    pub fn headers(&self, folder: &str) -> Result<Vec<PathBuf>, String> {
        files_in(&self.root.join(folder), &["h"])
    }

    fn announce(&self) -> Result<(), String> {
        for folder in HEADERS {
            for file in files_in(&self.root.join(folder), &["c", "h"])? {
                println!("cargo::rerun-if-changed={}", file.display());
            }
        }
        Ok(())
    }
}

fn backends(family: Family) -> &'static [&'static str] {
    match family {
        Family::Linux => LINUX,
        Family::Bsd => BSD,
        Family::Solaris => SOLARIS,
        Family::Unix => UNIX,
        Family::Windows => WINDOWS,
    }
}

/// `vendor` is a link to its parent's in the repository. Where links are not
/// checked out (Windows) it is a plain file, hence the second place.
///
/// Relative, so that no path of this machine enters the objects by `__FILE__`.
fn vendor_folder() -> Result<PathBuf, String> {
    ["vendor", "../vendor"]
        .map(PathBuf::from)
        .into_iter()
        .find(|folder| folder.join("libevent.toml").is_file())
        .ok_or_else(|| {
            "vendor/libevent.toml is missing: this copy of libevent-sys is damaged".into()
        })
}

/// The version that unpacked sources say they are. `None` if there are none.
fn unpacked_version(root: &Path) -> Option<String> {
    let header = root.join("WIN32-Code/nmake/event2/event-config.h");
    let text = fs::read_to_string(header).ok()?;
    let line = text.lines().find(|line| line.starts_with("#define EVENT__VERSION "))?;
    Some(line.split('"').nth(1)?.to_owned())
}

fn fetch(vendor: &Path) -> Result<(), String> {
    let script = vendor.join("fetch");
    if !script.is_file() {
        return Err("vendor/libevent is missing: this copy of libevent-sys is damaged".into());
    }
    let output = Command::new("sh").arg(&script).output().map_err(|error| {
        format!(
            "vendor/libevent is missing, and `sh vendor/fetch` cannot be run: {error}\n\
             what to do: unpack the release that vendor/libevent.toml names into vendor/libevent,\n\
             or use the system's library: LIBEVENT_DIR=<prefix>, or LIBEVENT_NO_VENDOR=1"
        )
    })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn files_in(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(unreadable))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| {
        extensions.iter().any(|wanted| file.extension().is_some_and(|is| is == *wanted))
    });
    files.sort_unstable();
    Ok(files)
}
