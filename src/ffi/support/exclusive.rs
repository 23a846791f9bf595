//! Objects that one thread at a time may use: another thread gets BEDROCK_E_BUSY.

use crate::error::{Error, Kind, Result};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// An object that one thread at a time uses.
pub struct Exclusive<T> {
    /// The name in messages.
    name: &'static str,
    object: Mutex<T>,
}

impl<T> Exclusive<T> {
    pub fn new(name: &'static str, object: T) -> Self {
        Exclusive { name, object: Mutex::new(object) }
    }

    /// Returns the object. Does not block: returns [`Kind::Busy`] if another thread uses it.
    pub fn try_use(&self) -> Result<MutexGuard<'_, T>> {
        match self.object.try_lock() {
            Ok(object) => Ok(object),
            Err(TryLockError::Poisoned(object)) => Ok(object.into_inner()),
            Err(TryLockError::WouldBlock) => {
                let what = format_args!("another thread uses this {}; one at a time may", self.name);
                Err(Error::new(Kind::Busy, what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_thread_gets_busy_until_the_first_has_ended_its_use() {
        let shared = Exclusive::new("thing", 7);
        let in_use = shared.try_use().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let error = shared.try_use().map(|object| *object).unwrap_err();
                assert_eq!(error.kind(), Kind::Busy);
                assert!(error.to_string().contains("another thread uses this thing"), "{error}");
            });
        });
        drop(in_use);
        assert_eq!(*shared.try_use().unwrap(), 7);
    }

    #[test]
    fn an_object_stays_usable_after_a_panic() {
        let shared = Exclusive::new("thing", 7);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _in_use = shared.try_use().unwrap();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(*shared.try_use().unwrap(), 7);
    }
}
