//! The order for a child process: what to run, and whom to tell.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::handle::{OnExit, Process, State};
use super::input::{self, Input};
use super::offspring;
use super::output::{self, Output};
use crate::LoopHandle;
use crate::sys::start_clean;

/// A child process in the making; [`start`](Spawn::start) starts it.
///
/// Made by [`LoopHandle::process`].
#[must_use = "nothing is started before `start`"]
pub struct Spawn {
    handle: LoopHandle,
    command: Command,
    on_stdin: Option<Box<input::Call>>,
    on_stdout: Option<Box<output::Call>>,
    on_stderr: Option<Box<output::Call>>,
    on_exit: Option<OnExit>,
    sealed: bool,
}

impl LoopHandle {
    /// A child process on this loop. The command says what to run: program,
    /// arguments, environment, directory, and for each standard stream whether
    /// it is inherited, null, a pipe or a descriptor of yours ([`Stdio`]).
    ///
    /// The child starts with no signal blocked or ignored, and with no
    /// descriptor but its standard streams.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::process::{Command, Stdio};
    ///
    /// let events = event::EventLoop::new()?;
    /// let mut command = Command::new("tr");
    /// command.args(["a-z", "A-Z"]).stdin(Stdio::piped());
    /// let child = events
    ///     .handle()
    ///     .process(command)
    ///     .on_stdout(|bytes| print!("{}", String::from_utf8_lossy(bytes)))
    ///     .on_exit(|status| assert!(status.unwrap().success()))
    ///     .start()?;
    /// child.write_stdin(b"hello\n")?;
    /// child.close_stdin();
    /// events.run()?; // until the child has ended
    /// # Ok(()) }
    /// ```
    pub fn process(&self, command: Command) -> Spawn {
        Spawn {
            handle: self.clone(),
            command,
            on_stdin: None,
            on_stdout: None,
            on_stderr: None,
            on_exit: None,
            sealed: true,
        }
    }
}

impl Spawn {
    /// Makes standard output a pipe, and runs `call` with what comes out of it.
    pub fn on_stdout(mut self, call: impl FnMut(&[u8]) + 'static) -> Self {
        self.command.stdout(Stdio::piped());
        self.on_stdout = Some(Box::new(call));
        self
    }

    /// Makes standard error a pipe, and runs `call` with what comes out of it.
    pub fn on_stderr(mut self, call: impl FnMut(&[u8]) + 'static) -> Self {
        self.command.stderr(Stdio::piped());
        self.on_stderr = Some(Box::new(call));
        self
    }

    /// Makes standard input a pipe, and runs `call` when all has been written
    /// that [`Process::write_stdin`] had to keep back, or when it cannot be.
    pub fn on_stdin(mut self, call: impl FnMut(io::Result<()>) + 'static) -> Self {
        self.command.stdin(Stdio::piped());
        self.on_stdin = Some(Box::new(call));
        self
    }

    /// Runs `call` when the child has ended, after all that it had written was
    /// handed to the other callbacks. It is the last callback: the pipes are
    /// closed then, also if descendants of the child's still hold them.
    ///
    /// It is given `ECHILD` if somebody else has reaped the child.
    pub fn on_exit(mut self, call: impl FnOnce(io::Result<ExitStatus>) + 'static) -> Self {
        self.on_exit = Some(Box::new(call));
        self
    }

    /// Lets the child inherit each descriptor that is not marked
    /// close-on-exec. All of this crate's are.
    pub fn inherit_descriptors(mut self) -> Self {
        self.sealed = false;
        self
    }

    /// Starts the child.
    ///
    /// Output that is a pipe without a callback is read and dropped.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the reason: [`io::ErrorKind::NotFound`] if there is
    /// no such program, [`io::ErrorKind::PermissionDenied`] if it cannot be run.
    /// Nothing is left running then.
    pub fn start(mut self) -> Result<Process, SpawnError> {
        offspring::sweep();
        start_clean(&mut self.command, self.sealed);
        let started = self.handle.core().check().and_then(|()| self.command.spawn());
        let attached = started.and_then(|mut child| {
            // With no descriptor left to watch it, it must not live.
            self.attach(&mut child).inspect_err(|_| destroy(&mut child))
        });
        attached.map_err(|error| SpawnError::new(&self.command, error))
    }

    fn attach(&mut self, child: &mut Child) -> io::Result<Process> {
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let streams = (
            Input::start(&self.handle, stdin, self.on_stdin.take())?,
            Output::start(&self.handle, stdout, self.on_stdout.take())?,
            Output::start(&self.handle, stderr, self.on_stderr.take())?,
        );
        State::start(child.id(), self.handle.clone(), streams, self.on_exit.take())
    }
}

fn destroy(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl fmt::Debug for Spawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn").field("command", &self.command).finish_non_exhaustive()
    }
}

/// A child process that could not be started.
#[derive(Debug)]
pub struct SpawnError {
    program: OsString,
    directory: Option<PathBuf>,
    error: io::Error,
}

impl SpawnError {
    fn new(command: &Command, error: io::Error) -> Self {
        let program = command.get_program().to_owned();
        Self { program, directory: command.get_current_dir().map(Into::into), error }
    }

    /// The program that was to be run.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Why it was not.
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {:?}", self.program)?;
        if let Some(directory) = &self.directory {
            write!(f, " in {directory:?}")?;
        }
        write!(f, ": {}", self.error)
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<SpawnError> for io::Error {
    fn from(error: SpawnError) -> Self {
        Self::new(error.error.kind(), error)
    }
}
