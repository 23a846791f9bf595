//! An array that grows and whose elements never move.
//!
//! An element can be looked up without a lock, from any thread and from a signal handler, while others are added.
//! Elements of a static are never dropped.

use std::sync::OnceLock;

/// The number of elements in the first segment. Each further segment holds twice as many as the one before it.
const FIRST: usize = 64;
const SEGMENTS: usize = 20;

/// An array that grows and whose elements never move.
pub struct StableArray<T> {
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
}

impl<T: Default> StableArray<T> {
    pub const fn empty() -> Self {
        StableArray { segments: [const { OnceLock::new() }; SEGMENTS] }
    }

    /// Returns the element at `index`, if there is one. Async-signal-safe.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        let (segment, offset) = locate(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    /// Returns the element at `index`, and makes it if there is none. Returns None beyond the last segment.
    pub fn get_or_grow(&self, index: usize) -> Option<&T> {
        let (segment, offset) = locate(index);
        let elements =
            self.segments.get(segment)?.get_or_init(|| (0..FIRST << segment).map(|_| T::default()).collect());
        elements.get(offset)
    }
}

#[inline]
fn locate(index: usize) -> (usize, usize) {
    let segment = (index / FIRST + 1).ilog2() as usize;
    (segment, index - FIRST * ((1 << segment) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_element_that_stays_where_it_is() {
        let array: StableArray<std::cell::Cell<usize>> = StableArray::empty();
        let first = array.get_or_grow(0).unwrap() as *const _;
        for index in 0..5_000 {
            assert_eq!(array.get_or_grow(index).unwrap().replace(index + 1), 0, "index {index} is shared");
        }
        assert!((0..5_000).all(|index| array.get(index).unwrap().get() == index + 1));
        assert_eq!(array.get(0).unwrap() as *const _, first);
        assert!(array.get(usize::MAX / 2).is_none());
        assert!(array.get_or_grow(FIRST << SEGMENTS).is_none());
    }
}
