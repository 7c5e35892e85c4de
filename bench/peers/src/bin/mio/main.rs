//! mio: a thin, safe layer on epoll.

mod echo;
mod pipe;

use std::process::ExitCode;

use contest::words::Pipe;
use contest::{Contestant, Outcome};

struct Mio;

impl Contestant for Mio {
    fn pipe(&self, size: Pipe) -> Outcome {
        pipe::run(size)
    }

    fn echo(&self, port: u16) -> Outcome {
        Ok(echo::serve(port, true)?)
    }

    fn accept(&self, port: u16) -> Outcome {
        Ok(echo::serve(port, false)?)
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    contest::main(&Mio, &words)
}
