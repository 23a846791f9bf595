//! The manual: complete, linked, and without a warning of mandoc.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::api::Block;
use xtask::contract::sentences;
use xtask::man::{File, Manual};
use xtask::{api, man};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

fn api() -> api::Api {
    api::read(root()).unwrap_or_else(|flaws| panic!("{}", flaws.join("\n")))
}

fn manual() -> Manual {
    man::generate(&api(), root())
}

/// The pages that are no links.
fn pages(manual: &Manual) -> impl Iterator<Item = (&str, &str)> {
    manual.iter().filter_map(|(name, file)| match file {
        File::Page(text) => Some((name.as_str(), text.as_str())),
        File::Link(_) => None,
    })
}

/// The page that a name leads to.
fn page<'a>(manual: &'a Manual, name: &str) -> Option<&'a str> {
    match manual.get(&format!("man3/{name}.3"))? {
        File::Page(text) => Some(text),
        File::Link(page) => match manual.get(&format!("man3/{page}"))? {
            File::Page(text) => Some(text),
            File::Link(_) => None,
        },
    }
}

/// Each line of a page, with its name.
fn lines(manual: &Manual) -> impl Iterator<Item = (&str, &str)> {
    pages(manual).flat_map(|(name, text)| text.lines().map(move |line| (name, line)))
}

/// The names that include/bedrock.h declares: what is called bedrock_... or BEDROCK_... outside of comments. They are
/// read from the file, so that a name is also missed if the generator does not know it.
fn names_of_the_header() -> BTreeSet<String> {
    let header = std::fs::read_to_string(root().join("include/bedrock.h")).expect("include/bedrock.h");
    let mut code = String::new();
    for part in header.split("/*") {
        code += part.rsplit_once("*/").map_or(part, |(_, code)| code);
    }
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("bedrock_") || word.starts_with("BEDROCK_"));
    names.filter(|name| *name != "BEDROCK_H").map(str::to_owned).collect()
}

/// The names that have no page which mentions them.
fn without_a_page<'a>(names: &'a BTreeSet<String>, manual: &Manual) -> Vec<&'a str> {
    let has_page = |name: &str| page(manual, name).is_some_and(|page| page.contains(name));
    names.iter().map(String::as_str).filter(|name| !has_page(name)).collect()
}

#[test]
fn every_name_of_the_header_has_a_page_that_mentions_it() {
    let names = names_of_the_header();
    for known in ["bedrock_generate", "bedrock_event", "bedrock_log_fn", "bedrock_error", "bedrock_status"] {
        assert!(names.contains(known), "{known} is not read from the header");
    }
    for known in ["BEDROCK_E_TRUNCATED", "BEDROCK_STRLEN", "BEDROCK_EVENT_TEXT", "BEDROCK_VERSION_MAJOR"] {
        assert!(names.contains(known), "{known} is not read from the header");
    }
    assert_eq!(without_a_page(&names, &manual()), [""; 0]);
}

#[test]
fn a_page_or_a_link_that_is_missing_is_seen() {
    let (names, manual) = (names_of_the_header(), manual());
    for name in &names {
        let mut manual = manual.clone();
        manual.remove(&format!("man3/{name}.3"));
        assert!(without_a_page(&names, &manual).contains(&name.as_str()), "{name}");
    }
    let mut without_errors = manual.clone();
    without_errors.remove("man3/bedrock_errors.3");
    let missing = without_a_page(&names, &without_errors);
    assert!(missing.contains(&"bedrock_status") && missing.contains(&"BEDROCK_E_BUSY"), "{missing:?}");
    let mut names = names;
    names.insert("bedrock_new_one".to_owned());
    assert_eq!(without_a_page(&names, &manual), ["bedrock_new_one"]);
}

#[test]
fn every_function_struct_and_callback_has_an_example() {
    let (api, manual) = (api(), manual());
    let names = api.functions.iter().map(|function| &function.name);
    let names = names.chain(api.structs.iter().map(|structure| &structure.name));
    for name in names.chain(api.callbacks.iter().map(|callback| &callback.name)) {
        let page = page(&manual, name).unwrap_or_else(|| panic!("{name} has no page"));
        let example = page.split_once(".Sh EXAMPLES\n").unwrap_or_else(|| panic!("{name} has no example")).1;
        let example = example.split_once("\n.Ed\n").expect("an example is a display").0;
        assert!(example.contains(name.as_str()), "the example of {name} does not use it");
    }
}

#[test]
fn the_library_and_the_command_refer_to_each_other() {
    let command = std::fs::read_to_string(root().join("cli/bedrock.1")).expect("cli/bedrock.1");
    assert!(command.lines().any(|line| line.trim_end_matches([' ', ',']) == ".Xr bedrock 3"));
    let manual = manual();
    for name in ["man3/bedrock.3", "man5/bedrock_config.5", "man7/bedrock_tutorial.7"] {
        let (_, text) = pages(&manual).find(|(page, _)| *page == name).expect("a page");
        assert!(text.lines().any(|line| line.trim_end_matches([' ', ',']) == ".Xr bedrock 1"), "{name}");
    }
}

