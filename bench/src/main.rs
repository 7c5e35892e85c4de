//! Our contestants: `bench LAYER WORDS…`, and `bench verify`.
//!
//! The words and what they print are the contract in `docs/BENCHMARKS.md`.
#![forbid(unsafe_code)]

mod bare;
mod tasks;
mod verify;

use std::process::ExitCode;

use contest::Contestant;

const USAGE: &str =
    "usage: bench bare|async|shared|busy|buffered|hyper WORDS… | bench verify [SERVER…]";

fn layer(name: &str) -> Option<Box<dyn Contestant>> {
    Some(match name {
        "bare" => Box::new(bare::Bare),
        "async" => Box::new(tasks::Tasks::default()),
        "shared" => Box::new(tasks::Tasks { shared: true, ..Default::default() }),
        "busy" => Box::new(tasks::Tasks { busy: true, ..Default::default() }),
        "buffered" => Box::new(tasks::Buffered),
        "hyper" => Box::new(tasks::Hyper),
        _ => return None,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, words)) = arguments.split_first() else {
        return usage();
    };
    if name == "verify" {
        return verify::main(words);
    }
    layer(name).map_or_else(usage, |layer| contest::main(&*layer, words))
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
