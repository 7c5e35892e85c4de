//! Sending without copying (`MSG_ZEROCOPY`).
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
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use socket2::{SockAddr, SockRef};

use super::address::SocketAddress;
use super::capabilities::option_failed;
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::page_buffer::ZeroCopyBuffer;
use super::socket::Socket;
use super::udp::UdpSocket;
use super::write::FLAGS;
use crate::reactor::{Direction, Interest, LoopHandle, Watcher};

impl Socket {
    /// Writes everything without copying it, at the peer's pace. The result is
    /// there when the system has taken it all; it is a future of its own, which
    /// gives the buffer back when the system is done with it.
    ///
    /// Worth it for some ten kilobytes and more. If the system may not pin more
    /// memory (`net.core.optmem_max`, `RLIMIT_MEMLOCK`) it copies;
    /// [`ZeroCopied::copied`] tells.
    ///
    /// Dropping this future leaves off in the middle.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unsupported`] if the kernel or the kind of socket cannot
    /// do it, or if somebody else does it on this socket (a duplicate, or
    /// another [`Socket`] before this one adopted it): what is done cannot be
    /// told apart then. And as [`write`](Self::write).
    pub async fn write_zero_copy<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
    ) -> Result<InFlight<B>, SocketError> {
        let sending = Sending::new(&self.endpoint)?;
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            rest = &rest[sending.transmit(rest, None).await?..];
        }
        Ok(sending.in_flight(buffer))
    }
}

impl UdpSocket {
    /// Sends a datagram to the peer without copying it. The result is there
    /// when the system has taken it; it is a future of its own, which gives the
    /// buffer back when the system is done with it.
    ///
    /// # Errors
    ///
    /// As [`Socket::write_zero_copy`] and [`send`](Self::send).
    pub async fn send_zero_copy<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
    ) -> Result<InFlight<B>, SocketError> {
        let sending = Sending::new(&self.endpoint)?;
        sending.transmit(&buffer, None).await?;
        Ok(sending.in_flight(buffer))
    }

    /// As [`send_zero_copy`](Self::send_zero_copy), to that address.
    ///
    /// # Errors
    ///
    /// As [`Socket::write_zero_copy`] and [`send_to`](Self::send_to).
    pub async fn send_zero_copy_to<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
        address: impl Into<SocketAddress>,
    ) -> Result<InFlight<B>, SocketError> {
        let to = address.into().to_system().map_err(SocketError::WriteFailed)?;
        let sending = Sending::new(&self.endpoint)?;
        sending.transmit(&buffer, Some(&to)).await?;
        Ok(sending.in_flight(buffer))
    }
}

/// Bytes that the system has taken, and may still be looking at: a future that
/// gives the buffer back when it does not any more.
///
/// Dropping it drops the buffer, which is safe (see
/// [`PageBuffer`](crate::PageBuffer)). What was sent stays sent.
///
/// # Errors
///
/// [`SocketError::Closed`] if the socket was closed first: then nobody tells
/// any more, and the buffer is gone.
#[must_use = "the buffer comes back out of it"]
pub struct InFlight<B> {
    /// Until it is given back.
    buffer: Option<B>,
    progress: Rc<Progress>,
}

/// A buffer that the system has done with.
#[derive(Debug)]
#[non_exhaustive]
pub struct ZeroCopied<B> {
    /// The buffer.
    pub buffer: B,
    /// Whether some of it was copied after all: the network device cannot do
    /// without, the receiver is on the same machine, or no more memory may be
    /// pinned. Then plain writing would have been cheaper.
    pub copied: bool,
}

/// How far the calls of one operation are.
#[derive(Default)]
struct Progress {
    /// Calls that the kernel is not done with.
    left: Cell<usize>,
    copied: Cell<bool>,
    /// The socket was closed.
    abandoned: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Progress {
    fn wake(&self) {
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

// The buffer is never pinned: its bytes lie elsewhere.
impl<B> Unpin for InFlight<B> {}

impl<B> Future for InFlight<B> {
    type Output = Result<ZeroCopied<B>, SocketError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { buffer, progress } = self.get_mut();
        if progress.left.get() > 0 && !progress.abandoned.get() {
            *progress.waker.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let given_back = buffer.take().filter(|_| progress.left.get() == 0);
        let done = given_back.map(|buffer| ZeroCopied { buffer, copied: progress.copied.get() });
        Poll::Ready(done.ok_or(SocketError::Closed))
    }
}

impl<B> fmt::Debug for InFlight<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("calls", &self.progress.left.get()).finish_non_exhaustive()
    }
}

/// One operation, and where its calls are entered.
struct Sending<'a> {
    endpoint: &'a Endpoint,
    calls: Rc<Calls>,
    progress: Rc<Progress>,
}

