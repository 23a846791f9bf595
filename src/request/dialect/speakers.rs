//! The names of participants. Converse has no place for them.

use super::message::Role;
use super::object::Object;
use super::refuse;
use crate::error::{Result, quote};

/// The name of each role, where one was given.
///
/// A name tells participants of one role apart. As long as a role has one name it adds nothing, and may be left out.
#[derive(Clone, Default)]
pub struct Speakers(Vec<(Role, String)>);

impl Speakers {
    /// Takes note of a message's name.
    pub fn hear(&mut self, role: Role, message: &Object<'_>) -> Result<()> {
        // A tool's result belongs to its call, which has the name.
        if role == Role::Tool {
            return Ok(());
        }
        let name = message.optional_text("name")?.unwrap_or_default();
        if name.is_empty() {
            return Ok(());
        }
        match self.0.iter().find(|(known, _)| *known == role) {
            Some((_, first)) if *first != name => {
                let what = format_args!(
                    "the messages of this role have two names, {} and {}, and Converse has no place for names; \
                     put them into the texts and leave name out",
                    quote(first),
                    quote(&name)
                );
                Err(refuse("/name", what))
            }
            Some(_) => Ok(()),
            None => {
                self.0.push((role, name.into_owned()));
                Ok(())
            }
        }
    }
}
