//! Checks of requests that read any JSON, for the fuzz targets.

pub use super::body_difference::fuzz as body_difference;
pub use super::lint::schema::fuzz as schema;
