//! `cargo xtask NAME` writes the generated files of the repository again.

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask header    writes include/bedrock.h from src/ffi
       cargo xtask api       writes bindings/ffi/api.json and bindings/ffi/bedrock.cdef.h from src/ffi";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository");
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let written = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["header"] => write(&root.join("include/bedrock.h"), &xtask::header::generate(root)),
        ["api"] => xtask::api::read(root).map_err(|flaws| flaws.join("\n")).and_then(|api| {
            write(&root.join("bindings/ffi/api.json"), &xtask::api::generate(&api))?;
            write(&root.join("bindings/ffi/bedrock.cdef.h"), &xtask::cdef::generate(&api))
        }),
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

/// Replaces a file in one step, because tests may be reading it.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let fresh = path.with_extension("new");
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| format!("writing {}: {error}", path.display()))
}
