//! Sets the linker options of the shared library that cargo links for tests, and checks from where aws-lc takes its
//! random numbers.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/exports.map");
    check_entropy();
    let os = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets the target's system");
    if os == "linux" {
        // The Makefile links the library that is installed. It explains these options and adds the symbol version.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libbedrock.so.{}", abi());
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

/// The number of the ABI, as in the symbol version BEDROCK_0.
fn abi() -> String {
    let map = std::fs::read_to_string("src/exports.map").expect("src/exports.map is part of the package");
    let version = map.split("BEDROCK_").nth(1).expect("src/exports.map names the symbol version");
    version.chars().take_while(char::is_ascii_digit).collect()
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
