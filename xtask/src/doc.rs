//! Parses the text of a doc comment.

/// The documentation of a chapter, a declaration or a member of a struct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc {
    pub blocks: Vec<Block>,
}

/// A part of a text, between empty lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph on one line, which may be filled.
    Paragraph(String),
    /// Lines that stay as they are, such as code. Each begins with its indentation.
    Verbatim(Vec<String>),
    /// Terms, each with its text, in two columns. The texts begin at `column`.
    Table { column: usize, rows: Vec<(String, String)> },
    /// Items of a list, each after a hyphen.
    Items(Vec<String>),
    /// "label: text" entries: parameters, and the parts "Returns", "Ownership", "Threads", "Since" and "AWS".
    List(Vec<(String, String)>),
}

impl Doc {
    /// Parses a text. Lines that are indented by two columns or more are items if the first begins with a hyphen, rows
    /// of a table if one of them holds a gap of two columns, and code otherwise. A block whose first line begins with
    /// one of the labels and a colon is a list. An entry goes on until a line begins with a label.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>, labels: &[&str]) -> Self {
        let lines: Vec<&str> = lines.into_iter().map(str::trim_end).collect();
        let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
        Doc { blocks: blocks.map(|block| Block::parse(block, labels)).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns the first paragraph.
    pub fn summary(&self) -> &str {
        match self.blocks.first() {
            Some(Block::Paragraph(text)) => text,
            _ => "",
        }
    }

    /// Returns the text of the entry with this label: a parameter's name, or "Returns", "Ownership", "Threads",
    /// "Since", "AWS".
    pub fn entry(&self, label: &str) -> Option<&str> {
        self.entries().find(|(name, _)| name == label).map(|(_, text)| text.as_str())
    }

    /// Returns the entries of all lists, in their order.
    pub fn entries(&self) -> impl Iterator<Item = &(String, String)> {
        self.blocks.iter().flat_map(|block| match block {
            Block::List(entries) => entries.as_slice(),
            _ => &[],
        })
    }
}

impl Block {
    fn parse(lines: &[&str], labels: &[&str]) -> Self {
        if lines[0].starts_with("  - ") {
            return Block::Items(items(lines));
        }
        if lines[0].starts_with("  ") {
            return match lines.iter().find_map(|line| column_of_text(line)) {
                Some(column) => Block::Table { column, rows: rows(lines, column) },
                None => Block::Verbatim(lines.iter().map(|&line| line.to_owned()).collect()),
            };
        }
        if label_of(lines[0], labels).is_none() {
            return Block::Paragraph(joined(lines));
        }
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in lines {
            match (label_of(line, labels), entries.last_mut()) {
                (Some((label, text)), _) => entries.push((label.to_owned(), text.to_owned())),
                (None, Some((_, text))) => *text = joined(&[text, line]),
                (None, None) => unreachable!("the first line has a label"),
            }
        }
        Block::List(entries)
    }
}

/// Returns the label of an entry, and the rest of its first line.
fn label_of<'a>(line: &'a str, labels: &[&str]) -> Option<(&'a str, &'a str)> {
    line.split_once(": ").filter(|(label, _)| labels.contains(label))
}

fn items(lines: &[&str]) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in lines {
        match (line.strip_prefix("  - "), items.last_mut()) {
            (None, Some(item)) => *item = joined(&[item, line]),
            (text, _) => items.push(text.unwrap_or(line).to_owned()),
        }
    }
    items
}

/// Returns the start of the second column of a table, if the line has both columns.
fn column_of_text(line: &str) -> Option<usize> {
    let term = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
    let gap = term.find("  ")?;
    let text = term[gap..].trim_start();
    (!text.is_empty()).then(|| line.len() - text.len())
}

fn rows(lines: &[&str], column: usize) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in lines {
        let row = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        match (row, rows.last_mut()) {
            (Some(_), _) if column_of_text(line) == Some(column) => {
                let (term, text) = line.split_at(column);
                rows.push((term.trim().to_owned(), text.to_owned()));
            }
            (Some(term), _) => rows.push((term.to_owned(), String::new())),
            (None, Some((_, text))) => *text = joined(&[text, line]),
            (None, None) => unreachable!("the first line of a table is a row"),
        }
    }
    rows
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_paragraphs_code_tables_items_and_a_list() {
        let text = [
            "Opens a stream:",
            "without waiting.",
            "",
            "  int main(void);",
            "    return 0;",
            "",
            "  one    the first",
            "         number",
            "  long_term_alone",
            "         its text",
            "",
            "  - an item",
            "    of two lines",
            "  - another",
            "",
            "cancel: May",
            "be: NULL.",
            "Returns: BEDROCK_OK: success.",
        ];
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let doc = Doc::parse(text, &["cancel", "Returns"]);
        let expected = [
            Block::Paragraph("Opens a stream: without waiting.".to_owned()),
            Block::Verbatim(vec!["  int main(void);".to_owned(), "    return 0;".to_owned()]),
            Block::Table {
                column: 9,
                rows: vec![pair("one", "the first number"), pair("long_term_alone", "its text")],
            },
            Block::Items(vec!["an item of two lines".to_owned(), "another".to_owned()]),
            Block::List(vec![pair("cancel", "May be: NULL."), pair("Returns", "BEDROCK_OK: success.")]),
        ];
        assert_eq!(doc.blocks, expected);
        assert_eq!(doc.entry("cancel"), Some("May be: NULL."));
        assert_eq!(doc.entry("AWS"), None);
    }
}
