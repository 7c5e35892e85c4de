//! An ordered queue of deadlines: pure logic, no clock and no kernel.
//!
//! A wheel of small keys beside a slab of entries. Cancelling and moving a
//! deadline back touch the entry only; the key in the wheel is found to be out
//! of date when it surfaces. Keys carry a sequence number: equal deadlines come
//! out in the order in which they were scheduled, and a number used once tells
//! an entry from a later one in the same place.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use slab::Slab;

use super::wheel::{Key, Wheel};

/// Names one entry for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    index: u32,
    birth: u64,
}

struct Entry<T> {
    birth: u64,
    deadline: i64,
    sequence: u64,
    /// The sequence of its key in the wheel; `NOT_QUEUED` if it was set aside.
    queued: u64,
    value: T,
}

const NOT_QUEUED: u64 = 0;

/// The queue.
pub(crate) struct Schedule<T> {
    entries: Slab<Entry<T>>,
    keys: Wheel,
    /// Due and on their way to being run, in order.
    due: VecDeque<Key>,
    /// Room for what `set_aside` passes over.
    young: Vec<Key>,
    sequence: u64,
    /// Keys in the wheel that stand for nothing any more.
    dead: usize,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            keys: Wheel::default(),
            due: VecDeque::new(),
            young: Vec::new(),
            sequence: NOT_QUEUED,
            dead: 0,
        }
    }
}

