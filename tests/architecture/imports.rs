//! The imports of a crate, read from its source: which file uses an item that another file defines.
//!
//! Paths are followed as the compiler follows them: down the modules, and through re-exports to the file that defines
//! an item. A `mod` line and a re-export are no use of a file. Code of unit tests does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of a crate, each a file, by their paths below the root: `["http", "origin"]`.
pub struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// The names that `use` brings in, and the path that each stands for.
    names: BTreeMap<String, Vec<String>>,
    /// The paths in the code.
    paths: BTreeSet<Vec<String>>,
}

/// A file that uses another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: String,
    pub to: String,
}

impl Crate {
    /// Reads all of the files below `folder`, whose root is `lib.rs`.
    pub fn read(folder: &Path) -> Self {
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
        Crate::from(&read)
    }

    /// Reads the files that `read` has, beginning with `lib.rs`.
    pub fn from(read: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut modules = BTreeMap::new();
        let mut open = vec![Vec::new()];
        while let Some(path) = open.pop() {
            let joined = path.join("/");
            let files = match path.len() {
                0 => vec!["lib.rs".to_owned()],
                _ => vec![format!("{joined}.rs"), format!("{joined}/mod.rs")],
            };
            let Some((file, source)) = files.iter().find_map(|file| Some((file.clone(), read(file)?))) else {
                panic!("no file for the module {}", path.join("::"));
            };
            let mut module = Module { file, ..Module::default() };
            module.parse(&tokens(&source));
            open.extend(module.children.iter().map(|child| path.iter().chain([child]).cloned().collect()));
            modules.insert(path, module);
        }
        Crate { modules }
    }

    /// The modules in the crate's root.
    pub fn top(&self) -> impl Iterator<Item = &str> {
        self.modules[&Vec::new()].children.iter().map(String::as_str)
    }

    /// The `mod.rs` files, each with the modules that it declares.
    pub fn folders(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str>)> {
        let folders = self.modules.values().filter(|module| module.file.ends_with("mod.rs"));
        folders.map(|module| (module.file.as_str(), module.children.iter().map(String::as_str)))
    }

    /// Every use of one file by another.
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (at, module) in &self.modules {
            for path in &module.paths {
                if let Some(to) = self.defining(at, path)
                    && to != module.file
                {
                    arrows.insert(Arrow { from: module.file.clone(), to });
                }
            }
        }
        arrows
    }

    /// The file that defines what `path` names in the module `at`.
    fn defining(&self, at: &[String], path: &[String]) -> Option<String> {
        let mut module = at.to_vec();
        let mut rest = path.to_vec();
        // More steps than any chain of re-exports has.
        for _ in 0..32 {
            let Some(first) = rest.first().cloned() else { break };
            match first.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => {
                    module.pop();
                }
                name => {
                    let here = &self.modules[&module];
                    if here.children.contains(name) {
                        module.push(name.to_owned());
                    } else if let Some(target) = here.names.get(name) {
                        rest.splice(0..1, target.iter().cloned());
                        continue;
                    } else {
                        // An item of this module, or, where the path began here, a name of another crate.
                        let is_local = rest.len() < path.len() || module != at;
                        return is_local.then(|| here.file.clone());
                    }
                }
            }
            rest.remove(0);
        }
        Some(self.modules[&module].file.clone())
    }
}

impl Module {
    fn parse(&mut self, tokens: &[String]) {
        let mut words = BTreeSet::new();
        let mut next = 0;
        while next < tokens.len() {
            let rest = &tokens[next..];
            next += match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["#", "[", "cfg", "(", "test", ")", "]", ..] => 7 + item(&rest[7..]),
                ["mod", _, ";", ..] => {
                    self.children.insert(rest[1].clone());
                    3
                }
                ["use", ..] => {
                    let end = rest.iter().position(|token| token == ";").unwrap_or(rest.len());
                    let exported = next > 0 && matches!(tokens[next - 1].as_str(), "pub" | ")");
                    for (name, path) in use_tree(&rest[1..end], &[]) {
                        if !exported {
                            self.paths.insert(path.clone());
                        }
                        self.names.insert(name, path);
                    }
                    end
                }
                _ if is_name(&rest[0]) => {
                    let mut path = vec![rest[0].clone()];
                    let mut used = 1;
                    while rest.get(used).is_some_and(|token| token == "::")
                        && rest.get(used + 1).is_some_and(|token| is_name(token))
                    {
                        path.push(rest[used + 1].clone());
                        used += 2;
                    }
                    let is_part = next > 0 && matches!(tokens[next - 1].as_str(), "::" | ".");
                    if path.len() > 1 && !is_part && path[0] != "Self" {
                        self.paths.insert(path);
                    } else {
                        words.insert(path.remove(0));
                    }
                    used
                }
                _ => 1,
            };
        }
        // A re-export that the file uses itself is an import as well.
        self.paths.extend(self.names.iter().filter(|(name, _)| words.contains(*name)).map(|(_, path)| path.clone()));
    }
}

/// How many tokens the item has that begins here, with its attributes and visibility.
fn item(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token == "}" {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The names that a `use` brings in, with their paths.
fn use_tree(tokens: &[String], before: &[String]) -> Vec<(String, Vec<String>)> {
    let mut path = before.to_vec();
    let mut next = 0;
    while next < tokens.len() {
        match tokens[next].as_str() {
            "::" => {}
            "{" => {
                let inner = &tokens[next + 1..tokens.len() - 1];
                return split(inner).into_iter().flat_map(|part| use_tree(part, &path)).collect();
            }
            "as" => {
                let name = tokens.get(next + 1).cloned().unwrap_or_default();
                return vec![(name, path)];
            }
            "*" => return vec![("*".to_owned(), path)],
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        next += 1;
    }
    let name = path.last().cloned();
    name.map(|name| (name, path)).into_iter().collect()
}

/// The parts between the commas that are in no inner braces.
fn split(tokens: &[String]) -> Vec<&[String]> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                parts.push(&tokens[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[from..]);
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names and punctuation of Rust source, without comments, strings, characters and lifetimes.
fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while at < text.len() {
        let rest = &text[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                let end = rest.windows(2).position(|two| two == ['*', '/']);
                end.map_or(rest.len(), |end| end + 2)
            }
            ['r' | 'b', ..] if raw_string(rest).is_some() => raw_string(rest).expect("just seen"),
            ['b', '"', ..] => 1 + string(&rest[1..]),
            ['"', ..] => string(rest),
            ['\'', '\\', ..] => 2 + rest[2..].iter().skip(1).position(|c| *c == '\'').map_or(0, |end| end + 2),
            ['\'', _, '\'', ..] => 3,
            ['\'', ..] => 1 + rest[1..].iter().take_while(|c| is_word(**c)).count(),
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                2
            }
            [first, ..] if is_word(*first) => {
                let length = rest.iter().take_while(|c| is_word(**c)).count();
                tokens.push(rest[..length].iter().collect());
                length
            }
            [first, ..] => {
                if !first.is_whitespace() {
                    tokens.push(first.to_string());
                }
                1
            }
            [] => break,
        };
    }
    tokens
}

/// The length of the string that begins here.
fn string(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the raw string that begins here, where one does.
fn raw_string(text: &[char]) -> Option<usize> {
    let prefix = if text.first() == Some(&'b') { 1 } else { 0 };
    if text.get(prefix) != Some(&'r') {
        return None;
    }
    let hashes = text[prefix + 1..].iter().take_while(|c| **c == '#').count();
    let open = prefix + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let end = text[open + 1..].windows(close.len()).position(|window| window == close)?;
    Some(open + 1 + end + close.len())
}
