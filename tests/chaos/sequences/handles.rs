//! The handles that all threads share, by type. Freed handles stay among them.

use std::ptr::without_provenance_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bedrock::ffi::cancel::*;
use bedrock::ffi::feed::*;
use bedrock::ffi::model::*;
use bedrock::ffi::request::*;
use bedrock::ffi::response::*;
use bedrock::ffi::run::*;
use bedrock::ffi::stream::*;
use bedrock::ffi::waitset::*;

use crate::random::Random;
use crate::support::capi::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Error,
    Model,
    Request,
    Cancel,
    Stream,
    Run,
    Waitset,
    Response,
    Feed,
}

const KINDS: [Kind; 9] = [
    Kind::Error,
    Kind::Model,
    Kind::Request,
    Kind::Cancel,
    Kind::Stream,
    Kind::Run,
    Kind::Waitset,
    Kind::Response,
    Kind::Feed,
];

/// The maximum number of handles of a type that are kept.
const MOST: usize = 24;

#[derive(Default)]
pub struct Handles([Mutex<Vec<usize>>; KINDS.len()]);

impl Handles {
    /// Keeps a handle. Frees another one if there are too many.
    pub fn keep<T>(&self, random: &mut Random, kind: Kind, handle: *mut T) {
        if handle.is_null() {
            return;
        }
        let mut handles = self.of(kind);
        if handles.len() < MOST {
            return handles.push(handle.addr());
        }
        let at = random.below(MOST);
        let old = std::mem::replace(&mut handles[at], handle.addr());
        drop(handles);
        free(kind, old);
    }

    /// Returns a handle for a parameter of this type: usually one of that type, freed or not.
    pub fn pick(&self, random: &mut Random, kind: Kind) -> usize {
        let kind = match random.below(100) {
            0..90 => kind,
            90..94 => *random.one_of(&KINDS),
            94..97 => return 0,
            97 => return random.next() as usize,
            98 => return random.below(4096),
            _ => return self.pick(random, kind).wrapping_add(1),
        };
        let handles = self.of(kind);
        if handles.is_empty() { 0 } else { *random.one_of(&handles) }
    }

    pub fn forget(&self, kind: Kind, handle: usize) {
        self.of(kind).retain(|known| *known != handle);
    }

    pub fn free_all(&self) {
        for kind in KINDS {
            let handles = std::mem::take(&mut *self.of(kind));
            handles.into_iter().for_each(|handle| free(kind, handle));
        }
    }

    fn of(&self, kind: Kind) -> MutexGuard<'_, Vec<usize>> {
        self.0[kind as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn free(kind: Kind, handle: usize) {
    match kind {
        Kind::Error => bedrock_error_free(without_provenance_mut(handle)),
        Kind::Model => bedrock_model_free(without_provenance_mut(handle)),
        Kind::Request => bedrock_request_free(without_provenance_mut(handle)),
        Kind::Cancel => bedrock_cancel_free(without_provenance_mut(handle)),
        Kind::Stream => bedrock_stream_free(without_provenance_mut(handle)),
        Kind::Run => bedrock_run_free(without_provenance_mut(handle)),
        Kind::Waitset => bedrock_waitset_free(without_provenance_mut(handle)),
        Kind::Response => bedrock_response_free(without_provenance_mut(handle)),
        Kind::Feed => bedrock_feed_free(without_provenance_mut(handle)),
    }
}
