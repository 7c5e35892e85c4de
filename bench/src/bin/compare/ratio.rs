//! A number that was measured several times.

use std::fmt;

/// Median, least and most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` if it was never measured.
    pub(crate) fn of(all: impl Iterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = all.filter(|one| one.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        Some(Self { median: median(&all)?, min: *all.first()?, max: *all.last()? })
    }
}

/// Of numbers in order.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}–{})", short(self.median), short(self.min), short(self.max))
    }
}

/// Three digits are what there is to know.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        0.0995.. => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        let spread = Spread::of([3.0, 1.0, 2.0, f64::NAN].into_iter()).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).unwrap().median, 1.5);
        assert!(Spread::of(std::iter::empty()).is_none());
    }
}