/// What the manual replaces, because it refers to a part of the header.
const REWRITTEN: [&str; 4] =
    ["rules at the top of this header", "\"The process\"", "\"Status and errors\"", "macros above"];

/// The texts of a description that are no code.
fn texts(text: &[Block]) -> impl Iterator<Item = &str> {
    text.iter().flat_map(|block| match block {
        Block::Paragraph(text) => vec![text.as_str()],
        Block::List(items) => items.iter().map(String::as_str).collect(),
        Block::Table(rows) => rows.iter().map(|row| row.text.as_str()).collect(),
        Block::Code(_) => Vec::new(),
    })
}

/// A text without the words that may be the number of a section in a page.
fn without_numbers(text: &str) -> String {
    text.split(' ').filter(|word| !matches!(*word, "3" | "5" | "7")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_text_of_the_api_is_in_the_manual() {
    let (api, manual) = (api(), manual());
    // Letters and digits alone. A summary becomes a phrase, without a capital.
    let plain = |text: &str| -> String { text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect() };
    // Without macros and escapes.
    let text_of = |page: &str| -> String {
        let words = page.lines().map(|line| match line.strip_prefix('.') {
            Some(line) => line
                .split(' ')
                .filter(|word| !matches!(*word, "Xr" | "Dv" | "Fa" | "Nm" | "Pf" | "3" | "5" | "7"))
                .collect::<Vec<_>>()
                .join(" "),
            None => without_numbers(line),
        });
        let words: String = words.collect::<Vec<_>>().join(" ");
        plain(
            &words
                .replace("\\(aq", "")
                .replace("\\(ga", "")
                .replace("\\(ha", "")
                .replace("\\(ti", "")
                .replace("\\(dq", "")
                .replace("\\e", ""),
        )
    };
    let assert_has = |name: &str, texts: &[&str]| {
        let page = text_of(page(&manual, name).unwrap_or_else(|| panic!("{name} has no page")));
        for text in texts {
            let is_rewritten = |text: &str| REWRITTEN.iter().any(|words| text.contains(words));
            let parts: Vec<_> = match is_rewritten(text) {
                true => sentences(text).filter(|sentence| !is_rewritten(sentence)).collect(),
                false => vec![*text],
            };
            for part in parts {
                assert!(page.contains(&plain(&without_numbers(part))), "{name}: {part:?} is not in its page");
            }
        }
    };
    for function in &api.functions {
        let parameters = function.parameters.iter().filter_map(|parameter| parameter.text.as_ref());
        let parts = [&function.returns.text, &function.ownership, &function.threads, &function.aws];
        let parts = parts.into_iter().flatten().chain(parameters).map(String::as_str);
        assert_has(&function.name, &parts.chain(texts(&function.text)).collect::<Vec<_>>());
    }
    for structure in &api.structs {
        let fields = structure.fields.iter().flat_map(|field| texts(&field.text));
        assert_has(&structure.name, &texts(&structure.text).chain(fields).collect::<Vec<_>>());
    }
    let constants = api.constants.iter().flat_map(|group| &group.constants);
    let described = constants
        .map(|constant| (&constant.name, &constant.text))
        .chain(api.macros.iter().map(|constant| (&constant.name, &constant.text)))
        .chain(api.callbacks.iter().map(|callback| (&callback.name, &callback.text)))
        .chain(api.handles.iter().map(|handle| (&handle.name, &handle.text)))
        .chain(api.types.iter().map(|number| (&number.name, &number.text)));
    for (name, text) in described {
        assert_has(name, &texts(text).collect::<Vec<_>>());
    }
    for chapter in &api.chapters {
        let name = match chapter.name {
            // bedrock_config(5) has its keys.
            "model" => continue,
            "status" => "bedrock_errors".to_owned(),
            name => format!("bedrock_{name}"),
        };
        assert_has(&name, &texts(&chapter.text).collect::<Vec<_>>());
    }
    for rule in &api.rules {
        assert_has("bedrock", &texts(&rule.text).collect::<Vec<_>>());
    }
}

#[test]
fn every_reference_leads_to_a_page_and_every_link_to_a_file() {
    let manual = manual();
    let mut referred = BTreeSet::new();
    for (name, line) in lines(&manual) {
        let Some((_, reference)) = line.split_once("Xr ").filter(|_| line.starts_with('.')) else { continue };
        let words: Vec<_> = reference.split(' ').collect();
        if words[..2] == ["bedrock", "1"] {
            continue; // cli/bedrock.1, which is written by hand
        }
        let target = format!("man{1}/{0}.{1}", words[0], words[1]);
        assert!(manual.contains_key(&target), "{name}: {line}");
        referred.insert(target);
    }
    for (name, file) in &manual {
        if let File::Link(page) = file {
            assert!(matches!(manual.get(&format!("man3/{page}")), Some(File::Page(_))), "{name} -> {page}");
        } else {
            assert!(referred.contains(name), "no page refers to {name}");
        }
    }
}

#[test]
fn a_page_has_the_sections_of_its_kind_in_order() {
    let (api, manual) = (api(), manual());
    const ORDER: [&str; 12] = [
        "NAME",
        "LIBRARY",
        "SYNOPSIS",
        "DESCRIPTION",
        "RETURN VALUES",
        "OWNERSHIP",
        "THREADS",
        "AWS API",
        "CONSTANTS",
        "NOTES",
        "EXAMPLES",
        "SEE ALSO",
    ];
    for function in &api.functions {
        let page = page(&manual, &function.name).expect("a page");
        let sections: Vec<_> =
            page.lines().filter_map(|line| line.strip_prefix(".Sh ")).map(|title| title.replace("\\&", "")).collect();
        let places: Vec<_> =
            sections.iter().filter_map(|title| ORDER.iter().position(|known| known == title)).collect();
        assert!(places.is_sorted() && places.len() + 1 == sections.len(), "{}: {sections:?}", function.name);
        assert_eq!(sections.last().map(String::as_str), Some("HISTORY"));
        for wanted in ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"] {
            assert!(sections.iter().any(|title| title == wanted), "{}: no {wanted}", function.name);
        }
    }
}

#[test]
fn the_line_in_whatis_is_a_phrase() {
    let mut phrases = BTreeSet::new();
    for (name, text) in pages(&manual()) {
        let phrase =
            text.lines().find_map(|line| line.strip_prefix(".Nd ")).unwrap_or_else(|| panic!("{name}: no .Nd"));
        assert!(!phrase.ends_with('.') && !phrase.contains("  "), "{name}: {phrase}");
        let begins_small = phrase.starts_with(|c: char| !c.is_ascii_uppercase());
        assert!(begins_small || phrase.starts_with("JSON") || phrase.starts_with("Amazon"), "{name}: {phrase}");
        phrases.insert(phrase.to_owned());
    }
    assert!(phrases.len() > 80, "the phrases repeat each other");
}

#[test]
fn every_list_and_display_is_closed_and_every_page_is_ascii() {
    for (name, text) in pages(&manual()) {
        let count = |macro_name: &str| text.lines().filter(|line| line.split(' ').next() == Some(macro_name)).count();
        assert_eq!(count(".Bl"), count(".El"), "{name}");
        assert_eq!(count(".Bd"), count(".Ed"), "{name}");
        assert!(text.is_ascii(), "{name}");
        let mut is_in_display = false;
        for line in text.lines() {
            is_in_display = line.starts_with(".Bd") || is_in_display && line != ".Ed";
            assert!(is_in_display || !line.is_empty(), "{name}: an empty line");
        }
    }
}

#[test]
fn the_config_page_has_every_key_once() {
    let manual = manual();
    let Some(File::Page(page)) = manual.get("man5/bedrock_config.5") else { panic!("no bedrock_config(5)") };
    let keys: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".It Ic ")).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let table = readme.split_once("<!-- keys:").and_then(|(_, rest)| rest.split_once("<!-- end of keys -->"));
    let rows = table.expect("the table of keys").0.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.map(|row| row.split('`').next().unwrap_or_default()).collect();
    assert_eq!(keys, rows);
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

