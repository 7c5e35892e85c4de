//! The deadlines of the timer workloads, and the phases that are measured.

use crate::chance::Chance;
use crate::clock::Phase;
use crate::contestant::{Failure, Outcome};
use crate::memory::resident_kb;

/// Deadlines within a second, in microseconds from now.
pub fn micros(count: u32) -> impl Iterator<Item = u64> {
    let mut chance = Chance::default();
    (0..count).map(move |_| chance.below(1_000_000))
}

/// Which timer to move next.
pub fn picks(count: u32, moves: u32) -> impl Iterator<Item = usize> {
    let mut chance = Chance::default();
    (0..moves).map(move |_| chance.below(u64::from(count.max(1))) as usize)
}

/// The even ones are cancelled, so that these fire.
pub fn survivors(count: u32) -> u32 {
    count / 2
}

/// The measurement of `timers`.
#[derive(Debug)]
pub struct Timing {
    count: u32,
    phase: Phase,
    before_kb: u64,
    line: String,
}

impl Timing {
    /// Begins with adding.
    ///
    /// # Errors
    ///
    /// If the memory cannot be read.
    pub fn begin(count: u32) -> Result<Self, Failure> {
        let before_kb = resident_kb()?;
        Ok(Self { count, phase: Phase::begin(), before_kb, line: String::new() })
    }

    /// All are added.
    ///
    /// # Errors
    ///
    /// If the memory cannot be read.
    pub fn added(&mut self) -> Outcome {
        let add = self.phase.end(self.count);
        let rss = resident_kb()?.saturating_sub(self.before_kb);
        self.line = format!("add_ns={add:.1} rss_kb={rss}");
        self.phase = Phase::begin();
        Ok(())
    }

    /// The even ones are cancelled.
    pub fn cancelled(&mut self) {
        let cancel = self.phase.end(self.count.div_ceil(2));
        self.line += &format!(" cancel_ns={cancel:.1}");
    }

    /// The others have fired, so many; prints the figures.
    ///
    /// # Errors
    ///
    /// If that is not what should have fired.
    pub fn fired(mut self, fired: u32) -> Outcome {
        let fire = self.phase.end(survivors(self.count));
        if fired != survivors(self.count) {
            let wrong = format!("{fired} of {} timers fired", survivors(self.count));
            return Err(Failure::Wrong(wrong));
        }
        println!("{} fire_ns={fire:.1}", self.line);
        Ok(())
    }
}

/// Prints what a move took.
pub fn print_moves(phase: &mut Phase, moves: u32) {
    println!("rearm_ns={:.2}", phase.end(moves));
}
