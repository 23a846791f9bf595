//! Texts that end up in a URL or a header, and what they may hold.
//!
//! A check gives its reason so that it reads on behind a name: `"region" must be ...`, `modelId is ...`. What may be a secret is
//! not quoted.

use crate::error::quote;

type Check = Result<(), String>;

const LONGEST_MODEL_ID: usize = 2048;

/// Whether `id` can stand in a request's path: a model id, an inference profile, or any ARN Converse accepts.
pub fn check_model_id(id: &str) -> Check {
    if id.is_empty() {
        return Err("is empty".to_owned());
    }
    if id.len() > LONGEST_MODEL_ID {
        return Err(format!("is {} bytes long; at most {LONGEST_MODEL_ID} are allowed", id.len()));
    }
    check_segment(id).map_err(|what| what.replace("it is made", "a model id is made"))
}

/// Whether `text` can be a part of a request's path, once it is escaped.
pub fn check_segment(text: &str) -> Check {
    if let Some(strange) = text.chars().find(|&c| !(c.is_ascii_alphanumeric() || "._:/-".contains(c))) {
        return Err(format!("holds {strange:?} in {}; it is made of letters, digits and . _ : / -", quote(text)));
    }
    // The SDK escapes '/', but what stands between it and the service may undo that, and then walk the path.
    if text.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(format!("is {}, where \".\" or \"..\" would lead to another path", quote(text)));
    }
    Ok(())
}

/// Whether `text` can be a header's value as it is: visible ASCII, with spaces only inside.
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

/// Keys and tokens hold no spaces; where one does it was copied with what stood beside it.
pub fn check_secret(text: &str) -> Check {
    check_header(text)?;
    if text.contains(' ') { Err("holds a space, which no key or token does".to_owned()) } else { Ok(()) }
}

/// A region becomes a label of a host name.
pub fn check_region(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(());
    }
    Err(format!("must be lower-case letters, digits and '-', such as \"us-east-1\", not {}", quote(text)))
}

pub(super) fn role_arn(text: &str) -> Check {
    check_header(text)?;
    if text.starts_with("arn:") && text.contains(":role/") && text.len() <= LONGEST_MODEL_ID && !text.contains(' ') {
        return Ok(());
    }
    Err(format!("must be a role's ARN, such as \"arn:aws:iam::123456789012:role/name\", not {}", quote(text)))
}

/// As STS documents it.
pub(super) fn role_session_name(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=,.@+-".contains(&byte));
    if fits && (2..=64).contains(&text.len()) {
        return Ok(());
    }
    Err(format!("must be 2 to 64 letters, digits and _ = , . @ + -, not {}", quote(text)))
}

/// As STS documents it. Some treat it as a secret, so it is not quoted.
pub(super) fn external_id(text: &str) -> Check {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=,.@:/+-".contains(&byte));
    if fits && (2..=1224).contains(&text.len()) {
        return Ok(());
    }
    Err("must be 2 to 1224 letters, digits and _ = , . @ : / + -".to_owned())
}
