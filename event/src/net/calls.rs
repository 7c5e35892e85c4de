//! The calls of a socket's from which the kernel is still sending.
//!
//! The kernel counts such calls, and tells on the socket's error queue which
//! of them are done: when it does not look at their bytes any more. The queue
//! counts as an error of the socket's until it is read (EPOLLERR, with nothing
//! in `SO_ERROR`), and would wake its readers again and again. So while anything
//! is under way a duplicate of the descriptor is watched for errors, and for
//! nothing else, with edges; its callback empties the queue. It is closed with
//! the socket, lest the connection stay open.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::{Rc, Weak};

use super::capabilities::option_failed;
use super::endpoint::Endpoint;
use super::error::SocketError;
use super::in_flight::Progress;
use crate::reactor::{Interest, LoopHandle, Watcher};

/// The calls of one socket's that the kernel is not done with.
#[derive(Default)]
pub(crate) struct Calls {
    /// The number of the first of them: it counts from zero, and around.
    first: Cell<u32>,
    /// `None` for those that are done before an earlier one.
    open: RefCell<VecDeque<Option<Rc<Progress>>>>,
    watcher: RefCell<Option<Watcher<OwnedFd>>>,
}

impl Calls {
    pub(super) fn start(endpoint: &Endpoint) -> Result<Rc<Self>, SocketError> {
        if !endpoint.handle().core().has_edges() {
            return Err(SocketError::Unsupported("MSG_ZEROCOPY without epoll"));
        }
        let duplicate = |fd: BorrowedFd<'_>| Ok(rustix::io::fcntl_dupfd_cloexec(fd, 0)?);
        let duplicate = endpoint.with(duplicate, SocketError::option("F_DUPFD"))?;
        let calls = Rc::new(Self::default());
        let watcher = watch(endpoint.handle(), duplicate, Rc::downgrade(&calls));
        calls.watcher.replace(Some(watcher.map_err(SocketError::option("SO_ZEROCOPY"))?));
        // The last thing that can fail: it can be done once.
        endpoint.with(kernel::enable, option_failed("MSG_ZEROCOPY"))?;
        Ok(calls)
    }

    /// A call was made.
    pub(super) fn enter(&self, progress: &Rc<Progress>) -> io::Result<()> {
        progress.begin();
        self.open.borrow_mut().push_back(Some(progress.clone()));
        self.listen(Interest::ERROR)
    }

    fn listen(&self, interest: Interest) -> io::Result<()> {
        let watcher = self.watcher.borrow();
        let watcher = watcher.as_ref().filter(|watcher| watcher.interest() != interest);
        watcher.map_or(Ok(()), |watcher| watcher.set_interest(interest))
    }

    /// Reads the queue to its end. What is in it and not of ours was asked for
    /// by nobody.
    fn drain(&self, fd: BorrowedFd<'_>) {
        while let Ok(done) = kernel::next(fd) {
            done.into_iter().for_each(|done| self.finish(&done));
        }
        if self.open.borrow().is_empty() {
            // Cannot fail in a way that matters: it was listening.
            let _ = self.listen(Interest::empty());
        }
    }

    /// The kernel has done with some calls.
    fn finish(&self, done: &Done) {
        let ended: Vec<_> = done.numbers().filter_map(|number| self.take(number)).collect();
        self.forget_first();
        // With nothing borrowed: waking may run code that comes back here.
        for progress in ended {
            if done.copied {
                progress.copied();
            }
            progress.end();
        }
    }

    fn take(&self, number: u32) -> Option<Rc<Progress>> {
        let place = number.wrapping_sub(self.first.get());
        self.open.borrow_mut().get_mut(usize::try_from(place).ok()?)?.take()
    }

    fn forget_first(&self) {
        let mut open = self.open.borrow_mut();
        while open.front().is_some_and(Option::is_none) {
            open.pop_front();
            self.first.set(self.first.get().wrapping_add(1));
        }
    }

