//! Members of a request that are sent in the path, the query or a header, and not in the body.
//!
//! InvokeModel and ApplyGuardrail have members with the same meaning as members of Converse. A request or a model's
//! defaults may have either, because a guardrail in the defaults must apply to every operation.

use super::document::{Document, pointer_to};
use super::errors::invalid;
use super::operation_members::{BoundKind, GUARDRAIL_CONFIG, GUARDRAIL_IN_PATH, HttpBinding, OperationMembers, TRACE};
use super::timestamp::iso_8601;
use crate::error::{Error, Result, quote};
use crate::json::{Json, Kind};
use crate::protocol::operation::Operation;

/// The value of a bound member.
pub struct BoundValue {
    pub text: String,
    /// The JSON pointer to the member.
    pub pointer: String,
}

/// The form of a member that both the operation and Converse have.
#[derive(Clone, Copy)]
enum Form {
    Operation,
    Converse,
    Either,
}

/// Reads the members of a request and its model's defaults that are bound to HTTP.
pub struct Bindings<'a> {
    pub operation: Operation,
    pub request: &'a Document,
    pub defaults: &'a Document,
}

impl Bindings<'_> {
    /// Returns the value of a member: of the request, or else of the model's defaults. In the defaults, the member of
    /// the operation wins over the member of Converse, because it is more specific.
    pub fn value(&self, binding: &HttpBinding) -> Result<Option<BoundValue>> {
        let sources = [(Form::Either, self.request), (Form::Operation, self.defaults), (Form::Converse, self.defaults)];
        let is_version = binding.name == GUARDRAIL_IN_PATH.version.name;
        for (form, document) in sources {
            let value = self.value_in(document, form, binding)?;
            // A version in another document would be that of another guardrail.
            let has_guardrail = is_version && self.value_in(document, form, &GUARDRAIL_IN_PATH.identifier)?.is_some();
            if value.is_some() || has_guardrail {
                return Ok(value);
            }
        }
        Ok(None)
    }

    fn value_in(&self, document: &Document, form: Form, binding: &HttpBinding) -> Result<Option<BoundValue>> {
        match form {
            Form::Either => self.either_form(binding, document),
            Form::Operation => self.operation_form(binding, document),
            Form::Converse => self.converse_form(binding, document),
        }
    }

    /// Reads a member in the operation's form or in Converse's form. Both at once are an error.
    fn either_form(&self, binding: &HttpBinding, document: &Document) -> Result<Option<BoundValue>> {
        match (self.operation_form(binding, document)?, self.converse_form(binding, document)?) {
            (Some(value), Some(converse)) => {
                let message = format!("{} is given in {} too; they mean the same", binding.name, converse.pointer);
                Err(request_error(self.operation, &value.pointer, &message))
            }
            (value, converse) => Ok(value.or(converse)),
        }
    }

    fn operation_form(&self, binding: &HttpBinding, document: &Document) -> Result<Option<BoundValue>> {
        let value = document.value(binding.name).filter(|value| !binding.is_converse_object(*value));
        value.map_or(Ok(None), |value| self.read(binding, value, format!("/{}", binding.name)))
    }

    fn converse_form(&self, binding: &HttpBinding, document: &Document) -> Result<Option<BoundValue>> {
        let Some((member, key)) = binding.converse else { return Ok(None) };
        match document.given(member) {
            Some(object) if object.kind() == Kind::Object => {
                let pointer = format!("/{member}/{key}");
                let mut bound = object.get(key).map_or(Ok(None), |value| self.read(binding, value, pointer))?;
                if let Some(bound) = bound.as_mut().filter(|_| binding.name == TRACE.name) {
                    // InvokeModel has the values of Converse in upper case.
                    bound.text.make_ascii_uppercase();
                }
                Ok(bound)
            }
            Some(other) if member != binding.name => {
                let message = format!("expected an object, found {}", other.kind());
                Err(request_error(self.operation, &format!("/{member}"), &message))
            }
            _ => Ok(None),
        }
    }

    fn read(&self, binding: &HttpBinding, value: Json<'_>, pointer: String) -> Result<Option<BoundValue>> {
        let text = match value.kind() {
            Kind::Null => return Ok(None),
            Kind::String => value.string().unwrap_or_default().into_owned(),
            Kind::Number if binding.kind == BoundKind::Timestamp => {
                value.f64().and_then(iso_8601).ok_or_else(|| {
                    let number = value.text();
                    let message = format!("{number} is not a time; give text in ISO 8601, or seconds since 1970");
                    request_error(self.operation, &pointer, &message)
                })?
            }
            Kind::Number => value.text().to_owned(),
            Kind::Object if binding.kind == BoundKind::Object => json_in_ascii(value.text()),
            other => {
                let message = format!("expected a string, found {other}");
                return Err(request_error(self.operation, &pointer, &message));
            }
        };
        if text.is_empty() {
            return Err(request_error(self.operation, &pointer, &format!("{} is empty", binding.name)));
        }
        Ok(Some(BoundValue { text, pointer }))
    }

    /// Returns an error if a guardrailConfig is given, but no guardrail was found. The operation would run without it.
    pub fn check_guardrail(&self, is_found: bool) -> Result<()> {
        let is_given = |document: &Document| document.given(GUARDRAIL_CONFIG).is_some();
        if !is_found && (is_given(self.request) || is_given(self.defaults)) {
            let message = "guardrailConfig needs guardrailIdentifier";
            return Err(request_error(self.operation, &pointer_to(GUARDRAIL_CONFIG), message));
        }
        Ok(())
    }
}

impl HttpBinding {
    /// Returns whether a value belongs to the member of Converse, if the member of the operation has the same name: the
    /// value for Converse is an object.
    fn is_converse_object(&self, value: Json<'_>) -> bool {
        self.converse.is_some_and(|(member, _)| member == self.name) && value.kind() == Kind::Object
    }
}

/// Removes the members of `older` that `newer` sets in Converse's form.
pub fn remove_overridden(older: &mut Document, newer: &Document) {
    for HttpBinding { name, converse, .. } in OperationMembers::of(Operation::InvokeModel).bindings {
        if converse.is_some_and(|(member, _)| member != *name && newer.contains(member)) {
            older.remove(name);
        }
    }
}

/// Checks that a request has only members of the operation: those in `body`, and the bound ones in either form.
pub fn check_members(operation: Operation, request: &Document, body: &[&str], bindings: &[HttpBinding]) -> Result<()> {
    let known: Vec<&str> = body.iter().copied().chain(bindings.iter().map(|binding| binding.name)).collect();
    let is_converse =
        |name: &str| bindings.iter().any(|binding| binding.converse.is_some_and(|(member, _)| member == name));
    match request.names().find(|name| !known.contains(name) && !is_converse(name)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("it has no member {}; it has {}", quote(unknown), known.join(", "));
            Err(request_error(operation, &pointer_to(unknown), &message))
        }
    }
}

/// Returns an error about a member of the request for an operation.
pub fn request_error(operation: Operation, pointer: &str, message: &str) -> Error {
    invalid(pointer, format_args!("the request for {}: {message}", operation.name()))
}

/// Writes JSON without white space between values, and with escapes for all characters that are not ASCII.
fn json_in_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            _ if !in_string && c.is_ascii_whitespace() => continue,
            '"' if !escaped => in_string = !in_string,
            _ if !c.is_ascii() => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                continue;
            }
            _ => {}
        }
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
    }
    out
}
