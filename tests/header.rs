//! include/bedrock.h: generated from `src/ffi`, committed, and never out of step with it.
//!
//! `cargo xtask header` writes it again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::chapters::{self, CHAPTERS, Declaration, Function, Item};
use xtask::doc::Block;
use xtask::header::{WIDTH, generate};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("header").join(name);
    std::fs::create_dir_all(&dir).expect("a scratch folder under target/tmp");
    dir
}

#[test]
fn the_committed_header_matches_the_source() {
    let committed = read("include/bedrock.h");
    let generated = generate(root());
    let lines = committed.lines().zip(generated.lines()).enumerate();
    if let Some((line, (committed, generated))) = lines.into_iter().find(|(_, (a, b))| a != b) {
        panic!(
            "include/bedrock.h has drifted at line {}:\n  committed: {committed}\n  generated: {generated}\n\
             cargo xtask header writes it again",
            line + 1
        );
    }
    let same_length = committed.len() == generated.len();
    assert!(same_length, "include/bedrock.h has drifted; cargo xtask header writes it again");
}

#[test]
fn no_line_of_the_header_is_over_100_columns() {
    let header = read("include/bedrock.h");
    let long: Vec<_> = header.lines().filter(|line| line.chars().count() > WIDTH).collect();
    assert!(long.is_empty(), "over {WIDTH} columns:\n{}", long.join("\n"));
}

/// Most readers are not native speakers: they know the terms of the field, and not these words.
#[test]
fn header_and_readme_use_the_terms_of_the_field() {
    const AVOIDED: [&str; 14] = [
        "said",
        "told",
        "lent",
        "door",
        "doors",
        "graver",
        "what is no",
        "of null",
        "give back",
        "answer",
        "answers",
        "nobody",
        "somebody",
        "whoever",
    ];
    for file in ["include/bedrock.h", "README.md"] {
        let text = read(file).to_lowercase();
        let words: Vec<_> =
            text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
        let text = format!(" {} ", words.join(" "));
        for avoided in AVOIDED {
            if let Some(at) = text.find(&format!(" {avoided} ")) {
                let around: String = text[at..].chars().take(60).collect();
                panic!("{file}: \"{avoided}\" in: {around}");
            }
        }
    }
}

fn compiles(name: &str, compiler: &str, standard: &str, program: &str) {
    let dir = scratch(name);
    let source = dir.join(if compiler == "c++" { "alone.cc" } else { "alone.c" });
    std::fs::write(&source, program).expect("a source file");
    let output = Command::new(compiler)
        .args([standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"])
        .args(if compiler == "c++" { ["-Wold-style-cast", "-Wuseless-cast"].as_slice() } else { &[] })
        .arg("-I")
        .arg(root().join("include"))
        .arg(&source)
        .output();
    match output {
        Err(error) => println!("skipped: {compiler}: {error}"),
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn the_header_compiles_alone_and_twice_as_c99_and_as_cxx11() {
    let twice = r#"
        #include "bedrock.h"
        #include "bedrock.h"
        int main(void) {
          size_t length = BEDROCK_STRLEN;
          return bedrock_version_number() == 0 || length != BEDROCK_JSON_NOT_FOUND;
        }
    "#;
    compiles("c99", "cc", "-std=c99", twice);
    compiles("cxx11", "c++", "-std=c++11", twice);
}

/// Foreign-function interfaces read declarations, not directives. The preprocessed header is enough for them: they know
/// size_t and the types of stdint.h themselves.
#[test]
fn the_preprocessed_header_has_every_constant_and_is_read_by_cffi() {
    let dir = scratch("preprocessed");
    for known in ["stddef.h", "stdint.h"] {
        std::fs::write(dir.join(known), "").expect("an empty header");
    }
    let mut preprocess = Command::new("cc");
    preprocess.args(["-E", "-P", "-std=c99", "-nostdinc", "-I"]).arg(&dir).arg(root().join("include/bedrock.h"));
    let text = match preprocess.output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).expect("a header is UTF-8"),
        other => return println!("skipped: cc -E: {other:?}"),
    };
    for wanted in ["BEDROCK_OK = 0,", "BEDROCK_E_RESOURCE = -22,", "BEDROCK_EVENT_TEXT = 3,", "BEDROCK_LOG_DEBUG = 4,"]
    {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains('#'), "a directive is left");
    assert!(!text.contains("__"), "an extension of one compiler is left");
    let path = dir.join("preprocessed.h");
    std::fs::write(&path, text).expect("a header can be written");
    let read = "import sys, cffi\nffi = cffi.FFI()\nffi.cdef(open(sys.argv[1]).read())\nlib = ffi.dlopen(sys.argv[2])\n\
                assert (lib.BEDROCK_OK, lib.BEDROCK_E_RESOURCE, lib.BEDROCK_LOG_DEBUG) == (0, -22, 4)\n\
                assert ffi.string(lib.bedrock_status_name(lib.BEDROCK_AGAIN)) == b'BEDROCK_AGAIN'";
    match Command::new("python3").args(["-c", "import cffi"]).output() {
        Ok(output) if output.status.success() => {}
        _ => return println!("skipped: python3 has no cffi"),
    }
    let library = std::env::current_exe().expect("this test's path").with_file_name("libbedrock.so");
    let output = Command::new("python3").args(["-c", read]).args([&path, &library]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A reader of comments takes an asterisk at the beginning of a line for decoration.
#[test]
fn no_comment_of_the_source_has_a_line_that_begins_with_an_asterisk() {
    for chapter in CHAPTERS {
        let source = read(&format!("src/ffi/{chapter}.rs"));
        let lost = source.lines().find(|line| line.trim_start().starts_with("/// *"));
        assert_eq!(lost, None, "src/ffi/{chapter}.rs: break the line elsewhere");
    }
}

/// The header's declarations, without its opening.
fn declarations() -> String {
    read("include/bedrock.h").split_once("extern \"C\" {").expect("the header opens for C++").1.to_owned()
}

/// The names of all functions that are declared in C code without comments.
fn functions(code: &str) -> BTreeSet<String> {
    let names = code.split('(').filter_map(|before| before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next());
    names.filter(|name| name.starts_with("bedrock_") && !name.ends_with("_fn")).map(str::to_owned).collect()
}

/// The names of all functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = declarations();
    let code: String = header.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, code)| code)).collect();
    functions(&code)
}

