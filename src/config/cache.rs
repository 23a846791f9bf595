//! The cache points that a model adds to its requests.

/// `cache`: where cache points are added, and how long the service keeps what is before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    /// None leaves the time to the service.
    pub ttl: Option<CacheTtl>,
    /// In the order in which they are added, as long as a request may have one more.
    pub points: Vec<CachePlace>,
}

/// How long the service keeps a cached part after its last use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheTtl {
    FiveMinutes,
    OneHour,
}

impl CacheTtl {
    pub const NAMES: [(&str, CacheTtl); 2] = [("5m", CacheTtl::FiveMinutes), ("1h", CacheTtl::OneHour)];

    /// Returns the service's name.
    pub fn name(self) -> &'static str {
        CacheTtl::NAMES.iter().find(|(_, ttl)| *ttl == self).expect("every one has a name").0
    }
}

/// A place of a request behind which a cache point can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePlace {
    System,
    Tools,
    /// The last message of the user.
    LastUser,
}

impl CachePlace {
    pub const NAMES: [(&str, CachePlace); 3] =
        [("system", CachePlace::System), ("tools", CachePlace::Tools), ("last_user", CachePlace::LastUser)];
}
