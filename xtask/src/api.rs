//! The C API as data for other programs: `bindings/ffi/api.json`. bindings/ffi/README.md describes its members.

use crate::chapters::{self, Chapter, Declaration, Function, Item, Member};
use crate::contract::{Direction, Ownership, Rules, sentences, words};
use crate::doc::{self, Doc};
use crate::layout;
use crate::opening::{self, Opening};
use serde::Serialize;
use std::path::Path;

/// The number that changes when programs that read the file have to change.
const FORMAT: u32 = 1;

/// Everything that the header declares and documents.
#[derive(Clone, Serialize)]
pub struct Api {
    pub format: u32,
    pub version: String,
    pub introduction: Vec<Block>,
    pub rules: Vec<Rule>,
    pub chapters: Vec<ChapterText>,
    pub handles: Vec<Handle>,
    pub types: Vec<Number>,
    pub constants: Vec<Group>,
    pub macros: Vec<Macro>,
    pub structs: Vec<Struct>,
    pub callbacks: Vec<Callback>,
    pub functions: Vec<FunctionEntry>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    Paragraph(String),
    Code(String),
    Table(Vec<Row>),
    List(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub term: String,
    pub text: String,
}

#[derive(Clone, Serialize)]
pub struct Rule {
    pub title: String,
    pub text: Vec<Block>,
}

#[derive(Clone, Serialize)]
pub struct ChapterText {
    pub name: &'static str,
    pub title: String,
    pub text: Vec<Block>,
    /// The names of its declarations, in their order.
    pub declares: Vec<String>,
}

#[derive(Clone, Serialize)]
pub struct Handle {
    pub name: String,
    pub chapter: &'static str,
    pub free: String,
    pub text: Vec<Block>,
}

/// A typedef of a number.
#[derive(Clone, Serialize)]
pub struct Number {
    pub name: String,
    pub chapter: &'static str,
    pub r#type: String,
    pub text: Vec<Block>,
}

/// Constants that belong together.
#[derive(Clone, Serialize)]
pub struct Group {
    /// What all names begin with.
    pub prefix: String,
    pub chapter: &'static str,
    pub r#type: String,
    pub constants: Vec<Constant>,
}

#[derive(Clone, Serialize)]
pub struct Constant {
    pub name: String,
    pub value: i32,
    pub text: Vec<Block>,
}

/// A constant that is a macro in C: a number, or "SIZE_MAX".
#[derive(Clone, Serialize)]
pub struct Macro {
    pub name: String,
    pub chapter: &'static str,
    pub r#type: &'static str,
    pub value: serde_json::Value,
    pub text: Vec<Block>,
}

#[derive(Clone, Serialize)]
pub struct Struct {
    pub name: String,
    pub chapter: &'static str,
    pub size: usize,
    pub align: usize,
    pub text: Vec<Block>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Serialize)]
pub struct Field {
    pub name: String,
    pub r#type: String,
    /// The number of elements of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    pub offset: usize,
    pub size: usize,
    /// The field that has the length of this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constants: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<Block>,
}

/// The type of a function of the program.
#[derive(Clone, Serialize)]
pub struct Callback {
    pub name: String,
    pub chapter: &'static str,
    pub declaration: String,
    pub returns: String,
    pub parameters: Vec<CallbackParameter>,
    pub text: Vec<Block>,
}

#[derive(Clone, Serialize)]
pub struct CallbackParameter {
    pub name: String,
    pub r#type: String,
}

#[derive(Clone, Serialize)]
pub struct FunctionEntry {
    pub name: String,
    pub chapter: &'static str,
    pub declaration: String,
    pub summary: String,
    pub text: Vec<Block>,
    pub parameters: Vec<ParameterEntry>,
    pub returns: Returns,
    /// The parts of the documentation, as they are in the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<String>,
    /// Whether it can block longer than a lock is held.
    pub blocks: bool,
    pub since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<String>,
}

