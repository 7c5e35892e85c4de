//! Where the results are kept: a plot, and the tables in `BENCHMARKS.md`.

use std::fs;
use std::io;

use crate::options::Options;
use crate::plot;
use crate::report;
use crate::samples::Samples;

const BEGIN: &str = "<!-- begin: last run -->\n";
const END: &str = "<!-- end: last run -->";

pub(crate) fn save(samples: &Samples, options: &Options) -> io::Result<()> {
    fs::write(options.docs.join("benchmarks.svg"), plot::svg(samples))?;
    let path = options.docs.join("BENCHMARKS.md");
    let text = fs::read_to_string(&path)?;
    let tables = format!(
        "Median of {} rounds.\n\n{}\nEverybody's cost in multiples of tokio's:\n\n{}",
        options.rounds,
        report::targets(samples),
        report::everybody(samples),
    );
    fs::write(&path, insert(&text, &tables)?)
}

fn insert(text: &str, tables: &str) -> io::Result<String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}{tables}{END}{after}"))
    });
    parts.ok_or_else(|| io::Error::other("BENCHMARKS.md has no place for the last run"))
}
