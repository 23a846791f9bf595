//! Handles: the numbers, not addresses, by which a program names objects.
//!
//! A handle holds the index of a slot, the slot's generation and the handle's type, in the bits below bit 52. Bit 52 is
//! set. So a handle differs from usual addresses, survives a conversion to double, and is not NULL. The slot is in a
//! table whose keys go stale. So a handle that was freed, was never made, or has another type is recognized. The first
//! generation is random: it differs from that of another copy of the library in the same process.

use crate::error::{Error, Kind, Result};
use crate::runtime::fork::{HeldOverFork, Rank};
use crate::runtime::process_generation::Generation;
use crate::runtime::slot_table::{Key, Limits, Slots};
use crate::runtime::stable_array::StableArray;
use crate::runtime::sync::Mutex;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(target_pointer_width = "64")]
mod layout {
    pub const MARK: u64 = 1 << 52;
    pub const TYPE_SHIFT: u32 = 48;
    pub const GENERATION_SHIFT: u32 = 26;
    pub const GENERATIONS: u32 = 1 << 22;
    pub const INDEXES: u32 = 1 << 26;
}
#[cfg(target_pointer_width = "32")]
mod layout {
    pub const MARK: u64 = 0;
    pub const TYPE_SHIFT: u32 = 28;
    pub const GENERATION_SHIFT: u32 = 16;
    pub const GENERATIONS: u32 = 1 << 12;
    pub const INDEXES: u32 = 1 << 16;
}
use layout::*;

/// The types of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HandleType {
    Error = 1,
    Model,
    Request,
    Cancel,
    Response,
    Stream,
    WaitingSet,
    Run,
    Feed,
    #[cfg(test)]
    TestThing,
    #[cfg(test)]
    TestOther,
}

impl HandleType {
    const ALL: &[HandleType] = &[
        HandleType::Error,
        HandleType::Model,
        HandleType::Request,
        HandleType::Cancel,
        HandleType::Response,
        HandleType::Stream,
        HandleType::WaitingSet,
        HandleType::Run,
        HandleType::Feed,
        #[cfg(test)]
        HandleType::TestThing,
        #[cfg(test)]
        HandleType::TestOther,
    ];

    /// The name in messages.
    fn name(self) -> &'static str {
        match self {
            HandleType::Error => "error",
            HandleType::Model => "model",
            HandleType::Request => "request",
            HandleType::Cancel => "cancel",
            HandleType::Response => "response",
            HandleType::Stream => "stream",
            HandleType::WaitingSet => "waiting set",
            HandleType::Run => "run",
            HandleType::Feed => "feed",
            #[cfg(test)]
            HandleType::TestThing => "thing",
            #[cfg(test)]
            HandleType::TestOther => "other",
        }
    }
}

/// An object that can have a handle.
pub trait HandleObject: Any + Send + Sync {
    /// The C type.
    type C;
    const TYPE: HandleType;
}

