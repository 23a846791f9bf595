//! Secrets, which neither messages nor `Debug` output show.
//!
//! Credentials, tokens, the value of every environment variable and the values of AWS's files are each a [`Secret`]. A
//! proxy's URL is one too, because it may hold a password. A check of a secret returns a reason that does not quote it
//! (`check`). Prompts (`defaults`) are kept as `json::OwnedJson`, whose `Debug` output does not show them
//! either. So the types that hold such values derive `Debug`.

use std::fmt;
use std::ops::Deref;
use zeroize::Zeroizing;

/// A text that is zeroed when it is freed and that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
