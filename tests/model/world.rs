//! The real thing beside the model: what is done to the one is done to the other.

use std::cell::{RefCell, RefMut};
use std::io::{self, Write};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::panic_any;
use std::rc::Rc;

use event::{Interest, LoopHandle, Ready, Timer, Watch, WatchError, Watcher};

use super::action::{Action, Mode, Order, Ownership, PLACES};
use super::oracle::{OnPurpose, Oracle};
use super::support::fds::{at_number, duplicate, own_number};
use super::support::ms;
use super::support::peers::stream_pair;

thread_local! {
    /// One after the other, all worlds of a test have the same.
    static NUMBERS: [RawFd; PLACES] = std::array::from_fn(|_| own_number());
}

type Shared = Watcher<OwnedFd>;
type Owned = Watcher<Rc<OwnedFd>>;

enum Handle {
    Shared(Shared),
    Owned(Owned),
}

/// A file, by the number that the model has for it.
#[derive(Clone)]
struct File {
    number: usize,
    fd: Rc<OwnedFd>,
}

/// A descriptor number, and what goes on there.
struct Place {
    fd: RawFd,
    file: Option<File>,
    peer: Option<UnixStream>,
    /// The current watch: its number in the model, its handle and how it owns.
    watch: Option<(usize, Ownership)>,
    handle: Option<Handle>,
    timer: Option<(usize, Timer)>,
}

pub struct World {
    handle: LoopHandle,
    edges: bool,
    oracle: RefCell<Oracle>,
    places: [RefCell<Place>; PLACES],
    survivors: RefCell<Vec<OwnedFd>>,
}

impl World {
    pub fn new(handle: LoopHandle, edges: bool) -> Rc<Self> {
        let place = |fd| {
            let (file, peer, watch, handle, timer) = (None, None, None, None, None);
            RefCell::new(Place { fd, file, peer, watch, handle, timer })
        };
        let (oracle, survivors) = (RefCell::default(), RefCell::default());
        let places = NUMBERS.with(|numbers| numbers.map(place));
        let world = Rc::new(Self { handle, edges, oracle, places, survivors });
        (0..PLACES).for_each(|place| world.reopen(place));
        world
    }

    pub fn oracle(&self) -> RefMut<'_, Oracle> {
        self.oracle.borrow_mut()
    }

    fn place(&self, place: usize) -> RefMut<'_, Place> {
        self.places[place].borrow_mut()
    }

    /// Does it, on behalf of a running callback if there is one.
    pub fn perform(self: &Rc<Self>, action: &Action, own: Option<usize>) {
        match *action {
            Action::Nothing | Action::Panic | Action::Drain => {}
            Action::EndOneself => self.end_oneself(own),
            Action::Watch(place, ref order) => self.watch(place, order),
            Action::Unwatch(place) => self.unwatch(place),
            Action::Drop(place) => self.drop_handle(place),
            Action::Close(place, copy) => self.close(place, copy),
            Action::Reopen(place) => self.reopen(place),
            Action::Rearm(place) => self.rearm(place),
            Action::SetInterest(place, interest) => self.set_interest(place, interest),
            Action::Feed(place) => self.feed(place, false),
            Action::HangUp(place) => self.feed(place, true),
            Action::Arm(place, due) => self.arm(place, due),
            Action::Cancel(place) => self.cancel(place),
            Action::Move(place, due) => self.reset(place, due),
            Action::Defer => self.defer(),
        }
    }

    /// Ends everything that keeps the loop alive.
    pub fn end_all(self: &Rc<Self>) {
        for place in 0..PLACES {
            self.unwatch(place);
            self.cancel(place);
        }
    }
}

/// Files.
impl World {
    fn is_open(&self, place: usize) -> bool {
        let place = self.place(place);
        place.file.is_some() || matches!(place.watch, Some((_, Ownership::Owned)))
    }

    fn reopen(&self, place: usize) {
        if self.is_open(place) {
            return;
        }
        // A handle that is left owns nothing; one that owned is gone by now.
        let (ours, theirs) = stream_pair();
        let fd = Rc::new(at_number(self.place(place).fd, ours));
        let number = self.oracle().readable.len();
        self.oracle().readable.push(false);
        let mut place = self.place(place);
        (place.file, place.peer) = (Some(File { number, fd }), Some(theirs));
    }

    fn close(&self, place: usize, copy: bool) {
        let (file, watch) = {
            let mut place = self.place(place);
            let shared = |(_, ownership): &(usize, Ownership)| *ownership == Ownership::Shared;
            (place.file.take(), place.watch.filter(shared))
        };
        let Some(file) = file else { return };
        if let Some((watch, _)) = watch {
            self.oracle().vanish(watch);
        }
        if copy {
            self.survivors.borrow_mut().push(duplicate(&*file.fd));
        }
        drop(file);
    }

    fn feed(&self, place: usize, hang_up: bool) {
        let mut place = self.place(place);
        let file = place.file.as_ref().map(|file| file.number);
        let Some((file, mut peer)) = file.and_then(|file| Some((file, place.peer.take()?))) else {
            return;
        };
        self.oracle().feed(file);
        if !hang_up {
            // Full is as good as fed.
            let _ = peer.write(b"x");
            place.peer = Some(peer);
        }
    }
}

