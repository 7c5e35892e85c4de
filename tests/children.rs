//! Children that were started elsewhere, watched by pidfd: one test per property.
#![allow(clippy::zombie_processes, reason = "the loop under test reaps them")]

mod posix;
mod support;

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, Kind, Signal};
use posix::{await_end, await_stop, has_children};
use rustix::io::Errno;
use support::alone::{alone, descriptors};
use support::on_every_backend;

type Ends = Rc<RefCell<Vec<io::Result<ExitStatus>>>>;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A place to note ends in, and a callback that does.
fn ends() -> (Ends, impl FnOnce(io::Result<ExitStatus>) + 'static) {
    let ends = Ends::default();
    let noting = ends.clone();
    (ends, move |end| noting.borrow_mut().push(end))
}

fn only(ends: &Ends) -> ExitStatus {
    let ends = ends.borrow();
    assert_eq!(ends.len(), 1, "reported once");
    *ends[0].as_ref().unwrap()
}

fn shell(script: &str) -> Child {
    Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap()
}

/// A child that lives until it is killed or its standard input is closed.
fn waiting() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn an_exit_status_is_decoded_as_std_decodes_it() {
    for script in
        ["exit 0", "exit 7", "exit 255", "kill -TERM $$", "kill -ABRT $$", "kill -KILL $$"]
    {
        let events = EventLoop::new().unwrap();
        let (ends, note) = ends();
        let watcher = events.handle().watch_child(shell(script).id(), note).unwrap();
        events.run().unwrap();
        assert_eq!(only(&ends), shell(script).wait().unwrap(), "{script}");
        assert!(!watcher.is_watching());
    }
}

#[test]
fn a_code_and_a_signal_are_told_apart() {
    let events = EventLoop::new().unwrap();
    let (exited, note) = ends();
    let _exited = events.handle().watch_child(shell("exit 9").id(), note).unwrap();
    let (killed, note) = ends();
    let _killed = events.handle().watch_child(shell("kill -9 $$").id(), note).unwrap();
    events.run().unwrap();
    assert_eq!((only(&exited).code(), only(&exited).signal()), (Some(9), None));
    assert_eq!((only(&killed).code(), only(&killed).signal()), (None, Some(9)));
}

#[test]
fn a_child_that_has_ended_already_is_reported_once_and_not_inline() {
    let child = shell("exit 3");
    await_end(child.id());
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let _watcher = events.handle().watch_child(child.id(), note).unwrap();
    assert!(ends.borrow().is_empty());
    assert_eq!(events.run_once(NOW).unwrap(), 1);
    assert_eq!(only(&ends).code(), Some(3));
    assert_eq!(events.run_once(NOW).unwrap(), 0);
}

#[test]
fn who_is_no_child_is_refused() {
    let events = EventLoop::new().unwrap();
    let refused = |pid| {
        let error = events.handle().watch_child(pid, |_| unreachable!()).unwrap_err();
        error.raw_os_error().and_then(|code| Errno::from_raw_os_error(code).into())
    };
    let parent = rustix::process::getppid().unwrap().as_raw_pid().unsigned_abs();
    assert_eq!(refused(parent), Some(Errno::CHILD));
    assert_eq!(refused(std::process::id()), Some(Errno::CHILD));
    let mut gone = shell("exit 0");
    gone.wait().unwrap();
    assert_eq!(refused(gone.id()), Some(Errno::SRCH));
    assert_eq!(refused(0), Some(Errno::SRCH));
    assert_eq!(refused(u32::MAX), Some(Errno::SRCH));
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn other_children_are_not_reaped() {
    let mut other = shell("exit 5");
    await_end(other.id());
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let _watcher = events.handle().watch_child(shell("exit 6").id(), note).unwrap();
    events.run().unwrap();
    assert_eq!(only(&ends).code(), Some(6));
    assert_eq!(other.wait().unwrap().code(), Some(5));
}

#[test]
fn a_dropped_watch_leaves_the_child_alone() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_child(child.id(), |_| unreachable!()).unwrap();
    drop(watcher);
    assert_eq!(events.handle().live(), 0);
    assert_eq!(child.try_wait().unwrap(), None, "it runs on");
    drop(child.stdin.take());
    await_end(child.id());
    events.run().unwrap();
    assert!(child.wait().unwrap().success(), "and is its owner's to reap");
}

#[test]
fn many_children_are_each_reported_with_their_own_status() {
    let events = EventLoop::new().unwrap();
    let codes = Rc::new(RefCell::new(Vec::new()));
    for code in 0..50 {
        let codes = codes.clone();
        let child = shell(&format!("exit {code}"));
        let note = move |status: io::Result<ExitStatus>| {
            codes.borrow_mut().push((code, status.unwrap().code()));
        };
        events.handle().watch_child(child.id(), note).unwrap().detach();
    }
    events.run().unwrap();
    codes.borrow_mut().sort_unstable();
    assert_eq!(*codes.borrow(), (0..50).map(|code| (code, Some(code))).collect::<Vec<_>>());
}

