//! Copying from one stream to another, and both ways between two.
#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use super::socket::Socket;
use super::splice::Splice;
use super::split::{OwnedReadHalf, OwnedWriteHalf};

/// What is read at a time, and the most that waits for a slow writer.
const ROOM: usize = 64 * 1024;

/// Copies until `reader` ends, at the pace of `writer`; how many bytes. The end
/// is not passed on: that is `poll_close`.
///
/// At most 64 KiB are under way, and while there is nothing to copy no memory is
/// held. Between [`Socket`]s, owned halves included, the kernel moves the bytes
/// itself (`splice(2)`) once there are many.
///
/// Dropping the future loses what is under way.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, Socket, copy};
///
/// let events = EventLoop::new()?;
/// let (client, served) = Socket::pair(&events.handle())?;
/// let (mut reader, mut writer) = served.into_split();
/// let echo = events.handle().spawn(async move { copy(&mut reader, &mut writer).await });
/// let (text, copied) = events.block_on(async {
///     client.write_all(b"hello").await?;
///     client.shutdown(std::net::Shutdown::Write)?;
///     let mut text = Vec::new();
///     client.read_to_end(&mut text, 100).await?;
///     Ok::<_, event::SocketError>((text, echo.await))
/// })??;
/// assert_eq!((text, copied.unwrap()?), (b"hello".to_vec(), 5));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Those of the reader and of the writer; [`ErrorKind::WriteZero`] if the writer
/// takes nothing.
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + 'static,
    W: AsyncWrite + Unpin + 'static,
{
    if let (Some(from), Some(to)) = (socket(reader), socket(writer)) {
        return between(from, to).await;
    }
    let mut flow = Flow::default();
    poll_fn(|context| flow.poll(context, reader, writer)).await?;
    Ok(flow.count)
}

/// Copies both ways until both have ended; how many bytes went from `a` to `b`,
/// and how many came back.
///
/// When one ends the other is told, and can go on for as long as it likes: a
/// half-closed connection stays half-closed. Each way is as [`copy`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, Socket, copy_bidirectional};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let (client, mut outside) = Socket::pair(&handle)?;
/// let (mut inside, server) = Socket::pair(&handle)?;
/// let proxy = handle.spawn(async move { copy_bidirectional(&mut outside, &mut inside).await });
/// let counts = events.block_on(async {
///     client.write_all(b"question").await?;
///     client.shutdown(std::net::Shutdown::Write)?;
///     server.read_to_end(&mut Vec::new(), 100).await?; // it has ended,
///     server.write_all(b"answer").await?; // and this still gets through
///     server.close();
///     Ok::<_, event::SocketError>(proxy.await)
/// })??;
/// assert_eq!(counts.unwrap()?, (8, 6));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// The first of either way, which ends both; and as [`copy`].
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + 'static,
    B: AsyncRead + AsyncWrite + Unpin + 'static,
{
    if let (Some(a), Some(b)) = (socket(a), socket(b)) {
        return both(pass_on(a, b), pass_on(b, a)).await;
    }
    let (mut there, mut back) = (Flow::default(), Flow::default());
    poll_fn(|context| {
        let gone = there.poll_to_end(context, a, b)?;
        let come = back.poll_to_end(context, b, a)?;
        if gone.is_ready() && come.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
    .map(|()| (there.count, back.count))
}

/// The socket that this is, or is half of.
fn socket<T: 'static>(stream: &T) -> Option<&Socket> {
    let stream: &dyn Any = stream;
    None.or_else(|| stream.downcast_ref::<Socket>())
        .or_else(|| stream.downcast_ref().map(OwnedReadHalf::socket))
        .or_else(|| stream.downcast_ref().map(OwnedWriteHalf::socket))
}

/// Between sockets: through memory as long as there is little, for a pipe costs
/// two descriptors and more system calls than it saves; then through the kernel.
async fn between(mut from: &Socket, mut to: &Socket) -> io::Result<u64> {
    let mut flow = Flow { until_many: true, ..Flow::default() };
    poll_fn(|context| flow.poll(context, &mut from, &mut to)).await?;
    if flow.ended {
        return Ok(flow.count);
    }
    // Without descriptors to spare it goes on as it began.
    let mut splice = Splice::new().unwrap_or_else(|_| Splice::buffered());
    Ok(flow.count + splice.copy(from, to).await?)
}

/// [`between`], and the end of the stream also.
async fn pass_on(from: &Socket, to: &Socket) -> io::Result<u64> {
    let count = between(from, to).await?;
    to.end_stream()?;
    Ok(count)
}

/// What both come to, or the first error.
async fn both(
    one: impl Future<Output = io::Result<u64>>,
    other: impl Future<Output = io::Result<u64>>,
) -> io::Result<(u64, u64)> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none() {
            first = outcome(one.as_mut().poll(context))?;
        }
        if second.is_none() {
            second = outcome(other.as_mut().poll(context))?;
        }
        first.zip(second).map_or(Poll::Pending, |counts| Poll::Ready(Ok(counts)))
    })
    .await
}