    /// The socket is being closed, and the duplicate with it.
    pub(crate) fn close(&self) {
        let watcher = self.watcher.take();
        drop(watcher);
        let open = self.open.take();
        open.into_iter().flatten().for_each(|progress| progress.abandon());
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.close();
    }
}

fn watch(handle: &LoopHandle, fd: OwnedFd, calls: Weak<Calls>) -> io::Result<Watcher<OwnedFd>> {
    let watch = handle.watch(fd).interest(Interest::empty()).on_error(move |ready| {
        if let Some(calls) = calls.upgrade() {
            calls.drain(ready.io().as_fd());
        }
    });
    Ok(watch.start()?)
}

/// Calls that the kernel has done with: their numbers, from the first to the
/// last.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    first: u32,
    last: u32,
    copied: bool,
}

impl Done {
    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.first;
        (0..=self.last.wrapping_sub(first)).map(move |i| first.wrapping_add(i))
    }
}

pub(super) use kernel::ZEROCOPY;
#[cfg(target_os = "linux")]
pub(super) use kernel::enable;

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::BorrowedFd;

    use rustix::io::Errno;
    use rustix::net::SendFlags;

    use super::Done;
    use crate::sys::{Control, controls, option, receive, set_option};

    pub(crate) const ZEROCOPY: SendFlags = SendFlags::from_bits_retain(libc::MSG_ZEROCOPY as u32);

    /// `SO_ZEROCOPY` on most architectures.
    #[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
    const SO_ZEROCOPY: libc::c_int = 60;
    #[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
    const SO_ZEROCOPY: libc::c_int = 0x3e;

    /// `SO_EE_ORIGIN_ZEROCOPY` and `SO_EE_CODE_ZEROCOPY_COPIED` of
    /// `linux/errqueue.h`.
    const ORIGIN: u8 = 5;
    const COPIED: u8 = 1;

    pub(crate) fn enable(fd: BorrowedFd<'_>) -> io::Result<()> {
        if option(fd, libc::SOL_SOCKET, SO_ZEROCOPY)? != 0 {
            // The kernel's count may be anywhere.
            return Err(Errno::OPNOTSUPP.into());
        }
        set_option(fd, libc::SOL_SOCKET, SO_ZEROCOPY, 1)
    }

    /// The next entry of the queue; `None` if it is something else.
    pub(super) fn next(fd: BorrowedFd<'_>) -> io::Result<Option<Done>> {
        let mut place = [0; 256];
        let message = receive(fd, &mut [], &mut place, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)?;
        let all = controls(&place[..message.controls.min(place.len())]);
        Ok(all.filter(is_error).find_map(|one| decode(one.data)))
    }

    fn is_error(control: &Control<'_>) -> bool {
        let of = (control.level, control.kind);
        of == (libc::SOL_IP, libc::IP_RECVERR) || of == (libc::SOL_IPV6, libc::IPV6_RECVERR)
    }

    /// `struct sock_extended_err`: error number, origin, type, code, a byte
    /// unused, and here the first and the last number.
    pub(super) fn decode(data: &[u8]) -> Option<Done> {
        let number = |at: usize| Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?));
        let (error, first, last) = (number(0)?, number(8)?, number(12)?);
        let ours = error == 0 && data[4] == ORIGIN;
        ours.then_some(Done { first, last, copied: data[6] & COPIED != 0 })
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, ErrorKind};
    use std::os::fd::BorrowedFd;

    use rustix::net::SendFlags;

    use super::Done;

    pub(crate) const ZEROCOPY: SendFlags = SendFlags::empty();

    pub(super) fn enable(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn next(_: BorrowedFd<'_>) -> io::Result<Option<Done>> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::super::in_flight::InFlight;
    use super::*;

    fn calls(first: u32) -> Calls {
        Calls { first: Cell::new(first), open: RefCell::default(), watcher: RefCell::new(None) }
    }

    /// Operations of so many calls each.
    fn operations(calls: &Calls, counts: &[usize]) -> Vec<InFlight<usize>> {
        let operations = counts.iter().enumerate().map(|(number, count)| {
            let progress = Rc::default();
            (0..*count).for_each(|_| calls.enter(&progress).unwrap());
            InFlight::new(number, progress)
        });
        operations.collect()
    }

    /// What has come of one: `None` while it is under way.
    fn look(operation: &mut InFlight<usize>) -> Option<Result<bool, SocketError>> {
        match Pin::new(operation).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(done) => Some(done.map(|done| done.copied)),
        }
    }

    fn finish(calls: &Calls, first: u32, last: u32, copied: bool) {
        calls.finish(&Done { first, last, copied });
    }

    #[test]
    fn an_operation_is_done_with_the_last_of_its_calls() {
        let calls = calls(0);
        let mut all = operations(&calls, &[2, 1, 0]);
        assert!(matches!(look(&mut all[2]), Some(Ok(false))), "it has made none");
        finish(&calls, 0, 0, false);
        assert!(look(&mut all[0]).is_none());
        finish(&calls, 1, 2, false);
        assert!(matches!(look(&mut all[0]), Some(Ok(false))));
        assert!(matches!(look(&mut all[1]), Some(Ok(false))));
    }

    #[test]
    fn calls_end_in_any_order_and_the_numbers_go_around() {
        let calls = calls(u32::MAX - 1);
        let mut all = operations(&calls, &[1, 1, 1, 1]);
        finish(&calls, 0, 0, true);
        assert!(matches!(look(&mut all[2]), Some(Ok(true))));
        assert!(look(&mut all[0]).is_none() && look(&mut all[3]).is_none());
        finish(&calls, u32::MAX - 1, u32::MAX, false);
        assert!(matches!(look(&mut all[0]), Some(Ok(false))));
        assert!(matches!(look(&mut all[1]), Some(Ok(false))));
        assert_eq!((calls.first.get(), calls.open.borrow().len()), (1, 1));
        finish(&calls, 1, 1, false);
        assert!(matches!(look(&mut all[3]), Some(Ok(false))));
        assert!(calls.open.borrow().is_empty());
    }

    #[test]
    fn one_copied_call_makes_the_operation_copied() {
        let calls = calls(0);
        let mut all = operations(&calls, &[3]);
        finish(&calls, 0, 0, false);
        finish(&calls, 1, 1, true);
        finish(&calls, 2, 2, false);
        assert!(matches!(look(&mut all[0]), Some(Ok(true))));
    }

    #[test]
    fn what_nobody_has_called_for_is_let_pass() {
        let calls = calls(5);
        let mut all = operations(&calls, &[1]);
        finish(&calls, 4, 4, false);
        finish(&calls, 6, 9, false);
        assert!(look(&mut all[0]).is_none());
        finish(&calls, 5, 5, false);
        finish(&calls, 5, 5, false);
        assert!(matches!(look(&mut all[0]), Some(Ok(_))));
    }

    #[test]
    fn closing_ends_what_is_under_way() {
        let calls = calls(0);
        let mut all = operations(&calls, &[1, 1]);
        finish(&calls, 0, 0, false);
        calls.close();
        assert!(matches!(look(&mut all[0]), Some(Ok(false))));
        assert!(matches!(look(&mut all[1]), Some(Err(SocketError::Closed))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn entries_of_the_queue_are_told_apart() {
        let entry = |error: u32, origin: u8, code: u8| {
            let mut bytes = error.to_ne_bytes().to_vec();
            bytes.extend([origin, 0, code, 0]);
            bytes.extend([7_u32.to_ne_bytes(), 9_u32.to_ne_bytes()].concat());
            bytes
        };
        let done = |copied| Some(Done { first: 7, last: 9, copied });
        assert_eq!(kernel::decode(&entry(0, 5, 0)), done(false));
        assert_eq!(kernel::decode(&entry(0, 5, 1)), done(true));
        // An ICMP message; a time stamp; one that was cut off.
        assert_eq!(kernel::decode(&entry(111, 2, 3)), None);
        assert_eq!(kernel::decode(&entry(0, 4, 0)), None);
        assert_eq!(kernel::decode(&entry(0, 5, 0)[..12]), None);
        assert_eq!(kernel::decode(&[]), None);
    }
}
