//! How the shared library is linked: its name, its exports, and that it stays; and where its random numbers come from.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/exports.map");
    check_entropy();
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

/// aws-lc reads this variable when it is built. Cargo lets no crate set it for another: .cargo/config.toml, which
/// tells why it is wanted, holds for this checkout alone.
const NO_JITTER: &str = "AWS_LC_SYS_NO_JITTER_ENTROPY";

/// Says so where aws-lc is built to seed itself slowly, and has the library do that beside the network's work.
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
