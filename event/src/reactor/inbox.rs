//! Where one signal arrives in one loop, and those who are told of it.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};

use super::callback::Callback;
use super::handle::LoopHandle;
use super::live::Kind;
use super::signal::{Arrival, SignalError};
use super::watcher::Watcher;
use crate::os::SignalSource;
use crate::os::arrived::Arrived;
use crate::sys::Signal;

/// The signals that some loop of this process watches. Not behind a lock, which
/// a forked child could find locked for ever.
static TAKEN: [AtomicBool; 128] = [const { AtomicBool::new(false) }; 128];

thread_local! {
    /// The inboxes of this thread's loops.
    static OPEN: RefCell<Vec<Weak<Inbox>>> = const { RefCell::new(Vec::new()) };
}

/// One who is told.
pub(crate) struct Subscriber {
    call: Callback<dyn FnMut(Arrival)>,
    /// What it has not been told yet.
    due: Cell<Option<Arrived>>,
}

pub(crate) struct Inbox {
    signal: Signal,
    handle: LoopHandle,
    subscribers: RefCell<Vec<Rc<Subscriber>>>,
    watcher: RefCell<Option<Watcher<SignalSource>>>,
    /// `None` once closed.
    claim: RefCell<Option<Claim>>,
}

impl Inbox {
    /// The inbox of that signal in that loop.
    pub(crate) fn of(handle: &LoopHandle, signal: Signal) -> Result<Rc<Self>, SignalError> {
        let there = OPEN.with_borrow(|open| {
            let mut open = open.iter().filter_map(Weak::upgrade);
            open.find(|inbox| {
                inbox.signal == signal && Rc::ptr_eq(inbox.handle.core(), handle.core())
            })
        });
        there.map_or_else(|| Self::open(handle, signal), Ok)
    }

    fn open(handle: &LoopHandle, signal: Signal) -> Result<Rc<Self>, SignalError> {
        let claim = Claim::new(signal).ok_or(SignalError::Taken(signal))?;
        let inbox = Rc::new(Self {
            signal,
            handle: handle.clone(),
            subscribers: RefCell::default(),
            watcher: RefCell::default(),
            claim: RefCell::new(Some(claim)),
        });
        let shut = Shut(inbox.clone());
        let fd = SignalSource::open(signal).map_err(SignalError::System)?;
        let watch = handle.watch(fd).kind(Kind::Signal);
        let watch = watch.on_read(move |ready| shut.0.receive(ready.io()));
        let watcher = watch.start().map_err(|error| SignalError::System(error.into()))?;
        *inbox.watcher.borrow_mut() = Some(watcher);
        OPEN.with_borrow_mut(|open| open.push(Rc::downgrade(&inbox)));
        Ok(inbox)
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn is_open(&self) -> bool {
        self.claim.borrow().is_some()
    }

    pub(crate) fn subscribe(&self, call: Box<dyn FnMut(Arrival)>) -> Rc<Subscriber> {
        let call = Callback::new(Some(call));
        let subscriber = Rc::new(Subscriber { call, due: Cell::new(None) });
        self.subscribers.borrow_mut().push(subscriber.clone());
        subscriber
    }

    pub(crate) fn unsubscribe(&self, subscriber: &Rc<Subscriber>) {
        self.subscribers.borrow_mut().retain(|other| !Rc::ptr_eq(other, subscriber));
        if self.subscribers.borrow().is_empty() {
            self.close();
        }
        subscriber.due.set(None);
        drop(subscriber.call.remove());
    }

    /// Notes for each subscriber what has arrived, and tells them.
    fn receive(self: &Rc<Self>, fd: &SignalSource) {
        // A failure to read leaves nothing to tell.
        let Ok(Some(arrived)) = fd.take() else {
            return;
        };
        for subscriber in &*self.subscribers.borrow() {
            subscriber.due.set(Some(arrived.after(subscriber.due.get())));
        }
        self.tell();
    }

    fn tell(self: &Rc<Self>) {
        let _rest = Rest(self);
        while let Some((subscriber, arrived)) = self.next_due() {
            let Arrived { count, pid, uid } = arrived;
            let arrival = Arrival { signal: self.signal, count, sender: pid, user: uid };
            subscriber.call.with(|call| call(arrival));
        }
    }

    fn next_due(&self) -> Option<(Rc<Subscriber>, Arrived)> {
        let subscribers = self.subscribers.borrow();
        subscribers.iter().find_map(|one| one.due.take().map(|arrived| (one.clone(), arrived)))
    }

    /// Restores the mask, gives the signal free, and forgets the subscribers.
    /// At once, also in a callback of its own: the signal can be watched anew.
    fn close(&self) {
        let claim = self.claim.take();
        if claim.is_none() {
            return;
        }
        let watcher = self.watcher.take();
        if let Some(watcher) = &watcher {
            watcher.with_io(SignalSource::restore);
        }
        // The list is not there any more when the thread ends.
        let _ = OPEN.try_with(|open| open.borrow_mut().retain(is_open));
        drop((watcher, claim));
        for subscriber in self.subscribers.take() {
            drop(subscriber.call.remove());
        }
    }
}

fn is_open(inbox: &Weak<Inbox>) -> bool {
    inbox.upgrade().is_some_and(|inbox| inbox.is_open())
}

/// The right of one loop to a signal.
struct Claim(Signal);

impl Claim {
    /// No system has a signal beyond 127.
    fn place(signal: Signal) -> &'static AtomicBool {
        &TAKEN[signal.number().unsigned_abs() as usize % TAKEN.len()]
    }

    fn new(signal: Signal) -> Option<Self> {
        let taken = Self::place(signal).swap(true, Ordering::AcqRel);
        // Not `then_some`: a claim that is made is a claim that is given back.
        (!taken).then(|| Self(signal))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        Self::place(self.0).store(false, Ordering::Release);
    }
}

/// Held by the callback of the descriptor: when that is dropped, by whomever
/// and for whatever reason, nobody hears of the signal any more.
struct Shut(Rc<Inbox>);

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// After a panic of one subscriber the others are told in the next turn.
struct Rest<'a>(&'a Rc<Inbox>);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let inbox = self.0.clone();
            self.0.handle.defer(move || inbox.tell());
        }
    }
}
