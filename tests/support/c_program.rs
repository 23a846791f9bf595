//! C programs of `tests/c`, linked with the shared library that was built beside the tests.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A compiled program.
#[derive(Clone, Debug)]
pub struct CProgram(PathBuf);

impl CProgram {
    /// Compiles `tests/c/NAME.c`. Warnings are errors. Returns None and prints "skipped" if there is no C compiler.
    /// Panics if the program does not compile.
    #[track_caller]
    pub fn build(name: &str) -> Option<CProgram> {
        CProgram::build_in("tests/c", name)
    }

    /// Compiles `examples-c/NAME.c` in the same way.
    #[track_caller]
    pub fn example(name: &str) -> Option<CProgram> {
        CProgram::build_in("examples-c", name)
    }

    /// Compiles `docs/manual/NAME.c` in the same way.
    #[track_caller]
    pub fn manual(name: &str) -> Option<CProgram> {
        CProgram::build_in("docs/manual", name)
    }

    #[track_caller]
    fn build_in(folder: &str, name: &str) -> Option<CProgram> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
        std::fs::create_dir_all(&scratch).unwrap_or_else(|e| panic!("cannot make {}: {e}", scratch.display()));
        let library = library_by_its_name(&scratch);
        let program = scratch.join(name);
        let compiled = Command::new("cc")
            .args(["-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I"])
            .arg(root.join("include"))
            .arg(root.join(folder).join(name).with_extension("c"))
            .arg("-o")
            .arg(&program)
            .arg(library)
            .arg(format!("-Wl,-rpath,{}", scratch.display()))
            .output();
        match compiled {
            Ok(output) if output.status.success() => Some(CProgram(program)),
            Ok(output) => panic!("{folder}/{name}.c does not compile:\n{}", String::from_utf8_lossy(&output.stderr)),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                println!("skipped: {folder}/{name}.c: no C compiler (cc)");
                None
            }
            Err(e) => panic!("cannot run cc: {e}"),
        }
    }

    /// The program, to be run in an empty environment: nothing of this machine's AWS set-up reaches it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.env_clear();
        command
    }
}

/// The shared library under the name that programs load it by. Cargo builds it without the version in its name.
#[track_caller]
fn library_by_its_name(scratch: &Path) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_else(|e| panic!("this test does not know its own path: {e}"));
    let library = test.with_file_name("libbedrock.so");
    assert!(library.is_file(), "there is no {}", library.display());
    let link = scratch.join("libbedrock.so.0");
    let _ = std::fs::remove_file(&link);
    symlink(&library, &link).unwrap_or_else(|e| panic!("cannot link {}: {e}", link.display()));
    link
}
