//! Checks of texts that become part of a URL or a header.
//!
//! The error of a check is a reason. A message puts the name of the setting before it: `"region" must be ...`, `modelId
//! is ...`. A text that may be a secret is not quoted.

use crate::error::quote;

type Check = Result<(), String>;

const MAX_MODEL_ID: usize = 2048;

/// Checks that `id` is a model id, an inference profile or an ARN, by its characters.
pub fn check_model_id(id: &str) -> Check {
    if id.is_empty() {
        return Err("is empty".to_owned());
    }
    if id.len() > MAX_MODEL_ID {
        return Err(format!("is {} bytes long; at most {MAX_MODEL_ID} are allowed", id.len()));
    }
    check_segment(id).map_err(|what| what.replace("it is made", "a model id is made"))
}

/// Checks that `text` can be a segment of a request's path after it is escaped.
pub fn check_segment(text: &str) -> Check {
    if let Some(unusual) = text.chars().find(|&c| !(c.is_ascii_alphanumeric() || "._:/-".contains(c))) {
        return Err(format!("holds {unusual:?} in {}; it is made of letters, digits and . _ : / -", quote(text)));
    }
    // The SDK escapes '/', but a proxy may undo that and then resolve the path.
    if text.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(format!("is {}, where \".\" or \"..\" would lead to another path", quote(text)));
    }
    Ok(())
}

/// Checks that `text` can be the value of a header: visible ASCII, and spaces that are neither first nor last.
pub fn check_header(text: &str) -> Check {
    for (at, c) in text.chars().enumerate() {
        if c.is_control() {
            return Err(format!("holds a control character (U+{:04X}) at character {}", u32::from(c), at + 1));
        }
        if !c.is_ascii() {
            return Err(format!("holds a character that is not ASCII at character {}", at + 1));
        }
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("begins or ends with a space".to_owned());
    }
    Ok(())
}

/// Checks that `text` can be a key or token. A space is an error: it was probably copied with the text beside it.
pub fn check_secret(text: &str) -> Check {
    check_header(text)?;
    if text.contains(' ') { Err("holds a space, which no key or token does".to_owned()) } else { Ok(()) }
}

/// Checks that `text` can be a region, which becomes a label of a host name.
pub fn check_region(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(());
    }
    Err(format!("must be lower-case letters, digits and '-', such as \"us-east-1\", not {}", quote(text)))
}

/// Checks that `text` is the ARN of a role.
pub(super) fn role_arn(text: &str) -> Check {
    check_header(text)?;
    if text.starts_with("arn:") && text.contains(":role/") && text.len() <= MAX_MODEL_ID && !text.contains(' ') {
        return Ok(());
    }
    Err(format!("must be a role's ARN, such as \"arn:aws:iam::123456789012:role/name\", not {}", quote(text)))
}

/// Checks that `text` is a session name as STS documents it.
pub(super) fn role_session_name(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=,.@+-".contains(&byte));
    if fits && (2..=64).contains(&text.len()) {
        return Ok(());
    }
    Err(format!("must be 2 to 64 letters, digits and _ = , . @ + -, not {}", quote(text)))
}

/// Checks that `text` is an external id as STS documents it. Some users treat it as a secret, so it is not quoted.
pub(super) fn external_id(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=,.@:/+-".contains(&byte));
    if fits && (2..=1224).contains(&text.len()) {
        return Ok(());
    }
    Err("must be 2 to 1224 letters, digits and _ = , . @ : / + -".to_owned())
}
