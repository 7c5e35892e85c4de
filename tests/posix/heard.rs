//! A child whose every word is noted.

use std::cell::RefCell;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::rc::Rc;

use event::{EventLoop, Spawn};

use crate::support::alone::text;

/// `sh`, which runs that script and has nothing to read.
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

/// All that a child had to say.
#[derive(Default)]
pub struct Heard {
    pub stdout: RefCell<Vec<u8>>,
    pub stderr: RefCell<Vec<u8>>,
    pub status: RefCell<Vec<io::Result<ExitStatus>>>,
}

impl Heard {
    /// A child in the making whose words are noted.
    pub fn of(events: &EventLoop, command: Command) -> (Rc<Self>, Spawn) {
        let heard = Rc::new(Self::default());
        let (out, err, end) = (heard.clone(), heard.clone(), heard.clone());
        let spawn = events
            .handle()
            .process(command)
            .on_stdout(move |bytes| {
                assert!(out.status.borrow().is_empty(), "output comes before the end");
                out.stdout.borrow_mut().extend_from_slice(bytes);
            })
            .on_stderr(move |bytes| {
                assert!(err.status.borrow().is_empty(), "output comes before the end");
                err.stderr.borrow_mut().extend_from_slice(bytes);
            })
            .on_exit(move |status| end.status.borrow_mut().push(status));
        (heard, spawn)
    }

    /// Runs the command to its end.
    pub fn run(command: Command) -> Rc<Self> {
        let events = EventLoop::new().unwrap();
        let (heard, spawn) = Self::of(&events, command);
        let _child = spawn.start().unwrap();
        events.run().unwrap();
        heard
    }

    pub fn stdout(&self) -> String {
        text(&self.stdout.borrow())
    }

    pub fn stderr(&self) -> String {
        text(&self.stderr.borrow())
    }

    pub fn status(&self) -> ExitStatus {
        let status = self.status.borrow();
        assert_eq!(status.len(), 1, "one end");
        *status[0].as_ref().unwrap()
    }
}
