//! `cargo xtask NAME` writes the generated files of the repository again.

use std::path::Path;
use std::process::ExitCode;
use xtask::man::{File, Manual};

const USAGE: &str = "\
usage: cargo xtask header    writes include/bedrock.h from src/ffi
       cargo xtask api       writes bindings/ffi/api.json and bindings/ffi/bedrock.cdef.h from src/ffi
       cargo xtask man [DIR] writes the manual pages into DIR (default: target/man)";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository");
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let api = || xtask::api::read(root).map_err(|flaws| flaws.join("\n"));
    let written = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["header"] => write(&root.join("include/bedrock.h"), &xtask::header::generate(root)),
        ["api"] => api().and_then(|api| {
            write(&root.join("bindings/ffi/api.json"), &xtask::api::generate(&api))?;
            write(&root.join("bindings/ffi/bedrock.cdef.h"), &xtask::cdef::generate(&api))
        }),
        ["man"] => api().and_then(|api| write_manual(&root.join("target/man"), &xtask::man::generate(&api, root))),
        ["man", folder] => api().and_then(|api| write_manual(Path::new(folder), &xtask::man::generate(&api, root))),
        _ => Err(USAGE.to_owned()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Writes all pages, and removes those of an earlier version.
fn write_manual(folder: &Path, manual: &Manual) -> Result<(), String> {
    for section in ["man3", "man5", "man7"] {
        let section = folder.join(section);
        let remade = std::fs::remove_dir_all(&section).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        let remade = remade.and_then(|()| std::fs::create_dir_all(&section));
        remade.map_err(|error| format!("making {}: {error}", section.display()))?;
    }
    manual.iter().try_for_each(|(name, file)| match file {
        File::Page(text) => write(&folder.join(name), text),
        File::Link(page) => std::os::unix::fs::symlink(page, folder.join(name))
            .map_err(|error| format!("linking {name} to {page}: {error}")),
    })
}

/// Replaces a file in one step, because tests may be reading it.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let fresh = path.with_extension("new");
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| format!("writing {}: {error}", path.display()))
}
