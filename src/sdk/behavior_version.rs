//! The version of the SDK's defaults.

use aws_config::BehaviorVersion;

/// Returns the version of the SDK's defaults that the library uses. It is pinned, so that an update of the SDK changes
/// no timer, retry or identity cache unnoticed.
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}
