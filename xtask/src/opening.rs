//! The opening of the header as data: `src/ffi/opening.h`, which is written by hand.

use crate::doc::Doc;
use std::path::Path;

/// The line between the introduction and the rules.
const RULES: &str = "RULES FOR EVERY FUNCTION";

/// The comment at the top of the header.
pub struct Opening {
    /// What the header is, a program, and how to link it.
    pub introduction: Doc,
    pub rules: Vec<Rule>,
}

/// A paragraph of the rules that hold for every function, with what belongs to it.
pub struct Rule {
    pub title: String,
    pub doc: Doc,
}

/// Returns the text of `src/ffi/opening.h`. `root` is the folder of the repository.
pub fn text(root: &Path) -> String {
    let path = root.join("src/ffi/opening.h");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads the opening. `root` is the folder of the repository.
pub fn read(root: &Path) -> Opening {
    parse(&text(root))
}

fn parse(text: &str) -> Opening {
    let comment = text.split_once("*/").expect("the opening begins with a comment").0;
    let lines = comment.lines().skip(1).map(|line| line.strip_prefix(" *").unwrap_or(line));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let mark = lines.iter().position(|&line| line == RULES).expect("the opening has rules");
    let (introduction, rules) = (&lines[..mark], &lines[mark + 1..]);
    Opening { introduction: Doc::parse(introduction.iter().copied(), &[]), rules: parse_rules(rules) }
}

/// A rule begins with its title and a full stop. Blocks that are indented belong to the rule before.
fn parse_rules(lines: &[&str]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for block in lines.split(|line| line.trim().is_empty()).filter(|block| !block.is_empty()) {
        match (block[0].starts_with(' '), rules.last_mut()) {
            (true, Some(rule)) => rule.doc.blocks.extend(Doc::parse(block.iter().copied(), &[]).blocks),
            _ => {
                let (title, rest) = block[0].split_once(". ").expect("a rule has a title");
                let text = std::iter::once(rest).chain(block[1..].iter().copied());
                rules.push(Rule { title: title.to_owned(), doc: Doc::parse(text, &[]) });
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Block;

    #[test]
    fn an_opening_is_an_introduction_and_rules_with_their_lists() {
        let text = "/*\n * name.h - It\n * does.\n *\n *   code();\n *\n * RULES FOR EVERY FUNCTION\n *\n * Words. One\n \
                    *   fact.\n *\n *   - first\n *     more\n *   - second\n *\n * Last. Two. Facts.\n */\n#ifndef X\n";
        let Opening { introduction, rules } = parse(text);
        let paragraph = |text: &str| Block::Paragraph(text.to_owned());
        assert_eq!(
            introduction.blocks,
            [paragraph("name.h - It does."), Block::Verbatim(vec!["  code();".to_owned()])]
        );
        let titles: Vec<_> = rules.iter().map(|rule| rule.title.as_str()).collect();
        assert_eq!(titles, ["Words", "Last"]);
        let items = Block::Items(vec!["first more".to_owned(), "second".to_owned()]);
        assert_eq!(rules[0].doc.blocks, [paragraph("One fact."), items]);
        assert_eq!(rules[1].doc.blocks, [paragraph("Two. Facts.")]);
    }
}
