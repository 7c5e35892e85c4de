//! Keys in the exact order of their deadlines, a million of them if need be.
//!
//! They are in a binary heap. When that is no longer small, all but the next
//! wait in a hierarchical wheel: unsorted, in slots of a millisecond, of 64
//! milliseconds, and so on. A slot is opened when its time comes to be the next,
//! so each key moves a few times at most, and the heap stays in the caches. (The
//! earliest is known exactly at any time. So its slot is open, however far in
//! the future, and what is pushed before it goes into the heap.)
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A deadline. Equal ones are in the order in which they were scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) deadline: i64,
    pub(crate) sequence: u64,
    pub(crate) index: u32,
}

/// The width of the narrowest slots: 2^20 nanoseconds.
const NARROWEST: u32 = 20;
/// A level has 2^6 slots, each as wide as the whole level below.
const BITS: u32 = 6;
const SLOTS: u64 = 1 << BITS;
/// Enough for any deadline.
const LEVELS: usize = (i64::BITS - NARROWEST).div_ceil(BITS) as usize;

/// A heap of so many keys fits into the caches, and never moves many at a time:
/// until then it is as good as a wheel.
const SMALL: usize = 4096;

/// So many are looked at where some are enough.
const NEAREST: usize = 64;

/// A slot that was opened leaves memory for so many keys at most.
const SPARE: usize = 1024;

impl Key {
    /// In narrowest slots since the beginning of time. What is due before that
    /// is due in the first.
    fn tick(&self) -> u64 {
        self.deadline.max(0).unsigned_abs() >> NARROWEST
    }
}

#[derive(Default)]
struct Level {
    /// A bit for each slot that has keys. The others have no memory.
    occupied: u64,
    /// Made when the first of them gets one.
    slots: Vec<Vec<Key>>,
    /// From slots that were opened, for those that come, so that a steady stream
    /// of timers hardly allocates. At most as many as there are slots.
    spare: Vec<Vec<Key>>,
}

/// The keys.
#[derive(Default)]
pub(crate) struct Wheel {
    near: BinaryHeap<Reverse<Key>>,
    /// How many were left in it when the others were last spread over the levels.
    sorted: usize,
    /// The slot that was opened last. Those in the levels are later; a slot of
    /// a level is in the same slot of the next level as this one. While there
    /// are any, the heap has no key of a later slot.
    here: u64,
    levels: [Level; LEVELS],
    /// How many are in the levels.
    far: usize,
}

impl Wheel {
    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far
    }

    pub(crate) fn push(&mut self, key: Key) {
        if self.far > 0 {
            return self.place(key);
        }
        self.near.push(Reverse(key));
        // Twice as many as last time, for they may all be in one slot; but not when
        // those have gone since.
        self.sorted = self.sorted.min(2 * self.near.len());
        if self.near.len() > SMALL.max(2 * self.sorted) {
            self.spread();
        }
    }

    /// Leaves only the earliest slot in the heap.
    fn spread(&mut self) {
        self.here = self.near.peek().map_or(0, |Reverse(first)| first.tick());
        let keys = std::mem::take(&mut self.near).into_vec();
        keys.into_iter().for_each(|Reverse(key)| self.place(key));
        self.sorted = self.near.len();
    }

    /// The earliest. Those that come near are kept if `keep` says so: asked of
    /// many in a row it does not wait for the memory of each.
    pub(crate) fn first(&mut self, keep: impl Fn(&Key) -> bool) -> Option<Key> {
        while self.far > 0 && self.near.is_empty() {
            self.open_next(&keep);
        }
        self.near.peek().map(|Reverse(key)| *key)
    }

    /// Some of the next, in no order.
    pub(crate) fn nearest(&self) -> impl Iterator<Item = &Key> {
        // The top of the heap; a key deeper in it may well be earlier.
        self.near.as_slice().iter().take(NEAREST).map(|Reverse(key)| key)
    }

    /// Takes the [`first`](Self::first) out.
    pub(crate) fn pop(&mut self) {
        self.near.pop();
    }

    fn place(&mut self, key: Key) {
        let tick = key.tick();
        if tick <= self.here {
            return self.near.push(Reverse(key));
        }
        let level = (tick ^ self.here).ilog2() / BITS;
        let slot = tick >> (level * BITS) & (SLOTS - 1);
        self.levels[level as usize].put(slot, key);
        self.far += 1;
    }

    /// Empties the earliest slot, into the heap or into narrower ones.
    fn open_next(&mut self, keep: &impl Fn(&Key) -> bool) {
        let level = self.levels.iter().position(|level| level.occupied != 0);
        let Some(level) = level else { return };
        let (slot, mut keys) = self.levels[level].take_first();
        let width = level as u32 * BITS;
        let above = self.here >> (width + BITS) << (width + BITS);
        self.here = above | slot << width;
        self.far -= keys.len();
        if level == 0 {
            keys.retain(keep);
        }
        keys.drain(..).for_each(|key| self.place(key));
        self.levels[level].keep(keys);
    }

    /// Keeps those that `keep` says.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.near.retain(|Reverse(key)| keep(key));
        self.levels.iter_mut().for_each(|level| level.retain(&keep));
        self.far = self.levels.iter().flat_map(|level| &level.slots).map(Vec::len).sum();
    }
}

