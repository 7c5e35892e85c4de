//! Our contestants: `bench LAYER WORDS…`, and `bench verify`.
//!
//! The words and what they print are the contract in `docs/BENCHMARKS.md`.
#![forbid(unsafe_code)]

mod bare;
mod tasks;

use std::process::ExitCode;

use contest::Contestant;

const USAGE: &str = "usage: bench bare|async WORDS…";

fn layer(name: &str) -> Option<Box<dyn Contestant>> {
    Some(match name {
        "bare" => Box::new(bare::Bare),
        "async" => Box::new(tasks::Tasks),
        _ => return None,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, words)) = arguments.split_first() else {
        return usage();
    };
    layer(name).map_or_else(usage, |layer| contest::main(&*layer, words))
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
