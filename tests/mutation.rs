//! Rules 3.1 to 3.3: callbacks change the set of watchers while it is being
//! dispatched.

mod support;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, Ready, Watcher};
use support::fds::{at_number, own_number};
use support::peers::{readable, stream_pair};
use support::{Calls, OnDrop, assert_sleeps, look, loop_on, on_every_backend, run_until};

type Slot<T> = Rc<RefCell<Option<T>>>;

#[test]
fn rule_3_1_unwatching_oneself_skips_the_remaining_steps() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let fd = ours.as_raw_fd();
        let read = move |ready: Ready<'_, UnixStream>| {
            assert!(ready.handle().unwatch(fd));
        };
        let watch = events.handle().watch(ours).on_read(read);
        let _watcher = watch.on_write(|_| panic!("a step of an ended watch ran")).start().unwrap();
        assert_eq!(look(events), 1);
        assert_sleeps(events);
    });
}

#[test]
fn rule_3_1_a_callback_takes_its_own_descriptor_back() {
    on_every_backend(|events| {
        let (ours, _theirs) = readable();
        let (fd, taken) = (ours.as_raw_fd(), Calls::new());
        let noted = taken.clone();
        let read = move |ready: Ready<'_, UnixStream>| {
            noted.note(ready.unwatch().expect("it was moved in").as_raw_fd());
        };
        let watch = events.handle().watch(ours).on_read(read);
        let watcher = watch.on_write(|_| panic!("a step of an ended watch ran")).start().unwrap();
        look(events);
        assert_eq!(taken.take(), [fd]);
        assert!(watcher.unwatch().is_none(), "handed out twice");
    });
}

/// A hundred descriptors that are all ready in one batch. Each callback notes
/// its number and then does `then` with the list of all watchers.
struct Batch {
    watchers: Rc<RefCell<Vec<Watcher<UnixStream>>>>,
    called: Calls<i32>,
    _peers: Vec<UnixStream>,
}

impl Batch {
    fn of_a_hundred(
        events: &EventLoop,
        then: impl Fn(Ready<'_, UnixStream>, &RefCell<Vec<Watcher<UnixStream>>>) + Clone + 'static,
    ) -> Self {
        let (watchers, called) = (Rc::<RefCell<Vec<_>>>::default(), Calls::new());
        let (mut peers, serious) = (Vec::new(), Rc::new(Cell::new(false)));
        for _ in 0..100 {
            let (ours, theirs) = readable();
            let (all, noted, then) = (watchers.clone(), called.clone(), then.clone());
            let serious = serious.clone();
            let read = move |ready: Ready<'_, UnixStream>| {
                noted.note(ready.io().as_raw_fd());
                if serious.get() {
                    then(ready, &all);
                }
            };
            watchers.borrow_mut().push(events.handle().watch(ours).on_read(read).start().unwrap());
            peers.push(theirs);
        }
        // libevent asks epoll for more at once each time that it got all it asked for.
        run_until(events, || called.take().len() == 100);
        serious.set(true);
        Self { watchers, called, _peers: peers }
    }
}

#[test]
fn rule_3_1_the_first_of_a_hundred_drops_all_handles() {
    on_every_backend(|events| {
        let batch = Batch::of_a_hundred(events, |_, all| drop(all.take()));
        assert_eq!(look(events), 1);
        assert_eq!(batch.called.len(), 1);
        assert_eq!(events.handle().live(), 0);
        assert_sleeps(events);
    });
}

#[test]
fn rule_3_1_the_first_of_a_hundred_unwatches_all_others_by_number() {
    on_every_backend(|events| {
        let batch = Batch::of_a_hundred(events, |ready, all| {
            let own = ready.io().as_raw_fd();
            let others = all.borrow().iter().map(Watcher::fd).filter(|fd| *fd != own).count();
            assert_eq!(others, 99);
            for watcher in all.borrow().iter().filter(|watcher| watcher.fd() != own) {
                ready.handle().unwatch(watcher.fd());
            }
        });
        assert_eq!(look(events), 1);
        let first = batch.called.take();
        assert_eq!(look(events), 1, "the first one is watched still");
        assert_eq!(batch.called.take(), first);
    });
}

