//! tokio, on one thread. With `shared` before the words, a server reads into
//! one buffer for all connections; with `hyper`, it is hyper.

mod echo;
mod pipe;
mod sleeps;
mod spawns;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use contest::partner::xwake;
use contest::seat::Seat;
use contest::words::Pipe;
use contest::{Contestant, Failure, Outcome};
use tokio::runtime::{Builder, Runtime};

struct Tokio;

struct Shared;

struct Hyper;

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Runs one task to its end.
fn task(future: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    let runtime = runtime()?;
    let task = runtime.spawn(future);
    runtime.block_on(task).map_err(io::Error::from)?
}

impl Contestant for Tokio {
    fn pipe(&self, size: Pipe) -> Outcome {
        pipe::run(&runtime()?, size)
    }

    fn echo(&self, port: u16) -> Outcome {
        Ok(runtime()?
            .block_on(echo::serve(port, |stream| drop(tokio::spawn(echo::own(stream)))))?)
    }

    fn accept(&self, port: u16) -> Outcome {
        Ok(runtime()?.block_on(echo::serve(port, drop))?)
    }

    fn http(&self, port: u16) -> Outcome {
        Ok(runtime()?
            .block_on(echo::serve(port, |stream| drop(tokio::spawn(echo::greet(stream)))))?)
    }

    fn timers(&self, count: u32) -> Outcome {
        task(sleeps::many(count))
    }

    fn rearm(&self, count: u32, moves: u32) -> Outcome {
        task(sleeps::rearm(count, moves))
    }

    fn precision(&self, count: u32, micros: u32) -> Outcome {
        task(sleeps::precision(count, micros))
    }

    fn tasks(&self, count: u32) -> Outcome {
        task(spawns::measure(count))
    }

    fn xwake(&self, count: u32, seat: &Seat) -> Outcome {
        xwake(count, seat, |trips| {
            task(async {
                trips.await;
                Ok(())
            })
        })
    }
}

impl Contestant for Shared {
    fn echo(&self, port: u16) -> Outcome {
        let serve = echo::serve(port, |stream| drop(tokio::spawn(echo::shared(stream))));
        Ok(runtime()?.block_on(serve)?)
    }

    fn pipe(&self, _: Pipe) -> Outcome {
        Err(Failure::NotDone)
    }
}

impl Contestant for Hyper {
    fn http(&self, port: u16) -> Outcome {
        let serve = echo::serve(port, |stream| drop(tokio::spawn(echo::hyper(stream))));
        Ok(runtime()?.block_on(serve)?)
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((first, rest)) if first == "shared" => contest::main(&Shared, rest),
        Some((first, rest)) if first == "hyper" => contest::main(&Hyper, rest),
        _ => contest::main(&Tokio, &words),
    }
}
