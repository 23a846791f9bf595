//! Generators of files that `cargo xtask` writes and that the tests compare.
//!
//! [`chapters`] reads the C API from `src/ffi` once: chapters, declarations, documentation. [`opening`] reads what is
//! above them in the header. [`api`] is all of it as data, with what [`contract`] derives: directions, ownership, NULL.
//! Each generator writes its files from that, and holds no knowledge about single functions. A generator for another
//! file is a module beside [`header`], and a name in `main.rs`.

pub mod api;
pub mod cdef;
pub mod chapters;
pub mod contract;
pub mod doc;
pub mod header;
mod layout;
pub mod man;
pub mod opening;
