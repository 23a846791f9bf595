//! Generators of files that `cargo xtask` writes and that the tests compare.
//!
//! [`chapters`] reads the C API from `src/ffi` once: chapters, declarations, documentation. Each generator writes one
//! file from that, and holds no knowledge about single functions. A generator for another file (man pages, a JSON
//! description) is a module beside [`header`], and a name in `main.rs`.

pub mod chapters;
pub mod doc;
pub mod header;
