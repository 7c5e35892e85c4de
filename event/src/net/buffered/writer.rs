//! Writing that does not wait for a slow peer, up to a limit.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

use super::queue::{Marks, Queue, Stage};
use super::restore;
use crate::net::SocketError;
use crate::reactor::{LoopHandle, POLLED, Ticket};
use crate::task::JoinHandle;

/// So many bytes at a time are not copied if they can be written at once: many
/// small ones are, to go out together.
const MUCH: usize = 16 * 1024;

/// Takes bytes at once and writes them in the background, many small ones in one
/// go; a task of the loop's does that, which is there while there is something
/// to write.
///
/// Three marks bound what it holds:
///
/// - from the *high* mark (64 KiB) on [`write`](Self::write) waits, until what is
///   held is down to
/// - the *low* mark (16 KiB): it is [`drained`](Self::drained);
/// - beyond the *limit* (1 MiB) [`push`](Self::push) refuses. Who cannot wait,
///   because one slow reader must not hold up the others, drops this one then.
///
/// An error in the background is told by the next operation, and by all after
/// that. Dropping the writer discards what it holds; [`close`](Self::close)
/// delivers it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{BufferedWriter, EventLoop, Socket, SocketError};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let (client, served) = Socket::pair(&handle)?;
/// let writer = BufferedWriter::new(&handle, client).limit(10);
/// writer.push(b"01234")?;
/// writer.push(b"56789")?;
/// assert!(matches!(writer.push(b"x"), Err(SocketError::LimitExceeded { limit: 10 })));
/// let text = events.block_on(async {
///     writer.close().await?;
///     let mut text = Vec::new();
///     served.read_to_end(&mut text, 100).await?;
///     Ok::<_, SocketError>(text)
/// })??;
/// assert_eq!(text, b"0123456789");
/// # Ok(()) }
/// ```
pub struct BufferedWriter<W: AsyncWrite + Unpin + 'static> {
    handle: LoopHandle,
    shared: Rc<Shared<W>>,
    pump: RefCell<Option<JoinHandle<()>>>,
}

/// What the task has also.
struct Shared<W> {
    queue: Queue,
    /// The task is there.
    pumping: Cell<bool>,
    /// Borrowed within one poll.
    writer: RefCell<W>,
}

impl<W: AsyncWrite + Unpin + 'static> BufferedWriter<W> {
    /// With the usual marks; what it takes is written to `writer`.
    pub fn new(handle: &LoopHandle, writer: W) -> Self {
        let (queue, pumping, writer) = (Queue::new(), Cell::new(false), RefCell::new(writer));
        let shared = Rc::new(Shared { queue, pumping, writer });
        Self { handle: handle.clone(), shared, pump: RefCell::default() }
    }

    /// Sets the low and the high mark. The low one is kept below the high one,
    /// and that at half of the limit at the most.
    #[must_use]
    pub fn watermarks(self, low: usize, high: usize) -> Self {
        self.mark(|marks| Marks { low, high, ..marks })
    }

    /// Sets the limit.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        self.mark(|marks| Marks { limit: bytes, ..marks })
    }

    fn mark(self, change: impl FnOnce(Marks) -> Marks) -> Self {
        let marks = &self.queue().marks;
        marks.set(change(marks.get()).ordered());
        self
    }

    fn queue(&self) -> &Queue {
        &self.shared.queue
    }

    /// How many bytes are held.
    pub fn buffered(&self) -> usize {
        self.queue().len()
    }

    /// Whether the high mark is reached: time to hold back.
    pub fn is_full(&self) -> bool {
        self.queue().is_full()
    }

    /// Takes all of `bytes`, and does not wait.
    ///
    /// # Errors
    ///
    /// [`SocketError::LimitExceeded`] if more than the limit would be held:
    /// nothing has been taken then. [`SocketError::Closed`] after
    /// [`close`](Self::close). What went wrong in the background.
    pub fn push(&self, bytes: &[u8]) -> Result<(), SocketError> {
        self.handle.core().check().map_err(SocketError::WriteFailed)?;
        self.queue().push(bytes)?;
        self.start();
        Ok(())
    }

    /// Takes all of `bytes`, at the peer's pace: at the high mark it waits until
    /// the writer is drained. However many they are, the limit is not exceeded.
    /// Many at a time (16 KiB) are not copied, as far as there is room for them
    /// at once and nothing is held.
    ///
    /// Dropping this future leaves off in the middle.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), but for the limit.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), SocketError> {
        let bytes = match bytes.len() {
            MUCH.. if self.is_idle() => &bytes[self.write_through(bytes).await?..],
            _ => bytes,
        };
        for part in bytes.chunks(self.queue().marks.get().portion()) {
            while self.is_full() {
                self.drained().await?;
            }
            self.push(part)?;
        }
        self.queue().check()
    }

    /// Whether nothing is held, and nothing on its way.
    fn is_idle(&self) -> bool {
        let queue = self.queue();
        queue.is_flushed() && queue.stage.get() == Stage::Open && !self.shared.pumping.get()
    }

    /// Writes what there is room for at once, without taking it; how much.
    async fn write_through(&self, bytes: &[u8]) -> Result<usize, SocketError> {
        self.handle.core().check().map_err(SocketError::WriteFailed)?;
        let written = poll_fn(|context| {
            let polled = self.shared.with(|writer| writer.poll_write(context, bytes));
            // The task will wait, with the same bytes.
            Poll::Ready(if let Poll::Ready(done) = polled { done } else { Ok(0) })
        });
        let written = written.await.map_err(|error| {
            self.queue().end(Some(restore(error, SocketError::WriteFailed)));
        });
        self.queue().check()?;
        let count = written.unwrap_or(0);
        if count > 0 {
            self.queue().pass();
            self.start();
        }
        Ok(count)
    }

    /// Waits until no more is held than the low mark.
    ///
    /// # Errors
    ///
    /// What went wrong in the background.
    pub async fn drained(&self) -> Result<(), SocketError> {
        self.until(Queue::is_drained).await
    }

    /// Waits until everything is written, and flushed.
    ///
    /// # Errors
    ///
    /// What went wrong in the background.
    pub async fn flush(&self) -> Result<(), SocketError> {
        self.until(Queue::is_flushed).await
    }

    /// Writes everything, and then ends the stream. From now on nothing more is
    /// taken. Closing again waits for the same end.
    ///
    /// Dropping this future does not take it back.
    ///
    /// # Errors
    ///
    /// What went wrong in the background.
    pub async fn close(&self) -> Result<(), SocketError> {
        self.begin_closing();
        self.until(Queue::is_closed).await
    }

    fn begin_closing(&self) {
        let stage = &self.queue().stage;
        if stage.get() == Stage::Open {
            stage.set(Stage::Closing);
            self.start();
        }
    }

    async fn until(&self, done: impl Fn(&Queue) -> bool) -> Result<(), SocketError> {
        let queue = self.queue();
        let wait = Wait { queue, ticket: self.handle.core().next_ticket() };
        poll_fn(move |context| wait.queue.poll(context, wait.ticket, &done)).await
    }

    /// Starts the task, unless it is there.
    fn start(&self) {
        if !self.shared.pumping.replace(true) {
            let pump = self.handle.spawn(pump(self.shared.clone()));
            self.pump.replace(Some(pump));
        }
    }
}

