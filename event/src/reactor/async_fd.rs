//! A descriptor that tasks wait for: one registration for its whole life.
//!
//! It is level-triggered. Everybody tries a system call first and waits only
//! when that would block, or when the last transfer was short, which on a
//! stream means the same; so in the steady state there is no `epoll_ctl` and no
//! call that finds nothing. Levels make the second rule safe: an end of file or
//! a reset that arrived together with the last bytes is reported again. (An
//! edge would be lost with them, since libevent reports errors as READ|WRITE,
//! which is what every edge of an idle socket says.) The price is that a
//! direction nobody waits for has to be switched off when it fires.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::core::Core;
use super::handle::LoopHandle;
use super::live::{Kind, Registration};
use super::registry::Watched;
use super::waiters::{Ticket, Waiters};
use super::watch::WatchError;
use crate::sys::{RawBase, Report, Slot, What};

/// After so many reports that a woken task has not followed up, the direction
/// is switched off until somebody waits again.
const PATIENCE: u8 = 4;

/// The ticket of those who poll by hand: the last of them is woken, as
/// `AsyncRead::poll_read` and its kin promise.
pub(crate) const POLLED: Ticket = Ticket::MAX;

/// Reading or writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// One direction of a descriptor.
#[derive(Default)]
struct Side {
    waiters: Waiters,
    /// The next call would block: wait for a report first.
    drained: Cell<bool>,
    /// Reports since somebody was woken.
    unheard: Cell<u8>,
}

/// The registration, as the loop sees it.
struct State {
    core: Rc<Core>,
    fd: RawFd,
    generation: u64,
    read: Side,
    write: Side,
    live: Cell<bool>,
    listening: Cell<What>,
}

impl Report for State {
    fn base(&self) -> &Rc<RawBase> {
        self.core.base()
    }

    fn report(slot: &Slot<Self>, what: What) {
        slot.dispatch(what);
    }
}

impl Slot<State> {
    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    fn dispatch(&self, what: What) {
        let mut keep = self.listening.get();
        for (bit, side) in [(What::READ, &self.read), (What::WRITE, &self.write)] {
            if what.contains(bit) && !side.report() {
                keep.remove(bit);
            }
        }
        // Deleting what the kernel has cannot fail in a way that matters.
        let _ = self.follow(keep);
    }

    /// Listens for that, and for nothing else.
    fn follow(&self, wish: What) -> io::Result<()> {
        match self.listening.get() == wish {
            true => Ok(()),
            false => self.change(wish),
        }
    }

    fn change(&self, wish: What) -> io::Result<()> {
        self.listening.set(What::empty());
        if wish.is_empty() {
            self.silence();
        } else {
            self.listen(wish)?;
        }
        self.listening.set(wish);
        Ok(())
    }

    fn wait(&self, direction: Direction, ticket: Ticket, waker: &Waker) -> io::Result<()> {
        if !self.live.get() {
            return Err(gone());
        }
        self.core.check()?;
        let bit = if direction == Direction::Read { What::READ } else { What::WRITE };
        self.follow(self.listening.get() | bit)?;
        self.side(direction).waiters.park(ticket, waker);
        Ok(())
    }
}

impl Side {
    /// A report from the loop; whether it is still worth listening for.
    fn report(&self) -> bool {
        self.drained.set(false);
        if self.waiters.wake() {
            self.unheard.set(0);
            return true;
        }
        self.unheard.set(self.unheard.get().saturating_add(1));
        self.unheard.get() < PATIENCE
    }

    /// The end of a wait. Who polls by hand may have been followed by another,
    /// so that the wake-up is not its own any more.
    fn give_back(&self, ticket: &mut Option<Ticket>) {
        if let Some(ticket) = ticket.take().filter(|ticket| *ticket != POLLED) {
            self.waiters.leave(ticket);
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the descriptor is not registered any more")
}

impl Watched for Slot<State> {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn retire(&self) {
        self.live.set(false);
        let _ = self.follow(What::empty());
    }

    fn revive(&self) {
        self.live.set(true);
    }

    fn bury(&self) {
        self.read.waiters.wake();
        self.write.waiters.wake();
    }

    fn is_stale(&self) -> bool {
        false
    }

    fn registration(&self) -> Option<Registration> {
        let waits = !self.read.waiters.is_empty() || !self.write.waiters.is_empty();
        waits.then_some(Registration { kind: Kind::Async, fd: Some(self.fd), deadline: None })
    }
}

/// A descriptor of any kind, for tasks: they try a non-blocking call, and wait
/// for the loop when it would block.
///
/// The descriptor must be in non-blocking mode. It is owned; a borrowed one is
/// a [`RawIo`](crate::RawIo). There is one registration for each descriptor: a
/// later [`watch`](LoopHandle::watch) of the same number takes its place, and
/// waiting is an error from then on.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let events = event::EventLoop::new()?;
/// let (ours, mut theirs) = UnixStream::pair()?;
/// ours.set_nonblocking(true)?;
/// let ours = event::AsyncFd::new(&events.handle(), ours)?;
/// theirs.write_all(b"hello")?;
/// let text = events.block_on(async {
///     let mut text = [0; 5];
///     ours.read_with(|mut io| io.read(&mut text)).await.map(|count| text[..count].to_vec())
/// })??;
/// assert_eq!(text, b"hello");
/// # Ok(()) }
/// ```
pub struct AsyncFd<F: AsFd> {
    // Before `io`: deleted before it closes. [DEL-BEFORE-CLOSE]
    entry: Entry,
    io: F,
}

/// Takes the registration back when dropped.
struct Entry(Rc<Slot<State>>);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.core.unwatch(self.0.fd, self.0.generation);
        self.0.clone().let_go();
    }
}

