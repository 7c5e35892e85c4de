//! Processes that are started on a loop: one test per property.

mod posix;
mod support;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::{EventLoop, Kind, Process, Signal, Timer};
use posix::heard::{Heard, shell};
use posix::{await_end, await_stop, has_children};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use support::alone::{again, alone, descriptors, is_alone, text};
use support::run_until;

const MIB: usize = 1 << 20;

#[test]
fn output_streams_are_kept_apart_and_the_status_is_decoded() {
    let heard = Heard::run(shell("echo out; echo err >&2; exit 7"));
    assert_eq!((&*heard.stdout(), &*heard.stderr()), ("out\n", "err\n"));
    assert_eq!(heard.status().code(), Some(7));
    let heard = Heard::run(shell("echo last; kill -TERM $$"));
    assert_eq!(heard.stdout(), "last\n");
    assert_eq!(heard.status().signal(), Some(Signal::TERM.number()));
}

#[test]
fn output_comes_before_the_end_however_close_together_they_are() {
    for _ in 0..100 {
        let heard = Heard::run(shell("head -c 300000 /dev/zero; echo end >&2"));
        assert_eq!(heard.stdout.borrow().len(), 300_000);
        assert_eq!(heard.stderr(), "end\n");
        assert!(heard.status().success());
    }
}

/// Whichever is found first: poll(2) is read from a random place.
#[test]
fn output_comes_before_the_end_also_if_both_are_there() {
    for _ in 0..50 {
        let events = EventLoop::builder().avoid("epoll").build().unwrap();
        let (heard, spawn) = Heard::of(&events, shell("echo out; echo err >&2"));
        let child = spawn.start().unwrap();
        await_end(child.pid());
        events.run().unwrap();
        assert_eq!((&*heard.stdout(), &*heard.stderr()), ("out\n", "err\n"));
        assert!(heard.status().success());
    }
}

#[test]
fn a_mib_on_each_stream_at_once_goes_through_without_a_deadlock() {
    let mut command = shell("head -c 1048576 /dev/zero >&2 & cat; wait");
    command.stdin(Stdio::piped());
    let events = EventLoop::new().unwrap();
    let (heard, spawn) = Heard::of(&events, command);
    let written = Rc::new(Cell::new(false));
    let all = written.clone();
    let child = spawn.on_stdin(move |result| all.set(result.is_ok())).start().unwrap();
    let bytes: Vec<u8> = (0..MIB).map(|n| ((n * 31) >> 3) as u8).collect();
    child.write_stdin(&bytes).unwrap();
    assert!(child.pending_stdin() > 0, "a pipe does not hold a MiB");
    child.close_stdin();
    events.run().unwrap();
    assert!(written.get());
    assert_eq!(child.pending_stdin(), 0);
    assert!(*heard.stdout.borrow() == bytes, "byte for byte");
    assert_eq!(heard.stderr.borrow().len(), MIB);
    assert!(heard.status().success());
}

#[test]
fn many_small_writes_arrive_in_order() {
    let events = EventLoop::new().unwrap();
    let (heard, spawn) = Heard::of(&events, Command::new("cat"));
    let child = spawn.on_stdin(|result| result.unwrap()).start().unwrap();
    let lines: Vec<_> = (0..50_000).map(|n| format!("{n}\n")).collect();
    for line in &lines {
        child.write_stdin(line.as_bytes()).unwrap();
    }
    child.close_stdin();
    events.run().unwrap();
    assert!(heard.stdout() == lines.concat());
}

#[test]
fn a_child_that_closes_its_input_is_an_error_to_the_writer() {
    // As in a library that C has loaded: no Rust `main` has ignored SIGPIPE.
    alone(|| {
        posix::set_ignored(Signal::PIPE, false);
        let events = EventLoop::new().unwrap();
        let script = "kill -STOP $$; exec <&-; echo closed; exec sleep 60";
        let (heard, spawn) = Heard::of(&events, shell(script));
        let failure = Rc::new(RefCell::new(None));
        let failed = failure.clone();
        let spawn = spawn.on_stdin(move |result| *failed.borrow_mut() = Some(result));
        let child = spawn.start().unwrap();
        await_stop(child.pid());
        child.write_stdin(&[0; MIB]).unwrap();
        child.send(Signal::CONT).unwrap();
        run_until(&events, || heard.stdout() == "closed\n" && failure.borrow().is_some());
        let later = failure.take().unwrap().unwrap_err();
        assert_eq!(later.kind(), ErrorKind::BrokenPipe, "of what was waiting");
        assert_eq!(child.pending_stdin(), 0);
        let next = child.write_stdin(b"more").unwrap_err();
        assert_eq!(next.kind(), ErrorKind::BrokenPipe, "of the next write");
        child.kill().unwrap();
        events.run().unwrap();
        posix::assert_default(Signal::PIPE);
    });
}

