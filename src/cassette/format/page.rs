//! The file of a recording: a valid JSON document after each interaction. One is written over the brackets that close the
//! document, together with new ones.

use crate::cassette::format::{Interaction, MARK};
use crate::protocol::redact::Secrets;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What stands before the first interaction.
const HEAD: &str = "{\n  \"bedrock_recording\": 1,\n  \"interactions\": [";
/// What stands behind the last one.
const TAIL: &str = "\n  ]\n}\n";
/// How much of an interaction's text is in memory.
const PIECE: usize = 64 << 10;

pub struct Page {
    file: Arc<File>,
    /// Where the document's closing brackets stand.
    end: u64,
    empty: bool,
}

impl Page {
    /// Whether what the file holds may be written over: a program that names a wrong file is not to lose what is in it.
    pub fn may_be(file: &File) -> io::Result<bool> {
        let mut beginning = [0; 256];
        let length = file.read_at(&mut beginning, 0)?;
        Ok(length == 0 || memchr::memmem::find(&beginning[..length], MARK.as_bytes()).is_some())
    }

    /// Makes the file a recording of nothing.
    pub fn begin(file: Arc<File>) -> io::Result<Self> {
        file.set_len(0)?;
        file.write_all_at(format!("{HEAD}{TAIL}").as_bytes(), 0)?;
        Ok(Page { file, end: HEAD.len() as u64, empty: true })
    }

    /// Writes one interaction more, piece by piece, without the secrets.
    pub fn append(&mut self, interaction: &Interaction, secrets: &Secrets) -> io::Result<()> {
        match self.write(interaction, secrets) {
            Ok(end) => {
                self.end = end;
                self.empty = false;
                Ok(())
            }
            Err(error) => {
                // What was whole before is made whole again; where even that fails, the error tells enough.
                let closed = self.file.write_all_at(TAIL.as_bytes(), self.end);
                let _ = closed.and_then(|()| self.file.set_len(self.end + TAIL.len() as u64));
                Err(error)
            }
        }
    }

    /// Gives where the closing brackets then stand.
    fn write(&self, interaction: &Interaction, secrets: &Secrets) -> io::Result<u64> {
        let mut out = BufWriter::with_capacity(PIECE, Behind { file: &self.file, at: self.end });
        if !self.empty {
            out.write_all(b",")?;
        }
        interaction.write(&mut out, secrets)?;
        out.write_all(TAIL.as_bytes())?;
        out.flush()?;
        Ok(out.get_ref().at - TAIL.len() as u64)
    }
}

/// Writes behind what it has written.
struct Behind<'a> {
    file: &'a File,
    at: u64,
}

impl Write for Behind<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
