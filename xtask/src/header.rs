//! Generates `include/bedrock.h` from the chapters and `src/ffi/opening.h`.

use crate::chapters::{self, Declaration, Item, Member};
use crate::doc::{Block, Doc};
use crate::opening;
use std::path::Path;

/// The maximum length of a line of the header.
pub const WIDTH: usize = 100;

/// Returns the text of the header. `root` is the folder of the repository.
pub fn generate(root: &Path) -> String {
    let chapters = chapters::read(root);
    let opening = opening::text(root);
    // Chapters name handles of later chapters, so all handles are declared before the first chapter.
    let all = chapters.iter().flat_map(|chapter| &chapter.items);
    let handles: Vec<_> = all.filter(|item| is_handle(item)).map(handle).collect();
    let mut out = format!("{opening}\n{}\n\n{}\n", banner("Handles", &Doc::default()), handles.join("\n"));
    for chapter in &chapters {
        out += &format!("\n\n{}\n", banner(&chapter.title, &chapter.opening));
        let items: Vec<&Item> = chapter.items.iter().filter(|item| !is_handle(item)).collect();
        for group in items.chunk_by(|a, b| are_of_one_group(a, b)) {
            let lines: Vec<_> = group.iter().map(|item| text(item)).collect();
            let lines = lines.join("\n");
            out += &match group[0].declaration {
                Declaration::Number { .. } => format!("\nenum {{\n{lines}\n}};\n"),
                _ => format!("\n{lines}\n"),
            };
        }
    }
    out + "\n#ifdef __cplusplus\n}\n#endif\n#endif\n"
}

fn is_handle(item: &Item) -> bool {
    matches!(item.declaration, Declaration::Handle)
}

/// Returns whether two items are constants of one kind, which have no empty line between them.
fn are_of_one_group(a: &Item, b: &Item) -> bool {
    use Declaration::{Macro, Number};
    matches!((&a.declaration, &b.declaration), (Number { .. }, Number { .. }) | (Macro { .. }, Macro { .. }))
}

/// Returns a handle's declaration and its documentation on one line.
fn handle(item: &Item) -> String {
    let name = &item.name;
    let line = format!("{:<52} /* {} */", format!("typedef struct {name} {name};"), item.doc.summary());
    assert!(line.len() <= WIDTH, "{name}: the comment of a handle has to fit on its line");
    line
}

fn text(item: &Item) -> String {
    let name = &item.name;
    let code = match &item.declaration {
        Declaration::Number { value } => return constant(&item.doc, "  ", &format!("{name} = {value},")),
        Declaration::Macro { value } => return constant(&item.doc, "", &format!("#define {name:<29} {value:>5}")),
        Declaration::Struct { members } => {
            let members: Vec<_> = members.iter().map(member).collect();
            format!("typedef struct {name} {{\n{}\n}} {name};", members.join("\n"))
        }
        Declaration::Type { code } => code.clone(),
        Declaration::Function(function) => function.code.clone(),
        Declaration::Handle => unreachable!("handles are declared before the chapters"),
    };
    if item.doc.is_empty() { code } else { format!("{}\n{code}", comment(&item.doc, "")) }
}

/// Returns a constant, with a short documentation behind it.
fn constant(doc: &Doc, indent: &str, define: &str) -> String {
    let one_line = format!("{indent}{define}  /* {} */", doc.summary());
    match doc.blocks.len() {
        0 => format!("{indent}{define}"),
        1 if one_line.len() <= WIDTH => one_line,
        _ => format!("{}\n{indent}{define}", comment(doc, indent)),
    }
}

fn member(member: &Member) -> String {
    if member.doc.is_empty() {
        return format!("  {}", member.code);
    }
    format!("{}\n  {}", comment(&member.doc, "  "), member.code)
}

/// Returns a comment on lines of its own, indented. Its last line has room for the end of the comment.
fn comment(doc: &Doc, indent: &str) -> String {
    let lines = lines(doc, WIDTH - " *  */".len() - indent.len());
    let lines: Vec<_> = lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned()).collect();
    format!("{indent}/*{} */", lines.join("\n").strip_prefix(&format!("{indent} *")).expect("a comment has a line"))
}

/// Returns the title of a chapter, with its opening.
fn banner(title: &str, opening: &Doc) -> String {
    let rule = "-".repeat(WIDTH.saturating_sub(title.len() + "/* ----   */".len()));
    if opening.is_empty() {
        return format!("/* ---- {title} {rule} */");
    }
    let lines = lines(opening, WIDTH - " * ".len());
    let lines: Vec<_> = lines.iter().map(|line| format!(" * {line}").trim_end().to_owned()).collect();
    format!("/* ---- {title} {rule}\n{}\n */", lines.join("\n"))
}

/// Returns the lines of a text, filled to the width, with an empty line between blocks.
fn lines(doc: &Doc, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for block in &doc.blocks {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        match block {
            Block::Paragraph(text) => lines.extend(fill(text, width)),
            Block::Verbatim(code) => lines.extend(code.iter().cloned()),
            Block::Items(items) => {
                for item in items {
                    let filled = fill(item, width - "  - ".len()).into_iter().enumerate();
                    lines.extend(
                        filled.map(|(at, line)| if at == 0 { format!("  - {line}") } else { format!("    {line}") }),
                    );
                }
            }
            Block::List(entries) => {
                for (label, text) in entries {
                    let filled = fill(&format!("{label}: {text}"), width - 2).into_iter().enumerate();
                    lines.extend(filled.map(|(at, line)| if at == 0 { line } else { format!("  {line}") }));
                }
            }
            Block::Table { column, rows } => {
                for (term, text) in rows {
                    let filled = fill(text, width - column);
                    let is_beside = term.len() + "    ".len() <= *column;
                    let first = if is_beside { format!("  {term}") } else { String::new() };
                    if !is_beside {
                        lines.push(format!("  {term}"));
                    }
                    let terms = std::iter::once(first).chain(std::iter::repeat(String::new()));
                    lines.extend(filled.iter().zip(terms).map(|(line, term)| format!("{term:<column$}{line}")));
                }
            }
        }
    }
    lines
}

fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is at least one line");
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