/// Watches.
impl World {
    fn watch(self: &Rc<Self>, place: usize, order: &Order) {
        let Some(file) = self.place(place).file.clone() else { return };
        let old = self.place(place).watch;
        let impossible = order.mode == Mode::Edge && !self.edges;
        // Numbered before it is made: its callbacks know themselves by it.
        let number = self.oracle().watch(file.number, order.mode, order.interest);
        let made: io::Result<Handle> = match order.ownership {
            Ownership::Owned => {
                let watch = self.handle.watch(file.fd.clone());
                self.start(watch, number, order).map(Handle::Owned).map_err(io::Error::from)
            }
            Ownership::Shared => {
                let watch = self.handle.watch_shared(&file.fd);
                self.start(watch, number, order).map(Handle::Shared).map_err(io::Error::from)
            }
        };
        assert_eq!(made.is_err(), impossible, "{:?}", made.as_ref().err());
        let Ok(made) = made else { return self.oracle().end(number) };
        if let Some((old, _)) = old {
            self.oracle().end(old);
        }
        let (old, _) = {
            let mut place = self.place(place);
            (place.handle.replace(made), place.watch.replace((number, order.ownership)))
        };
        // An inert handle: dropping it must not hurt the new watch.
        drop(old);
    }

    fn start<F: std::os::fd::AsFd + 'static>(
        self: &Rc<Self>,
        watch: Watch<F>,
        number: usize,
        order: &Order,
    ) -> Result<Watcher<F>, WatchError<F>> {
        let call = |step| {
            let (world, then) = (self.clone(), order.then.clone());
            move |ready: Ready<'_, F>| world.called(number, step, &then, ready.io())
        };
        let watch = match order.mode {
            Mode::Level => watch,
            Mode::Edge => watch.edge_triggered(),
            Mode::OneShot => watch.oneshot(),
        };
        let watch = watch.on_read(call(Interest::READ)).on_write(call(Interest::WRITE));
        watch.interest(order.interest).start()
    }

    fn called(
        self: &Rc<Self>,
        number: usize,
        step: Interest,
        then: &Action,
        io: &impl std::os::fd::AsFd,
    ) {
        self.oracle().runs(number, step);
        match then {
            Action::Panic => {
                self.oracle().panics(number, step);
                panic_any(OnPurpose);
            }
            Action::Drain => self.drain(number, io),
            other => self.perform(other, Some(number)),
        }
    }

    fn drain(&self, number: usize, io: &impl std::os::fd::AsFd) {
        let mut chunk = [0; 4096];
        // The end of file stays readable.
        let mut ended = false;
        while let Ok(n) = rustix::io::read(io, &mut chunk) {
            ended = n == 0;
            if ended {
                break;
            }
        }
        let file = self.oracle().watches[number].file;
        self.oracle().readable[file] = ended;
    }

    fn end_oneself(self: &Rc<Self>, own: Option<usize>) {
        let is_own = |place: &usize| own.is_some() && self.place(*place).watch.map(|w| w.0) == own;
        if let Some(place) = (0..PLACES).find(is_own) {
            self.unwatch(place);
        }
    }

    fn unwatch(&self, place: usize) {
        let fd = self.place(place).fd;
        let ended = self.place(place).watch.take();
        if let Some((watch, _)) = ended {
            self.oracle().end(watch);
        }
        self.handle.unwatch(fd);
        assert!(!self.handle.unwatch(fd), "it was unwatched twice");
        let left = self.place(place).handle.take();
        drop(left);
    }

    fn drop_handle(&self, place: usize) {
        let (ended, handle) = {
            let mut place = self.place(place);
            (place.watch.take(), place.handle.take())
        };
        if let Some((watch, _)) = ended {
            self.oracle().end(watch);
        }
        drop(handle);
    }

    fn rearm(&self, place: usize) {
        let place = self.place(place);
        let (Some((watch, _)), Some(handle)) = (place.watch, &place.handle) else { return };
        self.oracle().rearm(watch);
        match handle {
            Handle::Owned(watcher) => watcher.rearm().unwrap(),
            Handle::Shared(watcher) => drop(watcher.rearm()),
        }
    }

    fn set_interest(&self, place: usize, interest: Interest) {
        let place = self.place(place);
        let (Some((watch, _)), Some(handle)) = (place.watch, &place.handle) else { return };
        self.oracle().set_interest(watch, interest);
        // That of a closed descriptor may be refused; it is at its end anyway.
        let result = match handle {
            Handle::Owned(watcher) => watcher.set_interest(interest),
            Handle::Shared(watcher) => watcher.set_interest(interest),
        };
        assert!(result.is_ok() || !self.oracle().watches[watch].live, "{result:?}");
    }
}

/// Timers and deferred closures.
impl World {
    fn arm(self: &Rc<Self>, place: usize, due: bool) {
        self.cancel(place);
        let number = self.oracle().arm(due);
        let world = self.clone();
        let call = move || world.oracle().fires(number);
        let timer = match due {
            true => self.handle.timer_at(0, call),
            false => self.handle.timer_after(ms(3_600_000), call),
        };
        self.place(place).timer = Some((number, timer.unwrap()));
    }

    fn cancel(&self, place: usize) {
        let armed = self.place(place).timer.take();
        let Some((number, timer)) = armed else { return };
        assert_eq!(timer.cancel(), self.oracle().cancel(number), "timer {number}");
    }

    fn reset(&self, place: usize, due: bool) {
        let place = self.place(place);
        let Some((number, timer)) = &place.timer else { return };
        let moved = if due { timer.reset_at(0) } else { timer.reset(ms(3_600_000)) };
        assert_eq!(moved.unwrap(), self.oracle().reset(*number, due), "timer {number}");
    }

    fn defer(self: &Rc<Self>) {
        let number = self.oracle().defer();
        let world = self.clone();
        self.handle.defer(move || world.oracle().runs_deferred(number));
    }
}
