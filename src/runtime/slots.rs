//! An array that grows and never moves.
//!
//! Its elements are never dropped or moved, so that one can be looked up without a lock, from any thread and from a signal
//! handler, while others are being added.

use std::sync::OnceLock;

/// Elements in the first segment; each further segment holds twice as many as the one before it.
const FIRST: usize = 64;
const SEGMENTS: usize = 20;

/// See the module's documentation.
pub struct Slots<T> {
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
}

impl<T: Default> Slots<T> {
    pub const fn new() -> Self {
        Slots { segments: [const { OnceLock::new() }; SEGMENTS] }
    }

    /// The element at `index`, where there is one.
    pub fn get(&self, index: usize) -> Option<&T> {
        let (segment, offset) = locate(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    /// The element at `index`, made where it is not there yet; nothing beyond the last segment.
    pub fn get_or_grow(&self, index: usize) -> Option<&T> {
        let (segment, offset) = locate(index);
        let elements =
            self.segments.get(segment)?.get_or_init(|| (0..FIRST << segment).map(|_| T::default()).collect());
        elements.get(offset)
    }
}

fn locate(index: usize) -> (usize, usize) {
    let segment = (index / FIRST + 1).ilog2() as usize;
    (segment, index - FIRST * ((1 << segment) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_element_that_stays_where_it_is() {
        let slots: Slots<std::cell::Cell<usize>> = Slots::new();
        let first = slots.get_or_grow(0).unwrap() as *const _;
        for index in 0..5_000 {
            assert_eq!(slots.get_or_grow(index).unwrap().replace(index + 1), 0, "index {index} is shared");
        }
        assert!((0..5_000).all(|index| slots.get(index).unwrap().get() == index + 1));
        assert_eq!(slots.get(0).unwrap() as *const _, first);
        assert!(slots.get(usize::MAX / 2).is_none());
        assert!(slots.get_or_grow(FIRST << SEGMENTS).is_none());
    }
}
