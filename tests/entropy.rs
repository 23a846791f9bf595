//! The seed of the cryptography below TLS.

use std::fs;

use memchr::memmem;

/// The name is assembled at run time, so that this program does not contain it.
#[test]
fn no_process_gathers_cpu_jitter_before_its_first_connection() {
    let program = fs::read("/proc/self/exe").expect("this program");
    let has = |parts: [&str; 2]| memmem::find(&program, parts.concat().as_bytes()).is_some();
    let mut drawn = [0; 32];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(&mut drawn).expect("random numbers");
    assert_ne!(drawn, [0; 32]);
    assert!(has(["CRYPTO", "_sysrand"]), "aws-lc is not in this program, and what follows says nothing");
    let advice = "aws-lc was built without AWS_LC_SYS_NO_JITTER_ENTROPY=1, which .cargo/config.toml sets";
    assert!(!has(["jent_read", "_entropy"]), "{advice}");
}
