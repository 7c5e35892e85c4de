//! `docs/CONTRACT.md` tells the truth: every test that it names exists where it
//! says, and every test that is named after a rule stands in that rule's row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The numbered rules of section 2. Each needs a test of its own.
const RULES: [&str; 23] = [
    "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8",
    "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A row of a table: the rule, and the tests by file.
struct Row {
    rule: String,
    tests: Vec<(PathBuf, String)>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/CONTRACT.md")).expect("the map");
    let rows = text.lines().filter(|line| line.starts_with('|') && line.contains(".rs`"));
    rows.map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let [_, rule, _, tests, _] = cells[..] else { panic!("not three cells: {line}") };
    let mut file = PathBuf::new();
    let mut named = Vec::new();
    // Every other piece is between backticks: a file, and then its tests.
    for name in tests.split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            file = PathBuf::from(name);
            assert!(root().join(&file).exists(), "{rule}: there is no {name}");
        } else {
            named.push((file.clone(), name.to_owned()));
        }
    }
    Row { rule: rule.to_owned(), tests: named }
}

/// All test functions below a folder, by file.
fn tests_below(folder: &str, found: &mut BTreeMap<PathBuf, BTreeSet<String>>) {
    for entry in fs::read_dir(root().join(folder)).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let inside = path.strip_prefix(root()).expect("below the root");
        if path.is_dir() {
            tests_below(&inside.to_string_lossy(), found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("readable text");
            found.insert(inside.to_path_buf(), tests_of(&text));
        }
    }
}

/// The functions under `#[test]`, also inside `proptest!`.
fn tests_of(text: &str) -> BTreeSet<String> {
    let after_test = text.split("#[test]").skip(1);
    let names = after_test.filter_map(|rest| rest.split("fn ").nth(1)?.split('(').next());
    names.map(str::to_owned).collect()
}

fn all_tests() -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    tests_below("tests", &mut found);
    tests_below("event/src", &mut found);
    tests_below("interop/tests", &mut found);
    found
}

/// `rule_1_4_…` is of rule 1.4.
fn rule_of(test: &str) -> Option<String> {
    let mut numbers = test.strip_prefix("rule_")?.split('_');
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
}

#[test]
fn every_test_that_the_map_names_exists() {
    let existing = all_tests();
    for Row { rule, tests } in rows() {
        for (file, test) in tests {
            let there = existing.get(&file).is_some_and(|tests| tests.contains(&test));
            assert!(there, "{rule}: there is no test {test} in {}", file.display());
        }
    }
}

#[test]
fn every_test_named_after_a_rule_is_in_the_row_of_that_rule() {
    let rows = rows();
    for (file, tests) in all_tests() {
        for test in tests {
            let Some(rule) = rule_of(&test) else { continue };
            let listed = rows
                .iter()
                .filter(|row| row.rule == rule)
                .any(|row| row.tests.iter().any(|(at, name)| *at == file && *name == test));
            assert!(listed, "docs/CONTRACT.md does not have {test} of {}", file.display());
        }
    }
}

#[test]
fn every_rule_has_a_test_of_its_own() {
    let rows = rows();
    for rule in RULES {
        let own = |row: &&Row| row.rule == rule && !row.tests.is_empty();
        assert!(rows.iter().any(|row| own(&row)), "no test for rule {rule}");
    }
}