#[test]
fn a_direct_write_to_a_closed_input_is_an_error_and_no_signal() {
    alone(|| {
        posix::set_ignored(Signal::PIPE, false);
        let events = EventLoop::new().unwrap();
        let (heard, spawn) = Heard::of(&events, shell("exec <&-; echo closed; exec sleep 60"));
        let child = spawn.on_stdin(|_| unreachable!("nothing ever waits")).start().unwrap();
        run_until(&events, || heard.stdout() == "closed\n");
        for _ in 0..2 {
            let error = child.write_stdin(b"hello").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::PIPE.raw_os_error()));
        }
        child.kill().unwrap();
        events.run().unwrap();
        assert!(child.write_stdin(b"hello").is_err());
        posix::assert_default(Signal::PIPE);
    });
}

#[test]
fn what_a_child_did_not_read_before_its_end_is_an_error() {
    let events = EventLoop::new().unwrap();
    let (heard, spawn) = Heard::of(&events, shell("kill -STOP $$; head -c 10"));
    let failures = Rc::new(RefCell::new(Vec::new()));
    let (failed, end) = (failures.clone(), heard.clone());
    let spawn = spawn.on_stdin(move |result| {
        assert!(end.status.borrow().is_empty(), "before the end");
        failed.borrow_mut().push(result.unwrap_err().kind());
    });
    let child = spawn.start().unwrap();
    await_stop(child.pid());
    child.write_stdin(&[b'x'; MIB]).unwrap();
    child.send(Signal::CONT).unwrap();
    events.run().unwrap();
    assert_eq!(heard.stdout(), "xxxxxxxxxx");
    assert_eq!(*failures.borrow(), [ErrorKind::BrokenPipe]);
}

