//! Generates the manual pages: one for each function, struct, callback, handle and chapter, and links for all
//! constants.
//!
//! Everything comes from the [`Api`], except the programs, which are those of `examples-c` and `docs/manual`, and the
//! tutorial, which is `docs/manual/tutorial.txt`. A function, struct or callback has an example on its page. The page
//! of a chapter lists functions, whose pages have them.

mod examples;
mod mdoc;
mod pages;

use crate::api::{Api, Block, ChapterText, FunctionEntry, Group, Macro, ParameterEntry, Row, Struct};
use crate::contract::words;
use crate::doc::Doc;
use examples::Examples;
use mdoc::{Mdoc, Name, Names};
use pages::{COMMAND, CONFIG, TUTORIAL, is_own_page, links, names, page_of, page_of_group, with_pages};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The date of the pages until there is a release.
const DATE: &str = "November 26, 2026";

/// The manual: its files by their names, such as `man3/bedrock_generate.3`.
pub type Manual = BTreeMap<String, File>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    Page(String),
    /// A symbolic link to a page in the same folder.
    Link(String),
}

/// Returns all pages. `root` is the folder of the repository.
pub fn generate(api: &Api, root: &Path) -> Manual {
    let tutorial = root.join("docs/manual/tutorial.txt");
    let tutorial = std::fs::read_to_string(&tutorial).unwrap_or_else(|error| panic!("{}: {error}", tutorial.display()));
    let api = &with_pages(api);
    let generator = Generator { api, examples: Examples::read(root), names: names(api), date: date(root) };
    let mut manual = Manual::new();
    let mut add = |name: &str, section: u8, text: String| {
        let before = manual.insert(file(name, section), File::Page(text));
        assert!(before.is_none(), "two pages are called {name}({section})");
    };
    add("bedrock", 3, generator.overview());
    add(CONFIG, 5, generator.config());
    add(TUTORIAL, 7, generator.tutorial(&tutorial));
    for function in &api.functions {
        add(&function.name, 3, generator.function(function));
    }
    for structure in &api.structs {
        add(&structure.name, 3, generator.structure(structure));
    }
    for callback in &api.callbacks {
        add(&callback.name, 3, generator.callback(callback));
    }
    for chapter in api.chapters.iter().filter(|chapter| is_own_page(api, chapter)) {
        add(&page_of(chapter.name), 3, generator.chapter(chapter));
    }
    for (name, page) in links(api) {
        manual.insert(file(&name, 3), File::Link(format!("{page}.3")));
    }
    manual
}

fn file(name: &str, section: u8) -> String {
    format!("man{section}/{name}.{section}")
}

/// Returns the date of the newest release in CHANGELOG.md, as mdoc wants it.
fn date(root: &Path) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let changelog = std::fs::read_to_string(root.join("CHANGELOG.md")).expect("a changelog");
    let releases = changelog.lines().filter(|line| line.starts_with("## ["));
    let date = releases.filter_map(|line| line.split_once("] - ")).map(|(_, date)| date).next();
    let numbers: Vec<usize> = date.into_iter().flat_map(|date| date.split('-')).flat_map(str::parse).collect();
    match numbers[..] {
        [year, month, day] => format!("{} {day}, {year}", MONTHS[month - 1]),
        _ => DATE.to_owned(),
    }
}

/// Returns a summary for the line NAME: without a capital at the beginning and without a full stop at the end.
fn description(summary: &str) -> String {
    let summary = summary.trim_end_matches('.');
    let mut letters = summary.chars();
    match (letters.next(), summary.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => summary.to_owned(),
    }
}

/// Returns the first paragraph of a text.
fn summary(text: &[Block]) -> &str {
    match text.first() {
        Some(Block::Paragraph(text)) => text.split_inclusive(". ").next().unwrap_or(text).trim(),
        _ => "",
    }
}

/// Returns the title of a paragraph, if it begins with one: "Retry budget. Each model has ...".
fn titled(block: &Block) -> Option<(&str, &str)> {
    let Block::Paragraph(text) = block else { return None };
    let (title, rest) = text.split_once(". ")?;
    let is_title =
        title.split(' ').count() <= 3 && !words(title).any(|word| ["is", "are", "has", "may"].contains(&word));
    is_title.then_some((title, rest))
}

