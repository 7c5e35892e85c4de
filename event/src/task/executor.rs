//! The executor of one loop: its tasks, and the queue of those to be polled.
//!
//! A wake-up on the loop's own thread is a push to a plain queue; one from
//! another thread goes through the [`Inbox`]. Futures are polled and dropped on
//! the loop's thread only, although their wakers go anywhere: what a foreign
//! thread can hold or drop of a live task is a reference to it, never the last
//! (the table of live tasks has one), and when the loop ends it first gets
//! back what other threads are about to hand over.
#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;

use async_task::{Builder, Runnable};
use slab::Slab;

use super::inbox::Inbox;
use super::job::Job;
use super::join::JoinHandle;
use super::queue::Queue;
use crate::reactor::budget::Budget;
use crate::reactor::core::{Core, Work};

/// So many polls in one turn at least: tasks that wake each other go on.
const LEAST: usize = 256;

/// And at most so many, for descriptors and timers must not starve.
const MOST: usize = 4096;

/// What a panic carries.
pub(super) type Payload = Box<dyn Any + Send>;

thread_local! {
    /// The executor that last ran on this thread: most likely the one that is
    /// meant when a task is woken here.
    static HERE: RefCell<Weak<Executor>> = const { RefCell::new(Weak::new()) };
}

/// What waits to be polled.
pub(super) enum Ready {
    Task(Runnable<Home>),
    /// The future that `block_on` was given.
    Root,
}

/// What every reference to a task carries: the way back.
pub(super) struct Home {
    inbox: Arc<Inbox>,
    key: usize,
}

/// Where the future of `block_on` stands.
#[derive(Clone, Copy, PartialEq)]
enum Root {
    Absent,
    Waiting,
    Due,
}

pub(super) struct Executor {
    inbox: Arc<Inbox>,
    ready: Queue,
    /// Of every task that has neither ended nor been dropped.
    live: RefCell<Slab<Waker>>,
    /// The keys of those among them that were aborted: hardly ever any.
    aborted: RefCell<HashSet<usize>>,
    root: Cell<Root>,
    /// Polls that are left of this turn's share.
    left: Cell<usize>,
    /// A task is on the stack.
    polling: Cell<bool>,
    closed: Cell<bool>,
    /// Panics that nobody awaits, on their way to the caller of `run*`.
    panics: RefCell<VecDeque<Payload>>,
    /// Whether the loop looks at the queue before it waits.
    running: Rc<Cell<bool>>,
    /// What each poll may do.
    budget: Rc<Budget>,
    /// Not an `Rc`, for the loop holds the executor.
    core: Weak<Core>,
}

/// The executor as the loop sees it.
struct Hook(Rc<Executor>);

impl Executor {
    /// The executor of a loop, made on first use.
    pub(super) fn of(core: &Rc<Core>) -> &Rc<Self> {
        let work = core.work(|| Rc::new(Hook(Rc::new(Self::new(core)))));
        let hook = work.as_any().downcast_ref::<Hook>();
        &hook.expect("the loop has one kind of work").0
    }

    fn new(core: &Rc<Core>) -> Self {
        Self {
            inbox: Inbox::new(core.remote().clone()),
            ready: Queue::default(),
            live: RefCell::default(),
            aborted: RefCell::default(),
            root: Cell::new(Root::Absent),
            left: Cell::new(0),
            polling: Cell::new(false),
            closed: Cell::new(false),
            panics: RefCell::default(),
            running: core.running().clone(),
            budget: core.budget.clone(),
            core: Rc::downgrade(core),
        }
    }

    /// Where its wake-ups go.
    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Makes a task of a future, to be polled in this turn or the next.
    pub(super) fn spawn<F>(self: &Rc<Self>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        let key = self.live.borrow().vacant_key();
        let home = Home { inbox: self.inbox.clone(), key };
        let job = Job::new(future, self.clone(), key);
        let (runnable, task) = Builder::new().metadata(home).spawn_local(|_| job, schedule);
        let waker = runnable.waker();
        self.live.borrow_mut().insert(waker);
        self.push(Ready::Task(runnable));
        JoinHandle::new(task.fallible(), self.clone(), key)
    }

    fn push(&self, ready: Ready) {
        self.ready.push(ready);
        if !self.running.get() {
            self.touch();
        }
    }

    /// Whoever drives the loop is told that there is work.
    fn touch(&self) {
        if let Some(core) = self.core.upgrade() {
            core.touch();
        }
    }

    /// Has a task dropped instead of polled the next time.
    pub(super) fn abort(&self, key: usize) {
        let Some(waker) = self.live.borrow().get(key).cloned() else { return };
        self.aborted.borrow_mut().insert(key);
        waker.wake();
    }

    fn is_aborted(&self, key: usize) -> bool {
        let aborted = self.aborted.borrow();
        self.closed.get() || !aborted.is_empty() && aborted.contains(&key)
    }

    /// The task of that key has ended.
    pub(super) fn retire(&self, key: usize) {
        let mut aborted = self.aborted.borrow_mut();
        if !aborted.is_empty() {
            aborted.remove(&key);
        }
        // Dropped at the end, with nothing borrowed.
        let _waker = self.live.borrow_mut().remove(key);
    }

