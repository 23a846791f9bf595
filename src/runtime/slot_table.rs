//! A table whose entries are named by numbers that go stale.
//!
//! A [`Key`] is the index of a slot, the generation of its use, and a tag. A slot is used again under its next
//! generation; once it has been used in all of them, it is retired. So a key of an entry that was removed never names
//! another entry. Looking an entry up takes no lock and is async-signal-safe.

use super::fork::{ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::primitives::{AtomicU64, Ordering};
use super::stable_array::StableArray;

/// The name of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub index: u32,
    pub generation: u32,
    /// The type of the entry, a number below [`TAGS`].
    pub tag: u8,
}

/// The number of tags.
pub const TAGS: usize = 16;

/// The bit of a slot's word that is set while it has an entry.
const LIVE: u64 = 1;
/// The bit that [`Slots::raise`] sets.
const RAISED: u64 = 2;

impl Key {
    /// The word of a slot that has this entry.
    fn word(self) -> u64 {
        u64::from(self.tag) << 34 | u64::from(self.generation) << 2 | LIVE
    }
}

/// A table whose keys go stale.
pub struct Slots<T> {
    slots: StableArray<Slot<T>>,
    limits: Limits,
    vacant: ForkLock<Vacant>,
}

/// The range of a table's keys.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub indexes: u32,
    /// The number of times that a slot is used.
    pub generations: u32,
    /// Returns the generation in which slots are used first.
    pub first_generation: fn() -> u32,
}

struct Slot<T> {
    /// [`Key::word`] of the entry, perhaps [`RAISED`]; 0 without an entry.
    word: AtomicU64,
    value: T,
}

impl<T: Default> Default for Slot<T> {
    fn default() -> Self {
        Slot { word: AtomicU64::new(0), value: T::default() }
    }
}

/// The slots that have no entry.
struct Vacant {
    /// The generation in which slots are used first, once it is drawn.
    first: Option<u32>,
    /// The number of slots that have been used, by the parents of this process too: their entries stay, to be
    /// recognized.
    used: u32,
    process: PerProcess<ProcessSlots>,
}

/// The slots of this process.
#[derive(Default)]
struct ProcessSlots {
    /// Slots to use again, with the generation to use.
    again: Vec<(u32, u32)>,
    /// The number of entries, by tag.
    live: [usize; TAGS],
}

impl<T: Default> Slots<T> {
    pub const fn new(rank: Rank, limits: Limits) -> Self {
        let vacant = Vacant { first: None, used: 0, process: PerProcess::empty() };
        Slots { slots: StableArray::empty(), limits, vacant: ForkLock::new(rank, vacant) }
    }

    /// Adds an entry, after `fill` has prepared its slot's value under the table's lock. Returns None if there are
    /// no numbers left.
    pub fn insert(&self, tag: u8, fill: impl FnOnce(u32, &T)) -> Option<Key> {
        let mut vacant = self.vacant.lock();
        let first = *vacant.first.get_or_insert_with(self.limits.first_generation);
        let (index, generation) = vacant.process.current().again.pop().unwrap_or((vacant.used, first));
        // The array grows under the lock: a fork must not find it half grown.
        let slot = (index < self.limits.indexes).then(|| self.slots.get_or_grow(index as usize)).flatten()?;
        fill(index, &slot.value);
        vacant.used = vacant.used.max(index + 1);
        vacant.process.current().live[tag as usize] += 1;
        let key = Key { index, generation, tag };
        slot.word.store(key.word(), Ordering::Release);
        Some(key)
    }

    /// Returns the value of a live entry's slot. It may be removed meanwhile. Async-signal-safe.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        (slot.word.load(Ordering::Acquire) & !RAISED == key.word()).then_some(&slot.value)
    }

    /// Removes an entry, and lets `empty` clear its slot's value. Returns None if the key is stale: of two threads that
    /// remove one entry, one succeeds.
    pub fn remove<R>(&self, key: Key, empty: impl FnOnce(&T) -> R) -> Option<R> {
        let slot = self.slots.get(key.index as usize)?;
        let end = |word| slot.word.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed);
        // A word is raised once at most.
        end(key.word()).or_else(|_| end(key.word() | RAISED)).ok()?;
        let emptied = empty(&slot.value);
        let mut vacant = self.vacant.lock();
        let next = self.limits.after(key.generation);
        let is_used_up = Some(next) == vacant.first;
        let process = vacant.process.current();
        // An entry of a parent was never counted here.
        process.live[key.tag as usize] = process.live[key.tag as usize].saturating_sub(1);
        if !is_used_up {
            process.again.push((key.index, next));
        }
        Some(emptied)
    }

    /// Raises the flag of a live entry. Returns whether this call has raised it. Async-signal-safe.
    pub fn raise(&self, key: Key) -> bool {
        self.slots.get(key.index as usize).is_some_and(|slot| {
            slot.word.compare_exchange(key.word(), key.word() | RAISED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// Returns whether the flag of a live entry is raised. Async-signal-safe.
    #[inline]
    pub fn is_raised(&self, key: Key) -> bool {
        let slot = self.slots.get(key.index as usize);
        slot.is_some_and(|slot| slot.word.load(Ordering::Acquire) == key.word() | RAISED)
    }

    /// Returns the number of entries that this process has made and not removed, by tag.
    pub fn live(&self) -> [usize; TAGS] {
        self.vacant.lock().process.current().live
    }

    /// Returns the lock of the table.
    pub const fn fork_lock(&'static self) -> &'static dyn HeldOverFork {
        &self.vacant
    }
}

impl Limits {
    fn after(&self, generation: u32) -> u32 {
        if generation == self.generations - 1 { 0 } else { generation + 1 }
    }
}
