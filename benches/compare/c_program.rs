//! The C programs and the library that they are linked with.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::plan::Plan;

/// Builds the shared library as it is shipped. Cargo links the library of this benchmark with other options.
pub fn find_library(plan: &Plan, executable: &Path) -> Result<PathBuf, String> {
    if let Some(library) = &plan.library {
        return fs::canonicalize(library).map_err(|error| format!("{}: {error}", library.display()));
    }
    let target = executable.ancestors().nth(3).ok_or("the benchmark is not in a target folder")?;
    let built = Command::new("make")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["--silent", "library"])
        .arg(format!("TARGET={}", target.display()))
        .status()
        .map_err(|error| format!("make: {error}"))?;
    let name = format!("{}bedrock{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    if built.success() { Ok(target.join("release").join(name)) } else { Err(format!("{name} does not build")) }
}

/// Compiles a program of `benches/c` with the header in `include`, and links it with `library`.
pub fn build_c_program(name: &str, library: &Path, scratch: &Path) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("include/bedrock.h").exists() {
        return Err("include/bedrock.h not found".to_owned());
    }
    // The program loads the library by its SONAME, which may differ from the name of its file.
    let link = scratch.join(soname(library).unwrap_or_else(|| library.file_name().unwrap_or_default().to_owned()));
    if !link.exists() {
        std::os::unix::fs::symlink(library, &link).map_err(|error| format!("{}: {error}", link.display()))?;
    }

    let (mut include, mut rpath) = (OsString::from("-I"), OsString::from("-Wl,-rpath,"));
    include.push(root.join("include"));
    rpath.push(scratch);
    compile(name, scratch, &[include, library.into(), rpath])
}

/// Compiles a program of `benches/c`. `options` are further options for the compiler and the linker.
pub fn compile(name: &str, scratch: &Path, options: &[OsString]) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/c").join(name).with_extension("c");
    let program = scratch.join(name);
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-pthread", "-o"])
        .args([&program, &source])
        .args(options)
        .output()
        .map_err(|error| format!("{}: {error}", compiler.display()))?;
    io::stderr().write_all(&output.stderr).ok();
    if output.status.success() { Ok(program) } else { Err(format!("{name}.c does not compile")) }
}

/// Returns the SONAME of a shared library, if readelf is installed (it comes with every Linux linker).
fn soname(library: &Path) -> Option<OsString> {
    let output = Command::new("readelf").args(["-W", "-d"]).arg(library).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, rest) = text.lines().find(|line| line.contains("(SONAME)"))?.split_once('[')?;
    Some(rest.split_once(']')?.0.into())
}