/// What one call has come to.
struct Sent {
    count: usize,
    copied: bool,
}

impl<'a> Sending<'a> {
    fn new(endpoint: &'a Endpoint) -> Result<Self, SocketError> {
        let calls = endpoint.zero_copy(|| Calls::start(endpoint))?;
        Ok(Self { endpoint, calls, progress: Rc::default() })
    }

    fn in_flight<B>(self, buffer: B) -> InFlight<B> {
        InFlight { buffer: Some(buffer), progress: self.progress }
    }

    async fn transmit(&self, bytes: &[u8], to: Option<&SockAddr>) -> Result<usize, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        let sent = self.endpoint.perform(wait, failed, |fd| transmit(fd, bytes, to)).await?;
        if sent.copied {
            self.progress.copied.set(true);
        } else if sent.count > 0 {
            // The kernel does not count calls that send nothing.
            self.calls.enter(&self.progress).map_err(SocketError::WriteFailed)?;
        }
        Ok(sent.count)
    }
}

/// Without copying; or with it, if no more memory may be pinned.
fn transmit(fd: BorrowedFd<'_>, bytes: &[u8], to: Option<&SockAddr>) -> io::Result<Sent> {
    match put(fd, bytes, to, FLAGS | kernel::ZEROCOPY) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {
            Ok(Sent { count: put(fd, bytes, to, FLAGS)?, copied: true })
        }
        sent => Ok(Sent { count: sent?, copied: false }),
    }
}

fn put(
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    to: Option<&SockAddr>,
    flags: SendFlags,
) -> io::Result<usize> {
    match to {
        Some(to) => SockRef::from(&fd).send_to_with_flags(bytes, to, flags.bits() as i32),
        None => Ok(send(fd, bytes, flags)?),
    }
}

/// The calls of one socket's that the kernel is not done with.
pub(crate) struct Calls {
    /// The number of the first of them: it counts from zero, and around.
    first: Cell<u32>,
    /// `None` for those that are done before an earlier one.
    open: RefCell<VecDeque<Option<Rc<Progress>>>>,
    watcher: RefCell<Option<Watcher<OwnedFd>>>,
}

impl Calls {
    fn start(endpoint: &Endpoint) -> Result<Rc<Self>, SocketError> {
        let failed = option_failed("MSG_ZEROCOPY");
        let duplicate = endpoint.with(
            |fd| {
                kernel::enable(fd)?;
                Ok(rustix::io::fcntl_dupfd_cloexec(fd, 0)?)
            },
            failed,
        )?;
        let calls = Rc::new_cyclic(|weak| Self {
            first: Cell::new(0),
            open: RefCell::default(),
            watcher: RefCell::new(watch(endpoint.handle(), duplicate, weak.clone()).ok()),
        });
        match calls.watcher.borrow().is_some() {
            true => Ok(calls.clone()),
            // It takes edges.
            false => Err(SocketError::Unsupported("MSG_ZEROCOPY without epoll")),
        }
    }

    /// A call was made.
    fn enter(&self, progress: &Rc<Progress>) -> io::Result<()> {
        progress.left.set(progress.left.get() + 1);
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
            progress.left.set(progress.left.get() - 1);
            progress.copied.set(progress.copied.get() | done.copied);
            if progress.left.get() == 0 {
                progress.wake();
            }
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
        for progress in self.open.take().into_iter().flatten() {
            progress.abandoned.set(true);
            progress.wake();
        }
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

    pub(super) const ZEROCOPY: SendFlags = SendFlags::from_bits_retain(libc::MSG_ZEROCOPY as u32);

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

    pub(super) const ZEROCOPY: SendFlags = SendFlags::empty();

    pub(super) fn enable(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn next(_: BorrowedFd<'_>) -> io::Result<Option<Done>> {
        Err(ErrorKind::Unsupported.into())
    }
}
