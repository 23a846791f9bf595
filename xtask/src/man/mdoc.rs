//! Writes mdoc(7), the language of manual pages.

use crate::api::{Block, Row};
use std::collections::BTreeMap;

/// The length to which text is filled. It cannot be seen in the formatted page.
const WIDTH: usize = 78;
/// Punctuation that may follow an argument of a macro, as arguments of its own.
const CLOSING: &str = ".,;:)!?";

/// What a name in a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A manual page, with its section.
    Page(u8),
    /// What this page is about.
    This,
    Constant,
    Parameter,
}

/// The names that are marked up in the texts of a page.
pub type Names = BTreeMap<String, Name>;

/// A page that is being written.
pub struct Mdoc<'a> {
    names: &'a Names,
    out: String,
    /// The line of text that is being filled.
    line: String,
    /// Whether a paragraph has to be separated from what is before it.
    separate: bool,
}

impl<'a> Mdoc<'a> {
    pub fn new(names: &'a Names) -> Self {
        Mdoc { names, out: String::new(), line: String::new(), separate: false }
    }

    /// Returns whether the page documents this name.
    pub fn is_about(&self, name: &str) -> bool {
        self.names.get(name) == Some(&Name::This)
    }

    pub fn finish(mut self) -> String {
        self.end_line();
        self.out
    }

    /// Writes a macro with its arguments, each of which is escaped.
    pub fn macro_line<'t>(&mut self, name: &str, arguments: impl IntoIterator<Item = &'t str>) {
        self.end_line();
        self.out += &format!(".{name}");
        for argument in arguments {
            self.out += &format!(" {}", escaped_argument(argument));
        }
        self.out.push('\n');
    }

    pub fn section(&mut self, title: &str) {
        self.macro_line("Sh", title.split(' '));
        self.separate = false;
    }

    pub fn subsection(&mut self, title: &str) {
        self.macro_line("Ss", title.split(' '));
        self.separate = false;
    }

    pub fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(text) => self.paragraph(text),
                Block::Code(code) => self.code(code),
                Block::Table(rows) => self.table(rows),
                Block::List(items) => {
                    self.begin_list("bullet", None);
                    for item in items {
                        self.macro_line("It", []);
                        self.text(item);
                    }
                    self.end_list();
                }
            }
        }
    }

    /// Begins a paragraph, unless a section or an item begins here.
    pub fn begin_paragraph(&mut self) {
        if std::mem::replace(&mut self.separate, true) {
            self.macro_line("Pp", []);
        }
    }

    /// Lets the next paragraph be apart from the text that was just written.
    pub fn begin_paragraph_later(&mut self) {
        self.separate = true;
    }

    pub fn break_line(&mut self) {
        self.end_line();
        self.out += ".br\n";
    }

    /// Writes a macro with one argument, and punctuation behind it.
    pub fn macro_with_punctuation(&mut self, name: &str, argument: &str, punctuation: Option<&str>) {
        self.end_line();
        let punctuation = punctuation.map(|punctuation| format!(" {punctuation}")).unwrap_or_default();
        self.out += &format!(".{name} {}{punctuation}\n", escaped_argument(argument));
    }

    /// Writes a reference to a page.
    pub fn reference(&mut self, page: &str, section: u8, punctuation: &str) {
        self.end_line();
        self.out += format!(".Xr {page} {section} {punctuation}").trim_end();
        self.out.push('\n');
    }

    pub fn paragraph(&mut self, text: &str) {
        self.begin_paragraph();
        self.text(text);
    }

    pub fn table(&mut self, rows: &[Row]) {
        self.begin_list("tag", Some("Ds"));
        for Row { term, text } in rows {
            self.item(term);
            self.text(text);
        }
        self.end_list();
    }

    pub fn begin_list(&mut self, kind: &str, width: Option<&str>) {
        let kind = format!("-{kind}");
        let width = width.into_iter().flat_map(|width| ["-width", width]);
        self.end_line();
        self.out += &format!(".Bl {}\n", std::iter::once(kind.as_str()).chain(width).collect::<Vec<_>>().join(" "));
        self.separate = false;
    }

    pub fn end_list(&mut self) {
        self.macro_line("El", []);
        self.separate = true;
    }

    /// Begins an item of a list with tags. Constants in the tag are marked up.
    pub fn item(&mut self, term: &str) {
        let words = term.split(' ').map(|word| match self.names.get(word) {
            Some(Name::Constant) => format!("Dv {}", escaped_argument(word)),
            _ => escaped_argument(word),
        });
        let words: Vec<_> = words.collect();
        self.end_line();
        self.out += &format!(".It {}\n", words.join(" "));
        self.separate = false;
    }

    /// Begins an item whose tag is a macro with one argument, and perhaps a remark in parentheses.
    pub fn item_of(&mut self, name: &str, argument: &str, remark: Option<&str>) {
        self.end_line();
        let remark = remark
            .map(|remark| format!(" Pq {}", remark.split(' ').map(escaped_argument).collect::<Vec<_>>().join(" ")));
        self.out += &format!(".It {name} {}{}\n", escaped_argument(argument), remark.unwrap_or_default());
        self.separate = false;
    }

    /// Begins an item whose tag refers to a page.
    pub fn item_of_page(&mut self, page: &str, section: u8) {
        self.end_line();
        self.out += &format!(".It Xr {page} {section}\n");
        self.separate = false;
    }

    pub fn code(&mut self, code: &str) {
        self.end_line();
        self.out += ".Bd -literal -offset indent\n";
        for line in code.lines() {
            self.out += &format!("{}\n", protected(escaped(line, true)));
        }
        self.out += ".Ed\n";
        self.separate = true;
    }

    /// Writes text. Each sentence begins on a line of its own, and known names become macros.
    pub fn text(&mut self, text: &str) {
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            match self.marked_up(word) {
                Some(marked_up) => {
                    self.end_line();
                    self.out += &format!("{marked_up}\n");
                }
                None => self.word(&escaped(word, !is_prose(word))),
            }
            let end = word.trim_end_matches([')', '"']);
            match words.peek() {
                Some(_) if end.ends_with("...") => self.line += "\\&",
                Some(_) if end.ends_with(['.', '!', '?']) => self.end_line(),
                _ => {}
            }
        }
        self.end_line();
    }

    fn word(&mut self, word: &str) {
        if !self.line.is_empty() && self.line.len() + 1 + word.len() > WIDTH {
            self.end_line();
        }
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        self.line += word;
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.out += &format!("{}\n", protected(std::mem::take(&mut self.line)));
        }
    }

    /// Returns the macro for a word that is a known name with punctuation around it.
    fn marked_up(&self, word: &str) -> Option<String> {
        let (before, word) = match word.strip_prefix('(') {
            Some(rest) => ("Pf ( ", rest),
            None => ("", word),
        };
        let core = word.trim_end_matches(|c| CLOSING.contains(c));
        let after: String = word[core.len()..].chars().map(|c| format!(" {c}")).collect();
        let name = self.names.get(core.trim_start_matches('*'))?;
        let escaped = escaped_argument(core);
        let marked_up = match name {
            Name::Page(section) if !core.starts_with('*') => format!("Xr {escaped} {section}"),
            Name::This if !core.starts_with('*') => format!("Nm {escaped}"),
            Name::Constant if !core.starts_with('*') => format!("Dv {escaped}"),
            // Many parameters are English words.
            Name::Parameter if core.contains(['_', '*']) => format!("Fa {escaped}"),
            _ => return None,
        };
        Some(format!(".{before}{marked_up}{after}"))
    }
}

