//! Sets the linker options of the shared library, and checks from where aws-lc takes its random numbers.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/exports.map");
    check_entropy();
    let os = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets the target's system");
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets the package's folder"));
    if os == "linux" {
        for argument in [
            // The major version of the ABI, as in the name of every Unix library.
            "-Wl,-soname,libbedrock.so.0".to_owned(),
            // Unloading a library that has threads and thread-locals crashes the process, so dlclose leaves it loaded.
            "-Wl,-z,nodelete".to_owned(),
            // Without it, Rust's runtime is exported too, and conflicts with that of other Rust libraries.
            format!("-Wl,--version-script={}", root.join("src/exports.map").display()),
        ] {
            println!("cargo::rustc-cdylib-link-arg={argument}");
        }
    }
}

/// The variable that aws-lc reads when it is built. A crate cannot set it for another: .cargo/config.toml, which
/// explains the value, applies to this checkout alone.
const NO_JITTER: &str = "AWS_LC_SYS_NO_JITTER_ENTROPY";

/// Warns if aws-lc is built with its slow entropy source. The library then draws the first random number on a helper
/// thread.
fn check_entropy() {
    println!("cargo::rustc-check-cfg=cfg(slow_entropy)");
    println!("cargo::rerun-if-env-changed={NO_JITTER}");
    let value = std::env::var(NO_JITTER).unwrap_or_default();
    if !value.starts_with(['1', 'y', 'Y', 't', 'T']) {
        println!("cargo::rustc-cfg=slow_entropy");
        if !value.starts_with('0') {
            println!(
                "cargo::warning={NO_JITTER} is not set: the first TLS connection of each process takes 30 to 60 ms of CPU longer. \
                 Put [env] {NO_JITTER} = \"1\" into your .cargo/config.toml; 0 silences this warning"
            );
        }
    }
}
