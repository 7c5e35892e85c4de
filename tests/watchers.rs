//! Rules 1.1 to 1.6: who is watched, who owns the descriptor, and what becomes
//! of a watch when the descriptor goes.

mod support;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event::{EventLoop, LoopHandle, Watcher};
use support::alone::alone;
use support::fds::{at_number, duplicate, own_number};
use support::peers::{drain, pipe, readable, stream_pair};
use support::{
    Calls, OnDrop, assert_sleeps, hold_up, look, loop_on, ms, on_every_backend, run_until,
};

/// The time of a thousand turns of unwatch and watch beside `others` watchers.
fn churn_beside(others: usize) -> Duration {
    let events = EventLoop::new().unwrap();
    let (quiet, _writer) = pipe();
    let watch = |fd: OwnedFd| events.handle().watch(fd).on_read(|_| {}).start().unwrap();
    let _others: Vec<_> = (0..others).map(|_| watch(duplicate(&quiet))).collect();
    let mut watcher = watch(duplicate(&quiet));
    let start = Instant::now();
    for _ in 0..1000 {
        watcher = watch(watcher.unwatch().unwrap());
    }
    start.elapsed()
}

#[test]
fn rule_1_1_watch_and_unwatch_cost_the_same_among_many() {
    alone(|| {
        let best = |others| (0..5).map(|_| churn_beside(others)).min().unwrap();
        let (few, many) = (best(1), best(800));
        // A search would take some hundred times as long.
        assert!(many < few * 20, "{few:?} beside 1 other, {many:?} beside 800");
    });
}

#[test]
fn rule_1_1_a_descriptor_has_one_watcher_found_by_its_number() {
    on_every_backend(|events| {
        let (ours, _theirs) = stream_pair();
        let fd = ours.as_raw_fd();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let registered = events.handle().registrations();
        assert_eq!(registered.len(), 1);
        assert_eq!(registered[0].fd, Some(fd));
        assert_eq!(watcher.fd(), fd);
        assert!(events.handle().unwatch(fd));
        assert!(!watcher.is_watching());
        assert_eq!(events.handle().live(), 0);
    });
}

#[test]
fn rule_1_2_an_owned_descriptor_is_handed_back_open() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        let fd = ours.as_raw_fd();
        let watcher = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
        let ours = watcher.unwatch().expect("it was moved in");
        assert_eq!(ours.as_raw_fd(), fd);
        (&theirs).write_all(b"still here").unwrap();
        assert_eq!(drain(&ours), b"still here");
    });
}

/// A descriptor that notes, when it is closed, whether it was registered still.
struct Observed {
    fd: OwnedFd,
    handle: LoopHandle,
    registered_at_close: Calls<bool>,
}

impl Observed {
    fn new(fd: impl Into<OwnedFd>, events: &EventLoop, registered_at_close: &Calls<bool>) -> Self {
        let registered_at_close = registered_at_close.clone();
        Self { fd: fd.into(), handle: events.handle(), registered_at_close }
    }
}

impl AsFd for Observed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let fd = Some(self.fd.as_raw_fd());
        let registered = self.handle.registrations().iter().any(|one| one.fd == fd);
        self.registered_at_close.note(registered);
    }
}

#[test]
fn rule_1_2_an_owned_descriptor_is_deregistered_before_it_is_closed() {
    on_every_backend(|events| {
        let closes = Calls::new();
        let (ours, _theirs) = stream_pair();
        let ours = Observed::new(ours, events, &closes);
        drop(events.handle().watch(ours).on_read(|_| {}).start().unwrap());
        assert_eq!(closes.take(), [false]);
    });
}

#[test]
fn rule_1_2_an_owned_descriptor_dropped_in_its_callback_is_closed_after_it() {
    on_every_backend(|events| {
        let (closes, during) = (Calls::new(), Calls::new());
        let (ours, _theirs) = readable();
        let ours = Observed::new(ours, events, &closes);
        let own: Rc<RefCell<Option<Watcher<Observed>>>> = Rc::default();
        let (slot, noted, closed) = (own.clone(), during.clone(), closes.clone());
        let call = move |_: event::Ready<'_, Observed>| {
            drop(slot.take());
            noted.note(closed.len());
        };
        *own.borrow_mut() = Some(events.handle().watch(ours).on_read(call).start().unwrap());
        run_until(events, || during.len() == 1);
        assert_eq!(during.take(), [0], "closed under the running callback");
        assert_eq!(closes.take(), [false]);
    });
}

