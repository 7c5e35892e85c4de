//! What a child is to read, written as it takes it.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::io::{Errno, ioctl_fionbio};

use crate::reactor::callback::Callback;
use crate::sys::write_to_pipe;
use crate::{Interest, LoopHandle, Watcher};

/// Writes in one turn: a child that keeps up must not hold up the loop.
const WRITES: usize = 16;

pub(super) type Call = dyn FnMut(io::Result<()>);

/// Our end of a pipe that the child reads from, and what waits to be written.
pub(super) struct Input {
    call: Callback<Call>,
    queue: RefCell<VecDeque<u8>>,
    /// Why nothing can be written any more, once that is so.
    shut: Cell<Option<Shut>>,
    /// To be closed when the queue is empty.
    closing: Cell<bool>,
    pipe: RefCell<Option<Rc<OwnedFd>>>,
    watcher: RefCell<Option<Watcher<Rc<OwnedFd>>>>,
}

/// Why a child's standard input cannot be written to.
#[derive(Clone, Copy)]
enum Shut {
    NoPipe,
    ByUs,
    ByChild(Errno),
}

impl From<Shut> for io::Error {
    fn from(shut: Shut) -> Self {
        let text = match shut {
            Shut::ByChild(error) => return error.into(),
            Shut::NoPipe => "the child's standard input is not a pipe of ours",
            Shut::ByUs => "the child's standard input was closed before",
        };
        Self::new(io::ErrorKind::InvalidInput, text)
    }
}

impl Input {
    pub(super) fn start(
        handle: &LoopHandle,
        pipe: Option<OwnedFd>,
        call: Option<Box<Call>>,
    ) -> io::Result<Rc<Self>> {
        let pipe = pipe.map(Rc::new);
        let input = Rc::new(Self {
            call: Callback::new(call),
            queue: RefCell::default(),
            shut: Cell::new(if pipe.is_none() { Some(Shut::NoPipe) } else { None }),
            closing: Cell::new(false),
            pipe: RefCell::new(pipe.clone()),
            watcher: RefCell::default(),
        });
        if let Some(pipe) = pipe {
            input.watch(handle, pipe)?;
        }
        Ok(input)
    }

    fn watch(self: &Rc<Self>, handle: &LoopHandle, pipe: Rc<OwnedFd>) -> io::Result<()> {
        ioctl_fionbio(&pipe, true)?;
        let weak = Rc::downgrade(self);
        let watch = handle.watch(pipe).interest(Interest::empty()).on_write(move |_| {
            if let Some(input) = weak.upgrade() {
                input.go_on();
            }
        });
        *self.watcher.borrow_mut() = Some(watch.start()?);
        Ok(())
    }

    pub(super) fn pending(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Writes what the pipe takes, and queues the rest.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(shut) = self.shut.get() {
            return Err(shut.into());
        }
        let idle = self.pending() == 0;
        self.queue.borrow_mut().extend(bytes);
        if idle && !bytes.is_empty() {
            self.flush().inspect_err(|_| self.close())?;
            self.listen()?;
        }
        Ok(())
    }

    /// The end of file for the child, after what is queued.
    pub(super) fn finish(&self) {
        if self.shut.get().is_none() {
            self.shut.set(Some(Shut::ByUs));
        }
        self.closing.set(true);
        if self.pending() == 0 {
            self.close();
        }
    }

    /// The pipe has room again, or nobody reads it any more.
    fn go_on(&self) {
        match self.flush() {
            Ok(()) if self.pending() > 0 => {}
            Ok(()) if self.closing.get() => self.close_and_tell(Ok(())),
            Ok(()) => {
                // Taking interest away can only fail for a loop that is gone.
                let _ = self.listen();
                self.call.with(|call| call(Ok(())));
            }
            Err(error) => self.close_and_tell(Err(error)),
        }
    }

    fn close_and_tell(&self, result: io::Result<()>) {
        self.close();
        self.call.with(|call| call(result));
    }

    fn flush(&self) -> io::Result<()> {
        let Some(pipe) = self.pipe.borrow().clone() else {
            return Ok(());
        };
        let mut queue = self.queue.borrow_mut();
        for _ in 0..WRITES {
            if queue.is_empty() {
                break;
            }
            match write_to_pipe(pipe.as_fd(), queue.as_slices().0) {
                Ok(written) => drop(queue.drain(..written)),
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(error) => {
                    self.shut.set(Some(Shut::ByChild(error)));
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn listen(&self) -> io::Result<()> {
        let interest = if self.pending() > 0 { Interest::WRITE } else { Interest::empty() };
        let watcher = self.watcher.borrow();
        watcher.as_ref().map_or(Ok(()), |watcher| watcher.set_interest(interest))
    }

    /// The child has ended: what is still queued will not be read.
    pub(super) fn give_up(&self) {
        let lost = self.pending() > 0;
        if !matches!(self.shut.get(), Some(Shut::NoPipe)) {
            self.shut.set(Some(Shut::ByChild(Errno::PIPE)));
        }
        self.close();
        if lost {
            self.call.with(|call| call(Err(Errno::PIPE.into())));
        }
    }

    fn close(&self) {
        let watcher = self.watcher.take();
        drop(watcher);
        let pipe = self.pipe.take();
        drop(pipe);
        self.queue.take();
    }

    /// Closes the pipe and forgets the callback.
    pub(super) fn end(&self) {
        self.close();
        if self.shut.get().is_none() {
            self.shut.set(Some(Shut::ByUs));
        }
        drop(self.call.remove());
    }
}
