//! The stamps of files, which tell whether a file was written after it was read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files, each with what the system knows of its last change. None for a file that does not exist.
#[derive(Clone, Debug, Default)]
pub struct FileStamps(Vec<(PathBuf, Option<Stamp>)>);

/// Device, inode, size, and the time of the last change in seconds and nanoseconds.
type Stamp = (u64, u64, u64, i64, i64);

impl FileStamps {
    /// Adds a file as it is now. Blocks.
    pub fn add(&mut self, path: &Path) {
        self.0.push((path.to_owned(), stamp(path)));
    }

    /// Takes the stamps anew, and returns whether one of the files has changed. Blocks.
    pub fn have_changed(&mut self) -> bool {
        let mut have_changed = false;
        for (path, known) in &mut self.0 {
            let now = stamp(path);
            have_changed |= std::mem::replace(known, now) != now;
        }
        have_changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let of = |file: Metadata| (file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    std::fs::metadata(path).ok().map(of)
}
