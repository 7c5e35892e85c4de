//! Tests that need a process to themselves: they count its descriptors, use
//! them up, or look at what it writes to standard error.

use std::env;
use std::process::{Command, Output};

const ALONE: &str = "CONTRACT_TEST_ALONE";

/// Runs `body` in a process of its own, by starting this test anew, which must
/// be called `test`. What that process wrote to standard error; `None` there.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) -> Option<String> {
    alone_with(&[], test, body)
}

/// The same, with this in its environment.
#[track_caller]
pub fn alone_with(environment: &[(&str, &str)], test: &str, body: impl FnOnce()) -> Option<String> {
    if env::var_os(ALONE).is_some() {
        body();
        return None;
    }
    let output = start_anew(environment, test);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{test} failed alone:\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{test} is not the name of this test:\n{stdout}");
    Some(stderr)
}

fn start_anew(environment: &[(&str, &str)], test: &str) -> Output {
    let mut again = Command::new(env::current_exe().unwrap());
    again.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    again.env(ALONE, "1").envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How many descriptors this process has open.
pub fn open_descriptors() -> usize {
    // Reading the list takes a descriptor, which is in it.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}
