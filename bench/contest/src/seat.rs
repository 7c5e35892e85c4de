//! Where a contestant sits: on one CPU, with 20,000 descriptors.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const DESCRIPTORS: u64 = 20_000;

/// The CPUs of the process: one for the loop, the others for its partner.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    others: CpuSet,
}

impl Seat {
    /// Pins the thread to the first CPU that it may use, which is the only one
    /// if a driver has chosen it, and raises the limit of descriptors.
    ///
    /// # Errors
    ///
    /// If the system refuses either.
    pub fn take() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu));
        let first = first.ok_or_else(|| io::Error::other("no CPU to run on"))?;
        pin(first)?;
        raise_limit()?;
        Ok(Self { others: without(&allowed, first) })
    }

    /// For a thread that is not the loop's: moves to the CPUs that the loop
    /// does not use, if there are any.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn make_room(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.others)?)
    }
}

/// Pins the calling thread to one CPU.
///
/// # Errors
///
/// If the system refuses.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut one = CpuSet::new();
    one.set(cpu);
    Ok(sched_setaffinity(None, &one)?)
}

fn without(allowed: &CpuSet, cpu: usize) -> CpuSet {
    let mut others = *allowed;
    if others.count() > 1 {
        others.unset(cpu);
    }
    others
}

/// Lets the process open 20,000 descriptors, or as many as it may.
///
/// # Errors
///
/// If the system refuses even those.
pub fn raise_limit() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = |maximum| Rlimit { current: Some(DESCRIPTORS), maximum: Some(maximum) };
    let raised = all(maximum.unwrap_or(DESCRIPTORS).max(DESCRIPTORS));
    // Only root raises the maximum; valgrind lets nobody.
    let allowed = Rlimit { current: maximum, maximum };
    Ok(setrlimit(Resource::Nofile, raised).or_else(|_| setrlimit(Resource::Nofile, allowed))?)
}
