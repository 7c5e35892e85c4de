//! `vendor/libevent.toml`: which release is vendored.

use std::fs;
use std::path::Path;

pub struct Pin {
    /// As upstream spells it: `2.1.13-stable`.
    pub version: String,
}

impl Pin {
    pub fn read(file: &Path) -> Result<Self, String> {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let version = value(&text, "version")
            .ok_or_else(|| format!("{} names no version", file.display()))?;
        Ok(Self { version })
    }
}

/// The string of `key = "value"`. The file has no other syntax, and vendor/fetch
/// reads it with sed.
fn value(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = \"")))?;
    Some(line.split('"').nth(1)?.to_owned())
}