fn outcome(polled: Poll<io::Result<u64>>) -> io::Result<Option<u64>> {
    match polled {
        Poll::Ready(done) => done.map(Some),
        Poll::Pending => Ok(None),
    }
}

/// One way, through memory.
#[derive(Default)]
struct Flow {
    /// What was read and not written, from `start` on.
    held: Vec<u8>,
    start: usize,
    count: u64,
    /// Something was written and not flushed.
    dirty: bool,
    /// The reader has come to its end.
    ended: bool,
    /// And the writer has been told.
    told: bool,
    /// Be done when there is more to read than fits here.
    until_many: bool,
    many: bool,
}

impl Flow {
    /// Until the end of the reader, or until there is much.
    fn poll<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_give(context, writer))?;
            if self.ended {
                return Pin::new(&mut *writer).poll_flush(context);
            }
            if self.many && self.until_many {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_take(context, reader, writer))?;
        }
    }

    /// [`poll`](Self::poll), and then the end of the writer. May be asked again.
    fn poll_to_end<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if !self.told {
            ready!(self.poll(context, reader, writer))?;
            ready!(Pin::new(writer).poll_close(context))?;
            self.told = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is held.
    fn poll_give<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.start < self.held.len() {
            let held = &self.held[self.start..];
            self.start += ready!(poll_some(context, writer, held))?;
        }
        (self.held, self.start) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Reads what is there, and writes what there is room for.
    fn poll_take<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        with_room(|room| match Pin::new(reader).poll_read(context, room) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(count)) => {
                self.many = count == room.len();
                self.count += count as u64;
                self.dirty = true;
                Poll::Ready(self.offer(context, writer, &room[..count]))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_flush(context, writer),
        })
    }

    /// Writes as much as there is room for, and holds the rest.
    fn offer<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match poll_some(context, writer, bytes)? {
                Poll::Ready(count) => bytes = &bytes[count..],
                Poll::Pending => {
                    self.held = bytes.to_vec();
                    break;
                }
            }
        }
        Ok(())
    }

    /// Nothing to read: whoever waits at the other end must get what was written.
    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.dirty && Pin::new(writer).poll_flush(context)?.is_ready() {
            self.dirty = false;
        }
        Poll::Pending
    }
}

fn poll_some<W: AsyncWrite + Unpin>(
    context: &mut Context<'_>,
    writer: &mut W,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(writer).poll_write(context, bytes))? {
        0 => Poll::Ready(Err(ErrorKind::WriteZero.into())),
        count => Poll::Ready(Ok(count)),
    }
}

thread_local! {
    /// One buffer for all who copy on this thread: it is lent within one poll.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn with_room<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut room = SPARE.take();
    room.resize(ROOM, 0);
    let done = f(&mut room);
    SPARE.set(room);
    done
}
