//! Writes a recording. All models of a process that record into the same file share one.
//!
//! Interactions wait in a queue. One job at a time writes them, on a thread that may block. While the queue is too
//! long, no call starts: a slow disk delays calls, and does not fill the memory.

use super::format::{Interaction, RecordingFile};
use crate::error::{Error, Kind, Result, in_words, quote_up_to};
use crate::protocol::redact::Secrets;
use crate::runtime::blocking;
use crate::runtime::log;
use crate::runtime::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// The longest part of a file name that a message quotes.
pub const MAX_QUOTED_NAME: usize = 512;
/// No call starts while the queue is longer than this, in bytes.
const MAX_QUEUED: usize = 64 << 20;
/// The maximum time that a call waits for the queue.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The recorder of one file.
pub struct Recorder {
    /// The name in the config.
    name: String,
    queue: Mutex<Queue>,
    /// Notifies that the queue has become shorter.
    written: Notify,
    /// None once the recording is closed.
    open: Mutex<Option<OpenRecording>>,
    /// The error that made the recording incomplete.
    failed: OnceLock<Error>,
}

/// The interactions that are not yet in the file.
#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// The memory that they take, the one being written included.
    bytes: usize,
    /// Whether a job is writing.
    writing: bool,
}

struct Entry {
    interaction: Interaction,
    secrets: Secrets,
    written: oneshot::Sender<Result<()>>,
}

/// A file that this recorder alone writes. Dropping it closes the file.
struct OpenRecording {
    file: RecordingFile,
    /// Dropped after the file.
    _rights: Box<dyn Send>,
}

impl Recorder {
    /// Returns a recorder for a file that no other writes. It drops `rights` after it has closed the file.
    pub fn new(name: &str, file: RecordingFile, rights: impl Send + 'static) -> Self {
        Recorder {
            name: name.to_owned(),
            queue: Mutex::default(),
            written: Notify::new(),
            open: Mutex::new(Some(OpenRecording { file, _rights: Box::new(rights) })),
            failed: OnceLock::new(),
        }
    }

    /// Fails if the recording is incomplete.
    pub fn check(&self) -> Result<()> {
        self.failed.get().cloned().map_or(Ok(()), Err)
    }

    /// Waits until a call may start: until the queue is short enough.
    pub async fn admit(&self) -> Result<()> {
        let admitted = timeout(MAX_WAIT, async {
            loop {
                let mut written = std::pin::pin!(self.written.notified());
                // From here on no notification is missed.
                written.as_mut().enable();
                self.check()?;
                if self.queue().bytes <= MAX_QUEUED {
                    return Ok(());
                }
                written.await;
            }
        });
        admitted.await.unwrap_or_else(|_| {
            let what = format_args!(
                "the recording {} is not written fast enough: for {} more than {} MiB have waited for the disk. Look at \
                 the disk, or record less at once",
                quote_up_to(&self.name, MAX_QUOTED_NAME),
                in_words(MAX_WAIT),
                MAX_QUEUED >> 20,
            );
            Err(Error::new(Kind::Resource, what).at("/transport/record"))
        })
    }

    /// Queues an interaction, which is written without the secrets whether or not the result is awaited.
    pub fn write(self: &Arc<Self>, interaction: Interaction, secrets: Secrets) -> PendingWrite {
        let (written, pending) = oneshot::channel();
        let starts = {
            let mut queue = self.queue();
            queue.bytes += interaction.size();
            queue.entries.push_back(Entry { interaction, secrets, written });
            !std::mem::replace(&mut queue.writing, true)
        };
        if starts {
            let recorder = self.clone();
            if let Err(error) = blocking::RECORDINGS.submit(move || recorder.drain_queue(Recorder::append)) {
                self.drain_queue(|recorder, _| recorder.fail(&error));
            }
        }
        PendingWrite(pending)
    }