#[derive(Clone, Serialize)]
pub struct ParameterEntry {
    pub name: String,
    pub r#type: String,
    pub direction: Direction,
    #[serde(flatten)]
    pub ownership: Option<Ownership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nullable: Option<bool>,
    /// The parameter that has its length, size or number of elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constants: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Clone, Serialize)]
pub struct Returns {
    pub r#type: String,
    #[serde(flatten)]
    pub ownership: Option<Ownership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nullable: Option<bool>,
    /// The parameter that receives the length of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constants: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl ParameterEntry {
    /// Returns the function that frees what the parameter receives.
    pub fn frees(&self) -> Option<&str> {
        (self.name != "err").then(|| frees(self.ownership.as_ref())).flatten()
    }
}

impl Returns {
    /// Returns the function that frees what is returned.
    pub fn frees(&self) -> Option<&str> {
        frees(self.ownership.as_ref())
    }
}

fn frees(ownership: Option<&Ownership>) -> Option<&str> {
    match ownership {
        Some(Ownership::Owned { free }) => Some(free),
        _ => None,
    }
}

/// Returns the text of `bindings/ffi/api.json`.
pub fn generate(api: &Api) -> String {
    serde_json::to_string_pretty(api).expect("the API is JSON") + "\n"
}

/// Reads the API, or returns what its documentation leaves open. `root` is the folder of the repository.
pub fn read(root: &Path) -> Result<Api, Vec<String>> {
    from(&opening::read(root), &chapters::read(root), &version(root))
}

/// Returns the version of the library, which Cargo.toml states.
fn version(root: &Path) -> String {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    line.expect("the manifest states the version").trim_end_matches('"').to_owned()
}

/// Makes the API of the header's parts.
pub fn from(opening: &Opening, chapters: &[Chapter], version: &str) -> Result<Api, Vec<String>> {
    let rules = Rules::new(opening, chapters);
    let mut api = Api {
        format: FORMAT,
        version: version.to_owned(),
        introduction: blocks(&opening.introduction),
        rules: opening.rules.iter().map(|rule| Rule { title: rule.title.clone(), text: blocks(&rule.doc) }).collect(),
        chapters: chapters.iter().map(chapter_text).collect(),
        handles: Vec::new(),
        types: Vec::new(),
        constants: chapters.iter().flat_map(groups).collect(),
        macros: Vec::new(),
        structs: Vec::new(),
        callbacks: Vec::new(),
        functions: Vec::new(),
    };
    let mut flaws = Vec::new();
    for chapter in chapters {
        for item in &chapter.items {
            let (name, text, chapter) = (item.name.clone(), blocks(&item.doc), chapter.name);
            match &item.declaration {
                Declaration::Handle => {
                    let free = format!("{name}_free");
                    if rules.declaration_of(&free).is_none() {
                        flaws.push(format!("{name}: there is no {free}"));
                    }
                    api.handles.push(Handle { name, chapter, free, text });
                }
                Declaration::Type { code } if item.declaration.is_callback() => {
                    api.callbacks.push(callback(name, chapter, code, text))
                }
                Declaration::Type { code } => {
                    let r#type = words(code).nth(1).expect("typedef TYPE NAME;").to_owned();
                    api.types.push(Number { name, chapter, r#type, text });
                }
                Declaration::Number { .. } => {}
                Declaration::Macro { value } => {
                    let number = value.parse::<i32>().ok();
                    let r#type = if number.is_some() { "int" } else { "size_t" };
                    let value = number.map_or_else(|| value.as_str().into(), serde_json::Value::from);
                    api.macros.push(Macro { name, chapter, r#type, value, text });
                }
                Declaration::Struct { members } => {
                    let layout::Layout { size, align, places } = layout::of(members);
                    let fields = members.iter().zip(places).map(|(member, place)| field(member, &place, members, &api));
                    let fields = fields.collect();
                    api.structs.push(Struct { name, chapter, size, align, text, fields });
                }
                Declaration::Function(declared) => match function(item, declared, chapter, &rules, &api) {
                    Ok(entry) => api.functions.push(entry),
                    Err(flaw) => flaws.push(flaw),
                },
            }
        }
    }
    for free in api.functions.iter().flat_map(freeing_functions) {
        if !api.functions.iter().any(|function| function.name == free) {
            flaws.push(format!("there is no function {free}"));
        }
    }
    if flaws.is_empty() { Ok(api) } else { Err(flaws) }
}

/// Returns the functions that free what a function makes.
fn freeing_functions(function: &FunctionEntry) -> impl Iterator<Item = &str> {
    let parameters = function.parameters.iter().map(|parameter| &parameter.ownership);
    parameters.chain([&function.returns.ownership]).filter_map(|ownership| frees(ownership.as_ref()))
}

/// Returns a text without the list of a function's parts.
pub fn blocks(doc: &Doc) -> Vec<Block> {
    let block = |block: &doc::Block| match block {
        doc::Block::Paragraph(text) => Some(Block::Paragraph(text.clone())),
        doc::Block::Verbatim(lines) => Some(Block::Code(code(lines))),
        doc::Block::Table { rows, .. } => {
            Some(Block::Table(rows.iter().cloned().map(|(term, text)| Row { term, text }).collect()))
        }
        doc::Block::Items(items) => Some(Block::List(items.clone())),
        doc::Block::List(_) => None,
    };
    doc.blocks.iter().filter_map(block).collect()
}

/// Removes the indentation that marks code in a comment.
fn code(lines: &[String]) -> String {
    lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn chapter_text(chapter: &Chapter) -> ChapterText {
    let Chapter { name, title, opening, items } = chapter;
    let declares = items.iter().map(|item| item.name.clone()).collect();
    ChapterText { name, title: title.clone(), text: blocks(opening), declares }
}

/// Returns the constants of a chapter. If a typedef of a number is directly before constants that follow each other,
/// they are its values, and a group. Otherwise those are a group that begin with the same words: `BEDROCK_EVENT_`.
fn groups(chapter: &Chapter) -> Vec<Group> {
    let is_number = |item: &Item| matches!(item.declaration, Declaration::Number { .. });
    let mut groups = Vec::new();
    let mut r#type = "int32_t";
    for run in chapter.items.chunk_by(|a, b| is_number(a) == is_number(b)) {
        if is_number(&run[0]) {
            let are_of_one_group = |a: &Item, b: &Item| r#type != "int32_t" || kind(&a.name) == kind(&b.name);
            groups.extend(run.chunk_by(are_of_one_group).map(|items| Group {
                prefix: common_prefix(items),
                chapter: chapter.name,
                r#type: r#type.to_owned(),
                constants: items.iter().map(constant).collect(),
            }));
        }
        r#type = match run.last() {
            Some(Item { name, declaration, .. }) if declaration.is_type_of_number() => name,
            _ => "int32_t",
        };
    }
    groups
}

/// Returns the word of a constant's name that all constants of its kind have: `EVENT` of `BEDROCK_EVENT_TEXT`.
fn kind(name: &str) -> Option<&str> {
    name.split('_').nth(1)
}

fn constant(item: &Item) -> Constant {
    let Declaration::Number { value } = &item.declaration else { unreachable!("a group has only constants") };
    let value = value.trim_matches(['(', ')']).parse().expect("a constant is a number");
    Constant { name: item.name.clone(), value, text: blocks(&item.doc) }
}

/// Returns what all names begin with, up to an underscore.
fn common_prefix(items: &[Item]) -> String {
    let first = &items[0].name;
    let ends = first.match_indices('_').map(|(at, _)| &first[..=at]);
    let mut prefixes = ends.filter(|prefix| items.iter().all(|item| item.name.starts_with(prefix)));
    prefixes.next_back().unwrap_or_default().to_owned()
}

/// Returns the group of constants that a text about a number names, if it names only one.
fn constants(r#type: &str, text: &str, groups: &[Group]) -> Option<String> {
    if r#type != "int32_t" {
        return None;
    }
    let group = |word: &str| {
        groups
            .iter()
            .find(|group| group.r#type == "int32_t" && word.starts_with(&group.prefix))
            .map(|group| &group.prefix)
    };
    let mut named: Vec<_> = words(text).filter_map(group).collect();
    named.dedup();
    match named[..] {
        [prefix] => Some(prefix.clone()),
        _ => None,
    }
}

fn field(member: &Member, place: &layout::Place, members: &[Member], api: &Api) -> Field {
    let Member { doc, name, r#type, count, .. } = member;
    let length = format!("{name}_len");
    Field {
        name: name.clone(),
        r#type: r#type.clone(),
        count: *count,
        offset: place.offset,
        size: place.size,
        length: members.iter().any(|other| other.name == length).then_some(length),
        constants: constants(r#type, doc.summary(), &api.constants),
        text: blocks(doc),
    }
}

fn callback(name: String, chapter: &'static str, code: &str, text: Vec<Block>) -> Callback {
    let chapters::Function { returns, parameters, .. } = chapters::callback(code);
    let parameters = parameters.into_iter().map(|parameter| {
        let chapters::Parameter { name, r#type } = parameter;
        CallbackParameter { name, r#type }
    });
    Callback { name, chapter, declaration: one_line(code), returns, parameters: parameters.collect(), text }
}

fn function(
    item: &Item,
    declared: &Function,
    chapter: &'static str,
    rules: &Rules<'_>,
    api: &Api,
) -> Result<FunctionEntry, String> {
    let entry = |label: &str| item.doc.entry(label).map(str::to_owned);
    let parameters = declared.parameters.iter().enumerate().map(|(at, parameter)| {
        let chapters::Parameter { name, r#type } = parameter;
        let text = entry(name);
        Ok(ParameterEntry {
            name: name.clone(),
            r#type: r#type.clone(),
            direction: rules.direction(&item.doc, parameter),
            ownership: rules.ownership(item, declared, parameter)?,
            nullable: rules.nullable(&item.doc, parameter),
            length: length(declared, at),
            constants: constants(r#type, text.as_deref().unwrap_or_default(), &api.constants),
            text,
        })
    });
    let text = entry("Returns");
    let receives_length = declared.parameters.iter().find(|other| other.r#type == "size_t *");
    Ok(FunctionEntry {
        name: item.name.clone(),
        chapter,
        declaration: one_line(&declared.code),
        summary: item.doc.summary().to_owned(),
        text: blocks(&item.doc).split_off(1),
        parameters: parameters.collect::<Result<_, String>>()?,
        returns: Returns {
            r#type: declared.returns.clone(),
            ownership: rules.returned(item, declared)?,
            nullable: declared.returns.ends_with('*').then(|| text.as_deref().unwrap_or_default().contains("NULL")),
            length: receives_length.map(|parameter| parameter.name.clone()),
            constants: constants(&declared.returns, text.as_deref().unwrap_or_default(), &api.constants),
            text,
        },
        ownership: entry("Ownership"),
        blocks: entry("Threads").is_some_and(|text| sentences(&text).any(|sentence| sentence.starts_with("Blocks "))),
        threads: entry("Threads"),
        since: entry("Since").ok_or(format!("{}: \"Since\" is missing", item.name))?,
        aws: entry("AWS"),
    })
}

/// Returns the number directly after a pointer: the length of a text, the size of a struct or buffer, or a count.
fn length(function: &Function, at: usize) -> Option<String> {
    let pointer = &function.parameters[at];
    let next = function.parameters.get(at + 1).filter(|next| next.r#type == "size_t")?;
    let is_length = pointer.r#type.ends_with('*') && ["len", "size", "max"].contains(&next.name.as_str());
    is_length.then(|| next.name.clone())
}

fn one_line(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}