/// Returns whether a word is English: a hyphen in it is a hyphen, not a minus that a reader copies.
fn is_prose(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-');
    let is_name = ["-", "x-", "pkg-"].iter().any(|start| word.starts_with(start)) || word.contains("-amzn");
    word.chars().all(|c| c.is_alphabetic() || c == '-') && !is_name
}

/// Returns an argument of a macro line: a name of a macro in it, or punctuation, has no effect.
pub fn escaped_argument(argument: &str) -> String {
    let is_macro = argument.len() <= 3 && argument.starts_with(|c: char| c.is_ascii_uppercase());
    let is_punctuation = argument.len() == 1 && !argument.starts_with(char::is_alphanumeric);
    let escaped = escaped(argument, !is_prose(argument)).replace('"', "\\(dq");
    let escaped = if is_macro || is_punctuation { format!("\\&{escaped}") } else { escaped };
    if escaped.contains(' ') || escaped.is_empty() { format!("\"{escaped}\"") } else { escaped }
}

/// Escapes what roff would change. In code a hyphen is a minus, and quotes are those of ASCII.
fn escaped(text: &str, is_code: bool) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped += "\\e",
            '-' if is_code => escaped += "\\-",
            '\'' if is_code => escaped += "\\(aq",
            '`' => escaped += "\\(ga",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a line that roff does not take for a macro.
fn protected(line: String) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Mdoc<'_>)) -> String {
        let names = [
            ("bedrock_x", Name::Page(3)),
            ("BEDROCK_OK", Name::Constant),
            ("timeout_ms", Name::Parameter),
            ("out", Name::Parameter),
        ];
        let names = names.map(|(name, what)| (name.to_owned(), what)).into();
        let mut page = Mdoc::new(&names);
        write(&mut page);
        page.finish()
    }

    #[test]
    fn each_sentence_begins_a_line_and_names_are_macros() {
        let text = "Calls bedrock_x, once (BEDROCK_OK). *out is set, out of it. Is timeout_ms \"-1\"? Yes.";
        let expected = "Calls\n.Xr bedrock_x 3 ,\nonce\n.Pf ( Dv BEDROCK_OK ) .\n.Fa *out\nis set, out of it.\nIs\n\
                        .Fa timeout_ms\n\"\\-1\"?\nYes.\n";
        assert_eq!(written(|page| page.text(text)), expected);
    }

    #[test]
    fn nothing_in_a_text_or_in_code_is_taken_for_roff() {
        assert_eq!(written(|page| page.text("'a' .b ~/c\\d")), "\\&'a' .b \\(ti/c\\ed\n");
        assert_eq!(
            written(|page| page.text("well-known us-east-1 x-amzn-id")),
            "well-known us\\-east\\-1 x\\-amzn\\-id\n"
        );
        let code = ".Bd -literal -offset indent\n\\&.a = \\(aq\\en\\(aq;\n.Ed\n";
        assert_eq!(written(|page| page.code(".a = '\\n';")), code);
        assert_eq!(written(|page| page.item("Em {\"a\": .} -1")), ".It \\&Em {\\(dqa\\(dq: .} \\-1\n");
        assert_eq!(written(|page| page.item("a , b")), ".It a \\&, b\n");
    }

    #[test]
    fn lists_stay_lists_and_paragraphs_are_apart() {
        let blocks = [
            Block::Paragraph("One.".to_owned()),
            Block::Paragraph("Two.".to_owned()),
            Block::List(vec!["a".to_owned(), "b".to_owned()]),
            Block::Paragraph("Three.".to_owned()),
        ];
        let expected = ".Sh A\nOne.\n.Pp\nTwo.\n.Bl -bullet\n.It\na\n.It\nb\n.El\n.Pp\nThree.\n";
        let page = written(|page| {
            page.section("A");
            page.blocks(&blocks);
        });
        assert_eq!(page, expected.replace(".Sh A", ".Sh \\&A"));
    }
}
