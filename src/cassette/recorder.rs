//! Who writes a recording: in one process all that name one file do so through one [`Recorder`].
//!
//! What is to be written waits in a queue, and one piece of work at a time writes it, where it may wait for the disk. While too
//! much waits, no call begins: a disk that is slow holds calls up, and does not fill the memory.

use super::format::{Interaction, Page};
use crate::config::check_transport::{bad, check_keys};
use crate::error::{Error, Kind, Result, in_words, quote_up_to};
use crate::json::Json;
use crate::protocol::redact::Secrets;
use crate::runtime::blocking;
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::runtime::generation::Generation;
use crate::runtime::log;
use crate::runtime::per_process::PerProcess;
use crate::runtime::sync::{Condvar, Mutex, MutexGuard};
use crate::sys::regular_file;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// How much of a file's name a message quotes.
pub const QUOTE_FILE: usize = 512;
/// Prompts and answers are for the user alone.
const MODE: u32 = 0o600;
/// While more than this waits to be written, no call begins.
const MOST_WAITING: usize = 64 << 20;
/// How long a call waits for the disk before it begins.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a recording that begins waits for an earlier one in the same file to be closed.
const PATIENCE_WITH_CLOSING: Duration = Duration::from_secs(5);

/// The files that this process records into.
static PLACES: ForkLock<PerProcess<Vec<Place>>> = ForkLock::new(Rank::RecordedFiles, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &PLACES;
static PLACES_CHANGED: Condvar = Condvar::new();

/// A file that is recorded into.
struct Place {
    file: FileId,
    /// Empty while the recording is begun or closed.
    recorder: Weak<Recorder>,
}

/// Device and inode: one file may have many names.
type FileId = (u64, u64);

pub struct Recorder {
    /// As the config names it.
    name: String,
    waiting: Mutex<Waiting>,
    /// Something that waited is written.
    written: Notify,
    /// Taken when the recording is closed.
    open: Mutex<Option<Open>>,
    /// Why something is missing from the recording.
    broken: OnceLock<Error>,
}

/// What is not yet in the file.
#[derive(Default)]
struct Waiting {
    queue: VecDeque<Entry>,
    /// How much memory it takes, what is being written included.
    bytes: usize,
    /// Whether somebody is at work on it.
    writing: bool,
}

struct Entry {
    interaction: Interaction,
    secrets: Secrets,
    written: oneshot::Sender<Result<()>>,
}

/// A file that this process alone records into. It is closed when this is dropped.
struct Open {
    page: Page,
    // Let go of in this order.
    _lock: Lock,
    _claim: PerProcess<Claim>,
}

/// Whose text stands in an error of the config.
type Fault = String;

impl Recorder {
    /// Begins the recording that the config's `transport` names, or joins those who have begun it.
    pub fn parse(json: Json<'_>) -> Result<Arc<Self>> {
        check_keys(json, "/transport", &["record"])?;
        let name = file_name(json, "record")?;
        Recorder::begin(&name)
            .map_err(|fault| bad("/transport/record", &format!("{}: {fault}", quote_up_to(&name, QUOTE_FILE))))
    }

    fn begin(name: &str) -> std::result::Result<Arc<Self>, Fault> {
        let fault = |error: std::io::Error| error.to_string();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(MODE);
        let opened = regular_file::open(Path::new(name), &mut options, libc::O_NOFOLLOW);
        let (file, found) = opened.map_err(|unreadable| match unreadable {
            regular_file::Unreadable::Io(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                "it is a symbolic link, which a recording does not follow; name the file itself".to_owned()
            }
            other => other.to_string(),
        })?;
        let claim = match Claim::on((found.dev(), found.ino()))? {
            Claimed::By(recorder) => return Ok(recorder),
            Claimed::Now(claim) => claim,
        };
        let file = Arc::new(file);
        let lock = Lock::take(file.clone())?;
        if !Page::may_be(&file).map_err(fault)? {
            return Err("it holds something that is no recording; remove it, or name another file".to_owned());
        }
        if found.mode() & 0o777 != MODE {
            let made = file.set_permissions(Permissions::from_mode(MODE));
            made.map_err(|error| format!("it cannot be made readable for its owner alone: {error}"))?;
        }
        let page = Page::begin(file).map_err(fault)?;
        let file = (found.dev(), found.ino());
        let recorder = Arc::new(Recorder {
            name: name.to_owned(),
            waiting: Mutex::default(),
            written: Notify::new(),
            open: Mutex::new(Some(Open { page, _lock: lock, _claim: claim })),
            broken: OnceLock::new(),
        });
        let mut places = PLACES.lock();
        let place = places.current().iter_mut().find(|place| place.file == file);
        place.expect("what was claimed").recorder = Arc::downgrade(&recorder);
        PLACES_CHANGED.notify_all();
        Ok(recorder)
    }

    /// Fails once something is missing from the recording: there is no use in going on.
    pub fn check(&self) -> Result<()> {
        self.broken.get().cloned().map_or(Ok(()), Err)
    }

    /// Waits until a call may begin: until not too much waits to be written.
    pub async fn admit(&self) -> Result<()> {
        let admitted = timeout(PATIENCE, async {
            loop {
                let mut written = std::pin::pin!(self.written.notified());
                // From here on nothing is missed.
                written.as_mut().enable();
                self.check()?;
                if self.waiting().bytes <= MOST_WAITING {
                    return Ok(());
                }
                written.await;
            }
        });
        admitted.await.unwrap_or_else(|_| {
            let what = format_args!(
                "the recording {} is not written fast enough: for {} more than {} MiB have waited for the disk. Look at \
                 the disk, or record less at once",
                quote_up_to(&self.name, QUOTE_FILE),
                in_words(PATIENCE),
                MOST_WAITING >> 20,
            );
            Err(Error::new(Kind::Resource, what).at("/transport/record"))
        })
    }

    /// Has the interaction written without the secrets, whether or not anybody waits for that.
    pub fn write(self: &Arc<Self>, interaction: Interaction, secrets: Secrets) -> Writing {
        let (written, writing) = oneshot::channel();
        let begins = {
            let mut waiting = self.waiting();
            waiting.bytes += interaction.size();
            waiting.queue.push_back(Entry { interaction, secrets, written });
            !std::mem::replace(&mut waiting.writing, true)
        };
        if begins {
            let recorder = self.clone();
            if let Err(error) = blocking::RECORDINGS.submit(move || recorder.catch_up(Recorder::append)) {
                self.catch_up(|recorder, _| recorder.break_off(&error));
            }
        }
        Writing(writing)
    }

    /// Has `each` care for what waits until nothing does.
    fn catch_up(&self, each: impl Fn(&Recorder, &Entry) -> Result<()>) {
        loop {
            let next = {
                let mut waiting = self.waiting();
                let next = waiting.queue.pop_front();
                waiting.writing = next.is_some();
                next
            };
            let Some(entry) = next else { break };
            let result = self.check().and_then(|()| each(self, &entry));
            self.waiting().bytes -= entry.interaction.size();
            self.written.notify_waiters();
            let Entry { interaction, written, .. } = entry;
            // Who is told may make room for the next answer.
            drop(interaction);
            let _ = written.send(result);
        }
    }

    fn append(&self, entry: &Entry) -> Result<()> {
        let mut open = self.open.lock();
        let Some(Open { page, .. }) = open.as_mut() else { return Ok(()) };
        let append = || page.append(&entry.interaction, &entry.secrets);
        match catch_unwind(AssertUnwindSafe(append)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.break_off(&error),
            Err(panic) => self.break_off(&Error::from_panic(&*panic)),
        }
    }

    /// Writes nothing more, for that reason.
    fn break_off(&self, why: &dyn std::fmt::Display) -> Result<()> {
        let what = format_args!(
            "the recording {} cannot be written: {why}. It ends before this call; make room, and begin it anew",
            quote_up_to(&self.name, QUOTE_FILE)
        );
        let broken = Error::new(Kind::Resource, what).at("/transport/record");
        log::error("record", &broken);
        let _ = self.broken.set(broken);
        self.check()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let open = self.open.get_mut().take();
        // To close a file may wait for the disk, and the worker is not to.
        if Handle::try_current().is_ok() {
            // If there is no thread, it is closed here.
            let _ = blocking::RECORDINGS.submit(move || drop(open));
        }
    }
}

/// An interaction on its way into the file.
pub struct Writing(oneshot::Receiver<Result<()>>);

impl Future for Writing {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let told = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(told.unwrap_or_else(|_| Err(Error::shut_down())))
    }
}

