//! The names of a conversation's participants, for which Converse has no member.

use super::errors::invalid;
use super::role::Role;
use crate::error::{Result, quote};

/// The name that the messages of each role have, if they have one.
///
/// A name distinguishes the participants of one role. As long as a role has only one name, the name is left out.
#[derive(Clone, Default)]
pub struct Participants(Vec<(Role, String)>);

impl Participants {
    /// Records the `name` member of a message. A second name for one role is an error.
    pub fn add(&mut self, role: Role, name: &str) -> Result<()> {
        // A tool's message belongs to its call, which has the name.
        if role == Role::Tool || name.is_empty() {
            return Ok(());
        }
        match self.0.iter().find(|(known, _)| *known == role) {
            Some((_, first)) if first != name => {
                let message = format_args!(
                    "the messages of this role have two names, {} and {}, and Converse has no member for names; \
                     put them into the texts and leave name out",
                    quote(first),
                    quote(name)
                );
                Err(invalid("/name", message))
            }
            Some(_) => Ok(()),
            None => {
                self.0.push((role, name.to_owned()));
                Ok(())
            }
        }
    }
}
