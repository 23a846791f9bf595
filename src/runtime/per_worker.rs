//! A value that is made once on each worker.

use super::sync::Mutex;
use crate::error::Result;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A value that is made once on each worker, and again on the next: connections do not outlive their event loop.
pub struct PerWorker<T>(Mutex<(u64, Arc<OnceCell<T>>)>);

impl<T> Default for PerWorker<T> {
    fn default() -> Self {
        PerWorker(Mutex::new((0, Arc::default())))
    }
}

impl<T: Clone> PerWorker<T> {
    /// Returns the value of the worker with this epoch. Makes it first if it does not exist.
    pub async fn get<F: Future<Output = Result<T>>>(&self, epoch: u64, make: impl FnOnce() -> F) -> Result<T> {
        let cell = {
            let mut current = self.0.lock();
            if current.0 != epoch {
                *current = (epoch, Arc::default());
            }
            current.1.clone()
        };
        cell.get_or_try_init(make).await.cloned()
    }
}
