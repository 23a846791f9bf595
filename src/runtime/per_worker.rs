//! A value that is made once on each worker.

use super::sync::Mutex;
use crate::error::Result;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A value that is made once on each worker, and again on the next: connections do not outlive their event loop. It is
/// also made again when there is a new version of what it is made of.
pub struct PerWorker<T>(Mutex<(Key, Arc<OnceCell<T>>)>);

/// What a value is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The epoch of the worker.
    pub epoch: u64,
    pub version: u64,
}

impl<T> Default for PerWorker<T> {
    fn default() -> Self {
        PerWorker(Mutex::new((Key { epoch: 0, version: 0 }, Arc::default())))
    }
}

impl<T: Clone> PerWorker<T> {
    /// Returns the value for `key`. Makes it first if it does not exist.
    pub async fn get<F: Future<Output = Result<T>>>(&self, key: Key, make: impl FnOnce() -> F) -> Result<T> {
        let cell = {
            let mut current = self.0.lock();
            if current.0 != key {
                *current = (key, Arc::default());
            }
            current.1.clone()
        };
        cell.get_or_try_init(make).await.cloned()
    }
}
