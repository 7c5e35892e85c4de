//! Rules 2.2 to 2.7: which callbacks run for what the kernel reports, in which
//! order, and how often. (Rule 2.8 is in `panics.rs`.)

mod support;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use event::{EventLoop, Interest, Readiness, Ready, Watch, Watcher};
use support::peers::{
    broken_pipe, drain, fill, finished, hung_up_pipe, pipe, readable, refused, reset, stream_pair,
};
use support::{Calls, assert_sleeps, look, loop_on, on_every_backend, run_until};

const TRANSFER: Interest = Interest::READ.union(Interest::WRITE);

type Names = Calls<&'static str>;

/// Installs these callbacks, each of which notes its name.
fn noting<F: AsFd + 'static>(mut watch: Watch<F>, which: Interest, names: &Names) -> Watch<F> {
    let note = |name| {
        let names = names.clone();
        move |_: Ready<'_, F>| names.note(name)
    };
    if which.contains(Interest::READ) {
        watch = watch.on_read(note("read"));
    }
    if which.contains(Interest::WRITE) {
        watch = watch.on_write(note("write"));
    }
    if which.contains(Interest::ERROR) {
        watch = watch.on_error(note("error"));
    }
    watch
}

fn start<F: AsFd + 'static>(events: &EventLoop, io: F, which: Interest) -> (Watcher<F>, Names) {
    let names = Names::new();
    (noting(events.handle().watch(io), which, &names).start().unwrap(), names)
}

/// The callbacks that one turn runs for a descriptor, of those installed.
fn calls<F: AsFd + 'static>(events: &EventLoop, io: F, which: Interest) -> Vec<&'static str> {
    let (_watcher, names) = start(events, io, which);
    look(events);
    names.take()
}

#[test]
fn rule_2_2_read_runs_before_write() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        assert_eq!(calls(events, ours, Interest::all()), ["read", "write"]);
    });
}

#[test]
fn rule_2_2_descriptors_run_before_timers() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (_watcher, names) = start(events, ours, TRANSFER);
        let noted = names.clone();
        let _timer = events.handle().timer_at(0, move || noted.note("timer")).unwrap();
        look(events);
        assert_eq!(names.take(), ["read", "write", "timer"]);
    });
}

#[test]
fn rule_2_3_an_error_runs_the_error_callback_alone() {
    on_every_backend(|events| {
        assert_eq!(calls(events, broken_pipe(), Interest::all()), ["error"]);
        assert_eq!(calls(events, refused(), Interest::all()), ["error"]);
        assert_eq!(calls(events, reset(), Interest::all()), ["error"]);
    });
}

#[test]
fn rule_2_3_an_error_without_an_error_callback_runs_read_and_write() {
    on_every_backend(|events| {
        assert_eq!(calls(events, refused(), TRANSFER), ["read", "write"]);
        assert_eq!(calls(events, reset(), TRANSFER), ["read", "write"]);
        // Only a reader would see an end of file there; both are told.
        assert_eq!(calls(events, broken_pipe(), TRANSFER), ["read", "write"]);
    });
}

#[test]
fn rule_2_3_an_error_without_an_error_callback_runs_what_is_installed() {
    on_every_backend(|events| {
        assert_eq!(calls(events, reset(), Interest::READ), ["read"]);
        assert_eq!(calls(events, reset(), Interest::WRITE), ["write"]);
        assert_eq!(calls(events, broken_pipe(), Interest::WRITE), ["write"]);
        assert_eq!(calls(events, refused(), Interest::WRITE), ["write"]);
    });
}

#[test]
fn rule_2_3_a_disabled_error_callback_is_as_good_as_none() {
    on_every_backend(|events| {
        let (watcher, names) = start(events, reset(), Interest::all());
        watcher.set_interest(TRANSFER).unwrap();
        look(events);
        assert_eq!(names.take(), ["read", "write"]);
        watcher.set_interest(Interest::all()).unwrap();
        look(events);
        assert_eq!(names.take(), ["error"]);
    });
}

#[test]
fn rule_2_3_dispatch_does_not_take_the_pending_error_away() {
    on_every_backend(|events| {
        let found = Calls::new();
        let noted = found.clone();
        let call = move |ready: Ready<'_, TcpStream>| {
            assert!(ready.readiness().contains(Readiness::ERROR));
            noted.note(ready.io().take_error().unwrap().map(|error| error.kind()));
            ready.unwatch();
        };
        let socket = TcpStream::from(refused());
        let _watcher = events.handle().watch(socket).on_error(call).on_write(|_| {}).start();
        look(events);
        assert_eq!(found.take(), [Some(ErrorKind::ConnectionRefused)]);
    });
}