/// Nor when a descendant keeps the pipe open, and reads nothing.
#[test]
fn what_a_child_left_unread_is_an_error_also_if_the_pipe_lives_on() {
    let events = EventLoop::new().unwrap();
    let (heard, spawn) = Heard::of(&events, shell("exec 3<&0; sleep 60 >&- 2>&- & echo $!"));
    let failure = Rc::new(Cell::new(None));
    let failed = failure.clone();
    let child = spawn.on_stdin(move |result| failed.set(result.err())).start().unwrap();
    child.write_stdin(&[0; MIB]).unwrap();
    events.run().unwrap();
    assert!(heard.status().success());
    assert_eq!(failure.take().unwrap().kind(), ErrorKind::BrokenPipe);
    assert_eq!(child.write_stdin(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    Signal::KILL.send(heard.stdout().trim().parse().unwrap()).unwrap();
}

#[test]
fn input_that_is_no_pipe_or_was_closed_cannot_be_written() {
    let events = EventLoop::new().unwrap();
    let child = events.handle().process(shell("exit 0")).start().unwrap();
    assert_eq!(child.write_stdin(b"x").unwrap_err().kind(), ErrorKind::InvalidInput);
    let child = events.handle().process(Command::new("cat")).on_stdin(|_| {}).start().unwrap();
    child.close_stdin();
    assert_eq!(child.write_stdin(b"x").unwrap_err().kind(), ErrorKind::InvalidInput);
    events.run().unwrap();
}

#[test]
fn output_that_nobody_asked_for_does_not_block_the_child() {
    let mut command = shell("head -c 1048576 /dev/zero");
    command.stdout(Stdio::piped());
    let events = EventLoop::new().unwrap();
    let child = events.handle().process(command).start().unwrap();
    events.run().unwrap();
    assert!(child.status().unwrap().success());
}

#[test]
fn neither_zombies_nor_descriptors_are_left() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let before = descriptors();
        for _ in 0..20 {
            let (heard, spawn) = Heard::of(&events, shell("echo out; echo err >&2"));
            let child = spawn.on_stdin(|_| {}).start().unwrap();
            events.run().unwrap();
            assert!(heard.status().success());
            assert_eq!(child.status(), Some(heard.status()));
            let error = child.send(Signal::TERM).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::SRCH.raw_os_error()));
        }
        assert!(events.handle().process(Command::new("no-such-program")).start().is_err());
        assert!(!has_children());
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_dropped_process_hears_nothing_more_runs_on_and_is_reaped() {
    alone(|| {
        let events = EventLoop::new().unwrap();
        let before = descriptors();
        let captured = Rc::new(());
        let held = captured.clone();
        let spawn = events.handle().process(Command::new("cat")).on_stdin(|_| unreachable!());
        let spawn = spawn.on_exit(move |_| unreachable!("{held:?}"));
        let child = spawn.start().unwrap();
        assert!(has_children());
        // Closes its input, which ends it.
        drop(child);
        assert_eq!(Rc::strong_count(&captured), 1, "the captures are dropped");
        assert_eq!(events.handle().live(), 0);
        events.run().unwrap();
        run_until(&events, || !has_children());
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_child_that_outlives_its_loop_is_reaped_with_the_next_start() {
    alone(|| {
        let (end, theirs) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let mut command = Command::new("cat");
        command.stderr(theirs);
        let events = EventLoop::new().unwrap();
        let child = events.handle().process(command).on_stdin(|_| {}).start().unwrap();
        child.detach();
        drop(events);
        // Its input was closed with the loop: it ends, and with it this pipe.
        assert_eq!(File::from(end).read(&mut [0]).unwrap(), 0);
        let next = EventLoop::new().unwrap();
        run_until(&next, || {
            assert!(next.handle().process(Command::new("no-such-program")).start().is_err());
            !has_children()
        });
    });
}

#[test]
fn descendants_that_hold_the_pipes_do_not_delay_the_end() {
    let begun = Instant::now();
    let heard = Heard::run(shell("sleep 60 & echo $!; exit 3"));
    assert_eq!(heard.status().code(), Some(3));
    assert!(begun.elapsed() < Duration::from_secs(30));
    Signal::KILL.send(heard.stdout().trim().parse().unwrap()).unwrap();
}

#[test]
fn descendants_that_write_without_end_do_not_delay_the_end() {
    let events = EventLoop::new().unwrap();
    let (chunks, status) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (counted, ended) = (chunks.clone(), status.clone());
    let spawn = events.handle().process(shell("yes & read line; exit 3"));
    let spawn = spawn.on_stdout(move |_| counted.set(counted.get() + 1)).on_stdin(|_| {});
    let child = spawn.on_exit(move |status| ended.set(status.ok())).start().unwrap();
    run_until(&events, || chunks.get() > 0);
    child.write_stdin(b"enough\n").unwrap();
    events.run().unwrap();
    assert_eq!(status.get().and_then(|status| status.code()), Some(3));
    // The pipe is closed: they end by SIGPIPE now.
}

#[test]
fn kill_ends_the_child() {
    let events = EventLoop::new().unwrap();
    let (heard, spawn) = Heard::of(&events, shell("exec sleep 60"));
    let child = spawn.start().unwrap();
    assert_eq!(child.status(), None);
    let kinds: Vec<_> = events.handle().registrations().iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&Kind::Child), "{kinds:?}");
    child.kill().unwrap();
    events.run().unwrap();
    assert_eq!(heard.status().signal(), Some(Signal::KILL.number()));
}

#[test]
fn a_panic_in_a_callback_loses_neither_output_nor_the_end() {
    let events = EventLoop::new().unwrap();
    let (bytes, status) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (read, ended) = (bytes.clone(), status.clone());
    let spawn = events.handle().process(shell("head -c 300000 /dev/zero"));
    let spawn = spawn.on_stdout(move |chunk| {
        read.set(read.get() + chunk.len());
        panic!("in a process's callback");
    });
    let _child = spawn.on_exit(move |status| ended.set(status.ok())).start().unwrap();
    let mut panics = 0;
    while catch_unwind(AssertUnwindSafe(|| events.run().unwrap())).is_err() {
        panics += 1;
    }
    assert!(panics > 1);
    assert_eq!(bytes.get(), 300_000);
    assert!(status.get().unwrap().success());
}

#[test]
fn a_callback_may_drop_its_own_process() {
    let slot = Rc::new(RefCell::new(None::<Process>));
    for script in ["echo out; exec cat", "echo out"] {
        let events = EventLoop::new().unwrap();
        let (inner, calls) = (slot.clone(), Rc::new(Cell::new(0)));
        let counted = calls.clone();
        let mut command = shell(script);
        command.stdin(Stdio::piped());
        let spawn = events.handle().process(command).on_exit(|_| unreachable!());
        let spawn = spawn.on_stdout(move |_| {
            counted.set(counted.get() + 1);
            drop(inner.take());
        });
        slot.replace(Some(spawn.start().unwrap()));
        events.run().unwrap();
        assert_eq!(calls.get(), 1, "{script}");
    }
    assert_eq!(Rc::strong_count(&slot), 1, "the captures are dropped");
}

#[test]
fn a_process_that_outlives_its_loop_yields_errors() {
    let events = EventLoop::new().unwrap();
    let captured = Rc::new(());
    let held = captured.clone();
    let spawn = events.handle().process(Command::new("cat")).on_stdin(|_| {});
    let child = spawn.on_exit(move |_| drop(held)).start().unwrap();
    let handle = events.handle();
    drop(events);
    assert_eq!(Rc::strong_count(&captured), 1, "the callbacks are dropped with the loop");
    assert!(child.write_stdin(b"x").is_err());
    let error = handle.process(Command::new("cat")).start().unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::NotConnected);
}

