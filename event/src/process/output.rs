//! What a child writes, read as it comes.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read};

use crate::reactor::callback::Callback;
use crate::{LoopHandle, Watcher};

/// As much as a pipe holds.
const CHUNK: usize = 64 * 1024;

pub(super) type Call = dyn FnMut(&[u8]);

/// Our end of a pipe that the child writes to.
pub(super) struct Output {
    call: Callback<Call>,
    buffer: Cell<Vec<u8>>,
    /// `None` once closed.
    pipe: RefCell<Option<Rc<OwnedFd>>>,
    watcher: RefCell<Option<Watcher<Rc<OwnedFd>>>>,
}

impl Output {
    /// Reads the pipe, if there is one. Without `call` the bytes are dropped,
    /// so that the child does not get stuck.
    pub(super) fn start(
        handle: &LoopHandle,
        pipe: Option<OwnedFd>,
        call: Option<Box<Call>>,
    ) -> io::Result<Rc<Self>> {
        let pipe = pipe.map(Rc::new);
        let output = Rc::new(Self {
            call: Callback::new(call),
            buffer: Cell::default(),
            pipe: RefCell::new(pipe.clone()),
            watcher: RefCell::default(),
        });
        if let Some(pipe) = pipe {
            output.watch(handle, pipe)?;
        }
        Ok(output)
    }

    fn watch(self: &Rc<Self>, handle: &LoopHandle, pipe: Rc<OwnedFd>) -> io::Result<()> {
        ioctl_fionbio(&pipe, true)?;
        let weak = Rc::downgrade(self);
        let watch = handle.watch(pipe).on_read(move |_| {
            if let Some(output) = weak.upgrade() {
                output.take(CHUNK);
            }
        });
        *self.watcher.borrow_mut() = Some(watch.start()?);
        Ok(())
    }

    /// Reads once, at most `limit` bytes, and hands them on; how many.
    fn take(&self, limit: usize) -> usize {
        let Some(pipe) = self.pipe.borrow().clone() else {
            return 0;
        };
        let mut buffer = self.buffer.take();
        buffer.resize(CHUNK, 0);
        let length = match read(&*pipe, &mut buffer[..limit.min(CHUNK)]) {
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Ok(0) | Err(_) => {
                self.close();
                0
            }
            Ok(length) => {
                self.call.with(|call| call(&buffer[..length]));
                length
            }
        };
        self.buffer.set(buffer);
        length
    }

    /// Reads what is there now. Once the child has ended, that is all that it
    /// has written; descendants of its may go on without end.
    pub(super) fn drain(&self) {
        let there = self.pipe.borrow().as_ref().map(|pipe| ioctl_fionread(pipe.as_fd()));
        let mut left = there.and_then(Result::ok).unwrap_or(0) as usize;
        while left > 0 {
            match self.take(left) {
                0 => return,
                taken => left -= taken,
            }
        }
    }

    fn close(&self) {
        let watcher = self.watcher.take();
        drop(watcher);
        let pipe = self.pipe.take();
        drop(pipe);
    }

    /// Closes the pipe and forgets the callback.
    pub(super) fn end(&self) {
        self.close();
        drop(self.call.remove());
    }
}