/// The task: writes what is held until nothing is.
async fn pump<W: AsyncWrite + Unpin>(shared: Rc<Shared<W>>) {
    let at_work = AtWork(&shared);
    let done = shared.pump().await;
    at_work.leave();
    match done {
        Ok(Stage::Open) => shared.queue.settle(),
        Ok(_) => shared.queue.end(None),
        Err(error) => shared.queue.end(Some(restore(error, SocketError::WriteFailed))),
    }
}

impl<W: AsyncWrite + Unpin> Shared<W> {
    async fn pump(&self) -> io::Result<Stage> {
        loop {
            self.write_all(&self.queue.take()).await?;
            if self.queue.len() > 0 {
                continue;
            }
            poll_fn(|context| self.with(|writer| writer.poll_flush(context))).await?;
            match self.queue.stage.get() {
                _ if self.queue.len() > 0 => {}
                Stage::Open => return Ok(Stage::Open),
                closing => {
                    poll_fn(|context| self.with(|writer| writer.poll_close(context))).await?;
                    return Ok(closing);
                }
            }
        }
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| self.with(|writer| writer.poll_write(context, bytes)));
            match written.await? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => {
                    bytes = &bytes[count..];
                    self.queue.shrink(count);
                }
            }
        }
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(Pin<&mut W>) -> T) -> T {
        f(Pin::new(&mut *self.writer.borrow_mut()))
    }
}

/// The task's stay. If it is cut short, by a panic of the writer's or by the end
/// of the loop, those who wait are told.
struct AtWork<'a, W>(&'a Shared<W>);

impl<W> AtWork<'_, W> {
    fn leave(self) {
        self.0.pumping.set(false);
    }
}

impl<W> Drop for AtWork<'_, W> {
    fn drop(&mut self) {
        if self.0.pumping.replace(false) {
            self.0.queue.end(Some(SocketError::Closed));
        }
    }
}

/// One who waits.
struct Wait<'a> {
    queue: &'a Queue,
    ticket: Ticket,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.queue.waiters.leave(self.ticket);
    }
}

impl<W: AsyncWrite + Unpin + 'static> Drop for BufferedWriter<W> {
    fn drop(&mut self) {
        if let Some(pump) = self.pump.take() {
            pump.abort();
        }
    }
}

/// Takes bytes up to the high mark; then it waits until the writer is drained.
impl<W: AsyncWrite + Unpin + 'static> AsyncWrite for BufferedWriter<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_full() {
            ready!(self.queue().poll(context, POLLED, &Queue::is_drained))?;
        }
        let count = bytes.len().min(self.queue().marks.get().portion());
        self.push(&bytes[..count])?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.queue().poll(context, POLLED, &Queue::is_flushed).map_err(io::Error::from)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.begin_closing();
        self.queue().poll(context, POLLED, &Queue::is_closed).map_err(io::Error::from)
    }
}

impl<W: AsyncWrite + Unpin + 'static> fmt::Debug for BufferedWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedWriter")
            .field("buffered", &self.buffered())
            .field("stage", &self.queue().stage.get())
            .finish_non_exhaustive()
    }
}
