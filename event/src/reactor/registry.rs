//! The table of watchers, keyed by descriptor. It is authoritative: what the
//! kernel or libevent still believe counts for nothing (rules 1.1, 3.3).
#![forbid(unsafe_code)]

use std::os::fd::RawFd;
use std::rc::Rc;

use super::live::Registration;

/// A watcher of any type, as the table sees it.
pub(crate) trait Watched {
    /// Tells this registration from earlier and later ones of the same number.
    fn generation(&self) -> u64;
    /// Stops listening, and does not run again.
    fn retire(&self);
    /// Undoes `retire`, for a replacement that failed.
    fn revive(&self);
    /// After `retire`, for good: frees the event and drops the callbacks, with
    /// whatever they captured. User code runs: no borrow may be held.
    fn bury(&self);
    /// Whether its descriptor was closed behind our back.
    fn is_stale(&self) -> bool;
    /// What to tell of it, if it can still be called.
    fn registration(&self) -> Option<Registration>;
}

/// At most one watcher per descriptor, found by index.
#[derive(Default)]
pub(crate) struct Registry(Vec<Option<Rc<dyn Watched>>>);

impl Registry {
    pub(crate) fn get(&self, fd: RawFd) -> Option<&Rc<dyn Watched>> {
        self.0.get(usize::try_from(fd).ok()?)?.as_ref()
    }

    pub(crate) fn insert(&mut self, fd: RawFd, watched: Rc<dyn Watched>) {
        let Ok(index) = usize::try_from(fd) else {
            return;
        };
        if index >= self.0.len() {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(watched);
    }

    /// Takes out whatever is registered for `fd`.
    pub(crate) fn remove(&mut self, fd: RawFd) -> Option<Rc<dyn Watched>> {
        self.0.get_mut(usize::try_from(fd).ok()?)?.take()
    }

    /// Takes out that very registration; a later one of the same number stays.
    pub(crate) fn remove_exactly(&mut self, fd: RawFd, generation: u64) -> Option<Rc<dyn Watched>> {
        if self.get(fd)?.generation() != generation {
            return None;
        }
        self.remove(fd)
    }

    /// The registrations whose descriptors were closed behind our back.
    pub(crate) fn stale(&self) -> Vec<(RawFd, u64)> {
        let numbered = (0..).zip(&self.0).filter_map(|(fd, one)| Some((fd, one.as_ref()?)));
        let stale = numbered.filter(|(_, one)| one.is_stale());
        stale.map(|(fd, one)| (fd, one.generation())).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<dyn Watched>> {
        self.0.iter().flatten()
    }
}
