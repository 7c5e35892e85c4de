//! The feature `buildtime-bindgen`: bindings from the headers that were found,
//! with the options that the committed ones were made with.

use crate::bindings::{self, PARTS};
use crate::env;
use crate::library::Library;
use std::fs;
use std::path::PathBuf;

pub fn bindings(library: &Library) -> Result<(), String> {
    let out = PathBuf::from(env::cargo("OUT_DIR"));
    for part in PARTS {
        let text = bindings::generate(part, &library.include)?;
        fs::write(out.join(part.file), text)
            .map_err(|error| format!("cannot write {}: {error}", part.file))?;
    }
    Ok(())
}