impl Level {
    fn put(&mut self, slot: u64, key: Key) {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS as usize, Vec::new);
        }
        let keys = &mut self.slots[slot as usize];
        if self.occupied & 1 << slot == 0 {
            self.occupied |= 1 << slot;
            *keys = self.spare.pop().unwrap_or_default();
        }
        keys.push(key);
    }

    fn take_first(&mut self) -> (u64, Vec<Key>) {
        let slot = self.occupied.trailing_zeros();
        self.occupied &= self.occupied - 1;
        (slot.into(), std::mem::take(&mut self.slots[slot as usize]))
    }

    /// The memory of a slot that was taken, if it is not much.
    fn keep(&mut self, keys: Vec<Key>) {
        if keys.capacity() <= SPARE {
            self.spare.push(keys);
        }
    }

    /// Keeps no memory for those that went: nobody may come to this slot again.
    fn retain(&mut self, keep: &impl Fn(&Key) -> bool) {
        for (slot, keys) in self.slots.iter_mut().enumerate() {
            keys.retain(keep);
            keys.shrink_to(keys.len() * 2);
            if keys.is_empty() {
                self.occupied &= !(1 << slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time (xorshift).
    struct Random(u64);

    impl Random {
        fn draw(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        /// Of every magnitude, the ends and equal ones among them.
        fn deadline(&mut self) -> i64 {
            match self.draw() % 16 {
                0 => i64::MIN,
                1 => i64::MAX,
                2 => 1 << 40,
                _ => (self.draw() >> (self.draw() % 64)) as i64,
            }
        }
    }

    #[test]
    fn keys_come_out_in_the_order_of_a_sorted_list() {
        for seed in 1..6 {
            let mut random = Random(seed);
            let (mut wheel, mut sorted) = (Wheel::default(), std::collections::BTreeSet::new());
            for sequence in 0..100_000 {
                let deadline = random.deadline();
                let key = Key { deadline, sequence, index: sequence as u32 };
                wheel.push(key);
                sorted.insert(key);
                // Fewer come out than go in, and now and then none is left.
                let out = if random.draw() % 60_000 == 0 { sorted.len() } else { 0 };
                for _ in 0..out + (random.draw() % 2) as usize {
                    assert_eq!(wheel.first(|_| true), sorted.pop_first());
                    wheel.pop();
                }
                assert_eq!(wheel.len(), sorted.len());
            }
        }
    }

    /// The slots' room.
    fn capacity(wheel: &Wheel) -> usize {
        let slots = wheel.levels.iter().flat_map(|level| level.slots.iter().chain(&level.spare));
        slots.map(Vec::capacity).sum()
    }

    #[test]
    fn what_went_leaves_no_memory_behind_in_any_slot() {
        let mut wheel = Wheel::default();
        for wave in 0..100 {
            // Each into slots of its own, of any width; all but one in a hundred are cancelled.
            for sequence in 0..30_000 {
                let deadline = (wave + 1) << (NARROWEST + wave as u32 % 36);
                wheel.push(Key { deadline, sequence, index: 0 });
            }
            wheel.retain(|key| key.sequence % 100 == 0);
        }
        let (len, room) = (wheel.len(), capacity(&wheel));
        assert!(room < 4 * len, "room for {room} keys, {len} are there");
    }

    #[test]
    fn slots_that_were_opened_keep_little_memory() {
        let mut wheel = Wheel::default();
        for sequence in 0..1_000_000 {
            let deadline = (sequence as i64 % 300) << NARROWEST;
            wheel.push(Key { deadline, sequence, index: 0 });
        }
        while wheel.first(|_| true).is_some() {
            wheel.pop();
        }
        assert_eq!(wheel.len(), 0);
        assert!(capacity(&wheel) < LEVELS * SPARE, "room for {} keys", capacity(&wheel));
    }

    #[test]
    fn keys_of_one_slot_stay_in_the_heap_and_others_do_not() {
        let mut wheel = Wheel::default();
        let same = |sequence| Key { deadline: 1, sequence, index: 0 };
        (0..100_000).for_each(|sequence| wheel.push(same(sequence)));
        assert_eq!((wheel.near.len(), wheel.far), (100_000, 0));
        (0..100_000).for_each(|_| wheel.pop());
        let apart = |sequence: u64| Key { deadline: (sequence as i64) << 30, sequence, index: 0 };
        (0..100_000).for_each(|sequence| wheel.push(apart(sequence)));
        assert_eq!((wheel.near.len(), wheel.far), (1, 99_999));
    }

    #[test]
    fn what_is_not_retained_does_not_come_out() {
        let mut random = Random(7);
        let mut wheel = Wheel::default();
        let key = |sequence| Key { deadline: random.deadline(), sequence, index: 0 };
        let mut keys: Vec<_> = (0..40_000).map(key).collect();
        keys.iter().for_each(|key| wheel.push(*key));
        let odd = |key: &Key| key.sequence % 2 == 1;
        wheel.retain(odd);
        keys.retain(odd);
        keys.sort();
        for key in keys {
            assert_eq!(wheel.first(|_| true), Some(key));
            wheel.pop();
        }
        assert_eq!(wheel.len(), 0);
    }
}
