//! Drop order is free: an object that outlives its loop yields errors, and the
//! last one to go takes the loop's descriptors with it.

mod support;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use event::{EventLoop, LoopClosed, LoopHandle, Ready, Remote, Timer, TimerError, Watcher};
use support::alone::{alone, open_descriptors};
use support::peers::{readable, stream_pair};
use support::{Calls, OnDrop, look, loop_on, ms, on_every_backend, run_until};

/// One of each.
struct Objects {
    handle: LoopHandle,
    remote: Remote,
    watcher: Watcher<UnixStream>,
    shared: Watcher<UnixStream>,
    io: Rc<UnixStream>,
    timer: Timer,
    periodic: Timer,
    _peers: [UnixStream; 2],
}

impl Objects {
    fn of(events: &EventLoop) -> Self {
        let handle = events.handle();
        let ((a, a_peer), (b, b_peer)) = (readable(), readable());
        let io = Rc::new(b);
        // Each callback holds the loop, which must not keep it for ever.
        let (by_watcher, by_timer) = (handle.clone(), handle.clone());
        let read = move |_: Ready<'_, UnixStream>| drop(by_watcher.registrations());
        Self {
            watcher: handle.watch(a).on_read(read).start().unwrap(),
            shared: handle.watch_shared(&io).on_read(|_| {}).start().unwrap(),
            timer: handle.timer_after(ms(1), move || drop(by_timer.registrations())).unwrap(),
            periodic: handle.every(ms(1), |_| {}).unwrap(),
            remote: events.remote(),
            handle,
            io,
            _peers: [a_peer, b_peer],
        }
    }
}

#[test]
fn handles_of_a_gone_loop_yield_errors() {
    on_every_backend(|events| {
        let events = loop_on(events.backend());
        let Objects { handle, remote, watcher, shared, io, timer, periodic, _peers } =
            Objects::of(&events);
        look(&events);
        drop(events);
        assert_eq!((handle.live(), handle.registrations().len()), (0, 0));
        let gone = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::NotConnected);
        gone(watcher.set_interest(event::Interest::READ).unwrap_err());
        gone(watcher.rearm().unwrap_err());
        gone(handle.watch_shared(&io).on_read(|_| {}).start().unwrap_err().into());
        assert!(!watcher.is_watching() && !shared.is_watching());
        assert!(!handle.unwatch(shared.fd()));
        assert!(watcher.unwatch().is_some(), "the descriptor is the caller's again");
        assert!(shared.unwatch().is_none());
        for timer in [timer, periodic] {
            assert!(!timer.cancel() && !timer.is_pending());
            assert!(matches!(timer.reset(ms(1)), Err(TimerError::Loop(_))));
            assert!(matches!(timer.reset_at(0), Err(TimerError::Loop(_))));
        }
        assert!(matches!(handle.timer_after(ms(1), || {}), Err(TimerError::Loop(_))));
        assert!(matches!(handle.every(ms(1), |_| {}), Err(TimerError::Loop(_))));
        assert_eq!(remote.wake(), Err(LoopClosed));
        assert_eq!(remote.stop(), Err(LoopClosed));
        assert_eq!(remote.spawn(|| {}), Err(LoopClosed));
        handle.stop();
    });
}

#[test]
fn a_descriptor_that_a_gone_loop_refuses_is_handed_back() {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    drop(events);
    let (ours, _theirs) = stream_pair();
    let fd = ours.as_raw_fd();
    let (ours, error) = handle.watch(ours).on_read(|_| {}).start().unwrap_err().into_parts();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert_eq!(ours.unwrap().as_raw_fd(), fd);
}

#[test]
fn what_a_gone_loop_refuses_is_dropped_at_once() {
    let events = EventLoop::new().unwrap();
    let (handle, remote, drops) = (events.handle(), events.remote(), Calls::new());
    let captured = || {
        let noted = drops.clone();
        OnDrop(move || noted.note(()))
    };
    let counted = Arc::new(());
    drop(events);
    let (deferred, timed) = (captured(), captured());
    handle.defer(move || drop(deferred));
    assert!(handle.timer_after(ms(1), move || drop(timed)).is_err());
    let sent = counted.clone();
    assert!(remote.spawn(move || drop(sent)).is_err());
    assert_eq!(drops.len(), 2);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn jobs_that_a_loop_did_not_get_to_are_dropped_with_it() {
    let events = EventLoop::new().unwrap();
    let counted = Arc::new(());
    let sent = counted.clone();
    events.remote().spawn(move || drop(sent)).unwrap();
    drop(events);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn another_thread_that_holds_a_remote_is_told_when_the_loop_goes() {
    let events = EventLoop::new().unwrap();
    let remote = events.remote();
    let (sent, heard) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let mut sent = Some(sent);
        while remote.spawn(|| {}).is_ok() {
            drop(sent.take());
        }
    });
    assert!(heard.recv().is_err(), "it has begun");
    look(&events);
    drop(events);
    other.join().unwrap();
}