impl<T> Schedule<T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn deadlines(&self) -> Vec<i64> {
        self.entries.iter().map(|(_, entry)| entry.deadline).collect()
    }

    /// The sequence of what was scheduled last.
    pub(crate) fn latest(&self) -> u64 {
        self.sequence
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Schedules `value`. `None` only if four billion entries are pending.
    pub(crate) fn insert(&mut self, deadline: i64, value: T) -> Option<Id> {
        let sequence = self.next_sequence();
        let entry = Entry { birth: sequence, deadline, sequence, queued: sequence, value };
        let index = u32::try_from(self.entries.vacant_key()).ok()?;
        self.entries.insert(entry);
        self.keys.push(Key { deadline, sequence, index });
        Some(Id { index, birth: sequence })
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.find(id).map(|entry| &mut entry.value)
    }

    pub(crate) fn deadline(&self, id: Id) -> Option<i64> {
        let entry = self.entries.get(id.index as usize)?;
        (entry.birth == id.birth).then_some(entry.deadline)
    }

    fn find(&mut self, id: Id) -> Option<&mut Entry<T>> {
        self.entries.get_mut(id.index as usize).filter(|entry| entry.birth == id.birth)
    }

    /// Takes an entry out, due or not.
    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        self.find(id)?;
        let entry = self.entries.remove(id.index as usize);
        if entry.queued != NOT_QUEUED {
            self.dead += 1;
            self.compact();
        }
        Some(entry.value)
    }

    /// Moves an entry to another deadline, behind those that have it already.
    pub(crate) fn reset(&mut self, id: Id, deadline: i64) -> bool {
        let sequence = self.next_sequence();
        let Some(entry) = self.find(id) else {
            return false;
        };
        let later = deadline >= entry.deadline;
        entry.deadline = deadline;
        entry.sequence = sequence;
        // Later than its key says: the key will be corrected when it surfaces.
        if later && entry.queued != NOT_QUEUED {
            return true;
        }
        let was_queued = std::mem::replace(&mut entry.queued, sequence) != NOT_QUEUED;
        self.dead += usize::from(was_queued);
        self.keys.push(Key { deadline, sequence, index: id.index });
        self.compact();
        true
    }

    /// The earliest deadline.
    pub(crate) fn earliest(&mut self) -> Option<i64> {
        if !self.due.is_empty() {
            return Some(i64::MIN);
        }
        self.surface().map(|key| key.deadline)
    }

    /// The latest deadline of a crowd: of the next entries that are due by
    /// `end`, if there are at least so many. In a short look some may be missed.
    pub(crate) fn end_of_crowd(&self, crowd: usize, end: i64) -> Option<i64> {
        let soon = self.keys.nearest().filter(|key| key.deadline <= end);
        let (count, latest) = soon
            .filter(|key| is_exact(&self.entries, key))
            .fold((0, None), |(count, latest), key| (count + 1, latest.max(Some(key.deadline))));
        latest.filter(|_| count >= crowd)
    }

    fn first(&mut self) -> Option<Key> {
        let before = self.keys.len();
        let first = self.keys.first(|key| is_true(&self.entries, key));
        self.dead = self.dead.saturating_sub(before - self.keys.len());
        first
    }

    /// Brings a key that is true to the surface.
    fn surface(&mut self) -> Option<Key> {
        loop {
            let key = self.first()?;
            let entry = self.entries.get_mut(key.index as usize);
            match entry.filter(|entry| entry.queued == key.sequence) {
                Some(entry) if entry.sequence == key.sequence => return Some(key),
                Some(entry) => {
                    entry.queued = entry.sequence;
                    let Entry { deadline, sequence, .. } = *entry;
                    self.keys.pop();
                    self.keys.push(Key { deadline, sequence, index: key.index });
                }
                None => {
                    self.keys.pop();
                    self.dead = self.dead.saturating_sub(1);
                }
            }
        }
    }

    /// Sets aside what is due at `now`, at most `limit` entries, so that what
    /// their callbacks schedule waits for the next time; as does what was
    /// scheduled after `horizon`, the `latest` of an earlier moment. What an
    /// earlier call left (a callback panicked) comes first.
    pub(crate) fn set_aside(&mut self, now: i64, horizon: u64, limit: usize) {
        while self.due.len() < limit {
            let Some(key) = self.surface().filter(|key| key.deadline <= now) else {
                break;
            };
            self.keys.pop();
            if key.sequence > horizon {
                self.young.push(key);
            } else {
                self.entries[key.index as usize].queued = NOT_QUEUED;
                self.due.push_back(key);
            }
        }
        self.young.drain(..).for_each(|key| self.keys.push(key));
    }

    /// The next entry that was set aside and has not been cancelled or moved since.
    pub(crate) fn next_due(&mut self) -> Option<(Id, i64)> {
        loop {
            let key = self.due.pop_front()?;
            let entry = self.entries.get(key.index as usize);
            let entry = entry.filter(|entry| entry.sequence == key.sequence);
            if let Some(entry) = entry {
                return Some((Id { index: key.index, birth: entry.birth }, entry.deadline));
            }
        }
    }

    /// Throws dead keys out when most are, so that cancelling costs no
    /// memory for longer than it must.
    fn compact(&mut self) {
        if self.dead < 64 || self.dead * 2 < self.keys.len() {
            return;
        }
        self.keys.retain(|key| is_true(&self.entries, key));
        self.dead = 0;
    }

    /// Hands everything out, to be dropped with no borrow held.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// Whether the key stands for an entry, if perhaps at a deadline since moved.
fn is_true<T>(entries: &Slab<Entry<T>>, key: &Key) -> bool {
    let entry = entries.get(key.index as usize);
    entry.is_some_and(|entry| entry.queued == key.sequence)
}

