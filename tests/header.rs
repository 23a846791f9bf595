//! include/bedrock.h: made by cbindgen from the source, committed, and never out of step with it.
//!
//! `BLESS=1 cargo test --test header` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of `src/ffi` that are chapters of the header, in its order.
const CHAPTERS: [&str; 15] = [
    "version",
    "status",
    "model",
    "request",
    "conversation",
    "attachment",
    "cancel",
    "generate",
    "stream",
    "waitset",
    "call",
    "response",
    "usage",
    "json",
    "process",
];

/// No line of the header is longer.
const WIDTH: usize = 100;

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

/// The header as the source says it should be.
fn generate() -> String {
    let mut handles = String::new();
    let mut chapters = String::new();
    for chapter in CHAPTERS {
        let path = root().join("src/ffi").join(chapter).with_extension("rs");
        let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml is valid");
        let bindings = cbindgen::Builder::new().with_config(config).with_src(&path).generate();
        let mut text = Vec::new();
        bindings.expect("cbindgen reads the chapter").write(&mut text);
        let text = String::from_utf8(text).expect("a header is UTF-8");
        // Chapters speak of handles of later chapters, so that all handles are declared before the first.
        let (opaque, items): (Vec<_>, Vec<_>) = items(&text).into_iter().partition(Item::is_opaque);
        opaque.iter().for_each(|item| writeln!(handles, "{}", item.on_one_line()).expect("a String takes all"));
        let (title, opening) = opening(&path);
        write!(chapters, "\n\n{}\n", banner(&title, &opening)).expect("a String takes all");
        for group in items.chunk_by(Item::goes_with) {
            let lines: Vec<_> = group.iter().map(Item::text).collect();
            let lines = lines.join("\n");
            let text = if group[0].is_number() { format!("enum {{\n{lines}\n}};") } else { lines };
            writeln!(chapters, "\n{text}").expect("a String takes all");
        }
    }
    let opening = read("src/ffi/opening.h");
    let handles = format!("\n{}\n\n{handles}", banner("Handles", ""));
    format!("{opening}{handles}{chapters}\n#ifdef __cplusplus\n}}\n#endif\n#endif\n").replace("\n\n\n\n", "\n\n\n")
}

/// The declarations of a chapter, each with its comment.
fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut item = Item::default();
    let mut in_comment = false;
    for line in text.lines() {
        match line.trim() {
            "" if !in_comment => items.push(std::mem::take(&mut item)),
            "/*" | "/**" if item.code.is_empty() => in_comment = true,
            "*/" if in_comment => in_comment = false,
            text if in_comment => {
                item.comment.push_str(text.trim_start_matches('*').trim());
                item.comment.push(' ');
            }
            // What needs no comment of its own follows without a gap.
            _ if line.starts_with("#define") && !item.code.is_empty() => {
                items.push(std::mem::take(&mut item));
                item.code = line.to_owned();
            }
            _ => {
                item.code.push_str(if item.code.is_empty() { "" } else { "\n" });
                item.code.push_str(line);
            }
        }
    }
    items.push(item);
    items.retain(|item| !item.code.is_empty());
    items
}

/// A declaration and what is said of it.
#[derive(Default)]
struct Item {
    comment: String,
    code: String,
}

impl Item {
    fn is_opaque(&self) -> bool {
        self.code.starts_with("typedef struct") && !self.code.contains('{')
    }

    fn is_constant(&self) -> bool {
        self.code.starts_with("#define")
    }

    /// A constant that stays where no preprocessor is: for those who read the header themselves (cffi, LuaJIT, PHP). The version is
    /// for `#if`, and no enumerator is a size_t.
    fn is_number(&self) -> bool {
        self.is_constant() && !self.code.contains("_VERSION_") && !self.code.contains("size_t")
    }

    /// Whether the two are constants of one kind.
    fn goes_with(&self, next: &Item) -> bool {
        self.is_constant() && next.is_constant() && self.is_number() == next.is_number()
    }

