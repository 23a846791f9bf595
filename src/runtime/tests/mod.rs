//! Tests of the files that `tests/races.rs` compiles for its model checker, where a test of theirs would not run.

mod fork;
mod per_process;
mod slot_table;
