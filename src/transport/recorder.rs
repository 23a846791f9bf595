//! The file of a recording that is being made.
//!
//! It is a valid JSON document after each interaction: one is written over the brackets that close the document, together with
//! new ones. Whoever records into one file, in one process, does so through one [`Recorder`].

use super::check::{bad, check_keys};
use super::recording::{HEAD, Interaction, MARK, TAIL};
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::json::Json;
use crate::log;
use crate::process::Generation;
use crate::runtime;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a file's name a message quotes.
pub const QUOTE_FILE: usize = 512;

/// The recorders at work. Locked while a file is begun, so that no two begin the same, and while the process forks.
static AT_WORK: Mutex<Vec<Weak<Recorder>>> = Mutex::new(Vec::new());

fn at_work() -> MutexGuard<'static, Vec<Weak<Recorder>>> {
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn lock_for_fork() -> impl std::any::Any {
    at_work()
}

/// Writes what is not yet written anywhere, where a worker ends: its threads may never come to it.
fn finish_all() {
    let recorders: Vec<_> = at_work().iter().filter_map(Weak::upgrade).collect();
    for recorder in recorders.iter().filter(|recorder| recorder.process.is_current()) {
        let _ = recorder.catch_up();
    }
}

pub struct Recorder {
    /// As the config names it.
    name: String,
    process: Generation,
    /// What is on its way into the file. It gets there even where the worker ends before a thread takes it.
    unwritten: Mutex<VecDeque<Interaction>>,
    /// Device and inode: one file may have many names.
    identity: (u64, u64),
    page: Mutex<Page>,
    /// Why something is missing from the recording. Beside the page, whose lock is held while the disk is waited for.
    broken: OnceLock<Error>,
}

struct Page {
    file: File,
    /// Where the document's closing brackets stand.
    end: u64,
    empty: bool,
}

impl Recorder {
    /// Begins the recording that the config's `transport` names, or joins those who have begun it.
    pub fn parse(json: Json<'_>) -> Result<Arc<Self>> {
        check_keys(json, "/transport", &["record"])?;
        let name = file_name(json, "record")?;
        Recorder::begin(&name)
            .map_err(|error| bad("/transport/record", &format!("{}: {error}", quote_up_to(&name, QUOTE_FILE))))
    }

    fn begin(name: &str) -> io::Result<Arc<Self>> {
        let path = Path::new(name);
        // To open a pipe would wait for its other end.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("it is no regular file"));
        }
        runtime::at_worker_end(finish_all);
        let mut recorders = at_work();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let found = file.metadata()?;
        let identity = (found.dev(), found.ino());
        recorders.retain(|recorder| recorder.strong_count() > 0);
        let process = Generation::current();
        let same = |other: &Arc<Recorder>| other.identity == identity && other.process == process;
        if let Some(same) = recorders.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(same);
        }
        if found.len() > 0 && !is_recording(&file)? {
            return Err(io::Error::other("it holds something that is no recording; remove it, or name another file"));
        }
        file.set_len(0)?;
        file.write_all_at(format!("{HEAD}{TAIL}").as_bytes(), 0)?;
        let page = Mutex::new(Page { file, end: HEAD.len() as u64, empty: true });
        let (name, unwritten, broken) = (name.to_owned(), Mutex::default(), OnceLock::new());
        let recorder = Arc::new(Recorder { name, process, unwritten, identity, page, broken });
        recorders.push(Arc::downgrade(&recorder));
        Ok(recorder)
    }

    /// Fails once something is missing from the recording: there is no use in going on.
    pub fn check(&self) -> Result<()> {
        self.broken.get().cloned().map_or(Ok(()), Err)
    }

    /// Writes the interaction, on a thread that may wait for the disk.
    pub fn write(self: &Arc<Self>, interaction: Interaction) -> JoinHandle<Result<()>> {
        self.keep(interaction);
        let recorder = self.clone();
        spawn_blocking(move || recorder.catch_up())
    }

    /// The same for an interaction that nobody waits for any more.
    pub fn write_unheard(self: &Arc<Self>, interaction: Interaction) {
        self.keep(interaction);
        let recorder = self.clone();
        if let Ok(worker) = Handle::try_current() {
            worker.spawn_blocking(move || recorder.catch_up());
        }
    }

    fn keep(&self, interaction: Interaction) {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).push_back(interaction);
    }

    /// Writes what is not yet written, whoever brought it.
    fn catch_up(&self) -> Result<()> {
        let mut page = self.page();
        loop {
            let next = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(interaction) = next else { break };
            if self.broken.get().is_some() {
                continue;
            }
            if let Err(error) = page.append(&interaction) {
                let what = format_args!(
                    "the recording {} cannot be written: {error}. It ends before this call; make room, and begin it anew",
                    quote_up_to(&self.name, QUOTE_FILE)
                );
                let broken = Error::new(Kind::Resource, what).at("/transport/record");
                log::error("record", &broken);
                let _ = self.broken.set(broken);
            }
        }
        self.check()
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file that stands under `key` of the config's `transport`.
pub fn file_name(json: Json<'_>, key: &str) -> Result<String> {
    let name = json.get(key).and_then(Json::string).filter(|name| !name.is_empty());
    name.map(|name| name.into_owned()).ok_or_else(|| bad(&format!("/transport/{key}"), "the name of a file is needed"))
}

/// A program that names a wrong file is not to lose what is in it.
fn is_recording(file: &File) -> io::Result<bool> {
    let mut beginning = [0; 256];
    let length = file.read_at(&mut beginning, 0)?;
    Ok(memchr::memmem::find(&beginning[..length], MARK.as_bytes()).is_some())
}

impl Page {
    fn append(&mut self, interaction: &Interaction) -> io::Result<()> {
        let text = interaction.text();
        let addition = if self.empty { text } else { format!(",{text}") };
        if let Err(error) = self.file.write_all_at(format!("{addition}{TAIL}").as_bytes(), self.end) {
            // What was whole before is made whole again; where even that fails, the error tells enough.
            let closed = self.file.write_all_at(TAIL.as_bytes(), self.end);
            let _ = closed.and_then(|()| self.file.set_len(self.end + TAIL.len() as u64));
            return Err(error);
        }
        self.end += addition.len() as u64;
        self.empty = false;
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.process.is_current() {
            let _ = self.catch_up();
        }
    }
}
