//! A setting of the environment, and who gave it.

/// A value, and the words that name its place in an error: `AWS_REGION`, `region of the profile "work"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub value: String,
    pub by: String,
}

impl Given {
    pub fn new(value: impl Into<String>, by: impl Into<String>) -> Self {
        Given { value: value.into(), by: by.into() }
    }
}
