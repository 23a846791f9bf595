//! The number of cache points in a request.

use super::errors::rejected;
use crate::error::Result;
use crate::json::Json;
use crate::request::cache_points::MAX_CACHE_POINTS;

/// Counts the cache points of a request.
#[derive(Default)]
pub struct CachePoints(usize);

impl CachePoints {
    /// Counts a block or a tool if it is a cache point.
    pub fn count(&mut self, block: Json<'_>, path: &str) -> Result<()> {
        self.0 += usize::from(block.get("cachePoint").is_some());
        if self.0 > MAX_CACHE_POINTS {
            let message = format_args!("a request can have {MAX_CACHE_POINTS} cache points, and this is one more");
            return Err(rejected(path, message));
        }
        Ok(())
    }
}
