//! No clock: libFuzzer's own limit finds a call that hangs, and a machine that fuzzes is late.

use std::time::Duration;

pub struct Watched;

impl Watched {
    pub fn begin(_: String) -> Watched {
        Watched
    }

    pub fn lateness(&self) -> Duration {
        Duration::from_secs(60)
    }
}
