//! What all sockets are made of: a descriptor with its ownership, its one
//! registration, and the limits on how long an operation on it may wait.
#![forbid(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;

use super::address::SocketAddress;
use super::error::SocketError;
use super::ownership::{AdoptError, Descriptor, Ownership};
use super::zero_copy::Calls;
use crate::reactor::schedule::Id;
use crate::reactor::timers::Action;
use crate::reactor::{AsyncFd, Direction, LoopHandle, POLLED, Ticket};

pub(crate) struct Endpoint {
    handle: LoopHandle,
    /// Empty once closed.
    slot: RefCell<Option<AsyncFd<Descriptor>>>,
    closed: Cell<bool>,
    extras: OnceCell<Box<Extras>>,
}

/// What most sockets have not.
#[derive(Default)]
struct Extras {
    read: Limit,
    write: Limit,
    /// Of those that send without copying.
    zero_copy: OnceCell<Rc<Calls>>,
}

/// How long operations may wait without progress.
#[derive(Default)]
struct Limit {
    time: Cell<Option<Duration>>,
    /// The timer of those who poll by hand.
    polled: Cell<Option<Id>>,
}

/// One operation's place in the queue, and its time.
pub(crate) struct Wait {
    direction: Direction,
    /// Of the wake-up that was arranged, if one was.
    ticket: Option<Ticket>,
    timer: Option<Id>,
}

impl Wait {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, ticket: None, timer: None }
    }
}

impl Endpoint {
    /// Of a descriptor that we have made, and that does not block.
    pub(crate) fn own(handle: &LoopHandle, fd: OwnedFd) -> Result<Self, SocketError> {
        Self::enter(handle, Descriptor::Owned(fd)).map_err(SocketError::from)
    }

    /// Of a descriptor that others have made: it is put into non-blocking mode.
    pub(crate) fn adopt(handle: &LoopHandle, descriptor: Descriptor) -> Result<Self, AdoptError> {
        match SockRef::from(&descriptor).set_nonblocking(true) {
            Ok(()) => Self::enter(handle, descriptor),
            Err(error) => {
                Err(AdoptError::new(Some(descriptor), SocketError::AdoptionFailed(error)))
            }
        }
    }

    fn enter(handle: &LoopHandle, descriptor: Descriptor) -> Result<Self, AdoptError> {
        let fd = AsyncFd::new(handle, descriptor).map_err(|refused| {
            let (descriptor, error) = refused.into_parts();
            AdoptError::new(descriptor, SocketError::AdoptionFailed(error))
        })?;
        Ok(Self {
            handle: handle.clone(),
            slot: RefCell::new(Some(fd)),
            closed: Cell::new(false),
            extras: OnceCell::new(),
        })
    }

    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    /// A look at the descriptor while it is open. Whoever closes it meanwhile
    /// (a callback of ours never does, a waker might) only marks it.
    fn look<R>(&self, f: impl FnOnce(&AsyncFd<Descriptor>) -> R) -> Option<R> {
        let open = !self.closed.get();
        let seen = self.slot.borrow().as_ref().filter(|_| open).map(f);
        if self.closed.get() {
            self.close();
        }
        seen
    }

    /// Runs a call that does not wait.
    pub(crate) fn with<R>(
        &self,
        f: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
        failed: impl FnOnce(io::Error) -> SocketError,
    ) -> Result<R, SocketError> {
        self.look(|fd| f(fd.as_fd())).ok_or(SocketError::Closed)?.map_err(failed)
    }

