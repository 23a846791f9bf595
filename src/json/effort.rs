//! How many bytes were looked at and copied, counted in tests alone: what should be linear is shown to be.

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    static COPIED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub fn spend(bytes: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + bytes);
}

#[cfg(not(test))]
pub fn spend(_bytes: usize) {}

/// Bytes that are copied or moved without a look at them.
#[cfg(test)]
pub fn copy(bytes: usize) {
    COPIED.set(COPIED.get() + bytes);
}

#[cfg(not(test))]
pub fn copy(_bytes: usize) {}

/// How many bytes `work` looks at on this thread.
#[cfg(test)]
pub fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LOOKED_AT.get();
    let result = work();
    (result, LOOKED_AT.get() - before)
}

/// What `work` costs on this thread: a word that is copied counts as a byte that is looked at.
#[cfg(test)]
pub fn in_all<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COPIED.get();
    let (result, looked_at) = of(work);
    (result, looked_at + (COPIED.get() - before) / size_of::<usize>())
}