#[test]
fn rule_1_2_a_shared_descriptor_is_neither_kept_alive_nor_closed() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        let ours = Rc::new(ours);
        let watcher = events.handle().watch_shared(&ours).on_read(|_| {}).start().unwrap();
        assert_eq!(Rc::strong_count(&ours), 1);
        assert!(watcher.unwatch().is_none());
        (&theirs).write_all(b"still here").unwrap();
        assert_eq!(drain(&*ours), b"still here");
    });
}

#[test]
fn rule_1_2_a_shared_descriptor_that_ends_in_its_callback_is_deregistered_before_it_is_closed() {
    on_every_backend(|events| {
        let closes = Calls::new();
        let (ours, _theirs) = readable();
        let ours = Rc::new(Observed::new(ours, events, &closes));
        let last = Cell::new(Some(ours.clone()));
        let call = move |_: event::Ready<'_, Observed>| drop(last.take());
        let _watcher = events.handle().watch_shared(&ours).on_read(call).start().unwrap();
        drop(ours);
        run_until(events, || closes.len() == 1);
        assert_eq!(closes.take(), [false]);
    });
}

#[test]
#[allow(unsafe_code, reason = "the third way to hand a descriptor in is a promise")]
fn rule_1_2_a_raw_descriptor_is_lent() {
    on_every_backend(|events| {
        let (ours, theirs) = readable();
        let calls = Calls::new();
        let noted = calls.clone();
        // SAFETY: `ours` is dropped after the watcher.
        let lent = unsafe { event::RawIo::lend(ours.as_raw_fd()) };
        let call = move |_: event::Ready<'_, event::RawIo>| noted.note(());
        let watcher = events.handle().watch(lent).on_read(call).start().unwrap();
        run_until(events, || calls.len() == 1);
        drop(watcher);
        (&theirs).write_all(b"y").unwrap();
        assert_eq!(drain(&ours), b"xy", "it was closed");
    });
}

/// A handle whose descriptor can turn into another one.
struct Fickle([UnixStream; 2], Cell<usize>);

impl AsFd for Fickle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0[self.1.get()].as_fd()
    }
}

#[test]
fn rule_1_3_a_handle_that_shows_another_descriptor_is_purged_uncalled() {
    on_every_backend(|events| {
        let ((a, _peer_of_a), (b, _peer_of_b)) = (readable(), stream_pair());
        let ours = Rc::new(Fickle([a, b], Cell::new(0)));
        let call = |_: event::Ready<'_, Fickle>| panic!("called for what it does not hold");
        let watcher = events.handle().watch_shared(&ours).on_read(call).start().unwrap();
        ours.1.set(1);
        run_until(events, || !watcher.is_watching());
        assert_eq!(events.handle().live(), 0);
        assert_sleeps(events);
    });
}

/// Watches an end that is closed without unwatch, while its file lives on in
/// a duplicate that is ready. Gives the watcher and the duplicate.
fn orphan(events: &EventLoop, ours: impl Into<OwnedFd>) -> (Watcher<OwnedFd>, OwnedFd) {
    let ours = Rc::new(ours.into());
    let survivor = duplicate(&*ours);
    let call = |_: event::Ready<'_, OwnedFd>| panic!("called for a closed descriptor");
    let watcher = events.handle().watch_shared(&ours).on_read(call).start().unwrap();
    (watcher, survivor)
}

#[test]
fn rule_1_3_a_handle_that_is_gone_is_purged_uncalled() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (watcher, _survivor) = orphan(events, ours);
        run_until(events, || !watcher.is_watching());
        assert_eq!(events.handle().live(), 0);
    });
}

#[test]
fn rule_1_4_a_closed_handle_costs_nothing() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (_watcher, survivor) = orphan(events, ours);
        drop(survivor);
        look(events);
        assert_sleeps(events);
    });
}