struct Generator<'a> {
    api: &'a Api,
    examples: Examples,
    names: Names,
    date: String,
}

impl Generator<'_> {
    /// Returns the names for the texts of a page: its own name is no reference.
    fn names_on(&self, page: &str, parameters: &[&str]) -> Names {
        let mut names = self.names.clone();
        names.insert(page.to_owned(), Name::This);
        names.extend(parameters.iter().map(|name| ((*name).to_owned(), Name::Parameter)));
        names
    }

    /// Begins a page. That of a name in C includes the header in its SYNOPSIS.
    fn begin(&self, page: &mut Mdoc<'_>, name: &str, section: u8, description: &str) {
        self.begin_of(page, &[name], section, description);
    }

    /// Begins a page that describes several types. The first name is the name of the page.
    fn begin_of(&self, page: &mut Mdoc<'_>, names: &[&str], section: u8, description: &str) {
        page.macro_line("Dd", self.date.split(' '));
        page.macro_line("Dt", [names[0].to_uppercase().as_str(), &section.to_string()]);
        page.macro_line("Os", ["libbedrock", &self.api.version]);
        page.section("NAME");
        for (at, name) in names.iter().enumerate() {
            page.macro_with_punctuation("Nm", name, (at + 1 < names.len()).then_some(","));
        }
        page.macro_line("Nd", description.split(' '));
        if section == 3 {
            page.section("LIBRARY");
            page.text("Amazon Bedrock for C (libbedrock, -lbedrock)");
            page.section("SYNOPSIS");
            page.macro_line("In", ["bedrock.h"]);
        }
    }

    fn function(&self, function: &FunctionEntry) -> String {
        let FunctionEntry { name, returns, parameters, .. } = function;
        let parameter_names: Vec<_> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let names = self.names_on(name, &parameter_names);
        let mut mdoc = Mdoc::new(&names);
        let page = &mut mdoc;
        self.begin(page, name, 3, &description(&function.summary));
        prototype(
            page,
            &returns.r#type,
            name,
            parameters.iter().map(|parameter| (&*parameter.r#type, &*parameter.name)),
        );

        page.section("DESCRIPTION");
        page.macro_line("Fn", [name.as_str()]);
        page.text(&format!("{}.", description(&function.summary)));
        page.begin_paragraph_later();
        page.blocks(&function.text);
        self.parameters(page, function);
        if let Some(text) = &returns.text {
            page.section("RETURN VALUES");
            page.text(text);
        }
        for (title, text) in
            [("OWNERSHIP", &function.ownership), ("THREADS", &function.threads), ("AWS API", &function.aws)]
        {
            if let Some(text) = text {
                page.section(title);
                page.text(text);
            }
        }
        self.constants_of(page, name);
        let chapter = self.chapter_of(function.chapter);
        if page_of(chapter.name) == *name {
            page.section("NOTES");
            opening(page, chapter);
        }
        self.example(page, name);
        let free = parameters.iter().find_map(|parameter| parameter.frees()).or(returns.frees());
        let mut related: Vec<&str> = free.into_iter().collect();
        let statuses = if returns.r#type == "bedrock_status" { "bedrock_errors" } else { "" };
        let of_chapter = page_of(function.chapter);
        related.extend(["bedrock", &of_chapter, statuses]);
        let is_declared = |word: &&str| {
            self.api.structs.iter().any(|other| other.name == *word)
                || self.api.callbacks.iter().any(|other| other.name == *word)
        };
        related.extend(words(&function.declaration).filter(is_declared));
        self.see_also(page, &related, &function_text(function));
        page.section("HISTORY");
        page.macro_line("Fn", [name.as_str()]);
        page.text(&format!("first appeared in libbedrock {}.", function.since));
        mdoc.finish()
    }

    /// Lists the parameters that need a word, and where the others are described.
    fn parameters(&self, page: &mut Mdoc<'_>, function: &FunctionEntry) {
        let (own, others): (Vec<_>, Vec<_>) =
            function.parameters.iter().partition(|parameter| parameter.text.is_some());
        if !own.is_empty() {
            page.paragraph("The parameters:");
            page.begin_list("tag", Some("Ds"));
            for parameter in own {
                page.item_of("Fa", &parameter.name, None);
                page.text(parameter.text.as_deref().unwrap_or_default());
            }
            page.end_list();
        }
        let is_handle = |parameter: &&ParameterEntry| {
            self.api.handles.iter().any(|handle| crate::contract::pointee(&parameter.r#type) == handle.name)
                && !parameter.r#type.ends_with("**")
                && parameter.name != "cancel"
        };
        let others: Vec<_> = others.into_iter().filter(|parameter| !is_handle(parameter)).collect();
        let Some((last, before)) = others.split_last() else { return };
        let opening = &self.chapter_of(function.chapter).text;
        let terms = opening.iter().filter_map(|block| match block {
            Block::Table(rows) => Some(rows),
            _ => None,
        });
        let is_in_chapter = terms.flatten().any(|Row { term, .. }| words(term).any(|word| word == last.name));
        let described = if is_in_chapter { page_of(function.chapter) } else { "bedrock".to_owned() };
        page.begin_paragraph();
        for (at, parameter) in before.iter().enumerate() {
            let comma = if at + 1 < before.len() { Some(",") } else { None };
            page.macro_with_punctuation("Fa", &parameter.name, comma);
        }
        if !before.is_empty() {
            page.text("and");
        }
        page.macro_with_punctuation("Fa", &last.name, None);
        page.text(if before.is_empty() { "is described in" } else { "are described in" });
        page.reference(&described, 3, ".");
    }

    fn structure(&self, structure: &Struct) -> String {
        let Struct { name, text, fields, .. } = structure;
        let names = self.names_on(name, &[]);
        let mut page = Mdoc::new(&names);
        self.begin(&mut page, name, 3, &description(summary(text)));
        page.code(&crate::cdef::structure(structure));
        page.section("DESCRIPTION");
        page.blocks(text);
        let documented: Vec<_> = fields.iter().filter(|field| !field.text.is_empty()).collect();
        if !documented.is_empty() {
            page.paragraph("The members:");
            page.begin_list("tag", Some("Ds"));
            for field in documented {
                let length = field.length.as_ref().map(|length| format!("and its length, {length}"));
                page.item_of("Va", &field.name, length.as_deref());
                page.blocks(&field.text);
            }
            page.end_list();
        }
        self.constants_of(&mut page, name);
        let chapter = self.chapter_of(structure.chapter);
        if page_of(chapter.name) == *name {
            page.section("NOTES");
            opening(&mut page, chapter);
            self.functions_of(&mut page, chapter);
        }
        self.example(&mut page, name);
        let of_chapter = page_of(structure.chapter);
        let types = fields.iter().map(|field| &*field.r#type);
        let callbacks = types.filter(|&word| self.api.callbacks.iter().any(|callback| callback.name == word));
        let related: Vec<_> = self.users_of(name).chain(callbacks).chain(["bedrock", &of_chapter]).collect();
        self.see_also(&mut page, &related, &[]);
        page.finish()
    }

    fn callback(&self, callback: &crate::api::Callback) -> String {
        let name = &callback.name;
        let parameter_names: Vec<_> = callback.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let names = self.names_on(name, &parameter_names);
        let mut page = Mdoc::new(&names);
        self.begin(&mut page, name, 3, &description(summary(&callback.text)));
        let parameters = callback.parameters.iter().map(|parameter| (&*parameter.r#type, &*parameter.name));
        prototype(&mut page, &format!("typedef {}", callback.returns), &format!("(*{name})"), parameters);
        page.section("DESCRIPTION");
        page.blocks(&callback.text);
        self.example(&mut page, name);
        let related: Vec<_> = self.users_of(name).chain(["bedrock"]).collect();
        self.see_also(&mut page, &related, &callback.text);
        page.finish()
    }

    /// Returns the page of a chapter, which is also that of its handle and of its types of numbers.
    fn chapter(&self, chapter: &ChapterText) -> String {
        let name = page_of(chapter.name);
        let handles: Vec<_> = self.api.handles.iter().filter(|handle| handle.chapter == chapter.name).collect();
        let numbers: Vec<_> = self.api.types.iter().filter(|number| number.chapter == chapter.name).collect();
        let types = handles.iter().map(|handle| &handle.name).chain(numbers.iter().map(|number| &number.name));
        let others = types.map(String::as_str).filter(|&other| other != name);
        let described: Vec<_> = std::iter::once(name.as_str()).chain(others).collect();
        let mut names = self.names_on(&name, &[]);
        names.extend(described.iter().map(|&name| (name.to_owned(), Name::This)));
        let mut page = Mdoc::new(&names);
        let handle = handles.iter().find(|handle| handle.name == name);
        let title = chapter.title.split_once(": ").map_or(chapter.title.as_str(), |(_, title)| title);
        self.begin_of(&mut page, &described, 3, &description(handle.map_or(title, |handle| summary(&handle.text))));
        for handle in &handles {
            page.macro_line("Vt", ["typedef", "struct", &handle.name, &format!("{};", handle.name)]);
        }
        for number in &numbers {
            page.macro_line("Vt", ["typedef", &number.r#type, &format!("{};", number.name)]);
        }
        page.section("DESCRIPTION");
        for handle in &handles {
            page.begin_paragraph();
            page.macro_line("Vt", [handle.name.as_str()]);
            page.text(&format!("is {}.", description(summary(&handle.text))));
            page.text("It is freed with");
            page.reference(&handle.free, 3, ".");
        }
        for number in &numbers {
            page.begin_paragraph();
            page.macro_line("Vt", [number.name.as_str()]);
            page.text(&format!("is {}.", description(summary(&number.text))));
        }
        if !handles.is_empty() || !numbers.is_empty() {
            page.begin_paragraph_later();
        }
        if chapter.name == "model" {
            page.paragraph(summary(&chapter.text));
            page.text(&format!("{CONFIG} describes the JSON."));
        } else {
            opening(&mut page, chapter);
        }
        self.constants_of(&mut page, &name);
        self.functions_of(&mut page, chapter);
        let related = if chapter.name == "model" { vec!["bedrock", CONFIG] } else { vec!["bedrock"] };
        self.see_also(&mut page, &related, if chapter.name == "model" { &[] } else { &chapter.text });
        page.finish()
    }

    /// Returns bedrock(3): what the header begins with, and all functions.
    fn overview(&self) -> String {
        let names = self.names_on("bedrock", &[]);
        let mut page = Mdoc::new(&names);
        self.begin(&mut page, "bedrock", 3, "Amazon Bedrock for every language that can call C");
        page.begin_paragraph_later();
        page.paragraph("Link with -lbedrock, or with the flags that \"pkg-config --cflags --libs bedrock\" prints.");
        page.section("DESCRIPTION");
        page.text("The library calls the models of Amazon Bedrock.");
        page.text("A model is made from a line of JSON, a request is the JSON of the Converse operation, and a response is read at once or while the model writes it.");
        page.text(&format!("{TUTORIAL} shows complete programs, {CONFIG} lists the keys of the config, and bedrock_errors lists the statuses."));
        page.text("The command");
        page.reference("bedrock", 1, "");
        page.text("calls models from a shell.");
        for block in self.api.introduction.iter().filter(|block| matches!(block, Block::Code(_))) {
            page.blocks(std::slice::from_ref(block));
        }
        page.section("FUNCTIONS");
        for chapter in &self.api.chapters {
            page.subsection(&chapter.title);
            self.list_functions(&mut page, chapter);
        }
        page.section("CONSTANTS");
        page.begin_list("tag", Some("Ds"));
        for Macro { name, text, value, .. } in &self.api.macros {
            page.item_of("Dv", name, Some(value.to_string().trim_matches('"')));
            page.blocks(text);
        }
        page.end_list();
        page.section("RULES FOR EVERY FUNCTION");
        for rule in &self.api.rules {
            page.subsection(&rule.title);
            page.blocks(&rule.text);
        }
        let pages: Vec<_> = self.api.chapters.iter().map(|chapter| page_of(chapter.name)).collect();
        let related: Vec<_> = pages.iter().map(String::as_str).chain([COMMAND, CONFIG, TUTORIAL]).collect();
        self.see_also(&mut page, &related, &[]);
        page.finish()
    }

    /// Returns bedrock_config(5), whose keys are those of `src/config/keys.rs` by way of the header.
    fn config(&self) -> String {
        let names = self.names_on(CONFIG, &[]);
        let mut page = Mdoc::new(&names);
        let text = &self.chapter_of("model").text;
        self.begin(&mut page, CONFIG, 5, "the JSON that configures a model of libbedrock");
        page.section("DESCRIPTION");
        let mut is_first_table = true;
        for block in text {
            match block {
                Block::Table(rows) if std::mem::take(&mut is_first_table) => keys(&mut page, rows),
                block => page.blocks(std::slice::from_ref(block)),
            }
        }
        page.section("FILES");
        page.table(&[
            Row {
                term: "~/.aws/config".to_owned(),
                text: "Profiles and regions, as every AWS SDK reads them.".to_owned(),
            },
            Row { term: "~/.aws/credentials".to_owned(), text: "Keys of profiles.".to_owned() },
        ]);
        page.section("EXAMPLES");
        page.text("A model in a region, with a limit for every call:");
        page.code(
            "{\"model\": \"us.amazon.nova-lite-v1:0\", \"region\": \"us-west-2\", \"timeouts\": {\"total\": \"2m\"}}",
        );
        page.paragraph("A script in place of the network, for tests:");
        page.code("{\"model\": \"any\", \"transport\": {\"replies\": [\"Hello.\"]}}");
        let related = [COMMAND, "bedrock", "bedrock_model", "bedrock_model_new", "bedrock_model_with"];
        self.see_also(&mut page, &related, &[]);
        page.finish()
    }

    /// Returns bedrock_tutorial(7). A line "= TITLE" begins a section, and "@ FILE [FUNCTION]" stands for a program.
    fn tutorial(&self, text: &str) -> String {
        let names = self.names_on(TUTORIAL, &[]);
        let mut page = Mdoc::new(&names);
        self.begin(&mut page, TUTORIAL, 7, "programs that call Amazon Bedrock with libbedrock");
        page.section("DESCRIPTION");
        for block in text.split("\n\n") {
            if let Some(title) = block.strip_prefix("= ") {
                page.section(&title.trim().to_uppercase());
            } else if let Some(part) = block.strip_prefix("@ ") {
                let mut words = part.split_whitespace();
                let file = words.next().expect("a file");
                page.code(self.examples.part(file, words.next()).trim_matches('\n'));
            } else {
                page.blocks(&crate::api::blocks(&Doc::parse(block.lines(), &[])));
            }
        }
        self.see_also(&mut page, &[COMMAND, "bedrock", CONFIG, "bedrock_errors"], &[]);
        page.finish()
    }

    fn chapter_of(&self, name: &str) -> &ChapterText {
        self.api.chapters.iter().find(|chapter| chapter.name == name).expect("a chapter of this name")
    }

    fn constants_of(&self, page: &mut Mdoc<'_>, name: &str) {
        for group in self.api.constants.iter().filter(|group| page_of_group(self.api, group) == name) {
            constants(page, group);
        }
    }

    /// Returns the functions that have a struct or callback among their parameters.
    fn users_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let has_it = move |function: &&FunctionEntry| words(&function.declaration).any(|word| word == name);
        self.api.functions.iter().filter(has_it).map(|function| function.name.as_str())
    }

    fn functions_of(&self, page: &mut Mdoc<'_>, chapter: &ChapterText) {
        page.section("FUNCTIONS");
        self.list_functions(page, chapter);
    }

    fn list_functions(&self, page: &mut Mdoc<'_>, chapter: &ChapterText) {
        page.begin_list("tag", Some("Ds"));
        for function in self.api.functions.iter().filter(|function| function.chapter == chapter.name) {
            page.item_of_page(&function.name, 3);
            page.text(&function.summary);
        }
        page.end_list();
    }

    fn example(&self, page: &mut Mdoc<'_>, name: &str) {
        if let Some(excerpt) = self.examples.with(name) {
            page.section("EXAMPLES");
            page.text(&format!("From {} of the source:", excerpt.path));
            page.code(&excerpt.code);
        }
    }

    /// Lists the pages that are related or mentioned in a text, each once, without the page itself.
    fn see_also(&self, page: &mut Mdoc<'_>, related: &[&str], text: &[Block]) {
        let mentioned = text.iter().flat_map(texts).flat_map(words);
        let all = related.iter().copied().chain(mentioned).filter(|other| !page.is_about(other));
        let pages = all.filter_map(|other| match (other, self.names.get(other)) {
            (COMMAND, _) => Some((1, "bedrock")),
            ("bedrock", _) => Some((3, other)),
            (_, Some(Name::Page(section))) => Some((*section, other)),
            _ => None,
        });
        let pages: BTreeSet<_> = pages.collect();
        page.section("SEE ALSO");
        for (at, (section, other)) in pages.iter().enumerate() {
            page.reference(other, *section, if at + 1 < pages.len() { "," } else { "" });
        }
    }
}

/// Writes the opening of a chapter: paragraphs with a title are sections.
fn opening(page: &mut Mdoc<'_>, chapter: &ChapterText) {
    for block in &chapter.text {
        match titled(block) {
            Some((title, rest)) => {
                page.subsection(title);
                page.paragraph(rest);
            }
            None => page.blocks(std::slice::from_ref(block)),
        }
    }
}

/// Writes the list of config keys. What is in parentheses at the end of a text is its type and default.
fn keys(page: &mut Mdoc<'_>, rows: &[Row]) {
    page.begin_list("tag", Some("Ds"));
    for Row { term, text } in rows {
        let (text, remark) = text.split_at(last_parenthesis(text).expect("a key has a type and a default"));
        page.item_of("Ic", term, None);
        page.text(text);
        page.break_line();
        page.text(remark.trim());
    }
    page.end_list();
}

/// Returns where the parenthesis begins that ends a text.
fn last_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at).filter(|_| c == '(');
        }
    }
    None
}

fn constants(page: &mut Mdoc<'_>, group: &Group) {
    page.section("CONSTANTS");
    page.begin_list("tag", Some("Ds"));
    for constant in &group.constants {
        page.item_of("Dv", &constant.name, Some(&constant.value.to_string()));
        page.blocks(&constant.text);
    }
    page.end_list();
}

fn prototype<'t>(page: &mut Mdoc<'_>, returns: &str, name: &str, parameters: impl Iterator<Item = (&'t str, &'t str)>) {
    page.macro_line("Ft", returns.split(' '));
    page.macro_line("Fo", [name]);
    let mut has_parameters = false;
    for (r#type, name) in parameters {
        page.macro_line("Fa", [crate::cdef::declarator(r#type, name).as_str()]);
        has_parameters = true;
    }
    if !has_parameters {
        page.macro_line("Fa", ["void"]);
    }
    page.macro_line("Fc", []);
}

/// Returns the texts of a block.
fn texts(block: &Block) -> Vec<&str> {
    match block {
        Block::Paragraph(text) => vec![text],
        Block::Code(_) => Vec::new(),
        Block::Table(rows) => rows.iter().map(|row| row.text.as_str()).collect(),
        Block::List(items) => items.iter().map(String::as_str).collect(),
    }
}

/// Returns everything that the documentation of a function says.
fn function_text(function: &FunctionEntry) -> Vec<Block> {
    let parameters = function.parameters.iter().filter_map(|parameter| parameter.text.as_ref());
    let parts = [&function.returns.text, &function.ownership, &function.threads].into_iter().flatten();
    let all = function.text.iter().cloned().chain(parameters.chain(parts).cloned().map(Block::Paragraph));
    all.collect()
}