#[test]
fn rule_3_1_the_first_of_a_hundred_pauses_all_others() {
    on_every_backend(|events| {
        let batch = Batch::of_a_hundred(events, |ready, all| {
            let own = ready.io().as_raw_fd();
            for watcher in all.borrow().iter().filter(|watcher| watcher.fd() != own) {
                watcher.set_interest(event::Interest::empty()).unwrap();
            }
        });
        assert_eq!(look(events), 1);
        assert_eq!(events.handle().live(), 1);
        for watcher in batch.watchers.borrow().iter() {
            watcher.set_interest(event::Interest::READ).unwrap();
        }
        assert_eq!(events.handle().live(), 100);
        drop(batch.watchers.take());
    });
}

#[test]
fn rule_3_1_all_of_a_hundred_run_when_nobody_unwatches() {
    on_every_backend(|events| {
        let batch = Batch::of_a_hundred(events, |_, _| {});
        assert_eq!(look(events), 100);
        let mut called = batch.called.take();
        called.sort_unstable();
        called.dedup();
        assert_eq!(called.len(), 100);
        drop(batch.watchers.take());
    });
}

/// Two descriptors that are ready in one batch. Whichever is called first
/// closes the other without unwatch and gives its number to a new socket.
struct Rivals {
    handles: [Slot<Rc<OwnedFd>>; 2],
    numbers: [i32; 2],
    called: Calls<usize>,
    /// The new socket is ready as well.
    newcomer: Slot<OwnedFd>,
    _peers: RefCell<Vec<UnixStream>>,
}

impl Rivals {
    fn new() -> Rc<Self> {
        let numbers = [own_number(), own_number()];
        let ((a, a_peer), (b, b_peer)) = (readable(), readable());
        let own =
            |number, io: UnixStream| Rc::new(RefCell::new(Some(Rc::new(at_number(number, io)))));
        Rc::new(Self {
            handles: [own(numbers[0], a), own(numbers[1], b)],
            numbers,
            called: Calls::new(),
            newcomer: Slot::default(),
            _peers: RefCell::new(vec![a_peer, b_peer]),
        })
    }

    fn watch(
        self: &Rc<Self>,
        events: &EventLoop,
        which: usize,
        then: impl Fn(&Rivals) + 'static,
    ) -> Watcher<OwnedFd> {
        let io = self.handles[which].borrow().clone().unwrap();
        let this = self.clone();
        let read = move |_: Ready<'_, OwnedFd>| {
            this.called.note(which);
            this.replace(1 - which);
            then(&this);
        };
        events.handle().watch_shared(&io).on_read(read).start().unwrap()
    }

    fn replace(&self, other: usize) {
        if self.handles[other].take().is_some() {
            let (new, peer) = readable();
            *self.newcomer.borrow_mut() = Some(at_number(self.numbers[other], new));
            self._peers.borrow_mut().push(peer);
        }
    }
}

#[test]
fn rule_3_1_a_number_reused_within_a_batch_is_not_the_watched_descriptor() {
    on_every_backend(|events| {
        let rivals = Rivals::new();
        let _a = rivals.watch(events, 0, |_| {});
        let _b = rivals.watch(events, 1, |_| {});
        assert_eq!(look(events), 1);
        assert_eq!(rivals.called.len(), 1);
        assert!(rivals.newcomer.borrow().is_some());
    });
}

