//! What was measured.

use std::collections::BTreeMap;

use crate::ratio::Spread;

/// Figures by name.
pub(crate) type Figures = BTreeMap<String, f64>;

type Key = (&'static str, &'static str);

/// All samples: by workload and contestant, and there by round.
#[derive(Debug, Default)]
pub(crate) struct Samples(BTreeMap<Key, BTreeMap<usize, Figures>>);

impl Samples {
    pub(crate) fn add(
        &mut self,
        workload: &'static str,
        contestant: &'static str,
        round: usize,
        figures: Figures,
    ) {
        self.0.entry((workload, contestant)).or_default().insert(round, figures);
    }

    /// What was run.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    fn rounds(
        &self,
        workload: &'static str,
        contestant: &'static str,
    ) -> Option<&BTreeMap<usize, Figures>> {
        self.0.get(&(workload, contestant))
    }

    /// One figure over all rounds.
    pub(crate) fn spread(
        &self,
        workload: &'static str,
        contestant: &'static str,
        figure: &str,
    ) -> Option<Spread> {
        let rounds = self.rounds(workload, contestant)?;
        Spread::of(rounds.values().filter_map(|figures| figures.get(figure).copied()))
    }

    /// The ratio of two contestants, round by round.
    pub(crate) fn ratio(
        &self,
        workload: &'static str,
        (ours, theirs): (&'static str, &'static str),
        figure: &str,
    ) -> Option<Spread> {
        let (ours, theirs) = (self.rounds(workload, ours)?, self.rounds(workload, theirs)?);
        Spread::of(ours.iter().filter_map(|(round, ours)| {
            let theirs = theirs.get(round)?;
            Some(ours.get(figure)? / theirs.get(figure)?)
        }))
    }

    /// The figures of a workload.
    pub(crate) fn figures(&self, workload: &'static str, contestant: &'static str) -> Vec<String> {
        let rounds = self.rounds(workload, contestant);
        let first = rounds.and_then(|rounds| rounds.values().next());
        first.map(|figures| figures.keys().cloned().collect()).unwrap_or_default()
    }
}