#[test]
fn rule_2_4_a_hang_up_runs_read_and_not_write() {
    on_every_backend(|events| {
        assert_eq!(calls(events, hung_up_pipe(), Interest::all()), ["read"]);
        assert_eq!(calls(events, hung_up_pipe(), TRANSFER), ["read"]);
        assert_eq!(calls(events, hung_up_pipe(), Interest::READ), ["read"]);
    });
}

#[test]
fn rule_2_4_a_hang_up_of_a_writable_descriptor_runs_write_as_well() {
    on_every_backend(|events| {
        assert_eq!(calls(events, finished(), Interest::all()), ["read", "write"]);
        assert_eq!(calls(events, finished(), Interest::WRITE), ["write"]);
    });
}

#[test]
fn rule_2_4_a_write_only_watcher_of_a_hung_up_descriptor_sleeps() {
    on_every_backend(|events| {
        let (_watcher, names) = start(events, hung_up_pipe(), Interest::WRITE);
        assert_sleeps(events);
        assert_eq!(names.len(), 0);
    });
}

#[test]
fn rule_2_4_a_reader_enabled_after_the_hang_up_is_told_of_it() {
    on_every_backend(|events| {
        let (watcher, names) = start(events, hung_up_pipe(), TRANSFER);
        watcher.set_interest(Interest::WRITE).unwrap();
        assert_sleeps(events);
        watcher.set_interest(TRANSFER).unwrap();
        run_until(events, || names.len() > 0);
        assert_eq!(names.take(), ["read"]);
    });
}

#[test]
fn rule_2_4_a_write_only_watcher_of_a_full_descriptor_sleeps_until_there_is_room() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        fill(&ours);
        let (_watcher, names) = start(events, ours, Interest::WRITE);
        assert_sleeps(events);
        drain(&theirs);
        run_until(events, || names.len() > 0);
    });
}

#[test]
fn rule_2_4_a_write_only_watcher_is_not_called_for_what_can_be_read() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        fill(&ours);
        let (_watcher, names) = start(events, ours, Interest::WRITE);
        (&theirs).write_all(b"for a reader").unwrap();
        assert_sleeps(events);
        assert_eq!(names.len(), 0);
    });
}

#[test]
fn rule_2_4_an_error_only_watcher_sleeps_until_there_is_an_error() {
    let events = EventLoop::new().unwrap();
    let (reader, writer) = pipe();
    let (_watcher, names) = start(&events, writer, Interest::ERROR);
    assert_sleeps(&events);
    drop(reader);
    run_until(&events, || names.len() > 0);
    assert_eq!(names.take(), ["error"]);
    assert_sleeps(&events);
}

#[test]
fn rule_2_4_an_error_only_watcher_sleeps_through_traffic_and_hang_up() {
    let events = EventLoop::new().unwrap();
    let (ours, theirs) = stream_pair();
    let (_watcher, names) = start(&events, ours, Interest::ERROR);
    (&theirs).write_all(b"traffic").unwrap();
    assert_sleeps(&events);
    drop(theirs);
    assert_sleeps(&events);
    assert_eq!(names.len(), 0);
}

#[test]
fn rule_2_4_an_error_only_watcher_needs_edges() {
    for events in [loop_on("poll"), loop_on("select")] {
        let names = Names::new();
        let watch = noting(events.handle().watch(pipe().1), Interest::ERROR, &names);
        assert_eq!(watch.start().unwrap_err().error().kind(), ErrorKind::Unsupported);
        let (watcher, names) = start(&events, pipe().1, Interest::all());
        let refused = watcher.set_interest(Interest::ERROR).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert_sleeps(&events);
        assert_eq!(names.len(), 0);
    }
}

#[test]
fn handle_api_enables_and_disables_each_callback() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (watcher, names) = start(events, ours, TRANSFER);
        for (interest, expected) in [
            (Interest::READ, vec!["read"]),
            (Interest::WRITE, vec!["write"]),
            (Interest::empty(), vec![]),
            (Interest::all(), vec!["read", "write"]),
        ] {
            watcher.set_interest(interest).unwrap();
            assert_eq!(watcher.interest(), interest & TRANSFER, "of those installed");
            look(events);
            assert_eq!(names.take(), expected);
        }
    });
}