/// Whether the key stands for an entry at its deadline.
fn is_exact<T>(entries: &Slab<Entry<T>>, key: &Key) -> bool {
    let entry = entries.get(key.index as usize);
    entry.is_some_and(|entry| entry.queued == key.sequence && entry.sequence == key.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by brute force: everything in lists, sorted when asked.
    #[derive(Default)]
    struct Model {
        pending: Vec<(i64, u64, Id)>,
        /// In the order of their turn; `None` if cancelled or moved since,
        /// which takes up room until its turn comes.
        aside: Vec<Option<(i64, u64, Id)>>,
        sequence: u64,
    }

    impl Model {
        fn insert(&mut self, deadline: i64, id: Id) {
            self.sequence += 1;
            self.pending.push((deadline, self.sequence, id));
        }

        fn remove(&mut self, id: Id) -> bool {
            let before = self.len();
            self.pending.retain(|(.., one)| *one != id);
            for one in &mut self.aside {
                one.take_if(|(.., one)| *one == id);
            }
            before > self.len()
        }

        fn reset(&mut self, id: Id, deadline: i64) -> bool {
            let there = self.remove(id);
            self.sequence += 1;
            if there {
                self.pending.push((deadline, self.sequence, id));
            }
            there
        }

        fn set_aside(&mut self, now: i64, horizon: u64, limit: usize) {
            self.pending.sort_by_key(|(deadline, sequence, _)| (*deadline, *sequence));
            let room = limit.saturating_sub(self.aside.len());
            let due = |one: &&(i64, u64, Id)| one.0 <= now && one.1 <= horizon;
            let chosen: Vec<_> = self.pending.iter().filter(due).take(room).copied().collect();
            self.pending.retain(|one| !chosen.contains(one));
            self.aside.extend(chosen.into_iter().map(Some));
        }

        fn next_due(&mut self) -> Option<(Id, i64)> {
            let spent = self.aside.iter().take_while(|one| one.is_none()).count();
            self.aside.drain(..spent);
            let next = (!self.aside.is_empty()).then(|| self.aside.remove(0)).flatten();
            next.map(|(deadline, _, id)| (id, deadline))
        }

        fn len(&self) -> usize {
            self.deadlines().len()
        }

        fn deadlines(&self) -> Vec<i64> {
            let aside = self.aside.iter().flatten();
            let mut all: Vec<_> = self.pending.iter().chain(aside).map(|one| one.0).collect();
            all.sort_unstable();
            all
        }
    }

    /// Numbers that look random and are the same each time (splitmix64).
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ (mixed >> 31)) % limit
        }

        /// Few different ones, so that many are equal; the ends among them.
        fn deadline(&mut self) -> i64 {
            match self.below(20) {
                0 => i64::MIN,
                1 => i64::MAX,
                _ => self.below(50) as i64,
            }
        }
    }

    fn step(random: &mut Random, real: &mut Schedule<u64>, model: &mut Model, ids: &mut Vec<Id>) {
        let some = |random: &mut Random, ids: &[Id]| ids[random.below(ids.len() as u64) as usize];
        match random.below(10) {
            0..=3 => {
                let deadline = random.deadline();
                let id = real.insert(deadline, 0).unwrap();
                model.insert(deadline, id);
                ids.push(id);
            }
            4 | 5 if !ids.is_empty() => {
                let id = some(random, ids);
                assert_eq!(real.remove(id).is_some(), model.remove(id));
            }
            6 | 7 if !ids.is_empty() => {
                let (id, deadline) = (some(random, ids), random.deadline());
                assert_eq!(real.reset(id, deadline), model.reset(id, deadline));
            }
            8 => {
                let now = random.deadline();
                let horizon = real.latest() - random.below(5).min(real.latest());
                let limit = random.below(30) as usize;
                real.set_aside(now, horizon, limit);
                model.set_aside(now, horizon, limit);
            }
            _ => run_some(random, real, model),
        }
    }

    fn run_some(random: &mut Random, real: &mut Schedule<u64>, model: &mut Model) {
        for _ in 0..random.below(20) {
            let next = real.next_due();
            assert_eq!(next, model.next_due());
            let Some((id, _)) = next else { return };
            // Whoever takes it from the queue removes it, or moves it on.
            if random.below(2) == 0 {
                assert!(real.remove(id).is_some());
            } else {
                let deadline = random.deadline();
                assert!(real.reset(id, deadline));
                model.sequence += 1;
                model.pending.push((deadline, model.sequence, id));
            }
        }
    }

    #[test]
    fn rule_4_4_the_queue_agrees_with_a_sorted_list() {
        for seed in 0..100 {
            let (mut random, mut ids) = (Random(seed), Vec::new());
            let (mut real, mut model) = (Schedule::default(), Model::default());
            for _ in 0..400 {
                step(&mut random, &mut real, &mut model, &mut ids);
                assert_eq!(real.len(), model.len());
                let mut deadlines = real.deadlines();
                deadlines.sort_unstable();
                assert_eq!(deadlines, model.deadlines());
                if model.aside.is_empty() {
                    assert_eq!(real.earliest(), deadlines.first().copied());
                } else {
                    assert_eq!(real.earliest(), Some(i64::MIN));
                }
            }
        }
    }

    #[test]
    fn a_handle_finds_no_later_entry_in_its_place() {
        let mut schedule = Schedule::default();
        let old = schedule.insert(1, 'a').unwrap();
        assert_eq!(schedule.remove(old), Some('a'));
        let new = schedule.insert(2, 'b').unwrap();
        assert_eq!(old.index, new.index, "the place is used again");
        assert_eq!((schedule.deadline(old), schedule.remove(old)), (None, None));
        assert!(!schedule.reset(old, 3));
        assert_eq!(schedule.deadline(new), Some(2));
    }

    #[test]
    fn cancelled_entries_do_not_pile_up() {
        let mut schedule = Schedule::default();
        let far: Vec<_> = (0..100).map(|n| schedule.insert(1000 + n, ()).unwrap()).collect();
        for n in 0..100_000 {
            let id = schedule.insert(n, ()).unwrap();
            schedule.reset(id, n / 2);
            schedule.remove(id);
        }
        assert!(schedule.keys.len() < 1000, "{} keys for 100 entries", schedule.keys.len());
        assert_eq!(schedule.earliest(), Some(1000));
        assert_eq!(schedule.len(), far.len());
    }

    #[test]
    fn entries_that_are_moved_for_ever_do_not_pile_up() {
        const SECOND: i64 = 1_000_000_000;
        let mut schedule = Schedule::default();
        let mut ids: Vec<_> =
            (0..40_000).map(|_| schedule.insert(30 * SECOND, ()).unwrap()).collect();
        let mut random = Random(1);
        // As the time limits of connections are, while time goes on.
        for now in (0..300 * SECOND).step_by(1_000_000) {
            let some = random.below(40_000) as usize;
            match random.below(4) {
                0 => {
                    schedule.remove(ids[some]).unwrap();
                    ids[some] = schedule.insert(now + 30 * SECOND, ()).unwrap();
                }
                1 => assert!(schedule.reset(ids[some], now + SECOND)),
                _ => assert!(schedule.reset(ids[some], now + 30 * SECOND)),
            }
            schedule.set_aside(now, schedule.latest(), 1024);
            while let Some((id, _)) = schedule.next_due() {
                assert!(schedule.reset(id, now + 30 * SECOND));
            }
            assert!(schedule.keys.len() < 2 * ids.len() + 64, "{} keys", schedule.keys.len());
        }
        assert_eq!(schedule.len(), ids.len());
    }

    /// Every so many-th of a thousand entries, a nanosecond apart, is left.
    fn one_of(every: i64) -> Schedule<()> {
        let mut schedule = Schedule::default();
        let ids: Vec<_> = (0..1000).map(|n| schedule.insert(n, ()).unwrap()).collect();
        for (n, id) in (0..).zip(ids) {
            // Half of the rest is cancelled, half moved away.
            if n % every != 0 && n % 2 == 0 {
                schedule.remove(id);
            } else if n % every != 0 {
                schedule.reset(id, 1_000_000);
            }
        }
        schedule
    }

    #[test]
    fn a_crowd_ends_with_the_last_of_those_that_are_there() {
        assert_eq!(one_of(1).end_of_crowd(8, 7), Some(7));
        assert_eq!(one_of(1).end_of_crowd(8, 6), None);
        assert_eq!(one_of(2).end_of_crowd(8, 15), Some(14));
        assert_eq!(one_of(2).end_of_crowd(8, 13), None);
        assert_eq!(one_of(100).end_of_crowd(1, 13), Some(0));
        assert_eq!(one_of(100).end_of_crowd(2, 99), None);
        assert_eq!(Schedule::<()>::default().end_of_crowd(1, i64::MAX), None);
    }
}
