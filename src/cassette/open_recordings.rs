//! The recording files that this process writes: one recorder for each, and no other process writes it.

use super::format::RecordingFile;
use super::recorder::Recorder;
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use crate::runtime::process_generation::Generation;
use crate::runtime::sync::Condvar;
use crate::sys::regular_file;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Only the user may read prompts and responses.
const MODE: u32 = 0o600;
/// The maximum time that a new recording waits for an earlier one in the same file to be closed.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The reason why a file cannot be recorded into. It follows the file's name in a message.
type Reason = String;

static OPEN_FILES: ForkLock<PerProcess<Vec<OpenFile>>> = ForkLock::new(Rank::RecordedFiles, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &OPEN_FILES;
static OPEN_FILES_CHANGED: Condvar = Condvar::new();

/// A file that is being recorded into.
struct OpenFile {
    id: FileId,
    /// Cannot be upgraded while the recording is being begun or closed.
    recorder: Weak<Recorder>,
}

/// Device and inode: one file may have many names.
type FileId = (u64, u64);

/// Begins the recording in the file with this name, or returns its recorder if it has begun. Blocks.
pub fn open(name: &str) -> Result<Arc<Recorder>, Reason> {
    let reason = |error: std::io::Error| error.to_string();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    let opened = regular_file::open(Path::new(name), &mut options, libc::O_NOFOLLOW);
    let (file, metadata) = opened.map_err(|unreadable| match unreadable {
        regular_file::Unreadable::Io(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            "it is a symbolic link, which a recording does not follow; name the file itself".to_owned()
        }
        other => other.to_string(),
    })?;
    let id = (metadata.dev(), metadata.ino());
    let claim = match Claim::acquire(id)? {
        Claimed::ByRecorder(recorder) => return Ok(recorder),
        Claimed::Now(claim) => claim,
    };
    let file = Arc::new(file);
    let lock = Lock::acquire(file.clone())?;
    if !RecordingFile::can_overwrite(&file).map_err(reason)? {
        return Err("it holds something that is not a recording; remove it, or name another file".to_owned());
    }
    if metadata.mode() & 0o777 != MODE {
        let changed = file.set_permissions(Permissions::from_mode(MODE));
        changed.map_err(|error| format!("it cannot be made readable for its owner alone: {error}"))?;
    }
    let file = RecordingFile::begin(file).map_err(reason)?;
    let recorder = Arc::new(Recorder::new(name, file, Rights { _lock: lock, _claim: claim }));
    let mut files = OPEN_FILES.lock();
    let file = files.current().iter_mut().find(|file| file.id == id);
    file.expect("the claimed file").recorder = Arc::downgrade(&recorder);
    OPEN_FILES_CHANGED.notify_all();
    Ok(recorder)
}

/// The rights of a recorder while it writes. The fields are released in this order.
struct Rights {
    _lock: Lock,
    _claim: PerProcess<Claim>,
}

/// The right to record into a file, within this process.
struct Claim {
    id: FileId,
}

enum Claimed {
    ByRecorder(Arc<Recorder>),
    Now(PerProcess<Claim>),
}

impl Claim {
    /// Waits while another recording in the file is being begun or closed.
    fn acquire(id: FileId) -> Result<Claimed, Reason> {
        let deadline = Instant::now() + MAX_WAIT;
        let mut files = OPEN_FILES.lock();
        loop {
            let Some(file) = files.current().iter().find(|file| file.id == id) else {
                files.current().push(OpenFile { id, recorder: Weak::new() });
                return Ok(Claimed::Now(PerProcess::new(Claim { id })));
            };
            if let Some(recorder) = file.recorder.upgrade() {
                return Ok(Claimed::ByRecorder(recorder));
            }
            let Some(remaining) = deadline.checked_duration_since(Instant::now()) else {
                return Err("another recording into it begins or ends, and the disk does not respond".to_owned());
            };
            files = files.wait_timeout(&OPEN_FILES_CHANGED, remaining).0;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        OPEN_FILES.lock().current().retain(|file| file.id != self.id);
        OPEN_FILES_CHANGED.notify_all();
    }
}

/// The right to record into a file, among all processes.
struct Lock {
    file: Arc<File>,
    process: Generation,
}

impl Lock {
    fn acquire(file: Arc<File>) -> Result<Self, Reason> {
        match file.try_lock() {
            Ok(()) => Ok(Lock { file, process: Generation::current() }),
            Err(TryLockError::WouldBlock) => {
                Err("another process records into it, or was forked while this one did; name another file".to_owned())
            }
            Err(TryLockError::Error(error)) => {
                Err(format!("it cannot be locked against other processes: {error}; name a file on another file system"))
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A forked child shares the lock. It neither releases the lock nor holds it longer than the parent.
        if self.process.is_current() {
            let _ = self.file.unlock();
        }
    }
}