#[test]
fn rule_1_4_a_closed_handle_costs_nothing_while_a_duplicate_lives() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        let (_watcher, _survivor) = orphan(events, ours);
        (&theirs).write_all(b"x").unwrap();
        look(events);
        assert_sleeps(events);
    });
}

#[test]
fn rule_1_4_a_handle_that_its_watcher_outlives_costs_nothing_while_a_duplicate_lives() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (watcher, _survivor) = orphan(events, ours);
        drop(watcher);
        assert_sleeps(events);
    });
}

#[test]
fn rule_1_4_a_closed_handle_costs_nothing_while_a_child_holds_it() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (_watcher, survivor) = orphan(events, ours);
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::from(survivor))
            .spawn()
            .unwrap();
        look(events);
        assert_sleeps(events);
        drop(child.stdin.take());
        child.wait().unwrap();
    });
}

/// Closes a watched handle without unwatch and gives its number to a new one.
fn reuse_number(events: &EventLoop, keep_a_duplicate: bool) {
    let number = own_number();
    let (first, _first_peer) = readable();
    let (_stale, survivor) = orphan(events, at_number(number, first));
    let _survivor = keep_a_duplicate.then_some(survivor);
    let (second, second_peer) = stream_pair();
    let second = at_number(number, second);
    let calls = Calls::new();
    let noted = calls.clone();
    let call = move |ready: event::Ready<'_, OwnedFd>| {
        let mut text = [0; 16];
        let n = rustix::io::read(ready.io(), &mut text).unwrap();
        noted.note(text[..n].to_vec());
    };
    let _watcher = events.handle().watch(second).on_read(call).start().unwrap();
    assert_sleeps(events);
    (&second_peer).write_all(b"new").unwrap();
    run_until(events, || calls.len() == 1);
    assert_eq!(calls.take(), [b"new"]);
    assert_sleeps(events);
}

#[test]
fn rule_1_4_a_new_descriptor_of_the_same_number_works() {
    on_every_backend(|events| reuse_number(events, false));
}

#[test]
fn rule_1_4_a_new_descriptor_of_the_same_number_works_while_a_duplicate_of_the_old_lives() {
    on_every_backend(|events| reuse_number(events, true));
}

#[test]
fn rule_1_4_several_handles_closed_at_once_leave_the_loop_running() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (_watcher, _survivor) = orphan(events, ours);
        // The kernel knows nothing of these any more: adding them again fails.
        let vanished = |_| orphan(events, at_number(own_number(), stream_pair().0)).0;
        let gone: Vec<_> = (0..5).map(vanished).collect();
        let (alive, theirs) = stream_pair();
        let calls = Calls::new();
        let noted = calls.clone();
        let _alive = events
            .handle()
            .watch(alive)
            .on_read(move |ready| noted.note(drain(ready.io())))
            .start()
            .unwrap();
        look(events);
        assert_sleeps(events);
        assert_eq!(events.handle().live(), 1, "the others were noticed");
        (&theirs).write_all(b"x").unwrap();
        run_until(events, || calls.len() == 1);
        drop(gone);
        assert_sleeps(events);
    });
}

