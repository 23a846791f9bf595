//! The syntax of AWS's config and credentials files, as botocore reads it.
//!
//! The name of a section is in brackets. A key is before `=` or `:`. An indented line below a key continues its
//! value. If the value after the key is empty, the indented lines are nested keys: `s3 =`, then `  endpoint_url = ...`.
//!
//! One rule comes from other SDKs: a comment may also end a line, after a space. A command (`credential_process`) may
//! hold the characters of a comment, so its line has none.

use std::collections::HashSet;

/// A section of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// The text in the brackets.
    pub name: String,
    pub entries: Vec<Entry>,
}

/// A key of a section, and its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// In lower case.
    pub key: String,
    pub value: String,
    /// The nested keys and their values.
    pub nested: Vec<(String, String)>,
}

/// A fault in a file. It never quotes the line, which may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the line, from 1.
    pub line: usize,
    pub what: &'static str,
}

/// The key whose value may contain the characters of a comment.
const COMMAND: &str = "credential_process";

/// Parses a file.
pub fn parse(text: &str) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut names = HashSet::new();
    let mut keys = HashSet::new();
    // The indentation of the last line that was no continuation.
    let mut base = 0;
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let fault = |what| Fault { line: index + 1, what };
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let entry = sections.last_mut().and_then(|section| section.entries.last_mut());
        if indent > base
            && let Some(entry) = entry
        {
            entry.continue_with(trimmed).map_err(fault)?;
            continue;
        }
        base = indent;
        if trimmed.starts_with('[') {
            let name = section_name(trimmed).ok_or(fault("a section's name begins with '[' and has no ']'"))?;
            if !names.insert(name.to_owned()) {
                return Err(fault("this section is given twice in the file"));
            }
            keys.clear();
            sections.push(Section { name: name.to_owned(), entries: Vec::new() });
            continue;
        }
        let section = sections.last_mut().ok_or(fault("a line is before the first section, such as [default]"))?;
        let (key, value) = split(trimmed).ok_or(fault("this line is neither a section nor a key with '='"))?;
        let key = key.to_lowercase();
        if !keys.insert(key.clone()) {
            return Err(fault("this key is given twice in its section"));
        }
        let value = if key == COMMAND { value.trim() } else { without_comment(value) };
        section.entries.push(Entry { key, value: value.to_owned(), nested: Vec::new() });
    }
    Ok(sections)
}

impl Entry {
    /// Adds a line that is indented below the entry.
    fn continue_with(&mut self, line: &str) -> Result<(), &'static str> {
        if !self.value.is_empty() {
            self.value.push('\n');
            self.value.push_str(line);
            return Ok(());
        }
        let (key, value) = line.split_once('=').ok_or("a line below a key without a value has no '='")?;
        self.nested.push((key.trim().to_owned(), without_comment(value).to_owned()));
        Ok(())
    }
}

fn section_name(line: &str) -> Option<&str> {
    let line = without_comment(line);
    Some(line.strip_prefix('[')?.rsplit_once(']')?.0.trim())
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim(), value)).filter(|(key, _)| !key.is_empty())
}

/// Returns the text without a comment at its end, which begins after a space.
fn without_comment(text: &str) -> &str {
    let mut before = 'x';
    for (at, c) in text.char_indices() {
        if matches!(c, '#' | ';') && before.is_whitespace() {
            return text[..at].trim();
        }
        before = c;
    }
    text.trim()
}

/// Returns the words of a section's name, split as a shell splits them. None if a quote has no end.
pub fn words(name: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(chars.next()?),
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, String)> {
        let sections = parse(text).unwrap();
        let entries = sections.into_iter().flat_map(|section| {
            section.entries.into_iter().map(move |entry| (section.name.clone(), entry.key, entry.value))
        });
        entries.collect()
    }

    #[test]
    fn keys_values_and_comments_are_read() {
        let text = "# a comment\n[default]\nRegion = eu-west-1 # mine\n  ; another\nrole_arn: arn:aws:iam::1:role/r\n\n\
            credential_process = get --a ; b # c\nx=a#b;c\nempty =\n";
        let expected = [
            ("region", "eu-west-1"),
            ("role_arn", "arn:aws:iam::1:role/r"),
            ("credential_process", "get --a ; b # c"),
            ("x", "a#b;c"),
            ("empty", ""),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(key, value)| ("default".into(), (*key).into(), (*value).into())).collect();
        assert_eq!(values(text), expected);
    }

    #[test]
    fn indented_lines_continue_a_value_or_are_nested_keys() {
        let text = "[services s]\nbedrock_runtime =\n  endpoint_url = https://b.example # here\nlong = a\n  b\nend = x";
        let entries = &parse(text).unwrap()[0].entries;
        assert_eq!(entries[0].nested, [("endpoint_url".to_owned(), "https://b.example".to_owned())]);
        assert_eq!((entries[1].value.as_str(), entries[2].value.as_str()), ("a\nb", "x"));
        let first = parse("[default]\n  region = x\n  output = json").unwrap();
        assert_eq!(first[0].entries.len(), 2, "keys may be indented together");
    }

    #[test]
    fn a_fault_names_its_line_and_never_quotes_it() {
        for (text, line) in [
            ("region = x", 1),
            ("[default\nregion = x", 1),
            ("[default]\n\nwJalrXUtnFEMI", 3),
            ("[default]\n= x", 2),
            ("[a]\nx = 1\n[b]\n[a]", 4),
            ("[a]\nx = 1\nX = 2", 3),
            ("[services s]\nsts =\n  endpoint_url", 3),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.line, line, "{text:?}: {}", fault.what);
            assert!(!fault.what.contains("wJalr"));
        }
    }

    #[test]
    fn names_in_quotes_keep_their_spaces() {
        assert_eq!(words("profile \"my p\"").unwrap(), ["profile", "my p"]);
        assert_eq!(words("profile 'a b' c").unwrap(), ["profile", "a b", "c"]);
        assert_eq!(words(r#"profile "a\"b""#).unwrap(), ["profile", "a\"b"]);
        assert_eq!(words("profile \"open"), None);
    }
}
