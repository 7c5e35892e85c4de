//! The walls of the house, checked on the sources themselves: floors look down
//! only, `unsafe` stays in its room, files stay small, and what is public is
//! written about. (`docs/ARCHITECTURE.md` says why.)

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of `event/src`, with their floor.
const FLOORS: [(&str, u8); 12] = [
    ("sys", 1),
    ("os", 1),
    ("reactor", 2),
    ("task", 3),
    ("net", 3),
    ("ev", 3),
    ("dial", 4),
    ("tls", 4),
    ("process", 4),
    ("kit", 5),
    ("interop", 5),
    ("lib.rs", 9),
];

/// Siblings of one floor that may know each other, and why.
const SIDEWAYS: [(&str, &str); 2] = [
    ("os", "sys"),   // the safe system calls stand beside the unsafe ones
    ("net", "task"), // deadlines are sleeps, and a server's tasks are spawned
];

const LINES: usize = 500;

struct Source {
    path: PathBuf,
    folder: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("event/src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources were not found below {}", root.display());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(root).expect("below the root");
            let first = inside.components().next().expect("a name").as_os_str();
            let folder = first.to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("readable text");
            found.push(Source { path: inside.to_path_buf(), folder, text });
        }
    }
}

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

/// The code of a file: no comments, no doc examples.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The first segments of all `crate::…` paths of a file.
fn references(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in code(text) {
        for rest in line.split("crate::").skip(1) {
            let grouped = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or(""));
            let parts = grouped.map_or_else(|| vec![rest], |group| group.split(',').collect());
            for part in parts {
                let name: String =
                    part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.push(name);
            }
        }
    }
    found
}

fn may_use(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    match (floor(from), floor(to)) {
        (Some(here), Some(there)) => there < here || SIDEWAYS.contains(&(from, to)),
        _ => false,
    }
}

#[test]
fn every_folder_stands_on_a_known_floor() {
    for source in sources() {
        assert!(floor(&source.folder).is_some(), "{} is on no floor", source.path.display());
    }
}

/// Where a name lives: a folder's own name, or the folder it is exported from.
fn home(name: &str, lib: &str) -> String {
    let clauses = lib.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let mut homes = clauses.filter(|clause| exported(clause).iter().any(|found| found == name));
    let folder = homes.next().and_then(|clause| clause.split("::").next());
    folder.unwrap_or(name).to_owned()
}

#[test]
fn floors_look_down_only() {
    let lib = document("event/src/lib.rs");
    for source in sources().iter().filter(|source| source.folder != "lib.rs") {
        for name in references(&source.text) {
            let target = home(&name, &lib);
            let allowed = may_use(&source.folder, &target);
            assert!(allowed, "{} uses crate::{target}", source.path.display());
        }
    }
}

#[test]
fn unsafe_is_forbidden_outside_sys() {
    for source in sources() {
        if source.folder == "sys" || source.folder == "lib.rs" {
            continue;
        }
        let forbids = source.text.contains("#![forbid(unsafe_code)]");
        assert!(forbids, "{} does not forbid unsafe code", source.path.display());
    }
}

#[test]
fn c_calls_back_only_into_sys() {
    for source in sources().iter().filter(|source| source.folder != "sys") {
        let calls = code(&source.text).any(|line| line.contains("extern \"C\""));
        assert!(!calls, "{} has an extern \"C\"", source.path.display());
    }
}

#[test]
fn every_safety_comment_names_an_invariant_that_is_written_down() {
    let safety = document("docs/SAFETY.md");
    for source in sources().iter().filter(|source| source.folder == "sys") {
        for line in source.text.lines().filter(|line| line.trim_start().starts_with("// SAFETY:")) {
            let name = line.split('[').nth(1).and_then(|rest| rest.split(']').next());
            let name = name.unwrap_or_else(|| panic!("{}: {line}", source.path.display()));
            let written = safety.contains(&format!("[{name}]"));
            assert!(written, "{}: docs/SAFETY.md has no [{name}]", source.path.display());
        }
    }
}

#[test]
fn a_long_file_has_its_reason_in_the_decisions() {
    let decisions = document("docs/DECISIONS.md");
    for source in sources() {
        let name = format!("event/src/{}", source.path.display());
        let excused = source.text.lines().count() <= LINES || decisions.contains(&name);
        assert!(excused, "{name} has more than {LINES} lines and no reason in docs/DECISIONS.md");
    }
}

#[test]
fn every_public_name_is_written_about() {
    let lib = document("event/src/lib.rs");
    let pages = pages(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").as_path());
    let exports = lib.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    for name in exports.flat_map(exported).filter(|name| name.starts_with(char::is_uppercase)) {
        assert!(pages.contains(&name), "no page of docs/ mentions `{name}`");
    }
}

/// The names that one `pub use` brings out.
fn exported(clause: &str) -> Vec<String> {
    let names = clause.rsplit("::").next().unwrap_or(clause);
    let names = if clause.contains('{') { clause.split('{').nth(1).unwrap_or("") } else { names };
    let trim = |name: &str| name.trim().trim_end_matches('}').trim().to_owned();
    names.split(',').map(trim).filter(|name| !name.is_empty()).collect()
}

fn pages(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the docs").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            text.push_str(&fs::read_to_string(&path).expect("readable text"));
        }
    }
    text
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