#[test]
fn handle_api_a_callback_that_disables_the_next_one_skips_it() {
    on_every_backend(|events| {
        let names = Names::new();
        let (ours, _theirs) = readable();
        let read = |ready: Ready<'_, UnixStream>| ready.set_interest(Interest::READ).unwrap();
        let watch = noting(events.handle().watch(ours), Interest::WRITE, &names);
        let watcher = watch.on_read(read).start().unwrap();
        look(events);
        assert_eq!(names.len(), 0);
        assert_eq!(watcher.interest(), Interest::READ);
    });
}

#[test]
fn handle_api_starts_with_the_interest_that_was_asked_for() {
    on_every_backend(|events| {
        let names = Names::new();
        let (ours, _theirs) = readable();
        let watch = noting(events.handle().watch(ours), TRANSFER, &names);
        let _watcher = watch.interest(Interest::WRITE).start().unwrap();
        look(events);
        assert_eq!(names.take(), ["write"]);
    });
}

#[test]
fn rule_2_5_an_edge_is_dispatched_once() {
    let events = EventLoop::new().unwrap();
    let names = Names::new();
    let (ours, theirs) = readable();
    let watch = noting(events.handle().watch(ours), Interest::READ, &names);
    let _watcher = watch.edge_triggered().start().unwrap();
    run_until(&events, || names.len() == 1);
    // Nobody has read the byte: the loop does not drain, nor fire again.
    assert_sleeps(&events);
    (&theirs).write_all(b"y").unwrap();
    run_until(&events, || names.len() == 2);
    assert_sleeps(&events);
}

#[test]
fn rule_2_5_the_loop_leaves_the_bytes_to_the_callback() {
    let events = EventLoop::new().unwrap();
    let read = Calls::new();
    let noted = read.clone();
    let (ours, _theirs) = readable();
    let call = move |ready: Ready<'_, UnixStream>| noted.note(drain(ready.io()));
    let _watcher = events.handle().watch(ours).edge_triggered().on_read(call).start().unwrap();
    run_until(&events, || read.len() == 1);
    assert_eq!(read.take(), [b"x"]);
}

#[test]
fn rule_2_5_a_level_is_dispatched_as_long_as_it_holds() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (_watcher, names) = start(events, ours, Interest::READ);
        for _ in 0..3 {
            assert_eq!(look(events), 1);
        }
        assert_eq!(names.len(), 3);
    });
}

#[test]
fn rule_2_5_edges_are_unsupported_where_there_are_none() {
    for events in [loop_on("poll"), loop_on("select")] {
        let (ours, _theirs) = readable();
        let fd = ours.as_raw_fd();
        let watch = events.handle().watch(ours).edge_triggered().on_read(|_| {});
        let (ours, error) = watch.start().unwrap_err().into_parts();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(ours.unwrap().as_raw_fd(), fd);
        assert_eq!(events.handle().live(), 0);
    }
}

#[test]
fn rule_2_6_a_one_shot_runs_read_and_write_and_then_never_again() {
    on_every_backend(|events| {
        let names = Names::new();
        let (ours, theirs) = readable();
        let watch = noting(events.handle().watch(ours), TRANSFER, &names);
        let watcher = watch.oneshot().start().unwrap();
        look(events);
        assert_eq!(names.take(), ["read", "write"]);
        assert!(!watcher.is_watching());
        (&theirs).write_all(b"more").unwrap();
        assert_sleeps(events);
        events.run().unwrap();
    });
}

#[test]
fn rule_2_6_a_one_shot_is_disarmed_after_its_callbacks() {
    on_every_backend(|events| {
        let live = Calls::new();
        let noted = live.clone();
        let (ours, _theirs) = readable();
        let call = move |ready: Ready<'_, UnixStream>| noted.note(ready.handle().live());
        let _watcher = events.handle().watch(ours).oneshot().on_read(call).start().unwrap();
        look(events);
        assert_eq!(live.take(), [1], "disarmed before its callback");
        assert_eq!(events.handle().live(), 0);
    });
}

#[test]
fn rule_2_6_a_one_shot_fires_again_when_rearmed() {
    on_every_backend(|events| {
        let names = Names::new();
        let (ours, _theirs) = readable();
        let watch = noting(events.handle().watch(ours), Interest::READ, &names);
        let watcher = watch.oneshot().start().unwrap();
        for turn in 1..=3 {
            look(events);
            assert_eq!(names.len(), turn);
            look(events);
            assert_eq!(names.len(), turn);
            watcher.rearm().unwrap();
        }
    });
}

