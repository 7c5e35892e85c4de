//! What a contestant is asked to do.

use std::fmt;
use std::str::FromStr;

/// One list of words of the contract.
#[derive(Clone, Copy, Debug)]
pub enum Words {
    /// A ring of pipes.
    Pipe(Pipe),
    /// A server that sends everything back.
    Echo(u16),
    /// A server that closes every connection at once.
    Accept(u16),
    /// A server that greets.
    Http(u16),
    /// So many timers within a second, half of them cancelled.
    Timers(u32),
    /// So many pending timers, and so many moves of one of them.
    Rearm(u32, u32),
    /// So many timers of so many microseconds, one after another.
    Precision(u32, u32),
    /// Spawning and yielding.
    Tasks(u32),
    /// Round trips between the loop and a thread.
    Xwake(u32),
}

/// The size of a ring of pipes.
#[derive(Clone, Copy, Debug)]
pub struct Pipe {
    /// Pipes.
    pub pipes: usize,
    /// Bytes that run at the same time.
    pub active: usize,
    /// Bytes that are forwarded.
    pub writes: u64,
    /// Repetitions.
    pub rounds: usize,
}

/// Words that are not in the contract.
#[derive(Clone, Debug)]
pub struct NoSuchWords(String);

impl fmt::Display for NoSuchWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: expected pipe N A W ROUNDS | echo PORT | accept PORT | http PORT | timers N | \
             rearm N K | precision N US | tasks N | xwake N",
            self.0
        )
    }
}

impl Words {
    /// Reads the words.
    ///
    /// # Errors
    ///
    /// If they are not in the contract.
    pub fn parse(words: &[String]) -> Result<Self, NoSuchWords> {
        Self::read(words).ok_or_else(|| NoSuchWords(words.join(" ")))
    }

    fn read(words: &[String]) -> Option<Self> {
        let (name, numbers) = words.split_first()?;
        Some(match (name.as_str(), numbers) {
            ("pipe", [pipes, active, writes, rounds]) => Self::Pipe(Pipe {
                pipes: positive(pipes)?,
                active: positive(active)?,
                writes: number(writes)?,
                rounds: number(rounds)?,
            }),
            ("echo", [port]) => Self::Echo(number(port)?),
            ("accept", [port]) => Self::Accept(number(port)?),
            ("http", [port]) => Self::Http(number(port)?),
            ("timers", [count]) => Self::Timers(number(count)?),
            ("rearm", [count, moves]) => Self::Rearm(number(count)?, number(moves)?),
            ("precision", [count, micros]) => Self::Precision(number(count)?, number(micros)?),
            ("tasks", [count]) => Self::Tasks(number(count)?),
            ("xwake", [count]) => Self::Xwake(number(count)?),
            _ => return None,
        })
    }
}

fn number<T: FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}

fn positive(word: &str) -> Option<usize> {
    number(word).filter(|number| *number > 0)
}
