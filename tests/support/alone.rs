//! Tests that need a process to themselves: they count its descriptors, use
//! them up, change what all its threads share, or look at what it writes to
//! standard error.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use event::Signal;

/// Set in the process that [`again`] starts.
const ALONE: &str = "EVENT_TEST_ALONE";

/// Runs `body` in a process of its own, which runs the calling test only. What
/// that process wrote to standard error; `None` there.
#[track_caller]
pub fn alone(body: impl FnOnce()) -> Option<String> {
    alone_with(&[], body)
}

/// The same, with this in its environment.
#[track_caller]
pub fn alone_with(environment: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    apart(|test| again(test).envs(environment.iter().copied()).output().unwrap(), body)
}

/// The same, with these signals blocked in all its threads.
#[track_caller]
pub fn alone_blocking(signals: &[Signal], body: impl FnOnce()) -> Option<String> {
    let start = |test: &str| {
        Signal::block(signals.iter().copied());
        again(test).output().unwrap()
    };
    // Children inherit the mask of the thread that starts them.
    apart(|test| thread::scope(|scope| scope.spawn(|| start(test)).join().unwrap()), body)
}

#[track_caller]
fn apart(start: impl FnOnce(&str) -> Output, body: impl FnOnce()) -> Option<String> {
    if is_alone() {
        body();
        return None;
    }
    let this = thread::current();
    let output = start(this.name().expect("a test's thread has its name"));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "failed alone ({}):\n{stdout}\n{stderr}", output.status);
    assert!(stdout.contains("1 passed"), "the test was not found:\n{stdout}");
    Some(stderr)
}

/// This test program, with this one test.
pub fn again(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(ALONE, "1");
    command
}

/// Whether this is the process that [`again`] starts.
pub fn is_alone() -> bool {
    env::var_os(ALONE).is_some()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The open descriptors of this process.
pub fn descriptors() -> BTreeSet<PathBuf> {
    let list = fs::read_dir("/proc/self/fd").unwrap();
    let mut open: BTreeSet<_> = list.map(|entry| entry.unwrap().path()).collect();
    // That of the directory is closed by now.
    open.retain(|entry| fs::read_link(entry).is_ok());
    open
}

/// How many descriptors this process has open.
pub fn open_descriptors() -> usize {
    // Reading the list takes a descriptor, which is in it.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}
