//! Contestants that run, print their figures and end.

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Output};

use bench::server::NOT_DONE;

use crate::contestant::Contestant;
use crate::ratio::Spread;
use crate::samples::Figures;

/// The words, and what to make of the figures.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) words: String,
    /// Adds figures that follow from those printed.
    pub(crate) derive: fn(&mut Figures),
}

pub(crate) fn run(contestant: &Contestant, batch: &Batch) -> io::Result<Option<Figures>> {
    let (program, before) = contestant.command.split_first().expect("a program");
    let output = Command::new(program).args(before).args(batch.words.split(' ')).output()?;
    if output.status.code() == Some(NOT_DONE) {
        return Ok(None);
    }
    let mut figures = read(&output)?;
    (batch.derive)(&mut figures);
    Ok(Some(figures))
}

/// Each figure is the median of all lines that have it.
fn read(output: &Output) -> io::Result<Figures> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("{}: {said}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut all = BTreeMap::<&str, Vec<f64>>::new();
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or_else(|| bad(word))?;
        all.entry(name).or_default().push(value.parse().map_err(|_| bad(word))?);
    }
    let medians = all.into_iter().filter_map(|(name, values)| {
        Some((name.to_owned(), Spread::of(values.into_iter())?.median))
    });
    Ok(medians.collect())
}

fn bad(word: &str) -> io::Error {
    io::Error::other(format!("{word:?} is no figure"))
}
