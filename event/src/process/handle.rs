//! A running child process.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::rc::Rc;

use rustix::io::Errno;

use super::input::Input;
use super::offspring::Offspring;
use super::output::Output;
use crate::{Kind, LoopHandle, Ready, Signal, Watcher};

pub(super) type OnExit = Box<dyn FnOnce(io::Result<ExitStatus>)>;

/// A child process that was started on a loop.
///
/// Made by [`Spawn::start`](crate::Spawn::start). Dropping it ends its
/// callbacks and closes our ends of its pipes; the child runs on, and is reaped
/// by the loop when it ends, which keeps no `run` from returning.
/// [`detach`](Self::detach) lets callbacks and pipes be;
/// [`kill`](Self::kill) ends the child.
#[must_use = "dropping it ends its callbacks and closes its pipes"]
pub struct Process {
    state: Rc<State>,
    detached: bool,
}

/// What the handle and the watcher of the child's end share.
pub(super) struct State {
    pid: u32,
    handle: LoopHandle,
    stdin: Rc<Input>,
    stdout: Rc<Output>,
    stderr: Rc<Output>,
    on_exit: Cell<Option<OnExit>>,
    status: Cell<Option<ExitStatus>>,
    watcher: RefCell<Option<Watcher<Offspring>>>,
}

impl State {
    pub(super) fn start(
        pid: u32,
        handle: LoopHandle,
        streams: (Rc<Input>, Rc<Output>, Rc<Output>),
        on_exit: Option<OnExit>,
    ) -> io::Result<Process> {
        let (stdin, stdout, stderr) = streams;
        let state = Rc::new(Self {
            pid,
            handle,
            stdin,
            stdout,
            stderr,
            on_exit: Cell::new(on_exit),
            status: Cell::new(None),
            watcher: RefCell::new(None),
        });
        let end = End(state.clone());
        let watch = state.handle.watch(Offspring::new(pid)?).kind(Kind::Child);
        let watch = watch.on_read(move |ready| end.0.ended(ready)).start()?;
        *state.watcher.borrow_mut() = Some(watch);
        Ok(Process { state, detached: false })
    }

    /// The child has ended. It is reaped last: should a callback panic, this
    /// is called again in the next turn, and goes on where it was.
    fn ended(&self, ready: Ready<'_, Offspring>) {
        self.stdout.drain();
        self.stderr.drain();
        self.stdin.give_up();
        let Some(ended) = ready.io().reap() else {
            return;
        };
        drop(ready.unwatch());
        self.status.set(ended.as_ref().ok().copied());
        let on_exit = self.on_exit.take();
        self.end();
        if let Some(on_exit) = on_exit {
            on_exit(ended);
        }
    }

    /// Closes the pipes and forgets the callbacks.
    fn end(&self) {
        self.stdin.end();
        self.stdout.end();
        self.stderr.end();
        drop(self.on_exit.take());
    }

    /// Nobody wants to hear of the child any more.
    fn abandon(&self) {
        self.end();
        let watcher = self.watcher.take();
        if let Some(child) = watcher.and_then(Watcher::unwatch) {
            let watch = self.handle.watch(child).kind(Kind::Child).background();
            let watch = watch.on_read(|ready| {
                if ready.io().reap().is_some() {
                    drop(ready.unwatch());
                }
            });
            // If the loop is gone the child becomes an orphan.
            watch.start().map_or_else(drop, Watcher::detach);
        }
    }
}

/// Held by the watcher of the child's end: when it is dropped with the loop,
/// so are the callbacks.
struct End(Rc<State>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Process {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.state.pid
    }

    /// How it ended, once `on_exit` has been called.
    pub fn status(&self) -> Option<ExitStatus> {
        self.state.status.get()
    }

    /// Writes to the child's standard input, which must be a pipe
    /// (`Stdio::piped`, or [`Spawn::on_stdin`](crate::Spawn::on_stdin)). What
    /// the pipe does not take at once is copied and written as the child reads;
    /// [`pending_stdin`](Self::pending_stdin) says how much waits.
    ///
    /// # Errors
    ///
    /// `EPIPE` if the child has closed its standard input or has ended (and no
    /// `SIGPIPE`); [`io::ErrorKind::InvalidInput`] if that is not a pipe, or was
    /// closed by [`close_stdin`](Self::close_stdin). An error that is met later,
    /// when waiting bytes are written, is given to
    /// [`on_stdin`](crate::Spawn::on_stdin), and to the next call of this.
    pub fn write_stdin(&self, bytes: &[u8]) -> io::Result<()> {
        self.state.stdin.write(bytes)
    }

    /// Closes the child's standard input after what waits to be written: the
    /// child reads the end of file.
    pub fn close_stdin(&self) {
        self.state.stdin.finish();
    }

    /// How many bytes wait to be written to the child.
    pub fn pending_stdin(&self) -> usize {
        self.state.stdin.pending()
    }

    /// Sends a signal, to the child and never to another process that was
    /// given its number.
    ///
    /// # Errors
    ///
    /// `ESRCH` if the child has ended, `EPERM` if it runs as another user.
    pub fn send(&self, signal: Signal) -> io::Result<()> {
        let watcher = self.state.watcher.borrow();
        let watcher = watcher.as_ref();
        let sent = watcher.and_then(|watcher| watcher.with_io(|child| child.send(signal)));
        sent.unwrap_or_else(|| Err(Errno::SRCH.into()))
    }

    /// Ends the child by `SIGKILL`. `on_exit` is called when it is gone.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn kill(&self) -> io::Result<()> {
        self.send(Signal::KILL)
    }

    /// Lets the child, its pipes and its callbacks go on without a handle.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.detached {
            self.state.abandon();
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
