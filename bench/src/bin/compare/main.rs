//! The driver: runs contestants side by side, in random order, and prints how
//! their figures compare with each other and with the targets.
//!
//! `bench/compare` builds everything and starts it; `docs/BENCHMARKS.md` says
//! what is measured.
#![forbid(unsafe_code)]

mod batch;
mod contestant;
mod cpus;
mod document;
mod load;
mod options;
mod plan;
mod plot;
mod ratio;
mod report;
mod samples;
mod syscalls;
mod targets;
mod traffic;

use std::io;
use std::process::ExitCode;

use contest::chance::Chance;
use contest::clock;
use contest::seat::raise_limit;

use contestant::Contestant;
use options::Options;
use plan::{Kind, Workload};
use samples::{Figures, Samples};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Options::parse(&words).and_then(|options| compare(&options).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> io::Result<()> {
    raise_limit()?;
    let contestants = contestant::all(options);
    let workloads: Vec<_> =
        plan::all(options.quick).into_iter().filter(|one| options.wants(one.name)).collect();
    let mut samples = Samples::default();
    let mut chance = Chance::seeded(clock::wall());
    for round in 0..options.rounds {
        for workload in &workloads {
            eprint!("\rround {} of {}: {:30}", round + 1, options.rounds, workload.name);
            run_all(workload, &contestants, round, &mut chance, &mut samples)?;
        }
    }
    eprintln!();
    report::print(&samples);
    if options.save {
        document::save(&samples, options)?;
    }
    Ok(())
}

/// One round of one workload: all its contestants, in random order.
fn run_all(
    workload: &Workload,
    contestants: &[Contestant],
    round: usize,
    chance: &mut Chance,
    samples: &mut Samples,
) -> io::Result<()> {
    let mut turn: Vec<&Contestant> =
        contestants.iter().filter(|one| workload.contestants.contains(&one.name)).collect();
    shuffle(&mut turn, chance);
    for contestant in turn {
        let measured = run(workload, contestant).map_err(|error| {
            io::Error::other(format!("{} of {}: {error}", workload.name, contestant.name))
        })?;
        if let Some(figures) = measured {
            samples.add(workload.name, contestant.name, round, figures);
        }
    }
    Ok(())
}

/// The figures; `None` if the contestant does not do this one.
fn run(workload: &Workload, contestant: &Contestant) -> io::Result<Option<Figures>> {
    match &workload.kind {
        Kind::Batch(batch) => batch::run(contestant, batch),
        Kind::Traffic(shape) => traffic::run(contestant, shape),
        Kind::Visits(time) => traffic::visits(contestant, *time),
        Kind::Idle(connections) => traffic::idle(contestant, *connections),
        Kind::Calls(messages) => syscalls::run(contestant, *messages),
    }
}

fn shuffle<T>(all: &mut [T], chance: &mut Chance) {
    for last in (1..all.len()).rev() {
        all.swap(last, chance.below(last as u64 + 1) as usize);
    }
}