impl<F: AsFd> AsyncFd<F> {
    /// Prepares a descriptor for waiting; the system hears of it at the first wait.
    ///
    /// # Errors
    ///
    /// Hands the descriptor back if the loop is gone or belongs to another process.
    pub fn new(events: &LoopHandle, io: F) -> Result<Self, WatchError<F>> {
        let fd = io.as_fd().as_raw_fd();
        match enter(events.core(), fd) {
            Ok(entry) => Ok(Self { entry, io }),
            Err(error) => Err(WatchError::new(Some(io), error)),
        }
    }

    /// The descriptor's owner.
    pub fn get_ref(&self) -> &F {
        &self.io
    }

    /// The loop.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(self.entry.0.core.clone())
    }

    /// Takes the registration back, and hands the descriptor out.
    pub fn into_inner(self) -> F {
        drop(self.entry);
        self.io
    }

    /// Runs `operation` until it does not answer
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), waiting for the descriptor to
    /// be readable in between. Dropping the future ends the wait.
    ///
    /// # Errors
    ///
    /// The operation's own; [`io::ErrorKind::NotConnected`] if the registration
    /// is gone.
    pub async fn read_with<R>(
        &self,
        mut operation: impl FnMut(&F) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut wait = Waiting::new(self, Direction::Read);
        poll_fn(move |context| wait.poll(context, &mut operation)).await
    }

    /// As [`read_with`](Self::read_with), waiting to be writable.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Self::read_with).
    pub async fn write_with<R>(
        &self,
        mut operation: impl FnMut(&F) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut wait = Waiting::new(self, Direction::Write);
        poll_fn(move |context| wait.poll(context, &mut operation)).await
    }

    /// Waits until the descriptor is reported readable. Try first: a report is
    /// waited for even if there is something to read.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] if the registration is gone.
    pub async fn readable(&self) -> io::Result<()> {
        self.report(Direction::Read).await
    }

    /// As [`readable`](Self::readable), for writing.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    pub async fn writable(&self) -> io::Result<()> {
        self.report(Direction::Write).await
    }

    async fn report(&self, direction: Direction) -> io::Result<()> {
        self.set_drained(direction);
        let mut wait = Waiting::new(self, direction);
        poll_fn(move |context| wait.poll(context, &mut |_| Ok(()))).await
    }

    /// Polls one operation: tries it, unless the last one left nothing to do,
    /// and arranges for a wake-up when it would block, in place of the one
    /// arranged under the same ticket, which is drawn at the first wait and
    /// given back at the end. `is_last` tells of a result that the next
    /// operation would block.
    pub(crate) fn poll_with<R>(
        &self,
        direction: Direction,
        ticket: &mut Option<Ticket>,
        context: &mut Context<'_>,
        operation: &mut impl FnMut(&F) -> io::Result<R>,
        is_last: impl FnOnce(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        let side = self.entry.0.side(direction);
        let core = &self.entry.0.core;
        let budget = &core.budget;
        side.unheard.set(0);
        while !side.drained.get() {
            if budget.is_spent() {
                budget.go_on_later(core, context.waker());
                return Poll::Pending;
            }
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => side.drained.set(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => {
                    budget.spend();
                    side.drained.set(done.as_ref().is_ok_and(is_last));
                    side.give_back(ticket);
                    return Poll::Ready(done);
                }
            }
        }
        let ticket = ticket.get_or_insert_with(|| core.next_ticket());
        match self.entry.0.wait(direction, *ticket, context.waker()) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Takes the wake-up back that was arranged under a ticket.
    pub(crate) fn leave(&self, direction: Direction, ticket: &mut Option<Ticket>) {
        self.entry.0.side(direction).give_back(ticket);
    }

    /// Notes that the next operation would block.
    pub(crate) fn set_drained(&self, direction: Direction) {
        self.entry.0.side(direction).drained.set(true);
    }
}

fn enter(core: &Rc<Core>, fd: RawFd) -> io::Result<Entry> {
    core.check()?;
    let slot = Slot::new(
        fd,
        State {
            core: core.clone(),
            fd,
            generation: core.next_generation(),
            read: Side::default(),
            write: Side::default(),
            live: Cell::new(true),
            listening: Cell::new(What::empty()),
        },
    )?;
    core.replace(fd, slot.clone(), || Ok(()))?;
    Ok(Entry(slot))
}

/// A pending operation; dropping it takes its waker back.
struct Waiting<'a, F: AsFd> {
    fd: &'a AsyncFd<F>,
    direction: Direction,
    /// Drawn at the first wait.
    ticket: Option<Ticket>,
}

impl<'a, F: AsFd> Waiting<'a, F> {
    fn new(fd: &'a AsyncFd<F>, direction: Direction) -> Self {
        Self { fd, direction, ticket: None }
    }

    fn poll<R>(
        &mut self,
        context: &mut Context<'_>,
        operation: &mut impl FnMut(&F) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.fd.poll_with(self.direction, &mut self.ticket, context, operation, |_| false)
    }
}

impl<F: AsFd> Drop for Waiting<'_, F> {
    fn drop(&mut self) {
        self.fd.leave(self.direction, &mut self.ticket);
    }
}

impl<F: AsFd> AsFd for AsyncFd<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<F: AsFd> fmt::Debug for AsyncFd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("fd", &self.entry.0.fd).finish_non_exhaustive()
    }
}
