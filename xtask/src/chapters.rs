//! The C API as data: the chapters of the header in its order, with their declarations and documentation.
//!
//! cbindgen translates the declarations of `src/ffi` to C. This module parses its output.

use crate::doc::Doc;
use std::path::Path;

/// The files of `src/ffi` that are chapters of the header, in its order.
pub const CHAPTERS: [&str; 17] = [
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
    "run",
    "feed",
    "json",
    "process",
];

/// The parts of a function's documentation that follow its parameters.
pub const PARTS: [&str; 5] = ["Returns", "Ownership", "Threads", "Since", "AWS"];

/// A file of `src/ffi`.
pub struct Chapter {
    /// The name of the file.
    pub name: &'static str,
    pub title: String,
    pub opening: Doc,
    pub items: Vec<Item>,
}

/// A declaration, with its documentation.
pub struct Item {
    pub name: String,
    pub doc: Doc,
    pub declaration: Declaration,
}

/// The kind of a declaration, with its code.
pub enum Declaration {
    /// An opaque type.
    Handle,
    /// A typedef: of a number, or of a pointer to a function.
    Type {
        code: String,
    },
    /// A constant that is an enumerator.
    Number {
        value: String,
    },
    /// A constant that is a macro: the version, which is for `#if`, and every `size_t`, which no enumerator can hold.
    Macro {
        value: String,
    },
    Struct {
        members: Vec<Member>,
    },
    Function(Function),
}

impl Declaration {
    /// Returns whether it is the typedef of a pointer to a function.
    pub fn is_callback(&self) -> bool {
        matches!(self, Declaration::Type { code } if code.contains("(*"))
    }

    /// Returns whether it is the typedef of a number.
    pub fn is_type_of_number(&self) -> bool {
        matches!(self, Declaration::Type { .. }) && !self.is_callback()
    }
}

/// A member of a struct: `size_t text_len;`.
pub struct Member {
    pub doc: Doc,
    pub code: String,
    pub name: String,
    /// The type in C, without the length of an array: `const char *`.
    pub r#type: String,
    /// The length of an array.
    pub count: Option<usize>,
}

/// A function of the header.
pub struct Function {
    /// The declaration in C, over several lines if it is long.
    pub code: String,
    /// The type that it returns: `const char *`.
    pub returns: String,
    pub parameters: Vec<Parameter>,
}

impl Function {
    /// Returns the labels that the list of its documentation may have, in their order: its parameters, then the parts.
    pub fn labels(&self) -> Vec<&str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str()).chain(PARTS).collect()
    }
}

/// A parameter of a function.
pub struct Parameter {
    pub name: String,
    /// The type in C: `bedrock_error **`.
    pub r#type: String,
}

/// Reads all chapters. `root` is the folder of the repository.
pub fn read(root: &Path) -> Vec<Chapter> {
    CHAPTERS.into_iter().map(|name| chapter(root, name)).collect()
}

fn chapter(root: &Path, name: &'static str) -> Chapter {
    let path = root.join("src/ffi").join(name).with_extension("rs");
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let opening = source.lines().map_while(|line| line.strip_prefix("//!"));
    let opening: Vec<_> = opening.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let bindings = cbindgen::Builder::new().with_config(config).with_src(&path).generate();
    let mut declarations = Vec::new();
    bindings.unwrap_or_else(|error| panic!("{}: {error}", path.display())).write(&mut declarations);
    let declarations = String::from_utf8(declarations).expect("cbindgen writes UTF-8");
    Chapter {
        name,
        title: opening[0].to_owned(),
        opening: Doc::parse(opening[1..].iter().copied(), &[]),
        items: items(&declarations),
    }
}

/// Parses the output of cbindgen: comments and declarations, mostly with an empty line between them.
fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut comment, mut code) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if code.is_empty() && is_comment(line) {
            comment = comment_lines(&mut lines);
            continue;
        }
        let is_undocumented_constant = line.starts_with("#define") && !code.is_empty();
        if (line.is_empty() || is_undocumented_constant) && !code.is_empty() {
            items.push(item(&std::mem::take(&mut comment), &std::mem::take(&mut code)));
        }
        if !line.is_empty() {
            code.push(line);
        }
    }
    if !code.is_empty() {
        items.push(item(&comment, &code));
    }
    items
}

