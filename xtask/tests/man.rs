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

#[test]
fn every_name_of_the_header_has_a_page_that_mentions_it() {
    let (api, manual) = (api(), manual());
    let constants = api.constants.iter().flat_map(|group| &group.constants).map(|constant| &constant.name);
    let names: Vec<_> = constants
        .chain(api.functions.iter().map(|function| &function.name))
        .chain(api.structs.iter().map(|structure| &structure.name))
        .chain(api.callbacks.iter().map(|callback| &callback.name))
        .chain(api.handles.iter().map(|handle| &handle.name))
        .chain(api.types.iter().map(|number| &number.name))
        .chain(api.macros.iter().map(|constant| &constant.name))
        .collect();
    assert!(names.len() > 150, "{}", names.len());
    for name in names {
        let page = page(&manual, name).unwrap_or_else(|| panic!("{name} has no page"));
        assert!(page.contains(name.as_str()), "the page of {name} does not mention it");
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
    let plain = |text: &str| -> String { text.chars().filter(|c| c.is_ascii_alphanumeric()).collect() };
    // Without macros and escapes: letters and digits alone.
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
        .chain(api.callbacks.iter().map(|callback| (&callback.name, &callback.text)));
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