#[test]
fn rule_3_1_a_number_reused_and_watched_within_a_batch_runs_in_the_next_one() {
    on_every_backend(|events| {
        let (rivals, fresh, calls) = (Rivals::new(), Slot::default(), Calls::new());
        let watch_newcomer = || {
            let (handle, fresh, calls) = (events.handle(), fresh.clone(), calls.clone());
            move |rivals: &Rivals| {
                let Some(newcomer) = rivals.newcomer.take() else { return };
                let noted = calls.clone();
                let read = move |_: Ready<'_, OwnedFd>| noted.note(());
                *fresh.borrow_mut() = Some(handle.watch(newcomer).on_read(read).start().unwrap());
            }
        };
        let _a = rivals.watch(events, 0, watch_newcomer());
        let _b = rivals.watch(events, 1, watch_newcomer());
        assert_eq!(look(events), 1);
        assert_eq!((rivals.called.len(), calls.len()), (1, 0));
        assert_eq!(look(events), 2, "the survivor and the newcomer");
        assert_eq!(calls.len(), 1);
    });
}

#[test]
fn rule_3_1_captures_of_a_callback_that_drops_its_handle_are_dropped_once_after_it() {
    on_every_backend(|events| {
        let (log, own) = (Calls::new(), Slot::<Watcher<UnixStream>>::default());
        let (dropped, returned, slot) = (log.clone(), log.clone(), own.clone());
        let captured = OnDrop(move || dropped.note("dropped"));
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &captured;
            drop(slot.take());
            returned.note("returning");
        };
        let (ours, _theirs) = readable();
        *own.borrow_mut() = Some(events.handle().watch(ours).on_read(read).start().unwrap());
        look(events);
        assert_eq!(log.take(), ["returning", "dropped"]);
        assert_sleeps(events);
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn rule_3_1_captures_of_an_idle_callback_are_dropped_at_once() {
    on_every_backend(|events| {
        let drops = Calls::new();
        let noted = drops.clone();
        let captured = OnDrop(move || noted.note(()));
        let (ours, _theirs) = stream_pair();
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &captured;
        };
        let watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        assert!(events.handle().unwatch(watcher.fd()));
        assert_eq!(drops.len(), 1);
    });
}

#[test]
fn rule_3_1_a_captured_value_may_come_back_to_the_loop_in_its_drop() {
    on_every_backend(|events| {
        let (log, handle) = (Calls::new(), events.handle());
        let noted = log.clone();
        let (ours, _theirs) = stream_pair();
        let fd = ours.as_raw_fd();
        let captured = OnDrop(move || {
            noted.note(handle.unwatch(fd));
            let (another, _peer) = stream_pair();
            drop(handle.watch(another).on_read(|_| {}).start().unwrap());
            let timer = handle.timer_after(Duration::ZERO, || {}).unwrap();
            noted.note(timer.cancel());
            handle.defer(|| {});
            assert_eq!(handle.registrations().len(), handle.live());
        });
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &captured;
        };
        drop(events.handle().watch(ours).on_read(read).start().unwrap());
        assert_eq!(log.take(), [false, true], "unwatched before the captures go");
    });
}

#[test]
fn rule_3_1_a_captured_handle_ends_another_watch_when_it_is_dropped() {
    on_every_backend(|events| {
        let ((a, _a_peer), (b, _b_peer)) = (readable(), readable());
        let inner = events.handle().watch(a).on_read(|_| {}).start().unwrap();
        let kept = Cell::new(Some(inner));
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = &kept;
        };
        let outer = events.handle().watch(b).on_read(read).start().unwrap();
        assert_eq!(events.handle().live(), 2);
        drop(outer);
        assert_eq!(events.handle().live(), 0);
        events.run().unwrap();
    });
}

