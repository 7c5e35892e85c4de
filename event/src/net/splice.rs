//! Copying from one socket to another without a way through this process
//! (`splice(2)`).
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::capabilities::is_missing;
use super::endpoint::Wait;
use super::error::SocketError;
use super::read::take;
use super::socket::Socket;
use super::write::put;
use crate::reactor::Direction;

/// As much as a pipe holds.
const ROOM: usize = 64 * 1024;

/// Copies from one stream to another, with what is under way between them.
///
/// The bytes go through a pipe of the kernel's where that works, and through a
/// buffer where it does not. Either is kept here, so that a copy that was
/// dropped in the middle goes on where it was, and no byte is lost.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, Socket, Splice};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let (client, from) = Socket::pair(&handle)?;
/// let (to, server) = Socket::pair(&handle)?;
/// events.block_on(async {
///     client.write_all(b"hello").await?;
///     drop(client);
///     let copied = Splice::new()?.copy(&from, &to).await?;
///     let mut text = [0; 5];
///     server.read_exact(&mut text).await?;
///     assert_eq!((copied, &text), (5, b"hello"));
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct Splice(Way);

enum Way {
    Pipe(Pipe),
    Buffer(Buffer),
}

/// What the kernel has taken from the one and not given to the other.
struct Pipe {
    from: OwnedFd,
    into: OwnedFd,
    held: usize,
}

/// The same, here.
struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Splice {
    /// Makes a pipe, if the system can copy through one.
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`], for instance with `EMFILE`.
    pub fn new() -> Result<Self, SocketError> {
        match kernel::pipe() {
            Ok((from, into)) => Ok(Self(Way::Pipe(Pipe { from, into, held: 0 }))),
            Err(error) if is_missing(&error) => Ok(Self::buffered()),
            Err(error) => Err(SocketError::CreationFailed(error)),
        }
    }

    /// Copies through a buffer, which costs no descriptors.
    pub fn buffered() -> Self {
        Self(Way::Buffer(Buffer::new()))
    }

    /// Whether the bytes stay inside the kernel.
    pub fn is_spliced(&self) -> bool {
        matches!(self.0, Way::Pipe(_))
    }

    /// How many bytes have been taken from the one and not given to the other.
    pub fn held(&self) -> usize {
        match &self.0 {
            Way::Pipe(pipe) => pipe.held,
            Way::Buffer(buffer) => buffer.end - buffer.start,
        }
    }

    /// Copies until `from` ends, at the pace of `to`; how many bytes were
    /// written, those held from before included. The end is not passed on: that
    /// is [`Socket::shutdown`].
    ///
    /// Dropping the future loses nothing: what was taken is
    /// [held](Self::held), and written first when this is called again.
    ///
    /// # Errors
    ///
    /// As [`Socket::read`] of `from`, and [`Socket::write`] of `to`.
    pub async fn copy(&mut self, from: &Socket, to: &Socket) -> Result<u64, SocketError> {
        let mut sum = 0;
        loop {
            while self.held() > 0 {
                sum += self.empty(to).await? as u64;
            }
            if self.fill(from).await? == 0 {
                return Ok(sum);
            }
        }
    }

    /// Takes what is there.
    async fn fill(&mut self, from: &Socket) -> Result<usize, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Read), SocketError::ReadFailed);
        from.endpoint.perform(wait, failed, |fd| self.0.fill(fd)).await
    }

    /// Gives what there is room for.
    async fn empty(&mut self, to: &Socket) -> Result<usize, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        to.endpoint.perform(wait, failed, |fd| self.0.empty(fd)).await
    }
}

impl Way {
    fn fill(&mut self, from: BorrowedFd<'_>) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => match pipe.fill(from) {
                Err(error) if cannot(&error) => self.fall_back()?.fill(from),
                filled => filled,
            },
            Self::Buffer(buffer) => buffer.fill(from),
        }
    }

    fn empty(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => match pipe.empty(to) {
                Err(error) if cannot(&error) => self.fall_back()?.empty(to),
                emptied => emptied,
            },
            Self::Buffer(buffer) => buffer.empty(to),
        }
    }

    /// With what the pipe holds.
    fn fall_back(&mut self) -> io::Result<&mut Self> {
        let mut buffer = Buffer::new();
        if let Self::Pipe(pipe) = self {
            while pipe.held > 0 {
                let count = rustix::io::read(&pipe.from, &mut buffer.bytes[buffer.end..])?;
                pipe.held -= count;
                buffer.end += count;
            }
        }
        *self = Self::Buffer(buffer);
        Ok(self)
    }
}

/// Whether splicing is what is wrong: sockets of this kind, or this kernel, do
/// not know it.
fn cannot(error: &io::Error) -> bool {
    is_missing(error) || Errno::from_io_error(error) == Some(Errno::INVAL)
}

impl Pipe {
    /// Only while it is empty: so it is the socket that has nothing if it would
    /// block.
    fn fill(&mut self, from: BorrowedFd<'_>) -> io::Result<usize> {
        self.held = kernel::splice(from, self.into.as_fd(), ROOM)?;
        Ok(self.held)
    }

    fn empty(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        let count = kernel::splice(self.from.as_fd(), to, self.held)?;
        self.held -= count;
        Ok(count)
    }
}

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; ROOM].into(), start: 0, end: 0 }
    }

    fn fill(&mut self, from: BorrowedFd<'_>) -> io::Result<usize> {
        let count = take(from, &mut self.bytes)?;
        (self.start, self.end) = (0, count);
        Ok(count)
    }

    fn empty(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        let count = put(to, &self.bytes[self.start..self.end])?;
        self.start += count;
        Ok(count)
    }
}

impl fmt::Debug for Splice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splice")
            .field("is_spliced", &self.is_spliced())
            .field("held", &self.held())
            .finish()
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};

    use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with};

    use crate::sys::without_sigpipe;

    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        Ok(pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?)
    }

    pub(super) fn splice(
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        count: usize,
    ) -> io::Result<usize> {
        let flags = SpliceFlags::NONBLOCK;
        Ok(without_sigpipe(|| rustix::pipe::splice(from, None, to, None, count, flags))?)
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, ErrorKind};
    use std::os::fd::{BorrowedFd, OwnedFd};

    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn splice(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn falling_back_keeps_what_the_pipe_holds() {
        let (mut client, from) = UnixStream::pair().unwrap();
        let text: Vec<u8> = (0..30_000_u32).map(|index| (index % 251) as u8).collect();
        client.write_all(&text).unwrap();
        let mut way = Splice::new().unwrap().0;
        let count = way.fill(from.as_fd()).unwrap();
        assert!(count > 0 && matches!(&way, Way::Pipe(pipe) if pipe.held == count));
        let Way::Buffer(buffer) = way.fall_back().unwrap() else { panic!("still a pipe") };
        assert_eq!((buffer.start, buffer.end), (0, count));
        assert!(buffer.bytes[..count] == text[..count]);
    }
}