/// The right to record into a file, among all of this process.
struct Claim {
    file: FileId,
}

enum Claimed {
    By(Arc<Recorder>),
    Now(PerProcess<Claim>),
}

impl Claim {
    /// Waits where somebody begins or closes a recording in the file.
    fn on(file: FileId) -> std::result::Result<Claimed, Fault> {
        let patience = Instant::now() + PATIENCE_WITH_CLOSING;
        let mut places = PLACES.lock();
        loop {
            let Some(place) = places.current().iter().find(|place| place.file == file) else {
                places.current().push(Place { file, recorder: Weak::new() });
                return Ok(Claimed::Now(PerProcess::new(Claim { file })));
            };
            if let Some(recorder) = place.recorder.upgrade() {
                return Ok(Claimed::By(recorder));
            }
            let Some(left) = patience.checked_duration_since(Instant::now()) else {
                return Err("another recording into it begins or ends, and the disk does not answer".to_owned());
            };
            places = places.wait_timeout(&PLACES_CHANGED, left).0;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        PLACES.lock().current().retain(|place| place.file != self.file);
        PLACES_CHANGED.notify_all();
    }
}

/// The right to record into a file, among all processes.
struct Lock {
    file: Arc<File>,
    process: Generation,
}

impl Lock {
    fn take(file: Arc<File>) -> std::result::Result<Self, Fault> {
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
        // A forked child shares the lock. It neither lets go of it nor holds it longer than the parent.
        if self.process.is_current() {
            let _ = self.file.unlock();
        }
    }
}

/// The file that stands under `key` of the config's `transport`.
pub fn file_name(json: Json<'_>, key: &str) -> Result<String> {
    let name = json.get(key).and_then(Json::string).filter(|name| !name.is_empty());
    name.map(|name| name.into_owned()).ok_or_else(|| bad(&format!("/transport/{key}"), "the name of a file is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::{Outcome, Request};
    use bytes::Bytes;
    use std::path::PathBuf;
    use std::sync::mpsc;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("bedrock-recorder-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn interaction(bytes: usize) -> Interaction {
        let body = Bytes::from(vec![b'x'; bytes]);
        let request = Request { method: "POST".into(), path: "/".into(), headers: Vec::new(), body };
        Interaction { request, outcome: Outcome::Failure("gone".into()) }
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_disk_does_not_answer_no_call_begins_and_each_is_told_so() {
        let path = scratch("slow");
        let recorder = Recorder::begin(path.to_str().unwrap()).unwrap_or_else(|fault| panic!("{fault}"));
        let (answer, hangs) = mpsc::channel::<()>();
        let (hung, hanging) = mpsc::channel();
        let disk = std::thread::spawn({
            let recorder = recorder.clone();
            move || {
                let mut open = recorder.open.lock();
                hung.send(()).unwrap();
                let _ = hangs.recv();
                // What waits is long: it is let go of without being written.
                open.take();
            }
        });
        hanging.recv().unwrap();
        let first = recorder.write(interaction(MOST_WAITING / 2), Secrets::default());
        assert!(recorder.admit().await.is_ok(), "there is room");
        let second = recorder.write(interaction(MOST_WAITING / 2), Secrets::default());
        let error = recorder.admit().await.unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (Kind::Resource, "/transport/record"));
        assert!(error.to_string().contains("for 30s more than 64 MiB have waited for the disk"), "{error}");
        tokio::time::resume();
        let waiting = tokio::spawn({
            let recorder = recorder.clone();
            async move { recorder.admit().await }
        });
        tokio::task::yield_now().await;
        drop(answer);
        disk.join().unwrap();
        assert!(first.await.is_ok() && second.await.is_ok() && waiting.await.unwrap().is_ok());
        assert_eq!(recorder.waiting().bytes, 0);
        drop(recorder);
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_recording_can_be_begun_anew_as_soon_as_the_last_to_record_has_gone() {
        let path = scratch("anew");
        for _ in 0..50 {
            let recorder = Recorder::begin(path.to_str().unwrap()).unwrap_or_else(|fault| panic!("{fault}"));
            // It goes while it is written, and is closed by another thread.
            drop(recorder.write(interaction(9), Secrets::default()));
            drop(recorder);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