#[test]
fn a_stop_is_not_an_end() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let watcher = events.handle().watch_child(child.id(), note).unwrap();
    watcher.send(Signal::STOP).unwrap();
    await_stop(child.id());
    assert_eq!(events.run_once(NOW).unwrap(), 0);
    watcher.send(Signal::CONT).unwrap();
    drop(child.stdin.take());
    events.run().unwrap();
    assert!(only(&ends).success());
}

#[test]
fn a_signal_goes_to_the_child_and_to_nobody_once_it_is_gone() {
    let child = waiting();
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let watcher = events.handle().watch_child(child.id(), note).unwrap();
    assert_eq!(watcher.pid(), child.id());
    watcher.send(Signal::USR1).unwrap();
    events.run().unwrap();
    assert_eq!(only(&ends).signal(), Some(Signal::USR1.number()));
    let error = watcher.send(Signal::USR1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::SRCH.raw_os_error()));
}

#[test]
fn a_child_that_somebody_else_reaped_is_reported_as_such() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let _watcher = events.handle().watch_child(child.id(), note).unwrap();
    child.wait().unwrap();
    events.run().unwrap();
    let error = ends.borrow_mut().pop().unwrap().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::CHILD.raw_os_error()));
}

#[test]
fn nothing_is_done_while_the_child_lives() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let (ends, note) = ends();
    let _watcher = events.handle().watch_child(child.id(), note).unwrap();
    let pipe = RefCell::new(child.stdin.take());
    let timer = events.handle().timer_after(Duration::from_millis(60), move || drop(pipe.take()));
    events.run().unwrap();
    drop(timer);
    assert!(only(&ends).success());
    let turns = events.handle().counters().turns;
    assert!(turns <= 4, "one turn for the timer and one for the end, not {turns}");
}

#[test]
fn a_watch_is_listed_as_a_child_and_keeps_the_loop_running() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let watcher = events.handle().watch_child(child.id(), |_| {}).unwrap();
    let kinds: Vec<_> = events.handle().registrations().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Child]);
    drop(watcher);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_panic_comes_out_of_run_and_the_other_ends_are_still_reported() {
    let events = EventLoop::new().unwrap();
    let children = [shell("exit 0"), shell("exit 0")];
    children.iter().for_each(|child| await_end(child.id()));
    let calls = Rc::new(Cell::new(0));
    for child in &children {
        let calls = calls.clone();
        let call = move |_| {
            calls.set(calls.get() + 1);
            panic!("in a child's callback");
        };
        events.handle().watch_child(child.id(), call).unwrap().detach();
    }
    for _ in &children {
        let payload = catch_unwind(AssertUnwindSafe(|| events.run())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"in a child's callback"));
    }
    events.run().unwrap();
    assert_eq!(calls.get(), 2);
}

#[test]
fn a_callback_may_drop_its_own_watch() {
    let events = EventLoop::new().unwrap();
    let slot = Rc::new(RefCell::new(None));
    let inner = slot.clone();
    let watcher = events.handle().watch_child(shell("exit 1").id(), move |status| {
        drop(inner.take());
        assert_eq!(status.unwrap().code(), Some(1));
    });
    slot.replace(Some(watcher.unwrap()));
    events.run().unwrap();
    assert!(slot.take().is_none());
    assert_eq!(Rc::strong_count(&slot), 1, "the captures are dropped");
}

#[test]
fn a_loop_that_is_gone_takes_no_child() {
    let mut child = waiting();
    let events = EventLoop::new().unwrap();
    let (handle, captured) = (events.handle(), Rc::new(()));
    let held = captured.clone();
    let watcher = handle.watch_child(child.id(), move |_| drop(held)).unwrap();
    drop(events);
    assert_eq!(Rc::strong_count(&captured), 1, "the callback is dropped with the loop");
    assert!(!watcher.is_watching());
    let error = handle.watch_child(child.id(), |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    drop(watcher);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "nobody has reaped it");
}

#[test]
fn every_backend_hears_of_children() {
    on_every_backend(|events| {
        let (ends, note) = ends();
        let _watcher = events.handle().watch_child(shell("exit 4").id(), note).unwrap();
        events.run().unwrap();
        assert_eq!(only(&ends).code(), Some(4));
    });
}

#[test]
fn neither_descriptors_nor_children_are_left() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let before = descriptors();
        for _ in 0..20 {
            let watcher = events.handle().watch_child(shell("exit 0").id(), |_| {}).unwrap();
            events.run().unwrap();
            drop(watcher);
            assert!(events.handle().watch_child(1, |_| {}).is_err());
        }
        assert_eq!(descriptors(), before);
        assert!(!has_children());
    });
}
