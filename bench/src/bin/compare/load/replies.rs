//! Replies in the stream of bytes that a client receives.

use std::io;

use bench::answers::Answer;

/// What a server must reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// So many bytes.
    Bytes(usize),
    /// The greeting of an HTTP server, as long as its head makes it.
    Greeting,
}

/// The replies of one connection.
pub(super) enum Replies {
    /// Their size, and how much of the next is there.
    Bytes { size: usize, part: usize },
    /// The beginning of the next.
    Greetings(Vec<u8>),
}

impl Replies {
    pub(super) fn new(reply: Reply) -> Self {
        match reply {
            Reply::Bytes(size) => Self::Bytes { size, part: 0 },
            Reply::Greeting => Self::Greetings(Vec::new()),
        }
    }

    /// Nothing of the next one has come.
    pub(super) fn is_between(&self) -> bool {
        match self {
            Self::Bytes { part, .. } => *part == 0,
            Self::Greetings(part) => part.is_empty(),
        }
    }

    /// How many become whole with these bytes.
    pub(super) fn count(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Bytes { size, part } => {
                let there = *part + bytes.len();
                *part = there % *size;
                Ok(there / *size)
            }
            Self::Greetings(part) if part.is_empty() => {
                let (count, length) = greetings(bytes)?;
                part.extend(&bytes[length..]);
                Ok(count)
            }
            Self::Greetings(part) => {
                part.extend(bytes);
                let (count, length) = greetings(part)?;
                part.drain(..length);
                Ok(count)
            }
        }
    }
}

/// How many whole ones are at the front, and their length.
fn greetings(bytes: &[u8]) -> io::Result<(usize, usize)> {
    let (mut count, mut length) = (0, 0);
    while let Some(answer) = Answer::read(&bytes[length..])? {
        count += 1;
        length += answer.length;
    }
    Ok((count, length))
}