#[test]
fn rule_1_4_a_rebuild_closes_nothing_of_other_threads() {
    alone(|| {
        let done = Arc::new(AtomicBool::new(false));
        let open_and_close = |_| {
            let (until, file) = (done.clone(), pipe().0);
            std::thread::spawn(move || {
                while !until.load(Ordering::Relaxed) {
                    let copy = duplicate(&file);
                    assert!(rustix::io::fcntl_getfd(&copy).is_ok(), "closed by somebody else");
                }
            })
        };
        let others: Vec<_> = (0..4).map(open_and_close).collect();
        let events = EventLoop::new().unwrap();
        for _ in 0..5000 {
            drop(orphan(&events, pipe().0));
            look(&events);
        }
        done.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn rule_1_5_unwatch_is_idempotent_and_silent() {
    let stderr = alone(|| {
        on_every_backend(|events| {
            let handle = events.handle();
            assert!(!handle.unwatch(-1), "an impossible number");
            assert!(!handle.unwatch(1_000_000), "an unknown number");
            let (ours, _theirs) = readable();
            let fd = ours.as_raw_fd();
            let watcher = handle.watch(ours).on_read(|_| {}).start().unwrap();
            assert!(handle.unwatch(fd));
            assert!(!handle.unwatch(fd), "a repeated one");
            drop(watcher);
            let (stale, _survivor) = orphan(events, readable().0);
            assert!(handle.unwatch(stale.fd()), "a closed one");
            assert!(!handle.unwatch(stale.fd()));
            look(events);
        });
    });
    assert_eq!(stderr.unwrap_or_default(), "");
}

#[test]
fn rule_1_6_a_refused_descriptor_is_handed_back_with_nothing_on_stderr() {
    let stderr = alone(|| {
        let events = EventLoop::new().unwrap();
        let file = File::open("/proc/self/exe").unwrap();
        let error = events.handle().watch(file).on_read(|_| {}).start().unwrap_err();
        let (file, error) = error.into_parts();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "EPERM: epoll takes no files");
        let mut magic = [0; 4];
        file.expect("it was moved in").read_exact(&mut magic).unwrap();
        assert_eq!(&magic, b"\x7fELF");
        assert_eq!(events.handle().live(), 0);
        events.run().unwrap();
    });
    assert_eq!(stderr.unwrap_or_default(), "");
}

#[test]
fn rule_1_6_a_replaced_watcher_never_runs_and_its_handle_is_inert() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        let ours = Rc::new(ours);
        let handle = events.handle();
        let old = handle.watch_shared(&ours).on_read(|_| panic!("replaced")).start().unwrap();
        let calls = Calls::new();
        let noted = calls.clone();
        let call = move |ready: event::Ready<'_, UnixStream>| noted.note(drain(ready.io()));
        let new = handle.watch_shared(&ours).on_read(call).start().unwrap();
        assert_sleeps(events);
        assert!(!old.is_watching());
        old.set_interest(event::Interest::all()).unwrap();
        old.rearm().unwrap();
        assert_eq!(handle.live(), 1, "the old handle came back to life");
        drop(old);
        assert!(new.is_watching());
        (&theirs).write_all(b"x").unwrap();
        run_until(events, || calls.len() == 1);
    });
}

#[test]
fn rule_1_6_a_replaced_watcher_lets_its_captures_go_at_once() {
    on_every_backend(|events| {
        let drops = Calls::new();
        let noted = drops.clone();
        let captured = OnDrop(move || noted.note(()));
        let (ours, _theirs) = stream_pair();
        let ours = Rc::new(ours);
        let read = move |_: event::Ready<'_, UnixStream>| {
            let _ = &captured;
        };
        let _old = events.handle().watch_shared(&ours).on_read(read).start().unwrap();
        let _new = events.handle().watch_shared(&ours).on_read(|_| {}).start().unwrap();
        assert_eq!(drops.len(), 1);
    });
}

#[test]
fn rule_1_6_an_old_handle_hands_its_own_descriptor_back() {
    let events = EventLoop::new().unwrap();
    let (ours, _theirs) = stream_pair();
    let fd = ours.as_raw_fd();
    let old = events.handle().watch(ours).on_read(|_| {}).start().unwrap();
    let again = old.with_io(|io| io.try_clone().unwrap()).unwrap();
    let other = events.handle().watch(again).on_read(|_| {}).start().unwrap();
    assert_ne!(other.fd(), fd);
    assert_eq!(old.unwatch().unwrap().as_raw_fd(), fd);
    assert!(other.is_watching());
}

#[test]
fn rule_1_6_a_replacement_that_fails_changes_nothing() {
    // Edges are what these two cannot do.
    for events in [loop_on("poll"), loop_on("select")] {
        let (ours, _theirs) = readable();
        let ours = Rc::new(ours);
        let calls = Calls::new();
        let noted = calls.clone();
        let call = move |ready: event::Ready<'_, UnixStream>| noted.note(drain(ready.io()));
        let watcher = events.handle().watch_shared(&ours).on_read(call).start().unwrap();
        let new = events.handle().watch_shared(&ours).on_read(|_| panic!("never started"));
        let error = new.edge_triggered().start().unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::Unsupported);
        assert!(watcher.is_watching());
        assert_eq!(events.handle().live(), 1);
        run_until(&events, || calls.len() == 1);
    }
}