#[test]
fn rule_3_2_a_callback_cannot_run_the_loop() {
    on_every_backend(|events| {
        let errors = Calls::new();
        let events = Rc::new(loop_on(events.backend()));
        let try_all = |noted: Calls<ErrorKind>| {
            let events = Rc::downgrade(&events);
            move || {
                let events = events.upgrade().unwrap();
                noted.note(events.run().unwrap_err().kind());
                noted.note(events.run_forever().unwrap_err().kind());
                noted.note(events.run_for(Duration::ZERO).unwrap_err().kind());
                noted.note(events.run_once(None).unwrap_err().kind());
            }
        };
        let (ours, _theirs) = readable();
        let in_watcher = try_all(errors.clone());
        let read = move |ready: Ready<'_, UnixStream>| {
            in_watcher();
            ready.unwatch();
        };
        let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        let _timer = events.handle().timer_after(Duration::ZERO, try_all(errors.clone())).unwrap();
        events.handle().defer(try_all(errors.clone()));
        events.run().unwrap();
        assert_eq!(errors.take(), [ErrorKind::ResourceBusy; 12]);
        events.run().expect("the refusals changed nothing");
    });
}

#[test]
fn rule_3_2_a_callback_may_run_another_loop() {
    on_every_backend(|events| {
        let ran = Calls::new();
        let noted = ran.clone();
        events.handle().defer(move || {
            let inner = EventLoop::new().unwrap();
            let _timer =
                inner.handle().timer_after(Duration::ZERO, move || noted.note(())).unwrap();
            inner.run().unwrap();
        });
        events.run().unwrap();
        assert_eq!(ran.len(), 1);
    });
}

#[test]
fn rule_3_2_what_is_added_in_a_batch_does_not_run_in_it() {
    on_every_backend(|events| {
        let (log, added) = (Calls::new(), Slot::default());
        let (handle, noted, slot) = (events.handle(), log.clone(), added.clone());
        let (ready_already, _peer) = readable();
        let mut fresh = Some(ready_already);
        let (ours, _theirs) = readable();
        let read = move |ready: Ready<'_, UnixStream>| {
            noted.note("first");
            let (by_watcher, by_timer, deferred) = (noted.clone(), noted.clone(), noted.clone());
            let call = move |_: Ready<'_, UnixStream>| by_watcher.note("watcher");
            let watcher = handle.watch(fresh.take().unwrap()).on_read(call).start().unwrap();
            *slot.borrow_mut() = Some(watcher);
            handle.timer_at(0, move || by_timer.note("timer")).unwrap().detach();
            handle.defer(move || deferred.note("deferred"));
            ready.unwatch();
        };
        let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        assert_eq!(look(events), 1);
        assert_eq!(log.take(), ["first"]);
        assert_eq!(look(events), 3);
        assert_eq!(log.take(), ["watcher", "timer", "deferred"]);
        drop(added.take());
    });
}

#[test]
fn rule_3_3_a_removal_that_the_kernel_refuses_is_no_error() {
    on_every_backend(|events| {
        let (ours, _theirs) = stream_pair();
        let ours = Rc::new(ours);
        let watcher = events.handle().watch_shared(&ours).on_read(|_| {}).start().unwrap();
        // The kernel has forgotten it: EPOLL_CTL_DEL is EBADF now.
        drop(ours);
        assert!(watcher.unwatch().is_none());
        assert_eq!(events.handle().live(), 0);
        events.run().unwrap();
    });
}

#[test]
fn rule_3_3_the_table_is_right_when_the_kernel_reports_what_was_removed() {
    on_every_backend(|events| {
        let number = own_number();
        let (ours, _theirs) = readable();
        let ours = Rc::new(at_number(number, ours));
        let _survivor = support::fds::duplicate(&*ours);
        let gone = |_: Ready<'_, OwnedFd>| panic!("not in the table any more");
        let watcher = events.handle().watch_shared(&ours).on_read(gone).start().unwrap();
        drop(ours);
        drop(watcher);
        // Deleting by number took nothing away: the survivor is ready, and epoll
        // says so under the number that a new descriptor has now.
        let calls = Calls::new();
        let noted = calls.clone();
        let (new, _quiet_peer) = stream_pair();
        let call = move |_: Ready<'_, OwnedFd>| noted.note(());
        let new = events.handle().watch(at_number(number, new)).on_read(call).start().unwrap();
        assert_sleeps(events);
        drop(_quiet_peer);
        run_until(events, || calls.len() > 0);
        drop(new);
    });
}