    /// Calls `each` for all queued interactions.
    fn drain_queue(&self, each: impl Fn(&Recorder, &Entry) -> Result<()>) {
        loop {
            let next = {
                let mut queue = self.queue();
                let next = queue.entries.pop_front();
                queue.writing = next.is_some();
                next
            };
            let Some(entry) = next else { break };
            let result = self.check().and_then(|()| each(self, &entry));
            self.queue().bytes -= entry.interaction.size();
            self.written.notify_waiters();
            let Entry { interaction, written, .. } = entry;
            // Its memory is free before the caller continues.
            drop(interaction);
            let _ = written.send(result);
        }
    }

    fn append(&self, entry: &Entry) -> Result<()> {
        let mut open = self.open();
        let Some(OpenRecording { file, .. }) = open.as_mut() else { return Ok(()) };
        let append = || file.append(&entry.interaction, &entry.secrets);
        match catch_unwind(AssertUnwindSafe(append)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.fail(&error),
            Err(panic) => self.fail(&Error::from_panic(&*panic)),
        }
    }

    /// Makes the recording incomplete: nothing more is written.
    fn fail(&self, why: &dyn std::fmt::Display) -> Result<()> {
        let what = format_args!(
            "the recording {} cannot be written: {why}. It ends before this call; make room, and begin it anew",
            quote_up_to(&self.name, MAX_QUOTED_NAME)
        );
        let error = Error::new(Kind::Resource, what).at("/transport/record");
        log::error("record", &error);
        let _ = self.failed.set(error);
        self.check()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    fn open(&self) -> MutexGuard<'_, Option<OpenRecording>> {
        self.open.lock()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let open = self.open.get_mut().take();
        // Closing a file may block, which the worker must not.
        if Handle::try_current().is_ok() {
            // Without a thread for it, the file is closed here.
            let _ = blocking::RECORDINGS.submit(move || drop(open));
        }
    }
}

/// Ready when the interaction is in the file.
pub struct PendingWrite(oneshot::Receiver<Result<()>>);

impl Future for PendingWrite {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let received = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(received.unwrap_or_else(|_| Err(Error::shut_down())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::{Outcome, Request};
    use crate::cassette::open_recordings;
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
    async fn no_call_starts_while_the_disk_does_not_respond_and_each_gets_an_error() {
        let path = scratch("slow");
        let recorder = open_recordings::open(path.to_str().unwrap()).unwrap_or_else(|reason| panic!("{reason}"));
        let (release, hangs) = mpsc::channel::<()>();
        let (hung, hanging) = mpsc::channel();
        let disk = std::thread::spawn({
            let recorder = recorder.clone();
            move || {
                let mut open = recorder.open.lock();
                hung.send(()).unwrap();
                let _ = hangs.recv();
                // The queue is large: it is dropped without being written.
                open.take();
            }
        });
        hanging.recv().unwrap();
        let first = recorder.write(interaction(MAX_QUEUED / 2), Secrets::default());
        assert!(recorder.admit().await.is_ok(), "there is room");
        let second = recorder.write(interaction(MAX_QUEUED / 2), Secrets::default());
        let error = recorder.admit().await.unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (Kind::Resource, "/transport/record"));
        assert!(error.to_string().contains("for 30s more than 64 MiB have waited for the disk"), "{error}");
        tokio::time::resume();
        let waiting = tokio::spawn({
            let recorder = recorder.clone();
            async move { recorder.admit().await }
        });
        tokio::task::yield_now().await;
        drop(release);
        disk.join().unwrap();
        assert!(first.await.is_ok() && second.await.is_ok() && waiting.await.unwrap().is_ok());
        assert_eq!(recorder.queue().bytes, 0);
        drop(recorder);
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_recording_can_be_begun_again_as_soon_as_its_recorder_is_dropped() {
        let path = scratch("anew");
        for _ in 0..50 {
            let recorder = open_recordings::open(path.to_str().unwrap()).unwrap_or_else(|reason| panic!("{reason}"));
            // It is dropped while it writes, and closed by another thread.
            drop(recorder.write(interaction(9), Secrets::default()));
            drop(recorder);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
