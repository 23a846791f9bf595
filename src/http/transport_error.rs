//! Failures of requests that got no response.

use crate::error::Error;
use std::error::Error as StdError;
use std::fmt;

/// An error of any type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The class of a failure. It decides whether the request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    Timeout,
    /// The connection could not be made, or it broke.
    Io,
    /// The configuration is at fault: the request was not sent, and another attempt would fail in the same way.
    Configuration,
    Other,
}

/// A failure with its cause, before it has a message for people.
#[derive(Debug)]
pub struct Failure {
    pub class: ErrorClass,
    pub cause: BoxError,
}

impl Failure {
    pub fn new(class: ErrorClass, cause: impl Into<BoxError>) -> Self {
        Failure { class, cause: cause.into() }
    }

    pub fn timeout(cause: impl Into<BoxError>) -> Self {
        Failure::new(ErrorClass::Timeout, cause)
    }

    pub fn io(cause: impl Into<BoxError>) -> Self {
        Failure::new(ErrorClass::Io, cause)
    }

    pub fn configuration(cause: impl Into<BoxError>) -> Self {
        Failure::new(ErrorClass::Configuration, cause)
    }

    pub fn other(cause: impl Into<BoxError>) -> Self {
        Failure::new(ErrorClass::Other, cause)
    }
}

/// A failure with a message for people.
#[derive(Clone, Debug)]
pub struct TransportError {
    class: ErrorClass,
    error: Error,
    /// The description of the failure, without the host.
    event: String,
}

impl TransportError {
    pub fn new(class: ErrorClass, error: Error) -> Self {
        let event = error.without_prefix().to_owned();
        TransportError { class, error, event }
    }

    /// Returns an error of the class [`ErrorClass::Configuration`].
    pub fn configuration(error: Error) -> Self {
        TransportError::new(ErrorClass::Configuration, error)
    }

    /// Sets the description of the failure, without the host.
    pub fn with_event(mut self, event: String) -> Self {
        self.event = event;
        self
    }

    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// Returns the description of the failure of a request to `host`. It does not name the host: recordings hold no
    /// host.
    pub fn without_host(&self, host: &str) -> String {
        if host.is_empty() { self.event.clone() } else { self.event.replace(host, "the endpoint") }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.without_prefix())
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}
