//! The law of handles: what a program holds is a number, never an address.
//!
//! A handle is the index of a slot, the slot's generation and the noun's type, in the bits below 2^52, which is set:
//! so it looks like no address, survives a double, and is not NULL. A slot is used again under the next generation;
//! when it has used up all of them it is retired. So a handle that was freed, never made, or is another noun's is
//! known to be so. The first generation is random: another copy of the library in the same process has another.

use crate::error::{Error, Kind, Result};
use crate::runtime::process::Generation;
use crate::runtime::slots::Slots;
use std::any::Any;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(target_pointer_width = "64")]
mod layout {
    pub const MARK: u64 = 1 << 52;
    pub const TYPE_SHIFT: u32 = 48;
    pub const GENERATION_SHIFT: u32 = 26;
    pub const GENERATIONS: u64 = 1 << 22;
    pub const INDEXES: u64 = 1 << 26;
}
#[cfg(target_pointer_width = "32")]
mod layout {
    pub const MARK: u64 = 0;
    pub const TYPE_SHIFT: u32 = 28;
    pub const GENERATION_SHIFT: u32 = 16;
    pub const GENERATIONS: u64 = 1 << 12;
    pub const INDEXES: u64 = 1 << 16;
}
use layout::*;

/// Nouns have numbers below this.
const TYPES: usize = 16;

/// What can stand behind a handle.
pub trait Noun: Any + Send + Sync {
    /// The C type.
    type C;
    /// A number of its own, from 1 to 15.
    const TYPE: u64;
    const NAME: &'static str;
}

#[derive(Default)]
struct Slot {
    /// The handle that is alive here, or 0.
    handle: AtomicU64,
    made_in: AtomicU64,
    /// For a cancel: its trigger, to be read without the lock.
    trigger: AtomicU64,
    object: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

struct Free {
    process: Generation,
    /// The generation in which slots are first used.
    first: u64,
    /// Slots that have been used so far.
    used: u64,
    /// Slots to use again, with the generation to use.
    again: Vec<(u64, u64)>,
    /// The nouns' names, by type, of those that this process has made.
    names: [&'static str; TYPES],
}

impl Free {
    fn new(first: u64, used: u64) -> Self {
        Free { process: Generation::current(), first, used, again: Vec::new(), names: [""; TYPES] }
    }

    fn random() -> u64 {
        // A system without random numbers has addresses that differ from load to load.
        let random = getrandom::u64().unwrap_or_else(|_| (&raw const SLOTS).addr() as u64 >> 12);
        random % GENERATIONS
    }

    /// The generation after this one; None where that was the last.
    fn after(&self, generation: u64) -> Option<u64> {
        let next = (generation + 1) % GENERATIONS;
        (next != self.first).then_some(next)
    }
}

static SLOTS: Slots<Slot> = Slots::new();
static FREE: Mutex<Option<Free>> = Mutex::new(None);
/// Handles made by this process and not freed, by the noun's type.
static LIVE: [AtomicUsize; TYPES] = [const { AtomicUsize::new(0) }; TYPES];

/// Handles made by this process and not freed.
pub fn live() -> usize {
    drop(free_slots());
    LIVE.iter().map(|live| live.load(Ordering::Relaxed)).sum()
}

/// The same noun by noun, without those that have none: "2 requests, 1 stream".
pub fn live_by_noun() -> String {
    let names = free_slots().as_ref().expect("made by free_slots").names;
    let counts = LIVE.iter().map(|live| live.load(Ordering::Relaxed)).zip(names).filter(|(count, _)| *count > 0);
    let each = counts.map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
    each.collect::<Vec<_>>().join(", ")
}

/// Keeps the table from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    free_slots()
}

fn free_slots() -> MutexGuard<'static, Option<Free>> {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *free {
        // The parent's handles stay where they are, to be recognised. None of them counts as this process's.
        Some(known) if !known.process.is_current() => {
            *free = Some(Free::new(known.first, known.used));
            LIVE.iter().for_each(|live| live.store(0, Ordering::Relaxed));
        }
        Some(_) => {}
        None => *free = Some(Free::new(Free::random(), 0)),
    }
    free
}

/// A new handle for `object`.
pub fn insert<N: Noun>(object: N) -> Result<*mut N::C> {
    insert_with(object, 0)
}

/// A new handle for a cancel, whose trigger [`trigger`] finds without a lock.
pub fn insert_with<N: Noun>(object: N, trigger: u64) -> Result<*mut N::C> {
    let exhausted = || Error::new(Kind::Resource, "this process has no handles left; free those that are not needed");
    let (index, generation, slot) = {
        let mut free = free_slots();
        let free = free.as_mut().expect("made by free_slots");
        let (index, generation) = free.again.pop().unwrap_or((free.used, free.first));
        // The table grows under the lock: a fork must not find it half grown.
        let slot = (index < INDEXES).then(|| SLOTS.get_or_grow(index as usize)).flatten().ok_or_else(exhausted)?;
        free.used = free.used.max(index + 1);
        free.names[N::TYPE as usize] = N::NAME;
        (index, generation, slot)
    };
    let handle = MARK | N::TYPE << TYPE_SHIFT | generation << GENERATION_SHIFT | index;
    *slot.object.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(object));
    slot.made_in.store(Generation::current().number(), Ordering::Relaxed);
    slot.trigger.store(trigger, Ordering::Release);
    slot.handle.store(handle, Ordering::Release);
    LIVE[N::TYPE as usize].fetch_add(1, Ordering::Relaxed);
    Ok(std::ptr::without_provenance_mut(handle as usize))
}