    /// Runs a call that may find nothing: that is `None`.
    pub(crate) fn try_with<R>(
        &self,
        mut f: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
        failed: impl FnOnce(io::Error) -> SocketError,
    ) -> Result<Option<R>, SocketError> {
        self.look(|fd| {
            loop {
                match f(fd.as_fd()) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    done => return done.map(Some),
                }
            }
        })
        .ok_or(SocketError::Closed)?
        .map_err(failed)
    }

    /// Runs a call until it does not find the descriptor busy, waiting in
    /// between. Dropping the future ends the wait, and loses nothing. (Not an
    /// `async fn`: that would hold its arguments twice, in every idle task.)
    pub(crate) fn perform<R>(
        &self,
        wait: Wait,
        failed: impl Fn(io::Error) -> SocketError,
        operation: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> impl Future<Output = Result<R, SocketError>> {
        self.transfer(wait, failed, operation, |_| false)
    }

    /// As [`perform`](Self::perform), of a call whose result may tell that the
    /// next one would find the descriptor busy.
    pub(crate) fn transfer<R>(
        &self,
        wait: Wait,
        failed: impl Fn(io::Error) -> SocketError,
        mut operation: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
        is_last: impl Fn(&R) -> bool,
    ) -> impl Future<Output = Result<R, SocketError>> {
        let mut waiting = Waiting { endpoint: self, wait };
        poll_fn(move |context| {
            let Waiting { endpoint, wait } = &mut waiting;
            endpoint.poll(wait, context, &failed, &mut operation, &is_last)
        })
    }

    /// Waits for a report of the loop's.
    pub(crate) fn ready(
        &self,
        direction: Direction,
        failed: impl Fn(io::Error) -> SocketError,
    ) -> impl Future<Output = Result<(), SocketError>> {
        let mut waiting = Waiting { endpoint: self, wait: Wait::new(direction) };
        poll_fn(move |context| {
            let Waiting { endpoint, wait } = &mut waiting;
            if wait.ticket.is_none() {
                endpoint.set_drained(wait.direction);
            }
            endpoint.poll(wait, context, &failed, &mut |_| Ok(()), |()| false)
        })
    }

    /// One poll of an operation. `wait` is to be [ended](Self::end) by whoever
    /// gives up.
    pub(crate) fn poll<R>(
        &self,
        wait: &mut Wait,
        context: &mut Context<'_>,
        failed: &impl Fn(io::Error) -> SocketError,
        operation: &mut impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
        is_last: impl FnOnce(&R) -> bool,
    ) -> Poll<Result<R, SocketError>> {
        let polled = self.look(|fd| {
            let operation = &mut |io: &Descriptor| operation(io.as_fd());
            fd.poll_with(wait.direction, &mut wait.ticket, context, operation, is_last)
        });
        if let Some(Poll::Pending) = polled {
            return self.pend(wait, context);
        }
        self.end(wait);
        match polled {
            Some(done) => done.map_err(failed),
            None => Poll::Ready(Err(SocketError::Closed)),
        }
    }

    /// One poll of an operation, for the traits: of all who poll like this the
    /// last one is woken.
    pub(crate) fn poll_by_hand<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        failed: impl Fn(io::Error) -> SocketError,
        mut operation: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
        is_last: impl FnOnce(&R) -> bool,
    ) -> Poll<Result<R, SocketError>> {
        let place = self.limit(direction).map(|limit| &limit.polled);
        let timer = place.and_then(Cell::take);
        let mut wait = Wait { direction, ticket: Some(POLLED), timer };
        let polled = self.poll(&mut wait, context, &failed, &mut operation, is_last);
        if let Some(place) = place {
            place.set(wait.timer);
        }
        polled
    }

    /// Nothing yet: sees to it that the wait has an end.
    fn pend<R>(&self, wait: &mut Wait, context: &mut Context<'_>) -> Poll<Result<R, SocketError>> {
        if self.extras.get().is_none() { Poll::Pending } else { self.expect(wait, context) }
    }

    fn expect<R>(
        &self,
        wait: &mut Wait,
        context: &mut Context<'_>,
    ) -> Poll<Result<R, SocketError>> {
        let core = self.handle.core();
        let Some(timer) = wait.timer else {
            let start = |deadline| {
                let action = Action::Wake(context.waker().clone());
                core.schedule(core.clock.now(), deadline, action)
            };
            wait.timer = self.deadline(wait.direction).and_then(start);
            return Poll::Pending;
        };
        if core.timers.wake_up(timer, context.waker()) {
            return Poll::Pending;
        }
        self.end(wait);
        Poll::Ready(Err(SocketError::Timeout))
    }

    fn deadline(&self, direction: Direction) -> Option<i64> {
        self.handle.core().clock.after(self.time_limit(direction)?)
    }

    /// The end of a wait, by whichever way.
    pub(crate) fn end(&self, wait: &mut Wait) {
        // Most operations find at once what they look for.
        if wait.ticket.is_some() || wait.timer.is_some() {
            self.stop_waiting(wait);
        }
    }

    fn stop_waiting(&self, wait: &mut Wait) {
        if let Some(timer) = wait.timer.take() {
            self.handle.core().cancel(timer);
        }
        if wait.ticket.is_some() {
            let _ = self.look(|fd| fd.leave(wait.direction, &mut wait.ticket));
        }
    }

    /// Notes that the next call would find the descriptor busy.
    pub(crate) fn set_drained(&self, direction: Direction) {
        let _ = self.look(|fd| fd.set_drained(direction));
    }

    /// How long an operation may wait without progress.
    pub(crate) fn time_limit(&self, direction: Direction) -> Option<Duration> {
        self.limit(direction)?.time.get()
    }

    pub(crate) fn set_time_limit(&self, direction: Direction, time: Option<Duration>) {
        if time.is_some() || self.extras.get().is_some() {
            self.extras().limit(direction).time.set(time);
        }
    }

    fn limit(&self, direction: Direction) -> Option<&Limit> {
        self.extras.get().map(|extras| extras.limit(direction))
    }

    fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }
}

