//! The notifier that the program has chosen for a stream or a run: a wakeup or a waiting set, not both.

use super::readiness::Notifier;
use super::waitset::WaitSet;
use super::wakeup::{self, Wakeup};
use crate::error::{Error, Kind, Result};

/// The choice of the program, besides a descriptor.
pub struct NotifiedBy {
    /// The name of the object in messages.
    what: &'static str,
    choice: Choice,
}

enum Choice {
    None,
    Wakeup,
    /// A function that returns whether the set was freed.
    Set(Box<dyn Fn() -> bool + Send>),
}

impl NotifiedBy {
    /// Returns the choice of a `what`, which is none yet.
    pub fn new(what: &'static str) -> Self {
        NotifiedBy { what, choice: Choice::None }
    }

    /// Chooses a wakeup, and returns the notifier to set. `make` is called if there may be one. [`Kind::Busy`] in a
    /// waiting set.
    pub fn wakeup(&mut self, make: impl FnOnce() -> wakeup::Callback) -> Result<Box<dyn Notifier>> {
        self.check_not_in_set()?;
        let wakeup = Wakeup::new(make())?;
        self.choice = Choice::Wakeup;
        Ok(Box::new(wakeup))
    }

    /// Chooses no wakeup. Returns whether there is one to remove. [`Kind::Busy`] in a waiting set.
    pub fn no_wakeup(&mut self) -> Result<bool> {
        self.check_not_in_set()?;
        Ok(matches!(std::mem::replace(&mut self.choice, Choice::None), Choice::Wakeup))
    }

    /// Chooses a waiting set, and returns the notifier to set. [`Kind::Busy`] with a wakeup, or in a set.
    pub fn set<T: Copy + Send + Sync + 'static>(&mut self, set: &WaitSet<T>, token: T) -> Result<Box<dyn Notifier>> {
        self.check_not_in_set()?;
        let what = self.what;
        if matches!(self.choice, Choice::Wakeup) {
            return Err(Error::new(Kind::Busy, format_args!("the {what} has a wakeup; remove it first")));
        }
        let subscription = set.subscribe(token);
        let notifier = subscription.clone();
        self.choice = Choice::Set(Box::new(move || subscription.is_set_closed()));
        Ok(Box::new(notifier))
    }

    fn check_not_in_set(&self) -> Result<()> {
        match &self.choice {
            Choice::Set(is_freed) if !is_freed() => {
                let what = self.what;
                let message =
                    format_args!("the {what} is in a waiting set, and can have no wakeup and be in no other set");
                Err(Error::new(Kind::Busy, message))
            }
            _ => Ok(()),
        }
    }
}