/// All orders of `n` things (Heap's algorithm).
fn orders(n: usize) -> Vec<Vec<usize>> {
    fn permute(left: usize, items: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        if left <= 1 {
            return all.push(items.clone());
        }
        for i in 0..left {
            permute(left - 1, items, all);
            items.swap(if left % 2 == 0 { i } else { 0 }, left - 1);
        }
    }
    let mut all = Vec::new();
    permute(n, &mut (0..n).collect(), &mut all);
    all
}

#[test]
fn every_drop_order_frees_everything() {
    alone(|| {
        let open = open_descriptors();
        let orders = orders(6);
        assert_eq!(orders.len(), 720);
        for order in orders {
            let events = EventLoop::new().unwrap();
            let Objects { handle, remote, watcher, shared, io, timer, periodic, _peers } =
                Objects::of(&events);
            look(&events);
            let mut objects: [Option<Box<dyn std::any::Any>>; 6] = [
                Some(Box::new(events)),
                Some(Box::new(handle)),
                Some(Box::new((watcher, remote))),
                Some(Box::new(shared)),
                Some(Box::new(io)),
                Some(Box::new((timer, periodic))),
            ];
            for which in order {
                drop(objects[which].take());
            }
            drop(_peers);
            assert_eq!(open_descriptors(), open);
        }
    });
}

#[test]
fn the_last_reference_may_go_in_a_callback() {
    on_every_backend(|events| {
        let events = loop_on(events.backend());
        let kept = Calls::new();
        let objects = Cell::new(Some(Objects::of(&events)));
        let noted = kept.clone();
        let (ours, _theirs) = readable();
        let read = move |ready: Ready<'_, UnixStream>| {
            drop(objects.take());
            drop(ready.unwatch());
            noted.note(());
        };
        events.handle().watch(ours).on_read(read).start().unwrap().detach();
        run_until(&events, || kept.len() == 1);
        assert_eq!(events.handle().live(), 0);
    });
}

#[test]
fn a_callback_may_drop_another_loop() {
    on_every_backend(|events| {
        let other = loop_on(events.backend());
        let objects = Objects::of(&other);
        let both = Cell::new(Some((other, objects)));
        let done = Calls::new();
        let noted = done.clone();
        let (ours, _theirs) = readable();
        let read = move |ready: Ready<'_, UnixStream>| {
            let (other, objects) = both.take().unwrap();
            drop(other);
            assert!(!objects.watcher.is_watching());
            ready.unwatch();
            noted.note(());
        };
        let _watcher = events.handle().watch(ours).on_read(read).start().unwrap();
        events.run().unwrap();
        assert_eq!(done.len(), 1);
    });
}

/// A connection as users write it: it owns its watcher, whose callback knows it.
struct Connection {
    watcher: RefCell<Option<Watcher<UnixStream>>>,
    closed: Calls<()>,
}

impl Connection {
    fn open(handle: &LoopHandle, io: UnixStream, closed: &Calls<()>) -> Rc<Self> {
        let new = |this: &Weak<Self>| {
            let this = this.clone();
            let read = move |_: Ready<'_, UnixStream>| {
                let connection = this.upgrade().unwrap();
                drop(connection.watcher.take());
            };
            let watcher = handle.watch(io).on_read(read).start().unwrap();
            Self { watcher: RefCell::new(Some(watcher)), closed: closed.clone() }
        };
        Rc::new_cyclic(new)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.closed.note(());
    }
}

#[test]
fn a_connection_that_closes_itself_is_gone() {
    on_every_backend(|events| {
        let closed = Calls::new();
        let (ours, _theirs) = readable();
        let connection = Connection::open(&events.handle(), ours, &closed);
        events.run().unwrap();
        assert!(connection.watcher.borrow().is_none());
        drop(connection);
        assert_eq!(closed.len(), 1);
    });
}

#[test]
fn a_callback_that_owns_its_own_watcher_goes_with_the_loop() {
    on_every_backend(|events| {
        let events = loop_on(events.backend());
        let drops = Calls::new();
        let noted = drops.clone();
        let own: Rc<RefCell<Option<Watcher<UnixStream>>>> = Rc::default();
        let (cycle, captured) = (own.clone(), OnDrop(move || noted.note(())));
        let (ours, _theirs) = stream_pair();
        let read = move |_: Ready<'_, UnixStream>| {
            let _ = (&cycle, &captured);
        };
        *own.borrow_mut() = Some(events.handle().watch(ours).on_read(read).start().unwrap());
        drop(own);
        assert_eq!(drops.len(), 0);
        drop(events);
        assert_eq!(drops.len(), 1, "a cycle through the loop leaks");
    });
}

/// Compiles only for types that do not have the trait.
macro_rules! assert_not {
    ($trait:ident: $($type:ty),+ $(,)?) => {$({
        trait Ambiguous<A> { fn check() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct HasIt;
        impl<T: ?Sized + $trait> Ambiguous<HasIt> for T {}
        let _ = <$type as Ambiguous<_>>::check;
    })+};
}

#[test]
fn only_the_remote_handle_crosses_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Remote>();
    assert_not!(Send: EventLoop, LoopHandle, Watcher<UnixStream>, Timer, Ready<'_, UnixStream>);
    assert_not!(Sync: EventLoop, LoopHandle, Watcher<UnixStream>, Timer, Ready<'_, UnixStream>);
}