#[test]
fn the_header_has_a_comment_above_every_function() {
    let header = declarations();
    // The code directly after each comment. An empty line follows the opening of a chapter.
    let after_comments = header.split("/*").filter_map(|part| part.split_once("*/")).map(|(_, code)| code);
    let own = after_comments.filter(|code| !code.starts_with("\n\n"));
    let commented: BTreeSet<_> = own.flat_map(|code| functions(code.split(';').next().unwrap_or_default())).collect();
    assert_eq!(declared().difference(&commented).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Parameters that the rules at the top of the header, or the opening of the chapter about JSON, explain for all
/// functions.
const EXPLAINED_ONCE: [&str; 12] =
    ["buffer", "cancel", "err", "fallback", "json", "len", "out", "pointer", "release", "size", "timeout_ms", "user"];

/// Functions that send a request.
const OPERATIONS: [&str; 5] =
    ["bedrock_call", "bedrock_call_open", "bedrock_generate", "bedrock_generate_stream", "bedrock_stream_open"];

/// The declarations of all chapters.
struct Api {
    items: Vec<Item>,
}

impl Api {
    fn read() -> Self {
        Api { items: chapters::read(root()).into_iter().flat_map(|chapter| chapter.items).collect() }
    }

    fn functions(&self) -> impl Iterator<Item = (&Item, &Function)> {
        self.items.iter().filter_map(|item| match &item.declaration {
            Declaration::Function(function) => Some((item, function)),
            _ => None,
        })
    }

    /// The declaration that a type in C names: `const bedrock_event *` is `bedrock_event`.
    fn declaration_of(&self, r#type: &str) -> Option<&Declaration> {
        let name = r#type.trim_start_matches("const ").trim_end_matches(['*', ' ']);
        self.items.iter().find(|item| item.name == name).map(|item| &item.declaration)
    }

    fn is_handle(&self, r#type: &str) -> bool {
        matches!(self.declaration_of(r#type), Some(Declaration::Handle))
    }

    /// Whether it is a struct whose texts are borrowed.
    fn has_texts(&self, r#type: &str) -> bool {
        match self.declaration_of(r#type) {
            Some(Declaration::Struct { members }) => members.iter().any(|member| member.code.contains('*')),
            _ => false,
        }
    }

    /// Whether it is a callback. A release function is none: it runs inside the call.
    fn is_callback(&self, r#type: &str) -> bool {
        let is_function =
            matches!(self.declaration_of(r#type), Some(Declaration::Type { code }) if code.contains("(*"));
        is_function && r#type != "bedrock_release_fn"
    }

    /// What is wrong with the documentation of a function.
    fn flaws(&self, item: &Item, function: &Function) -> Vec<String> {
        let name = item.name.as_str();
        let has = |parameter: &str| function.parameters.iter().any(|other| other.name == parameter);
        let summary = item.doc.summary();
        let verb = summary.split(' ').next().unwrap_or_default();
        let mut flaws = Vec::new();
        let mut demand = |holds: bool, flaw: &str| {
            if !holds {
                flaws.push(format!("{name}: {flaw}"));
            }
        };
        let is_third_person = verb.ends_with('s') && verb.starts_with(char::is_uppercase);
        demand(is_third_person, "the summary has to begin with a verb in the third person present");
        demand(summary.ends_with('.') && !summary.contains(". "), "the summary has to be one sentence");

        let labels: Vec<_> = item.doc.entries().map(|(label, _)| label.as_str()).collect();
        let in_order: Vec<_> = function.labels().into_iter().filter(|label| labels.contains(label)).collect();
        demand(labels == in_order, "its list has to be: parameters, Returns, Ownership, Threads, Since, AWS");
        demand(item.doc.entries().all(|(_, text)| !text.is_empty()), "an entry of its list is empty");

        for parameter in &function.parameters {
            let is_obvious = EXPLAINED_ONCE.contains(&parameter.name.as_str())
                || self.is_handle(&parameter.r#type) && !parameter.r#type.ends_with("**");
            let is_documented = is_obvious || labels.contains(&parameter.name.as_str());
            demand(is_documented, &format!("the parameter {} is not documented", parameter.name));
        }
        let returns_something = function.returns != "void";
        demand(returns_something == labels.contains(&"Returns"), "\"Returns\" is missing, or it returns void");

        let gives_out = |r#type: &str| r#type.ends_with("**") || self.has_texts(r#type);
        let changes_hands = function.returns.ends_with('*')
            || name.ends_with("_free")
            || has("release")
            || function.parameters.iter().any(|other| other.name != "err" && gives_out(&other.r#type));
        demand(!changes_hands || labels.contains(&"Ownership"), "\"Ownership\" is missing");

        let may_block = has("timeout_ms")
            || has("cancel") && name != "bedrock_cancel_free"
            || has("stream")
            || function.parameters.iter().any(|other| self.is_callback(&other.r#type));
        demand(!may_block || labels.contains(&"Threads"), "\"Threads\" is missing: it waits, or it runs a callback");

        let since = item.doc.entry("Since").unwrap_or_default();
        let is_version = since.split('.').count() == 2 && since.split('.').all(|number| number.parse::<u32>().is_ok());
        demand(is_version, "\"Since\" has to be a version");
        demand(!OPERATIONS.contains(&name) || labels.contains(&"AWS"), "\"AWS\" has to name the operation");
        flaws
    }
}

#[test]
fn every_function_is_documented_with_the_same_parts() {
    let api = Api::read();
    let flaws: Vec<_> = api.functions().flat_map(|(item, function)| api.flaws(item, function)).collect();
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    let read: BTreeSet<_> = api.functions().map(|(item, _)| item.name.clone()).collect();
    assert_eq!(read, declared());
}

#[test]
fn a_function_without_one_of_the_parts_is_found() {
    let api = Api::read();
    let (item, function) = api.functions().find(|(item, _)| item.name == "bedrock_stream_next").expect("a function");
    let without = |label: &str| {
        let mut doc = item.doc.clone();
        for block in &mut doc.blocks {
            if let Block::List(entries) = block {
                entries.retain(|(name, _)| name != label);
            }
        }
        let item = Item { name: item.name.clone(), doc, declaration: Declaration::Handle };
        api.flaws(&item, function).len()
    };
    assert_eq!(["nothing", "event", "Returns", "Ownership", "Threads", "Since"].map(without), [0, 1, 1, 1, 1, 1]);
}

#[test]
fn the_shared_library_exports_the_functions_of_the_header_and_nothing_else() {
    let library = std::env::current_exe().expect("this test's path").with_file_name("libbedrock.so");
    let output = match Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output() {
        Ok(output) if output.status.success() => output,
        other => return println!("skipped: nm {}: {other:?}", library.display()),
    };
    let symbols = String::from_utf8(output.stdout).expect("nm writes UTF-8");
    let exported: BTreeSet<_> = symbols.lines().filter_map(|line| line.rsplit(' ').next()).map(str::to_owned).collect();
    assert_eq!(exported, declared());
}