#[test]
fn mandoc_warns_of_nothing() {
    let folder = scratch("mandoc");
    let mut lint = Command::new("mandoc");
    lint.args(["-T", "lint", "-W", "warning"]);
    for (name, text) in pages(&manual()) {
        let file = folder.join(name.replace('/', "-"));
        std::fs::write(&file, text).expect("a page");
        lint.arg(file);
    }
    let wrong = folder.join("wrong.3");
    std::fs::write(&wrong, ".Dd November 26, 2026\n.Dt WRONG 3\n.Os\n.Sh NAME\n.Nm wrong\n.Nd a page\n.Pp\n.El\n")
        .expect("a page");
    match lint.output() {
        Err(error) => println!("skipped: mandoc: {error}"),
        Ok(output) => {
            let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(printed.is_empty() && output.status.success(), "{printed}");
            let found =
                Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&wrong).output().expect("mandoc");
            assert!(!found.stdout.is_empty() || !found.stderr.is_empty(), "mandoc finds nothing at all");
        }
    }
}

/// The programs of the tutorial are those of examples-c, character by character.
#[test]
fn the_formatted_tutorial_has_the_first_example_unchanged() {
    let manual = manual();
    let Some(File::Page(page)) = manual.get("man7/bedrock_tutorial.7") else { panic!("no bedrock_tutorial(7)") };
    let file = scratch("tutorial").join("bedrock_tutorial.7");
    std::fs::write(&file, page).expect("a page");
    let output = match Command::new("mandoc").args(["-T", "ascii", "-O", "width=200"]).arg(&file).output() {
        Ok(output) => output,
        Err(error) => return println!("skipped: mandoc: {error}"),
    };
    let formatted = String::from_utf8(output.stdout).expect("mandoc writes ASCII");
    let formatted: BTreeSet<_> = formatted.lines().map(str::trim).collect();
    let example = std::fs::read_to_string(root().join("examples-c/01_hello.c")).expect("an example");
    for line in example.split_once("*/\n").expect("a comment").1.lines() {
        assert!(formatted.contains(line.trim()), "{line}");
    }
}
