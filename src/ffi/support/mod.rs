//! Code that the chapters of the C API share. Nothing here uses a chapter.
//!
//! - Around every export: [`guard`] catches panics, [`fork_handlers`] and [`restricted_callback`] reject calls where
//!   the library may not be called, [`on_event`] ends calls whose callback has left them.
//! - Parameters and results: [`handle`], [`text`], [`out`], [`buffer`], and [`release`] for the program's pointers.
//! - Objects behind handles: [`arguments`] of a call, [`request`], and [`exclusive`] for one thread at a time.

pub mod arguments;
pub mod buffer;
pub mod exclusive;
pub mod fork_handlers;
pub mod guard;
pub mod handle;
pub mod on_event;
pub mod out;
pub mod release;
pub mod request;
pub mod restricted_callback;
pub mod text;
