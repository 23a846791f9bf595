//! The file of a recording. It is a valid JSON document after each interaction: an interaction and new closing brackets
//! overwrite the closing brackets before it.

use super::interaction::{Interaction, MARK};
use crate::protocol::redact::Secrets;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The text before the first interaction.
const HEAD: &str = "{\n  \"bedrock_recording\": 1,\n  \"interactions\": [";
/// The text after the last interaction: the closing brackets.
const TAIL: &str = "\n  ]\n}\n";
/// The size of the buffer for an interaction's text.
const BUFFER: usize = 64 << 10;

/// The file of a recording, open for writing.
pub struct RecordingFile {
    file: Arc<File>,
    /// The position of the closing brackets.
    end: u64,
    empty: bool,
}

impl RecordingFile {
    /// Returns whether the file may be overwritten: it is empty, or holds a recording. A program that names a wrong
    /// file must not lose its content.
    pub fn can_overwrite(file: &File) -> io::Result<bool> {
        let mut beginning = [0; 256];
        let length = file.read_at(&mut beginning, 0)?;
        Ok(length == 0 || memchr::memmem::find(&beginning[..length], MARK.as_bytes()).is_some())
    }

    /// Makes the file an empty recording.
    pub fn begin(file: Arc<File>) -> io::Result<Self> {
        file.set_len(0)?;
        file.write_all_at(format!("{HEAD}{TAIL}").as_bytes(), 0)?;
        Ok(RecordingFile { file, end: HEAD.len() as u64, empty: true })
    }

    /// Appends an interaction, without the secrets.
    pub fn append(&mut self, interaction: &Interaction, secrets: &Secrets) -> io::Result<()> {
        match self.write(interaction, secrets) {
            Ok(end) => {
                self.end = end;
                self.empty = false;
                Ok(())
            }
            Err(error) => {
                // The closing brackets are restored. If even that fails, the first error is reported.
                let closed = self.file.write_all_at(TAIL.as_bytes(), self.end);
                let _ = closed.and_then(|()| self.file.set_len(self.end + TAIL.len() as u64));
                Err(error)
            }
        }
    }

    /// Returns the new position of the closing brackets.
    fn write(&self, interaction: &Interaction, secrets: &Secrets) -> io::Result<u64> {
        let mut out = BufWriter::with_capacity(BUFFER, WriteAt { file: &self.file, at: self.end });
        if !self.empty {
            out.write_all(b",")?;
        }
        interaction.write(&mut out, secrets)?;
        out.write_all(TAIL.as_bytes())?;
        out.flush()?;
        Ok(out.get_ref().at - TAIL.len() as u64)
    }
}

/// Writes from a position on.
struct WriteAt<'a> {
    file: &'a File,
    at: u64,
}

impl Write for WriteAt<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
