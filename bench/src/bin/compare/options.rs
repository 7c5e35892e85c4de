//! What the driver is asked for.

use std::path::PathBuf;

const USAGE: &str = "usage: compare [--quick] [--rounds N] [--only W1,W2…] \
                     [--of async,tokio…] [--save] \
                     --ours DIR --peers DIR --docs DIR";

/// The options.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// For development: three rounds, and short ones.
    pub(crate) quick: bool,
    /// Beginnings of names of workloads; none: all.
    only: Vec<String>,
    /// Names of contestants; none: all.
    of: Vec<String>,
    /// Whether the documents get the results.
    pub(crate) save: bool,
    /// Where the programs are.
    pub(crate) ours: PathBuf,
    pub(crate) peers: PathBuf,
    pub(crate) docs: PathBuf,
}

impl Options {
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 0,
            quick: false,
            only: Vec::new(),
            of: Vec::new(),
            save: false,
            ours: PathBuf::new(),
            peers: PathBuf::new(),
            docs: PathBuf::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--save" => options.save = true,
                option => options.set(option, words.next().ok_or(USAGE)?)?,
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 3 } else { 7 };
        }
        Ok(options)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "--rounds" => self.rounds = value.parse().map_err(|_| USAGE)?,
            "--only" => self.only = value.split(',').map(str::to_owned).collect(),
            "--of" => self.of = value.split(',').map(str::to_owned).collect(),
            "--ours" => self.ours = value.into(),
            "--peers" => self.peers = value.into(),
            "--docs" => self.docs = value.into(),
            _ => return Err(USAGE.into()),
        }
        Ok(())
    }

    pub(crate) fn admits(&self, contestant: &str) -> bool {
        self.of.is_empty() || self.of.iter().any(|name| name == contestant)
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }
}
