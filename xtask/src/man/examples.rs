//! Excerpts of `examples-c` for the pages. The examples compile and run in a check, so the excerpts do.

use std::path::Path;

/// The maximum number of lines of an excerpt that a page shows for a function.
const LONGEST: usize = 45;

/// A file of `examples-c`.
struct Example {
    name: String,
    text: String,
}

pub struct Examples(Vec<Example>);

/// A function of an example, with its comment.
pub struct Excerpt<'a> {
    pub file: &'a str,
    pub code: String,
}

impl Examples {
    /// Reads all examples. `root` is the folder of the repository.
    pub fn read(root: &Path) -> Self {
        let folder = root.join("examples-c");
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let paths = files.map(|file| file.expect("a file").path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "c")).collect();
        paths.sort();
        let example = |path: &std::path::PathBuf| Example {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            text: std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        };
        Examples(paths.iter().map(example).collect())
    }

    /// Returns a function in which the word is: the shortest of the first example that has one, because the first examples
    /// are the simplest.
    pub fn with(&self, word: &str) -> Option<Excerpt<'_>> {
        let (example, code) = self.0.iter().find_map(|example| {
            let with = functions(&example.text).into_iter().filter(|code| has_word(code, word));
            let shortest = with.min_by_key(|code| code.lines().count())?;
            (shortest.lines().count() <= LONGEST).then_some((example, shortest))
        })?;
        Some(Excerpt { file: &example.name, code })
    }

    /// Returns a file without its opening comment, or one function of it.
    pub fn part(&self, file: &str, function: Option<&str>) -> String {
        let example = self.0.iter().find(|example| example.name == file);
        let text = &example.unwrap_or_else(|| panic!("there is no examples-c/{file}")).text;
        match function {
            None => text.split_once("*/\n").expect("an example begins with a comment").1.to_owned(),
            Some(name) => {
                let is_it = |code: &String| {
                    code.lines().any(|line| line.contains(&format!("{name}(")) && !line.starts_with(' '))
                };
                functions(text).into_iter().find(is_it).unwrap_or_else(|| panic!("{file} has no function {name}"))
            }
        }
    }
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