fn is_comment(line: &str) -> bool {
    matches!(line.trim(), "/*" | "/**")
}

/// Returns the lines up to the end of the comment that has begun.
fn comment_lines<'a>(lines: &mut std::str::Lines<'a>) -> Vec<&'a str> {
    let lines = lines.by_ref().map(str::trim).take_while(|&line| line != "*/");
    lines
        .map(|line| line.strip_prefix('*').unwrap_or(line))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

fn item(comment: &[&str], code: &[&str]) -> Item {
    if let Some(define) = code[0].strip_prefix("#define ") {
        let (name, value) = define.split_once(' ').expect("a constant has a value");
        // C++ warns of casts in the style of C.
        let value = value.replace("(size_t)-1", "SIZE_MAX");
        let is_macro = name.contains("_VERSION_") || value == "SIZE_MAX";
        let declaration = if is_macro { Declaration::Macro { value } } else { Declaration::Number { value } };
        return Item { name: name.to_owned(), doc: Doc::parse(comment.iter().copied(), &[]), declaration };
    }
    // In the header, "struct" is before the name of a type only in its declaration.
    let text =
        code.join("\n").replace("struct bedrock_", "bedrock_").replace("typedef bedrock_", "typedef struct bedrock_");
    let is_type = text.starts_with("typedef");
    let declaration = match () {
        () if text.starts_with("typedef struct") && text.contains('{') => {
            Declaration::Struct { members: members(code) }
        }
        () if text.starts_with("typedef struct") => Declaration::Handle,
        () if is_type => Declaration::Type { code: text.clone() },
        () => Declaration::Function(function(&text)),
    };
    let name = match &declaration {
        Declaration::Function(_) => name_before(&text, '('),
        typedef if typedef.is_callback() => name_before(&text, ')').trim_start_matches('*'),
        _ => name_before(text.rsplit('}').next().unwrap_or(&text), ';'),
    };
    let labels = match &declaration {
        Declaration::Function(function) => function.labels(),
        _ => Vec::new(),
    };
    Item { name: name.to_owned(), doc: Doc::parse(comment.iter().copied(), &labels), declaration }
}

/// Returns the word before the first `mark`, or the last word.
fn name_before(code: &str, mark: char) -> &str {
    let code = code.split(mark).next().unwrap_or(code);
    code.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(code)
}

fn members(code: &[&str]) -> Vec<Member> {
    let body = code[1..code.len() - 1].join("\n").replace("struct bedrock_", "bedrock_");
    let mut members = Vec::new();
    let mut doc = Doc::default();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        if is_comment(line) {
            doc = Doc::parse(comment_lines(&mut lines), &[]);
        } else {
            members.push(member(std::mem::take(&mut doc), line.trim()));
        }
    }
    members
}

fn member(doc: Doc, code: &str) -> Member {
    let declarator = code.trim_end_matches(';');
    let (declarator, count) = match declarator.split_once('[') {
        Some((before, count)) => (before, Some(count.trim_end_matches(']').parse().expect("the length of an array"))),
        None => (declarator, None),
    };
    let (r#type, name) = typed_name(declarator);
    Member { doc, code: code.to_owned(), name, r#type, count }
}

/// Splits `const char *name` into its type and its name.
fn typed_name(code: &str) -> (String, String) {
    let name = name_before(code, ')');
    let r#type = code.strip_suffix(name).unwrap_or(code).trim();
    (r#type.to_owned(), name.to_owned())
}

/// Parses the typedef of a pointer to a function.
pub fn callback(code: &str) -> Function {
    function(&code.trim_start_matches("typedef ").replacen("(*", "", 1).replacen(')', "", 1))
}

fn function(code: &str) -> Function {
    let (before, rest) = code.split_once('(').expect("a function has parameters");
    let parameters = rest.trim_end_matches(");").split(',').map(str::trim).filter(|&parameter| parameter != "void");
    let parameters = parameters.map(|parameter| {
        let (r#type, name) = typed_name(parameter);
        Parameter { name, r#type }
    });
    let returns = before.strip_suffix(name_before(before, '(')).unwrap_or(before).trim().to_owned();
    Function { code: code.to_owned(), returns, parameters: parameters.collect() }
}
