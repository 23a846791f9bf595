//! The names of the pages: which page documents what, and where a text refers to one.

use super::mdoc::{Name, Names};
use crate::api::{Api, Block, ChapterText, Group};
use std::collections::BTreeMap;

/// The page of a chapter, if it is not called like the chapter.
const CHAPTER_PAGES: [(&str, &str); 1] = [("status", "bedrock_errors")];
/// Parts of the header that its texts refer to, and the pages that have them.
const REFERENCES: [(&str, &str); 4] = [
    ("the rules at the top of this header", "bedrock"),
    ("\"The process\", the last chapter,", "bedrock_process"),
    ("\"Status and errors\" lists", "bedrock_errors lists"),
    ("The macros above are", "The macros BEDROCK_VERSION_MAJOR, BEDROCK_VERSION_MINOR and BEDROCK_VERSION_PATCH are"),
];
pub const CONFIG: &str = "bedrock_config";
pub const TUTORIAL: &str = "bedrock_tutorial";
/// The command, whose page is written by hand: `cli/bedrock.1`.
pub const COMMAND: &str = "bedrock(1)";

/// Returns the API with references to pages in place of those to parts of the header.
pub fn with_pages(api: &Api) -> Api {
    let mut api = api.clone();
    for chapter in &mut api.chapters {
        chapter.text.iter_mut().for_each(refer_to_pages);
    }
    for rule in &mut api.rules {
        rule.text.iter_mut().for_each(refer_to_pages);
    }
    for function in &mut api.functions {
        function.text.iter_mut().for_each(refer_to_pages);
    }
    for callback in &mut api.callbacks {
        callback.text.iter_mut().for_each(refer_to_pages);
    }
    api
}

fn refer_to_pages(block: &mut Block) {
    if let Block::Paragraph(text) = block {
        for (part, page) in REFERENCES {
            *text = text.replace(part, page);
        }
    }
}

/// Returns the name of the page that has the opening of a chapter.
pub fn page_of(chapter: &str) -> String {
    let named = CHAPTER_PAGES.iter().find(|(name, _)| *name == chapter).map(|(_, page)| (*page).to_owned());
    named.unwrap_or_else(|| format!("bedrock_{chapter}"))
}

/// Returns whether the page of a chapter is not that of a function or struct with the same name.
pub fn is_own_page(api: &Api, chapter: &ChapterText) -> bool {
    let page = page_of(chapter.name);
    !api.functions.iter().any(|function| function.name == page) && !api.structs.iter().any(|other| other.name == page)
}

/// Returns the names that have no page of their own, with the page that documents them.
pub fn links(api: &Api) -> BTreeMap<String, String> {
    let handles = api.handles.iter().map(|handle| (&handle.name, page_of(handle.chapter)));
    let types = api.types.iter().map(|number| (&number.name, page_of(number.chapter)));
    let macros = api.macros.iter().map(|constant| (&constant.name, "bedrock".to_owned()));
    let groups = api
        .constants
        .iter()
        .flat_map(|group| group.constants.iter().map(|constant| (&constant.name, page_of_group(api, group))));
    let all = handles.chain(types).chain(macros).chain(groups);
    all.filter(|(name, page)| *name != page).map(|(name, page)| (name.clone(), page)).collect()
}

/// Returns the page that lists a group of constants: that of the struct or function that has them, or of the chapter.
pub fn page_of_group(api: &Api, group: &Group) -> String {
    let has = |constants: &Option<String>| constants.as_ref() == Some(&group.prefix);
    let structure = api.structs.iter().find(|other| other.fields.iter().any(|field| has(&field.constants)));
    let takes = api.functions.iter().find(|other| other.parameters.iter().any(|parameter| has(&parameter.constants)));
    let returns = api.functions.iter().find(|other| has(&other.returns.constants));
    let function = takes.or(returns).map(|function| function.name.clone());
    structure.map(|structure| structure.name.clone()).or(function).unwrap_or_else(|| page_of(group.chapter))
}

/// Returns the names that texts mention.
pub fn names(api: &Api) -> Names {
    let pages = api.functions.iter().map(|function| &function.name);
    let pages = pages.chain(api.structs.iter().map(|structure| &structure.name));
    let pages = pages.chain(api.callbacks.iter().map(|callback| &callback.name));
    let pages =
        pages.chain(api.handles.iter().map(|handle| &handle.name)).chain(api.types.iter().map(|number| &number.name));
    let mut names: Names = pages.map(|name| (name.clone(), Name::Page(3))).collect();
    names.extend(api.chapters.iter().map(|chapter| (page_of(chapter.name), Name::Page(3))));
    names.insert("bedrock".to_owned(), Name::Page(3));
    names.insert(CONFIG.to_owned(), Name::Page(5));
    names.insert(TUTORIAL.to_owned(), Name::Page(7));
    let constants = api.constants.iter().flat_map(|group| &group.constants).map(|constant| &constant.name);
    let constants = constants.chain(api.macros.iter().map(|constant| &constant.name)).cloned();
    names.extend(constants.chain(["NULL".to_owned()]).map(|name| (name, Name::Constant)));
    names
}