/// What the stopped process runs: its loop ticks until it has missed some.
fn tick_until_some_are_missed() {
    const PERIOD: i64 = 5_000_000;
    let events = EventLoop::new().unwrap();
    let (handle, timer) = (events.handle(), Rc::new(RefCell::new(None::<Timer>)));
    let (own, first) = (timer.clone(), Rc::new(Cell::new(0)));
    let (origin, mut ticks, mut told) = (first.clone(), 0, false);
    let tick = move |count: u64| {
        ticks += count as i64;
        let next = own.borrow().as_ref().and_then(Timer::deadline).unwrap();
        assert_eq!(next - origin.get(), ticks * PERIOD, "in phase, and each tick counted");
        assert!(handle.now() >= next - PERIOD, "never early");
        if told && count >= 10 {
            handle.stop();
        }
        assert!(ticks < 4000, "none was missed in 20 seconds");
        if !std::mem::replace(&mut told, true) {
            io::stdout().write_all(b"ticking\n").unwrap();
        }
    };
    let every = events.handle().every(Duration::from_nanos(PERIOD as u64), tick).unwrap();
    first.set(every.deadline().unwrap());
    timer.replace(Some(every));
    events.run().unwrap();
}

#[test]
fn a_loop_that_is_stopped_for_50_ms_goes_on_in_phase() {
    if is_alone() {
        return tick_until_some_are_missed();
    }
    let events = EventLoop::new().unwrap();
    let (handle, child) = (events.handle(), Rc::new(RefCell::new(None::<Process>)));
    let (stopped, signalled) = (child.clone(), child.clone());
    let ended = Rc::new(Cell::new(None));
    let (status, mut said) = (ended.clone(), String::new());
    // It has missed ticks by itself, and is gone, if the machine is that busy.
    let send = move |signal| signalled.borrow().as_ref().unwrap().send(signal).unwrap_or_default();
    let spawn = handle.process(again("a_loop_that_is_stopped_for_50_ms_goes_on_in_phase"));
    let spawn = spawn.on_stdout(move |bytes| {
        let ticked = said.contains("ticking");
        said += &text(bytes);
        if said.contains("ticking") && !ticked {
            send(Signal::STOP);
            // Its threads stop when one that may not be running takes the
            // signal; before that, to go on would take the signal away.
            await_stop(stopped.borrow().as_ref().unwrap().pid());
            let send = send.clone();
            let resume = move || send(Signal::CONT);
            handle.timer_after(Duration::from_millis(55), resume).unwrap().detach();
        }
    });
    let started = spawn.on_exit(move |end| status.set(end.ok())).start().unwrap();
    child.replace(Some(started));
    events.run().unwrap();
    assert!(ended.get().unwrap().success());
}
