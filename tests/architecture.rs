//! The folders of `src` are the layers of the library: an import points down or stays, and no files use each other in a
//! circle.
//!
//! ARCHITECTURE.md has the picture and says what each layer is for.

#[path = "architecture/imports.rs"]
mod imports;

use imports::{Arrow, Crate};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// From the top to the bottom.
const LAYERS: [&str; 17] = [
    "ffi", "run", "model", "call", "sdk", "cassette", "script", "http", "request", "response", "protocol", "config",
    "runtime", "error", "text", "json", "sys",
];

fn library() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// The layer of a file below `src`.
fn layer(file: &str) -> Option<usize> {
    let name = file.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    LAYERS.iter().position(|layer| *layer == name)
}

/// The imports that point to a higher layer.
fn upward(arrows: &BTreeSet<Arrow>) -> Vec<&Arrow> {
    let is_upward = |arrow: &&Arrow| layer(&arrow.to).zip(layer(&arrow.from)).is_some_and(|(to, from)| to < from);
    arrows.iter().filter(is_upward).collect()
}

/// The groups of files in which each uses each of the others, directly or by others of the group.
fn circles(arrows: &BTreeSet<Arrow>) -> Vec<Vec<&str>> {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for arrow in arrows {
        uses.entry(&arrow.from).or_default().push(&arrow.to);
    }
    let reached = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = uses.get(from).into_iter().flatten().copied().collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(uses.get(file).into_iter().flatten());
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|file| (*file, reached(file))).collect();
    let mut groups = BTreeSet::new();
    for (file, all) in &reached {
        if all.contains(file) {
            let mutual = |other: &&&str| reached.get(*other).is_some_and(|back| back.contains(file));
            groups.insert(all.iter().filter(mutual).copied().collect::<Vec<_>>());
        }
    }
    groups.into_iter().collect()
}

fn listed(arrows: &[&Arrow]) -> String {
    arrows.iter().map(|arrow| format!("\n    {} uses {}", arrow.from, arrow.to)).collect()
}

/// The arrows inside of a circle, for people.
fn drawn(arrows: &BTreeSet<Arrow>, circle: &[&str]) -> String {
    let inside = |file: &str| circle.contains(&file);
    listed(&arrows.iter().filter(|arrow| inside(&arrow.from) && inside(&arrow.to)).collect::<Vec<_>>())
}

#[test]
fn every_module_in_the_root_is_a_layer() {
    let known: BTreeSet<_> = LAYERS.into_iter().collect();
    assert_eq!(library().top().collect::<BTreeSet<_>>(), known);
}

#[test]
fn no_import_points_to_a_higher_layer() {
    let arrows = library().arrows();
    let upward = upward(&arrows);
    assert!(upward.is_empty(), "imports that point up:{}", listed(&upward));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let arrows = library().arrows();
    let circles = circles(&arrows);
    let drawn: String = circles.iter().map(|circle| format!("\n  circle:{}", drawn(&arrows, circle))).collect();
    assert!(circles.is_empty(), "{} circles:{drawn}", circles.len());
}

#[test]
fn architecture_md_names_every_layer_in_this_order() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let text = text.expect("ARCHITECTURE.md");
    let rows: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).collect();
    let named: Vec<_> = rows.iter().map(|(name, _)| name.trim_end_matches(".rs").trim_end_matches('/')).collect();
    let first = named.iter().position(|name| *name == LAYERS[0]).expect("the table of layers");
    assert_eq!(named[first..first + LAYERS.len()], LAYERS);
}

#[test]
fn architecture_md_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let quoted = text.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") && !word.contains(['*', ' ']));
    let files: Vec<_> = quoted.filter(|file| !file.contains("NOUN")).collect();
    let exists = |file: &str| root.join(file).exists() || root.join("src").join(file).exists();
    let missing: Vec<_> = files.iter().filter(|file| !exists(file)).collect();
    assert!(files.len() > 40 && missing.is_empty(), "{missing:?}");
}

