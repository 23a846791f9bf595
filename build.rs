//! How the shared library is linked: its name, its exports, and that it stays.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/exports.map");
    let os = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo says for which system it builds");
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    if os == "linux" {
        for argument in [
            // The major version of the ABI, as every Unix library has it.
            "-Wl,-soname,libbedrock.so.0".to_owned(),
            // Unloading a library with threads and thread-locals crashes its host: stay.
            "-Wl,-z,nodelete".to_owned(),
            // Rust exports its own runtime otherwise, which clashes with that of other Rust libraries.
            format!("-Wl,--version-script={}", root.join("src/exports.map").display()),
        ] {
            println!("cargo::rustc-cdylib-link-arg={argument}");
        }
    }
}
