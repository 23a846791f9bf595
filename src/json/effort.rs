//! How many bytes of JSON were looked at, counted in tests alone: what should be linear is shown to be.

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub fn spend(bytes: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + bytes);
}

#[cfg(not(test))]
pub fn spend(_bytes: usize) {}

/// How many bytes `work` looks at on this thread.
#[cfg(test)]
pub fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LOOKED_AT.get();
    let result = work();
    (result, LOOKED_AT.get() - before)
}
