//! Counts the bytes that are read and copied, so that unit tests can assert that work is linear. Other builds count
//! nothing.

#[cfg(test)]
thread_local! {
    static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    static COPIED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts bytes that are read.
#[cfg(test)]
pub fn read(bytes: usize) {
    READ.set(READ.get() + bytes);
}

#[cfg(not(test))]
pub fn read(_bytes: usize) {}

/// Counts bytes that are copied or moved without being read.
#[cfg(test)]
pub fn copy(bytes: usize) {
    COPIED.set(COPIED.get() + bytes);
}

#[cfg(not(test))]
pub fn copy(_bytes: usize) {}

/// Returns the result of `work`, and the number of bytes that it reads on this thread.
#[cfg(test)]
pub fn of_reading<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = READ.get();
    let result = work();
    (result, READ.get() - before)
}

/// Returns the result of `work`, and its cost on this thread: a word that is copied counts as a byte that is read.
#[cfg(test)]
pub fn of_all<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COPIED.get();
    let (result, read) = of_reading(work);
    (result, read + (COPIED.get() - before) / size_of::<usize>())
}