/// What stands behind a handle.
pub fn get<N: Noun>(handle: *const N::C) -> Result<Arc<N>> {
    let slot = find::<N>(handle)?;
    let object = slot.object.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Freed between the two looks, or taken by another noun.
    let object = object.filter(|_| slot.handle.load(Ordering::Acquire) == handle.addr() as u64);
    object.and_then(|object| object.downcast().ok()).ok_or_else(|| stale::<N>())
}

/// Ends a handle and gives what stood behind it. NULL and what is no handle give nothing.
pub fn remove<N: Noun>(handle: *mut N::C) -> Option<Arc<N>> {
    let slot = find::<N>(handle).ok()?;
    let number = handle.addr() as u64;
    // Of two threads that free one handle, one gets here first.
    slot.handle.compare_exchange(number, 0, Ordering::AcqRel, Ordering::Relaxed).ok()?;
    let object = slot.object.lock().unwrap_or_else(PoisonError::into_inner).take();
    LIVE[N::TYPE as usize].fetch_sub(1, Ordering::Relaxed);
    let (index, generation) = (number & (INDEXES - 1), number >> GENERATION_SHIFT & (GENERATIONS - 1));
    let mut free = free_slots();
    let free = free.as_mut().expect("made by free_slots");
    if let Some(next) = free.after(generation) {
        free.again.push((index, next));
    }
    object?.downcast().ok()
}

/// The trigger of a live cancel. Takes no lock: safe in a signal handler.
pub fn trigger<N: Noun>(handle: *const N::C) -> Option<u64> {
    let slot = SLOTS.get((handle.addr() as u64 & (INDEXES - 1)) as usize)?;
    let number = handle.addr() as u64;
    let alive = slot.handle.load(Ordering::Acquire) == number && number >> TYPE_SHIFT & 15 == N::TYPE;
    let own = slot.made_in.load(Ordering::Relaxed) == Generation::current().number();
    let trigger = slot.trigger.load(Ordering::Acquire);
    // Freed and used again since the first look: then the trigger is another cancel's.
    let still = slot.handle.load(Ordering::Acquire) == number;
    (alive && own && still).then_some(trigger)
}

fn find<N: Noun>(handle: *const N::C) -> Result<&'static Slot> {
    let number = handle.addr() as u64;
    if number == 0 {
        return Err(Error::new(Kind::InvalidArgument, format_args!("the {} is NULL", N::NAME)));
    }
    let slot = SLOTS.get((number & (INDEXES - 1)) as usize).filter(|_| number >> TYPE_SHIFT & 15 == N::TYPE);
    let slot = slot.filter(|slot| slot.handle.load(Ordering::Acquire) == number).ok_or_else(|| stale::<N>())?;
    if slot.made_in.load(Ordering::Relaxed) != Generation::current().number() {
        let what = format_args!("the {} was made before fork(); make a new one in the child", N::NAME);
        return Err(Error::new(Kind::Forked, what));
    }
    Ok(slot)
}

fn stale<N: Noun>() -> Error {
    let what =
        format_args!("this is no {} handle: it was freed before, or never made, or is another kind of handle", N::NAME);
    Error::new(Kind::BadHandle, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u32);
    struct Other;
    impl Noun for Thing {
        type C = u8;
        const TYPE: u64 = 14;
        const NAME: &'static str = "thing";
    }
    impl Noun for Other {
        type C = u8;
        const TYPE: u64 = 15;
        const NAME: &'static str = "other";
    }

    #[test]
    fn a_handle_is_good_until_it_is_freed_and_for_its_own_noun_only() {
        let handle = insert(Thing(7)).unwrap();
        assert_eq!(get::<Thing>(handle).unwrap().0, 7);
        assert_eq!(get::<Other>(handle).err().unwrap().kind(), Kind::BadHandle);
        assert!(remove::<Other>(handle).is_none());
        assert!(remove::<Thing>(handle).is_some());
        assert!(remove::<Thing>(handle).is_none(), "freed twice");
        assert_eq!(get::<Thing>(handle).err().unwrap().kind(), Kind::BadHandle);
        let next = insert(Thing(8)).unwrap();
        assert_ne!(next, handle, "a slot is never used again under the same number");
        assert_eq!(get::<Thing>(handle).err().unwrap().kind(), Kind::BadHandle);
        remove::<Thing>(next);
    }

    #[test]
    fn a_slot_is_used_in_every_generation_once_wherever_they_begin() {
        for first in [0, 1, GENERATIONS - 1] {
            let free = Free::new(first, 0);
            assert_eq!(free.after(GENERATIONS - 1).is_none(), first == 0);
            let last = (first + GENERATIONS - 1) % GENERATIONS;
            assert_eq!((free.after(last), free.after(first)), (None, Some((first + 1) % GENERATIONS)));
        }
    }

    #[test]
    fn no_made_up_number_is_a_handle() {
        let real = insert(Thing(1)).unwrap().addr();
        for number in [
            1,
            8,
            4096,
            usize::MAX,
            real + 1,
            real - 1,
            real ^ (1 << 30),
            real ^ (1 << 52),
            real | 1 << 53,
            &raw const real as usize,
        ] {
            assert!(get::<Thing>(std::ptr::without_provenance(number)).is_err(), "{number:#x}");
        }
        assert!((1usize << 52..1 << 53).contains(&real));
        remove::<Thing>(std::ptr::without_provenance_mut(real));
    }
}