    /// Runs what may panic where a panic must not pass.
    pub(super) fn contain(&self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            self.park(payload);
        }
    }

    /// Keeps a panic for the caller of `run*`.
    pub(super) fn park(&self, payload: Payload) {
        self.panics.borrow_mut().push_back(payload);
    }

    fn resume(&self) {
        let payload = self.panics.borrow_mut().pop_front();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

/// The share of a turn.
impl Executor {
    /// Everybody who is ready when it begins has a poll: descriptors that were
    /// not read yet would only be reported once more.
    fn share(&self) -> usize {
        self.ready.len().clamp(LEAST, MOST)
    }

    /// Polls until the share is used up, nothing is left to poll, or it is the
    /// root's turn; how many it polled.
    pub(super) fn go_on(&self) -> u64 {
        let before = self.left.get();
        while self.left.get() > 0 && self.root.get() != Root::Due && self.step() {}
        (before - self.left.get()) as u64
    }

    /// Polls one; whether there was one.
    fn step(&self) -> bool {
        match self.ready.pop() {
            Some(Ready::Task(task)) => {
                self.left.set(self.left.get() - 1);
                self.poll(task);
                self.resume();
            }
            Some(Ready::Root) if self.root.get() == Root::Waiting => self.root.set(Root::Due),
            // Woken by somebody who kept the waker of an earlier `block_on`.
            Some(Ready::Root) => {}
            None => return false,
        }
        true
    }

    fn poll(&self, task: Runnable<Home>) {
        if self.is_aborted(task.metadata().key) {
            return drop(task);
        }
        self.polling.set(true);
        self.budget.refill();
        task.run();
        self.polling.set(false);
    }

    /// `block_on` begins: its future is polled first.
    pub(super) fn enter_root(self: &Rc<Self>) {
        self.be_here();
        self.root.set(Root::Due);
        self.left.set(self.share());
    }

    /// Whether to poll the future of `block_on` now.
    pub(super) fn take_root(&self) -> bool {
        if self.root.get() != Root::Due || self.left.get() == 0 {
            return false;
        }
        self.left.set(self.left.get() - 1);
        self.budget.refill();
        self.root.set(Root::Waiting);
        true
    }

    /// `block_on` ends.
    pub(super) fn leave_root(&self) {
        self.root.set(Root::Absent);
    }

    fn be_here(self: &Rc<Self>) {
        let same = HERE.with_borrow(|here| std::ptr::eq(here.as_ptr(), Rc::as_ptr(self)));
        if !same {
            HERE.set(Rc::downgrade(self));
        }
    }
}

/// The end.
impl Executor {
    /// Drops every future, here and now.
    fn close(&self) {
        self.closed.set(true);
        self.inbox.begin_closing();
        self.wake_all();
        // One that is being polled is dropped when it returns: it is not ours
        // to wait for.
        let rest = usize::from(self.polling.get());
        loop {
            self.ready.collect(&self.inbox);
            while let Some(ready) = self.ready.pop() {
                drop(ready);
            }
            if self.live.borrow().len() <= rest || !self.inbox.wait() {
                break;
            }
        }
        drop(self.inbox.close());
        self.left.set(self.share());
    }

    fn wake_all(&self) {
        let live = self.live.borrow();
        let wakers: Vec<_> = live.iter().map(|(_, waker)| waker.clone()).collect();
        drop(live);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Work for Hook {
    fn run(&self) -> u64 {
        let Self(executor) = self;
        executor.be_here();
        executor.ready.collect(&executor.inbox);
        executor.left.set(executor.share());
        executor.resume();
        executor.go_on()
    }

    fn is_ready(&self) -> bool {
        let Self(executor) = self;
        !executor.ready.is_empty()
            || executor.root.get() == Root::Due
            || !executor.panics.borrow().is_empty()
    }

    fn live(&self) -> usize {
        self.0.live.borrow().len() + self.0.panics.borrow().len()
    }

    fn clear(&self) {
        self.0.close();
        if !std::thread::panicking() {
            self.0.resume();
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Queues a task that was woken, on whichever thread.
fn schedule(task: Runnable<Home>) {
    match local(&task.metadata().inbox) {
        Some(executor) => executor.push(Ready::Task(task)),
        None => {
            let inbox = task.metadata().inbox.clone();
            inbox.send(Ready::Task(task));
        }
    }
}

/// Queues the future of `block_on`.
pub(super) fn schedule_root(inbox: &Arc<Inbox>) {
    match local(inbox) {
        Some(executor) => executor.push(Ready::Root),
        None => inbox.send(Ready::Root),
    }
}

/// The executor of that inbox, if it is the one that runs here.
fn local(inbox: &Arc<Inbox>) -> Option<Rc<Executor>> {
    let here = HERE.try_with(|here| here.borrow().upgrade()).ok()??;
    Arc::ptr_eq(&here.inbox, inbox).then_some(here)
}
