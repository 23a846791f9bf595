//! A value that belongs to the process that made it.
//!
//! The child of a fork inherits values whose threads, locks and connections are its parent's. It must not use them. It
//! must not drop them either: a lock may be held for ever, and a destructor may act on what the parent still uses. So a
//! child forgets an inherited value and makes a new one.

use super::process_generation::Generation;

/// A value of the current process, or none.
#[derive(Debug)]
pub struct PerProcess<T>(Option<(Generation, T)>);

impl<T> PerProcess<T> {
    pub const fn empty() -> Self {
        PerProcess(None)
    }

    pub fn new(value: T) -> Self {
        PerProcess(Some((Generation::current(), value)))
    }

    /// Returns the value, if this process has made it.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref().filter(|(made_in, _)| made_in.is_current()).map(|(_, value)| value)
    }

    /// Returns the value, if this process has made it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut().filter(|(made_in, _)| made_in.is_current()).map(|(_, value)| value)
    }

    /// Returns the value, if this process has made it.
    pub fn take(mut self) -> Option<T> {
        self.replace(None)
    }

    /// Returns the value, and makes it if this process has none.
    pub fn get_or_insert_with(&mut self, make: impl FnOnce() -> T) -> &mut T {
        self.forget_inherited();
        &mut self.0.get_or_insert_with(|| (Generation::current(), make())).1
    }

    /// Replaces the value, and returns the old one if this process had made it.
    pub fn replace(&mut self, value: Option<T>) -> Option<T> {
        self.forget_inherited();
        let value = value.map(|value| (Generation::current(), value));
        std::mem::replace(&mut self.0, value).map(|(_, old)| old)
    }

    fn forget_inherited(&mut self) {
        std::mem::forget(self.0.take_if(|(made_in, _)| !made_in.is_current()));
    }
}

impl<T: Default> PerProcess<T> {
    /// Returns the value, which is the default if this process has none.
    pub fn current(&mut self) -> &mut T {
        self.get_or_insert_with(T::default)
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        PerProcess::empty()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        self.forget_inherited();
    }
}