    /// Declaration and comment side by side.
    fn on_one_line(&self) -> String {
        let line = format!("{:<52} /* {} */", self.code, self.comment.trim());
        assert!(line.len() <= WIDTH, "{}: the comment of a handle has to fit on its line", self.code);
        line
    }

    /// As a person would write it.
    fn text(&self) -> String {
        if let Some((name, value)) = self.code.strip_prefix("#define ").and_then(|define| define.split_once(' ')) {
            // As C++ wants it: no cast in the style of C.
            let value = value.replace("(size_t)-1", "SIZE_MAX");
            let (indent, define) = match self.is_number() {
                true => ("  ", format!("  {name} = {value},")),
                false => ("", format!("#define {name:<29} {value:>5}")),
            };
            let comment = self.comment.trim();
            let one_line = format!("{define}  /* {comment} */");
            return match comment {
                "" => define,
                _ if one_line.len() <= WIDTH => one_line,
                _ => format!("{}\n{define}", comment_block(comment, indent)),
            };
        }
        let code = members(
            &self.code.replace("struct bedrock_", "bedrock_").replace("typedef bedrock_", "typedef struct bedrock_"),
        );
        if self.comment.is_empty() { code } else { format!("{}\n{code}", comment_block(&self.comment, "")) }
    }
}

/// The comments of a struct's members, in the style of the others.
fn members(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if matches!(line.trim(), "/*" | "/**") {
            let indent = &line[..line.find('/').unwrap_or(0)];
            let end = at + lines[at..].iter().position(|line| line.trim() == "*/").expect("a comment ends");
            let text: Vec<_> =
                lines[at + 1..end].iter().map(|line| line.trim().trim_start_matches('*').trim()).collect();
            out.push(comment_block(&text.join(" "), indent));
            at = end + 1;
        } else {
            out.push(line.to_owned());
            at += 1;
        }
    }
    out.join("\n")
}

/// A comment, filled to the width of the page. Its last line has place for the end of the comment.
fn comment_block(text: &str, indent: &str) -> String {
    let filled = fill(text, WIDTH - " *  */".len() - indent.len());
    format!("{indent}/* {} */", filled.join(&format!("\n{indent} * ")))
}

fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("one line at least");
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A chapter's title and text: the module documentation of its file.
fn opening(path: &Path) -> (String, String) {
    let source = std::fs::read_to_string(path).expect("a chapter's source");
    let docs =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let docs: Vec<_> = docs.collect();
    (docs[0].to_owned(), docs[1..].join("\n").trim_matches('\n').to_owned())
}

fn banner(title: &str, text: &str) -> String {
    let rule = "-".repeat(WIDTH.saturating_sub(title.len() + "/* ----   */".len()));
    if text.is_empty() {
        return format!("/* ---- {title} {rule} */");
    }
    let mut out = format!("/* ---- {title} {rule}\n");
    for line in text.lines() {
        out.push_str(format!(" * {line}").trim_end());
        out.push('\n');
    }
    out.push_str(" */");
    out
}

#[test]
fn the_committed_header_is_what_the_source_says() {
    let path = root().join("include/bedrock.h");
    let generated = generate();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(root().join("include")).expect("include/");
        // At one stroke: the other tests may be reading it.
        let fresh = path.with_extension("h.new");
        std::fs::write(&fresh, &generated).expect("include/ can be written to");
        std::fs::rename(&fresh, &path).expect("include/bedrock.h can be replaced");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (committed, generated))) =
        committed.lines().zip(generated.lines()).enumerate().find(|(_, (a, b))| a != b)
    {
        panic!(
            "include/bedrock.h has drifted at line {}:\n  committed: {committed}\n  generated: {generated}\nBLESS=1 cargo test --test header writes it anew",
            line + 1
        );
    }
    assert_eq!(
        committed.len(),
        generated.len(),
        "include/bedrock.h has drifted; BLESS=1 cargo test --test header writes it anew"
    );
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