#[test]
fn rule_1_6_a_replacement_that_fails_drops_its_callbacks() {
    let events = loop_on("poll");
    let drops = Calls::new();
    let noted = drops.clone();
    let captured = OnDrop(move || noted.note(()));
    let (ours, _theirs) = stream_pair();
    let refused = events.handle().watch(ours).edge_triggered().on_read(move |_| {
        let _ = &captured;
    });
    let (ours, _error) = refused.start().unwrap_err().into_parts();
    assert_eq!(drops.len(), 1);
    assert!(ours.is_some());
}

/// A receiver that puts a new watcher in its own place at every call.
struct Receiver {
    io: Rc<UnixStream>,
    received: RefCell<Vec<u8>>,
    replacements: Cell<usize>,
    watcher: RefCell<Option<Watcher<UnixStream>>>,
}

impl Receiver {
    fn watch(self: &Rc<Self>, handle: &LoopHandle) {
        let this = Rc::downgrade(self);
        let mut replaced = false;
        let call = move |ready: event::Ready<'_, UnixStream>| {
            assert!(!replaced, "a replaced watcher ran");
            let Some(this) = this.upgrade() else { return };
            replaced = this.receive(&ready);
        };
        let watcher = handle.watch_shared(&self.io).on_read(call).start().unwrap();
        // The old handle goes here: it must not take the new watch with it.
        drop(self.watcher.replace(Some(watcher)));
    }

    /// Reads a little; whether it then put another watcher in this one's place.
    fn receive(self: &Rc<Self>, ready: &event::Ready<'_, UnixStream>) -> bool {
        let mut chunk = [0; 4096];
        let n = ready.io().read(&mut chunk).unwrap_or(0);
        self.received.borrow_mut().extend_from_slice(&chunk[..n]);
        self.replacements.set(self.replacements.get() + 1);
        self.watch(&ready.handle());
        true
    }
}

#[test]
fn rule_1_6_a_hundred_replacements_under_a_mebibyte_lose_nothing() {
    on_every_backend(|events| {
        let (ours, theirs) = stream_pair();
        let sent: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
        let receiver = Rc::new(Receiver {
            io: Rc::new(ours),
            received: RefCell::default(),
            replacements: Cell::new(0),
            watcher: RefCell::default(),
        });
        receiver.watch(&events.handle());
        let (mut left, all) = (0, sent.clone());
        let send = move |ready: event::Ready<'_, UnixStream>| {
            left += ready.io().write(&all[left..]).unwrap_or(0);
            if left == all.len() {
                ready.unwatch();
            }
        };
        let _sender = events.handle().watch(theirs).on_write(send).start().unwrap();
        run_until(events, || receiver.received.borrow().len() == sent.len());
        assert!(*receiver.received.borrow() == sent, "bytes were lost or moved");
        assert!(receiver.replacements.get() >= 100, "{}", receiver.replacements.get());
    });
}

#[test]
fn rule_1_6_a_replacement_causes_no_callback() {
    on_every_backend(|events| {
        let (ours, _theirs) = stream_pair();
        let ours = Rc::new(ours);
        let idle = |_: event::Ready<'_, UnixStream>| panic!("there is nothing to read");
        let mut watcher = events.handle().watch_shared(&ours).on_read(idle).start().unwrap();
        for _ in 0..100 {
            watcher = events.handle().watch_shared(&ours).on_read(idle).start().unwrap();
            assert_eq!(look(events), 0);
        }
        assert!(watcher.is_watching());
        assert_eq!(events.handle().live(), 1);
    });
}

#[test]
fn rule_1_6_replacing_a_stale_watcher_with_a_file_that_is_refused_leaves_none() {
    let events = EventLoop::new().unwrap();
    let number = own_number();
    let (stale, _survivor) = orphan(&events, at_number(number, readable().0));
    let file = at_number(number, File::open("/proc/self/exe").unwrap());
    let refused = events.handle().watch(file).on_read(|_| {}).start();
    assert_eq!(refused.unwrap_err().error().kind(), ErrorKind::PermissionDenied);
    hold_up(ms(1));
    assert_sleeps(&events);
    drop(stale);
    assert_eq!(events.handle().live(), 0);
}
