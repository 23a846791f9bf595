//! `cargo xtask NAME` writes the generated files of the repository again.

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask header    writes include/bedrock.h from src/ffi";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository");
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["header"] => write(&root.join("include/bedrock.h"), &xtask::header::generate(root)),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// Replaces a file in one step, because tests may be reading it.
fn write(path: &Path, text: &str) -> ExitCode {
    let fresh = path.with_extension("new");
    match std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
