//! include/bedrock.h: generated from `src/ffi`, committed, and never out of step with it.
//!
//! `cargo xtask header` writes it again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::chapters::CHAPTERS;
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
fn the_committed_header_is_what_the_source_says() {
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
fn no_line_of_the_header_is_longer_than_a_page_is_wide() {
    let header = read("include/bedrock.h");
    let long: Vec<_> = header.lines().filter(|line| line.chars().count() > WIDTH).collect();
    assert!(long.is_empty(), "over {WIDTH} columns:\n{}", long.join("\n"));
}

/// A reader who learned English late knows the terms of the field, and not these.
#[test]
fn header_and_readme_use_the_terms_of_the_field() {
    const AVOIDED: [&str; 9] =
        ["said", "told", "lent", "door", "doors", "graver", "what is no", "of null", "give back"];
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

/// Interfaces to foreign functions read declarations, and no directives: what the preprocessor leaves of the header is enough for
/// them. They know size_t and the types of stdint.h themselves.
#[test]
fn what_the_preprocessor_leaves_of_the_header_has_every_constant_and_is_read_by_cffi() {
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
    assert!(!text.contains("__"), "something of one compiler's is left");
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

/// What reads comments takes an asterisk at a line's beginning for decoration.
#[test]
fn no_comment_of_the_source_has_a_line_that_begins_with_an_asterisk() {
    for chapter in CHAPTERS {
        let source = read(&format!("src/ffi/{chapter}.rs"));
        let lost = source.lines().find(|line| line.trim_start().starts_with("/// *"));
        assert_eq!(lost, None, "src/ffi/{chapter}.rs: break the line elsewhere");
    }
}

/// The header's declarations, the opening chapters left out.
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
    // What follows a comment at once; behind the opening of a chapter there is an empty line.
    let after_comments = header.split("/*").filter_map(|part| part.split_once("*/")).map(|(_, code)| code);
    let own = after_comments.filter(|code| !code.starts_with("\n\n"));
    let commented: BTreeSet<_> = own.flat_map(|code| functions(code.split(';').next().unwrap_or_default())).collect();
    assert_eq!(declared().difference(&commented).collect::<Vec<_>>(), Vec::<&String>::new());
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
