//! Generates the tables of config keys in the README and in the header from `keys`.
//!
//! `BLESS=1 cargo test --lib config` writes both again.

use super::keys::{Documentation, KEYS, Key, REQUIRED};
use std::path::Path;

/// The lines around the generated part of the README.
const README: (&str, &str) = ("<!-- keys: generated from src/config/keys.rs -->\n", "<!-- end of keys -->\n");
/// The lines around the generated part of `src/ffi/model.rs`.
const HEADER: (&str, &str) =
    ("//! at once. The keys, with the type and the default of each:\n//!\n", "//!\n//! An unknown key is an error");
/// The maximum length of a line of the header, without its ` * `.
const WIDTH: usize = 97;
/// The column of the text in the header: two spaces behind the longest name, which is two spaces from the margin.
const TEXT: usize = 30;

/// Returns the table of keys of the README.
fn table() -> String {
    let rows = KEYS.iter().map(|Key { name, documentation: Documentation { kind, default, text }, .. }| {
        format!("| `{name}` | {kind} | {default} | {text} |\n")
    });
    format!("| key | type | default | meaning |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

/// Returns the list of keys of the header.
fn list() -> String {
    KEYS.iter().map(entry).collect()
}

fn entry(key: &Key) -> String {
    let Documentation { kind, default, text } = key.documentation;
    let text = text.split_once(" See [").map_or(text, |(text, _)| text);
    let default = if default == REQUIRED { default.to_owned() } else { format!("default: {default}") };
    let text = format!("{text} ({kind}; {default})").replace('`', "");
    let mut lines = vec![format!("{:TEXT$}", format!("  {}", key.name))];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                let space = if line.ends_with(' ') { "" } else { " " };
                *line += &format!("{space}{word}");
            }
            _ => lines.push(format!("{:TEXT$}{word}", "")),
        }
    }
    lines.into_iter().map(|line| format!("//! {line}\n")).collect()
}

/// Compares the part of `file` between two texts with `expected`. Writes it instead if BLESS is set.
fn check(file: &str, (before, after): (&str, &str), expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let start = text.find(before).unwrap_or_else(|| panic!("{file}: no line {before:?}")) + before.len();
    let end = start + text[start..].find(after).unwrap_or_else(|| panic!("{file}: no line {after:?}"));
    if text[start..end] == *expected {
        return;
    }
    assert!(std::env::var_os("BLESS").is_some(), "{file} is out of step with src/config/keys.rs: set BLESS=1");
    std::fs::write(path, [&text[..start], expected, &text[end..]].concat()).unwrap();
}

#[test]
fn the_readme_has_the_table_of_all_keys() {
    check("README.md", README, &table());
}

#[test]
fn the_header_has_the_list_of_all_keys() {
    check("src/ffi/model.rs", HEADER, &list());
}

#[test]
fn the_documentation_of_a_key_has_complete_sentences() {
    for Key { name, documentation: Documentation { kind, default, text }, .. } in &KEYS {
        assert!(name.len() + 4 <= TEXT, "{name}");
        assert!(!kind.is_empty() && !default.is_empty() && text.ends_with('.'), "{name}");
        assert!(![kind, default, text].iter().any(|text| text.contains(['|', '\n'])), "{name}");
    }
}