#[test]
fn rule_2_6_a_one_shot_rearmed_in_its_callback_stays_armed() {
    on_every_backend(|events| {
        let (count, limit) = (Rc::new(Cell::new(0)), 3);
        let counted = count.clone();
        let (ours, _theirs) = readable();
        let call = move |ready: Ready<'_, UnixStream>| {
            counted.set(counted.get() + 1);
            if counted.get() < limit {
                ready.rearm().unwrap();
            }
        };
        let _watcher = events.handle().watch(ours).oneshot().on_read(call).start().unwrap();
        events.run().unwrap();
        assert_eq!(count.get(), limit);
    });
}

#[test]
fn rule_2_6_a_watch_made_anew_in_the_callback_survives_it() {
    on_every_backend(|events| {
        let names = Names::new();
        let again = Rc::new(RefCell::new(None));
        let (ours, _theirs) = readable();
        let (ours, slot, noted) = (Rc::new(ours), again.clone(), names.clone());
        let same = Rc::downgrade(&ours);
        let call = move |ready: Ready<'_, UnixStream>| {
            let watch = ready.handle().watch_shared(&same.upgrade().unwrap());
            *slot.borrow_mut() = Some(noting(watch, Interest::READ, &noted).start().unwrap());
        };
        let old = events.handle().watch_shared(&ours).oneshot().on_read(call).start().unwrap();
        look(events);
        assert_eq!(names.len(), 0, "the new watch ran in the batch that made it");
        assert!(!old.is_watching());
        look(events);
        assert_eq!(names.take(), ["read"]);
    });
}

#[test]
fn rule_2_6_a_one_shot_that_nobody_was_called_for_stays_armed() {
    on_every_backend(|events| {
        let names = Names::new();
        let (ours, theirs) = stream_pair();
        let watch = noting(events.handle().watch(ours), Interest::READ, &names);
        let _watcher = watch.oneshot().start().unwrap();
        assert_sleeps(events);
        (&theirs).write_all(b"x").unwrap();
        run_until(events, || names.len() == 1);
        assert_sleeps(events);
    });
}

#[test]
fn rule_2_7_an_edge_triggered_one_shot_is_a_one_shot() {
    let events = EventLoop::new().unwrap();
    let names = Names::new();
    let (ours, theirs) = readable();
    let watch = noting(events.handle().watch(ours), TRANSFER, &names);
    let watcher = watch.edge_triggered().oneshot().start().unwrap();
    look(&events);
    assert_eq!(names.take(), ["read", "write"]);
    assert!(!watcher.is_watching());
    (&theirs).write_all(b"an edge that nobody hears").unwrap();
    assert_sleeps(&events);
    // What came meanwhile is reported to the next shot.
    watcher.rearm().unwrap();
    look(&events);
    assert_eq!(names.take(), ["read", "write"]);
    assert_sleeps(&events);
}

#[test]
fn rule_2_7_an_edge_triggered_one_shot_rearmed_in_its_callback_hears_the_next_edge() {
    let events = EventLoop::new().unwrap();
    let read = Calls::new();
    let noted = read.clone();
    let (ours, theirs) = readable();
    let call = move |ready: Ready<'_, UnixStream>| {
        ready.rearm().unwrap();
        noted.note(drain(ready.io()));
    };
    let watch = events.handle().watch(ours).edge_triggered().oneshot().on_read(call);
    let _watcher = watch.start().unwrap();
    run_until(&events, || read.len() == 1);
    (&theirs).write_all(b"y").unwrap();
    run_until(&events, || read.take().contains(&b"y".to_vec()));
}

#[test]
fn user_data_is_what_a_callback_captures() {
    on_every_backend(|events| {
        let greeting = String::from("hello");
        let sum = Rc::new(RefCell::new(String::new()));
        let collected = sum.clone();
        let (ours, _theirs): (OwnedFd, _) = pipe();
        drop(_theirs);
        let call = move |ready: Ready<'_, OwnedFd>| {
            collected.borrow_mut().push_str(&greeting);
            ready.unwatch();
        };
        let _watcher = events.handle().watch(ours).on_read(call).start().unwrap();
        events.run().unwrap();
        assert_eq!(*sum.borrow(), "hello");
    });
}
