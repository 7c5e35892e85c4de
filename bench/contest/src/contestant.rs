//! A contestant: a layer that does some of what the contract lists.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::seat::Seat;
use crate::words::{NoSuchWords, Pipe, Words};

/// The exit code of a layer that does not do what it was asked for.
const NOT_DONE: u8 = 3;

/// Why there are no figures.
#[derive(Debug)]
pub enum Failure {
    /// This layer does not do this one.
    NotDone,
    /// The words are not in the contract.
    Words(NoSuchWords),
    /// The system refused.
    Io(io::Error),
    /// The contestant did not do what it should have: its figures mean nothing.
    Wrong(String),
}

/// What a contestant's method comes to; figures have been printed by then.
pub type Outcome = Result<(), Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone => f.write_str("this layer does not do this one"),
            Self::Words(words) => words.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The contract, a method for each list of words. What a layer leaves out it
/// does not do.
#[allow(unused_variables, missing_docs, clippy::missing_errors_doc)]
pub trait Contestant {
    fn pipe(&self, size: Pipe) -> Outcome {
        Err(Failure::NotDone)
    }
    fn echo(&self, port: u16) -> Outcome {
        Err(Failure::NotDone)
    }
    fn accept(&self, port: u16) -> Outcome {
        Err(Failure::NotDone)
    }
    fn http(&self, port: u16) -> Outcome {
        Err(Failure::NotDone)
    }
    fn timers(&self, count: u32) -> Outcome {
        Err(Failure::NotDone)
    }
    fn rearm(&self, count: u32, moves: u32) -> Outcome {
        Err(Failure::NotDone)
    }
    fn precision(&self, count: u32, micros: u32) -> Outcome {
        Err(Failure::NotDone)
    }
    fn tasks(&self, count: u32) -> Outcome {
        Err(Failure::NotDone)
    }
    fn xwake(&self, count: u32, seat: &Seat) -> Outcome {
        Err(Failure::NotDone)
    }
}

/// A contestant's whole program, given its words.
pub fn main(contestant: &dyn Contestant, words: &[String]) -> ExitCode {
    match run(contestant, words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::NotDone) => ExitCode::from(NOT_DONE),
        Err(failure) => {
            eprintln!("{}: {failure}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(contestant: &dyn Contestant, words: &[String]) -> Outcome {
    let words = Words::parse(words).map_err(Failure::Words)?;
    let seat = Seat::take()?;
    match words {
        Words::Pipe(size) => contestant.pipe(size),
        Words::Echo(port) => contestant.echo(port),
        Words::Accept(port) => contestant.accept(port),
        Words::Http(port) => contestant.http(port),
        Words::Timers(count) => contestant.timers(count),
        Words::Rearm(count, moves) => contestant.rearm(count, moves),
        Words::Precision(count, micros) => contestant.precision(count, micros),
        Words::Tasks(count) => contestant.tasks(count),
        Words::Xwake(count) => contestant.xwake(count, &seat),
    }
}