/// The tests that docs/decisions/failover.md names are its proof.
#[test]
fn failover_md_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the source").flatten() {
            let path = entry.path();
            let is_source = path.extension().is_some_and(|extension| extension == "rs" || extension == "c");
            match path.is_dir() {
                true => folders.push(path),
                false if is_source => sources.push_str(&std::fs::read_to_string(&path).expect("a source file")),
                false => {}
            }
        }
    }
    let page = std::fs::read_to_string(root.join("docs/decisions/failover.md")).expect("the page");
    let is_test = |word: &&str| word.matches('_').count() > 3 && word.chars().all(|c| c == '_' || c.is_alphanumeric());
    let named: Vec<_> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !sources.contains(&format!(" {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_documentation_of_a_folder_names_all_of_its_files() {
    let mut missing = Vec::new();
    for (file, children) in library().folders() {
        let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file));
        let source = source.expect("a file that has just been read");
        let doc: String = source.lines().filter_map(|line| line.strip_prefix("//!")).collect();
        let words: BTreeSet<_> = doc.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        missing.extend(children.filter(|child| !words.contains(child)).map(|child| format!("{file}: {child}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A crate of these files.
fn crate_of(files: &'static [(&str, &str)]) -> Crate {
    Crate::from(&|wanted| files.iter().find(|(file, _)| *file == wanted).map(|(_, source)| (*source).to_owned()))
}

#[test]
fn an_upward_import_is_found_in_every_form() {
    for planted in [
        "use crate::sdk::client::Client;",
        "use crate::{error::Error, sdk::client};",
        "use crate::sdk::{self, client};",
        "use crate::sdk as below;",
        "fn f() { let x = crate::sdk::client::new(); }",
        "use super::super::sdk::client::Client;",
        "fn f() { helper(\"a string with a { in it\", 'x', '\\'', |a: &'static str| crate::sdk::client::f(a)) }",
        "pub use crate::sdk::client::Client;\nfn f(client: Client) { Client::new() }",
    ] {
        let read = |wanted: &str| match wanted {
            "lib.rs" => Some("mod http; mod sdk; mod error;".to_owned()),
            "http/mod.rs" => Some("mod origin;".to_owned()),
            "http/origin.rs" => Some(planted.to_owned()),
            "sdk/mod.rs" => Some("pub mod client;".to_owned()),
            "sdk/client.rs" => Some("pub struct Client;".to_owned()),
            "error.rs" => Some("pub struct Error;".to_owned()),
            _ => None,
        };
        let arrows = Crate::from(&read).arrows();
        assert!(!upward(&arrows).is_empty(), "{planted}");
    }
}

#[test]
fn comments_strings_tests_and_downward_imports_are_no_violations() {
    let arrows = crate_of(&[
        ("lib.rs", "mod http; mod sdk; mod error;"),
        ("http/mod.rs", "mod origin;"),
        (
            "http/origin.rs",
            "//! See crate::sdk::client.\nuse crate::error::Error;\nconst A: &str = \"crate::sdk::client\";\n\
             /* crate::sdk */ const B: &str = r#\"\"crate::sdk::client\"#;\n\
             #[cfg(test)]\nmod tests { use crate::sdk::client::Client; }\nfn f() {}",
        ),
        ("sdk/mod.rs", "pub mod client;"),
        ("sdk/client.rs", "use crate::http;\npub struct Client;"),
        ("error.rs", "pub struct Error;"),
    ])
    .arrows();
    assert!(upward(&arrows).is_empty(), "{arrows:?}");
    assert!(circles(&arrows).is_empty());
}

#[test]
fn a_re_export_is_an_import_only_if_the_file_uses_it() {
    let arrows = |parent: &'static str| {
        let read = move |wanted: &str| match wanted {
            "lib.rs" => Some("mod call;".to_owned()),
            "call/mod.rs" => Some(parent.to_owned()),
            "call/writer.rs" => Some("use super::Shared; pub struct Writer;".to_owned()),
            _ => None,
        };
        Crate::from(&read).arrows()
    };
    let unused = arrows("mod writer; pub use writer::Writer; pub struct Shared;");
    assert!(circles(&unused).is_empty(), "{unused:?}");
    let used = arrows("mod writer; pub use writer::Writer; pub struct Shared; fn f() { Writer::new() }");
    assert_eq!(circles(&used), [["call/mod.rs", "call/writer.rs"]]);
    let named = arrows("mod writer; pub use writer::Writer; pub struct Shared; fn f(_: Writer) {}");
    assert_eq!(circles(&named), [["call/mod.rs", "call/writer.rs"]]);
}

#[test]
fn a_circle_is_found_through_re_exports_and_through_the_files_of_a_folder() {
    let arrows = crate_of(&[
        ("lib.rs", "mod call; mod error;"),
        ("call/mod.rs", "mod pipe; mod reader; pub use pipe::Pipe;"),
        ("call/pipe.rs", "use super::reader::Reader; pub struct Pipe;"),
        ("call/reader.rs", "use crate::call::Pipe; pub struct Reader;"),
        ("error.rs", "pub struct Error;"),
    ])
    .arrows();
    assert_eq!(circles(&arrows), [["call/pipe.rs", "call/reader.rs"]]);
}