/// Sending without copying.
impl Endpoint {
    /// The calls that are under way.
    pub(crate) fn zero_copy(
        &self,
        start: impl FnOnce() -> Result<Rc<Calls>, SocketError>,
    ) -> Result<Rc<Calls>, SocketError> {
        let place = &self.extras().zero_copy;
        if let Some(calls) = place.get() {
            return Ok(calls.clone());
        }
        let calls = start()?;
        Ok(place.get_or_init(|| calls).clone())
    }
}

impl Extras {
    fn limit(&self, direction: Direction) -> &Limit {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

/// The descriptor.
impl Endpoint {
    pub(crate) fn ownership(&self) -> Option<Ownership> {
        self.look(|fd| fd.get_ref().ownership())
    }

    pub(crate) fn raw(&self) -> Option<RawFd> {
        self.look(|fd| fd.as_fd().as_raw_fd())
    }

    pub(crate) fn local_addr(&self) -> Result<SocketAddress, SocketError> {
        let asked = |fd: BorrowedFd<'_>| SockRef::from(&fd).local_addr();
        let address = self.with(asked, SocketError::option("getsockname"))?;
        Ok(SocketAddress::from_system(&address))
    }

    pub(crate) fn peer_addr(&self) -> Result<SocketAddress, SocketError> {
        let asked = |fd: BorrowedFd<'_>| SockRef::from(&fd).peer_addr();
        let address = self.with(asked, SocketError::option("getpeername"))?;
        Ok(SocketAddress::from_system(&address))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Ends the registration, which wakes all who wait; then closes the
    /// descriptor, if it is ours.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        drop(self.take());
    }

    /// Empties the slot; not while somebody looks at it, who will see to it.
    fn take(&self) -> Option<AsyncFd<Descriptor>> {
        let taken = self.slot.try_borrow_mut().ok()?.take();
        let calls = self.extras.get().and_then(|extras| extras.zero_copy.get());
        calls.into_iter().for_each(|calls| calls.close());
        taken
    }

    /// Ends the registration, and hands the descriptor out, open, if it is ours.
    pub(crate) fn detach(&self) -> Option<OwnedFd> {
        self.closed.set(true);
        self.take()?.into_inner().into_owned()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let Some(extras) = self.extras.get() else { return };
        for timer in [extras.read.polled.take(), extras.write.polled.take()] {
            timer.into_iter().for_each(|timer| _ = self.handle.core().cancel(timer));
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.raw(), self.ownership()) {
            (Some(fd), Some(ownership)) => write!(f, "{fd}, {ownership:?}"),
            _ => f.write_str("closed"),
        }
    }
}

/// A pending operation.
struct Waiting<'a> {
    endpoint: &'a Endpoint,
    wait: Wait,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.endpoint.end(&mut self.wait);
    }
}
