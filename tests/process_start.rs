//! What a child process starts with, and what becomes of a start that fails:
//! one test per property.

mod posix;
mod support;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, Signal, Spawn};
use posix::has_children;
use posix::heard::{Heard, shell};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::alone::{alone, alone_blocking, descriptors, text};
use support::run_until;

#[test]
fn arguments_environment_and_directory_reach_the_child() {
    let mut command = shell("printf '%s|' \"$1\" \"$2\" \"$WORD\"; pwd");
    command.args(["sh", "a b", "", "c"]).env("WORD", "wörd").current_dir("/usr");
    assert_eq!(Heard::run(command).stdout(), "a b||wörd|/usr\n");
    let mut command = Command::new("/usr/bin/env");
    command.env_clear().env("ONLY", "this");
    assert_eq!(Heard::run(command).stdout(), "ONLY=this\n");
}

#[test]
fn streams_may_be_null_a_descriptor_or_inherited() {
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let mut command = shell("cat; echo said >&2");
    command.stdin(File::open("/proc/self/comm").unwrap()).stdout(theirs).stderr(Stdio::null());
    let events = EventLoop::new().unwrap();
    let child = events.handle().process(command).start().unwrap();
    events.run().unwrap();
    assert!(child.status().unwrap().success());
    let mut copy = String::new();
    File::from(ours).read_to_string(&mut copy).unwrap();
    assert_eq!(copy, std::fs::read_to_string("/proc/self/comm").unwrap());

    let heard = Heard::run(shell("readlink /proc/self/fd/0"));
    assert_eq!(heard.stdout(), "/dev/null\n");
    let mut command = shell("readlink /proc/self/fd/0");
    command.stdin(Stdio::inherit());
    let inherited = std::fs::read_link("/proc/self/fd/0").unwrap();
    assert_eq!(Path::new(Heard::run(command).stdout().trim_end()), inherited);
}

#[test]
fn what_cannot_be_run_is_an_error_that_names_it() {
    let events = EventLoop::new().unwrap();
    let refused = |command: Command| events.handle().process(command).start().unwrap_err();
    let error = refused(Command::new("no-such-program"));
    assert_eq!(error.error().kind(), ErrorKind::NotFound);
    assert_eq!(error.program(), "no-such-program");
    assert!(error.to_string().contains("\"no-such-program\""), "{error}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::NotFound);

    assert_eq!(refused(Command::new("/etc/passwd")).error().kind(), ErrorKind::PermissionDenied);
    let mut command = shell("true");
    command.current_dir("/no/such/directory");
    let error = refused(command);
    assert!(error.to_string().contains("\"/no/such/directory\""), "{error}");
    assert_eq!(refused(Command::new("nul\0byte")).error().kind(), ErrorKind::InvalidInput);
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn the_child_starts_with_default_signals() {
    alone_blocking(&[Signal::TERM, Signal::USR1], || {
        posix::set_ignored(Signal::USR2, true);
        posix::set_ignored(Signal::PIPE, true);
        let events = EventLoop::new().unwrap();
        let _watcher = events.handle().watch_signal(Signal::HUP, |_| {}).unwrap();
        let (heard, spawn) = Heard::of(&events, Command::new("cat"));
        let child = spawn.on_stdin(|_| {}).start().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.pid())).unwrap();
        let rows: Vec<_> = status.lines().filter(|row| row.starts_with("Sig")).collect();
        assert!(rows.contains(&"SigBlk:\t0000000000000000"), "{rows:?}");
        // 32 is the C library's own.
        let ignored = rows.iter().find_map(|row| row.strip_prefix("SigIgn:\t")).unwrap();
        assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & !(0b11 << 31), 0, "{rows:?}");
        child.send(Signal::TERM).unwrap();
        run_until(&events, || !heard.status.borrow().is_empty());
        assert_eq!(heard.status().signal(), Some(Signal::TERM.number()));
        assert!(posix::is_blocked(Signal::TERM), "the parent's mask is as it was");
    });
}

#[test]
fn no_descriptor_leaks_into_the_child() {
    alone(|| {
        let ls = || {
            let mut command = Command::new("ls");
            command.arg("/proc/self/fd").stdin(Stdio::null());
            command
        };
        let inherited = text(&ls().output().unwrap().stdout).lines().count();
        // One that a careless library has opened without O_CLOEXEC.
        let careless = File::open("/dev/zero").unwrap();
        rustix::io::fcntl_setfd(&careless, rustix::io::FdFlags::empty()).unwrap();
        let events = EventLoop::new().unwrap();
        let _signal = events.handle().watch_signal(Signal::HUP, |_| {}).unwrap();
        let _wakes = events.handle().watch_wakes(|_| {}).unwrap();
        let _other = events.handle().process(Command::new("cat")).on_stdin(|_| {}).start().unwrap();
        let list = |spawn: Spawn, heard: Rc<Heard>| {
            let _child = spawn.start().unwrap();
            run_until(&events, || !heard.status.borrow().is_empty());
            heard.stdout().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let (heard, spawn) = Heard::of(&events, ls());
        assert_eq!(list(spawn, heard), ["0", "1", "2", "3"], "3 is the directory's own");
        let (heard, spawn) = Heard::of(&events, ls());
        let open = list(spawn.inherit_descriptors(), heard);
        assert_eq!(open.len(), inherited + 1, "for who asks: the careless one, none of ours");
    });
}

/// Opens descriptors until there is no hole in their numbers.
fn fill_holes() -> Vec<File> {
    let mut fillers = Vec::new();
    loop {
        let open = descriptors().len();
        let file = File::open("/dev/null").unwrap();
        if file.as_raw_fd() as usize == open {
            return fillers;
        }
        fillers.push(file);
    }
}

#[test]
fn with_no_descriptor_left_everything_is_an_error_and_nothing_leaks() {
    alone(|| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let events = EventLoop::new().unwrap();
        let _fillers = fill_holes();
        let (handle, before, mask) = (events.handle(), descriptors(), posix::blocked());
        let limit = getrlimit(Resource::Nofile);
        // One less each time: what needs several fails at each of its steps.
        for spare in (0..20).rev() {
            let current = Some((before.len() + spare) as u64);
            setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).unwrap();
            let spawn = Heard::of(&events, shell("exit 0")).1.on_stdin(|_| {});
            let attempts = [
                handle.watch_signal(Signal::HUP, |_| {}).map(drop).map_err(io::Error::from),
                handle.watch_child(child.id(), |_| {}).map(drop),
                handle.watch_wakes(|_| {}).map(drop),
                spawn.start().map(drop).map_err(io::Error::from),
                EventLoop::new().map(drop),
            ];
            setrlimit(Resource::Nofile, limit).unwrap();
            // A child that did start is reaped in the background.
            let mut turns = 0..1000;
            while descriptors() != before && turns.next().is_some() {
                events.run_once(Some(Duration::from_millis(1))).unwrap();
            }
            assert_eq!(descriptors(), before, "{spare} to spare");
            assert_eq!(posix::blocked(), mask, "{spare} to spare");
            let failures = attempts.iter().filter(|attempt| attempt.is_err()).count();
            assert!(spare > 0 || failures == attempts.len(), "{attempts:?}");
            assert!(spare < 19 || failures == 0, "{attempts:?}");
        }
        drop(handle.watch_signal(Signal::HUP, |_| {}).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!has_children());
    });
}