#[derive(Default)]
struct Slot {
    /// The number of the [`Generation`] that made the handle.
    made_in: AtomicU64,
    object: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

static HANDLES: Slots<Slot> = Slots::new(
    Rank::Handles,
    Limits { indexes: INDEXES, generations: GENERATIONS, first_generation: random_generation },
);
pub const FORK_LOCK: &dyn HeldOverFork = HANDLES.fork_lock();

/// The triggers of cancel handles, by index, for signal handlers. It has elements only around the indexes of cancel
/// handles.
static TRIGGERS: StableArray<AtomicU64> = StableArray::empty();

fn random_generation() -> u32 {
    // Without random numbers: addresses differ from load to load.
    let random = getrandom::u64().unwrap_or_else(|_| (&raw const HANDLES).addr() as u64 >> 12);
    (random % u64::from(GENERATIONS)) as u32
}

/// Returns the number of handles that this process has made and not freed.
pub fn live() -> usize {
    HANDLES.live().iter().sum()
}

/// Returns the number of live handles of each type that has any, such as "2 requests, 1 stream".
pub fn live_by_type() -> String {
    let live = HANDLES.live();
    let counts = HandleType::ALL.iter().map(|of| (live[*of as usize], of.name())).filter(|(count, _)| *count > 0);
    let each = counts.map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
    each.collect::<Vec<_>>().join(", ")
}

/// Returns a new handle for `object`.
pub fn insert<N: HandleObject>(object: N) -> Result<*mut N::C> {
    insert_with(object, |_| {})
}

/// Returns a new handle for a cancel, whose trigger [`trigger`] finds without a lock.
pub fn insert_with_trigger<N: HandleObject>(object: N, trigger: u64) -> Result<*mut N::C> {
    insert_with(object, |index| {
        TRIGGERS.get_or_grow(index as usize).into_iter().for_each(|slot| slot.store(trigger, Ordering::Release));
    })
}

fn insert_with<N: HandleObject>(object: N, prepare: impl FnOnce(u32)) -> Result<*mut N::C> {
    let object = Arc::new(object);
    let fill = |index, slot: &Slot| {
        *slot.object.lock() = Some(object);
        slot.made_in.store(Generation::current().number(), Ordering::Relaxed);
        prepare(index);
    };
    let key = HANDLES.insert(N::TYPE as u8, fill).ok_or_else(|| {
        Error::new(Kind::Resource, "this process has no handles left; free those that are not needed")
    })?;
    Ok(std::ptr::without_provenance_mut(number(key) as usize))
}

fn number(key: Key) -> u64 {
    let Key { index, generation, tag } = key;
    MARK | u64::from(tag) << TYPE_SHIFT | u64::from(generation) << GENERATION_SHIFT | u64::from(index)
}

/// Returns the key in a handle, or None if the number does not have the form of a handle of this type.
fn key<N: HandleObject>(handle: *const N::C) -> Option<Key> {
    let handle = handle.addr() as u64;
    let index = (handle & u64::from(INDEXES - 1)) as u32;
    let generation = (handle >> GENERATION_SHIFT & u64::from(GENERATIONS - 1)) as u32;
    Some(Key { index, generation, tag: N::TYPE as u8 }).filter(|key| number(*key) == handle)
}

/// Returns the object of a handle.
pub fn get<N: HandleObject>(handle: *const N::C) -> Result<Arc<N>> {
    let (key, slot) = find::<N>(handle)?;
    let object = slot.object.lock().clone();
    // The handle may have been freed after the first look, and its slot used again.
    let object = object.filter(|_| HANDLES.get(key).is_some());
    object.and_then(|object| object.downcast().ok()).ok_or_else(|| stale::<N>())
}

/// Frees a handle and returns its object. Returns None for NULL and for a number that is not a handle.
pub fn remove<N: HandleObject>(handle: *mut N::C) -> Option<Arc<N>> {
    let (key, _) = find::<N>(handle).ok()?;
    // Of two threads that free one handle, one removes it.
    let object = HANDLES.remove(key, |slot| slot.object.lock().take())?;
    object?.downcast().ok()
}

/// Returns the trigger of a live cancel. Async-signal-safe.
pub fn trigger<N: HandleObject>(handle: *const N::C) -> Option<u64> {
    let key = key::<N>(handle)?;
    let is_of_this_process = HANDLES.get(key)?.made_in.load(Ordering::Relaxed) == Generation::current().number();
    let trigger = TRIGGERS.get(key.index as usize)?.load(Ordering::Acquire);
    // If it was freed and its slot used again since the first look, the trigger is another cancel's.
    let is_still_live = HANDLES.get(key).is_some();
    (is_of_this_process && is_still_live).then_some(trigger)
}

fn find<N: HandleObject>(handle: *const N::C) -> Result<(Key, &'static Slot)> {
    let name = N::TYPE.name();
    if handle.is_null() {
        return Err(Error::new(Kind::InvalidArgument, format_args!("the {name} is NULL")));
    }
    let found = key::<N>(handle).and_then(|key| HANDLES.get(key).map(|slot| (key, slot)));
    let (key, slot) = found.ok_or_else(|| stale::<N>())?;
    if slot.made_in.load(Ordering::Relaxed) != Generation::current().number() {
        let what = format_args!("the {name} was made before fork(); make a new one in the child");
        return Err(Error::new(Kind::Forked, what));
    }
    Ok((key, slot))
}

fn stale<N: HandleObject>() -> Error {
    let name = N::TYPE.name();
    let what =
        format_args!("this is not a live {name} handle: it was freed, was never made, or is a handle of another type");
    Error::new(Kind::BadHandle, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u32);
    struct Other;
    impl HandleObject for Thing {
        type C = u8;
        const TYPE: HandleType = HandleType::TestThing;
    }
    impl HandleObject for Other {
        type C = u8;
        const TYPE: HandleType = HandleType::TestOther;
    }

    #[test]
    fn a_handle_is_valid_until_it_is_freed_and_for_its_own_type_only() {
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
    fn no_invented_number_is_a_handle() {
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
