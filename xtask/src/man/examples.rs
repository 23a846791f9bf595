//! Excerpts of programs for the pages. The programs compile and run in the tests, so the excerpts do.

use std::path::Path;

/// The maximum number of lines of an excerpt that a page shows for a function.
const LONGEST: usize = 45;
/// The folders of the programs: what the examples show, and what only a page needs.
const FOLDERS: [&str; 2] = ["examples-c", "docs/manual"];

/// A program.
struct Example {
    /// Its path in the repository.
    path: String,
    text: String,
}

pub struct Examples(Vec<Example>);

/// A function of a program, with its comment.
pub struct Excerpt<'a> {
    pub path: &'a str,
    pub code: String,
}

impl Examples {
    /// Reads all programs. `root` is the folder of the repository.
    pub fn read(root: &Path) -> Self {
        Examples(FOLDERS.iter().flat_map(|folder| programs(root, folder)).collect())
    }

    /// Returns a function in which the word is, or in its comment: the shortest of the first program that has one,
    /// because the first examples are the simplest.
    pub fn with(&self, word: &str) -> Option<Excerpt<'_>> {
        let (example, code) = self.0.iter().find_map(|example| {
            let with = functions(&example.text).into_iter().filter(|code| has_word(code, word));
            let shortest = with.min_by_key(|code| code.lines().count())?;
            (shortest.lines().count() <= LONGEST).then_some((example, shortest))
        })?;
        Some(Excerpt { path: &example.path, code })
    }

    /// Returns a file without its opening comment, or one function of it.
    pub fn part(&self, path: &str, function: Option<&str>) -> String {
        let example = self.0.iter().find(|example| example.path == path);
        let text = &example.unwrap_or_else(|| panic!("there is no {path}")).text;
        match function {
            None => text.split_once("*/\n").expect("an example begins with a comment").1.to_owned(),
            Some(name) => {
                let is_it = |code: &String| {
                    code.lines().any(|line| line.contains(&format!("{name}(")) && !line.starts_with(' '))
                };
                functions(text).into_iter().find(is_it).unwrap_or_else(|| panic!("{path} has no function {name}"))
            }
        }
    }
}

/// Returns the programs of a folder, sorted.
fn programs(root: &Path, folder: &str) -> Vec<Example> {
    let path = root.join(folder);
    let files = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".c")).collect();
    names.sort();
    let example = |name: &String| {
        let path = format!("{folder}/{name}");
        let text = std::fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Example { path, text }
    };
    names.iter().map(example).collect()
}

/// Returns the functions of a file: from the line after an empty line, or the comment above, to a brace in column 0.
fn functions(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let ends = (0..lines.len()).filter(|&at| lines[at] == "}");
    let function = |end: usize| {
        let open = (0..end).rev().find(|&at| lines[at] == "{")?;
        let start = (0..open).rev().find(|&at| lines[at].is_empty()).map_or(0, |empty| empty + 1);
        Some(lines[start..=end].join("\n"))
    };
    ends.filter_map(function).collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
}
