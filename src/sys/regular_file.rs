//! Reads files that a config or a variable names, within bounds.
//!
//! Such a path can lead to a pipe, a device or a file without end. Opening a pipe waits for its other end, and opening
//! a device may have an effect. So only regular files are opened, and read up to a limit.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The reason why a file was not opened or not read. Its text follows the file's name and a colon.
#[derive(Debug)]
pub enum Unreadable {
    /// The error of the system. [`io::ErrorKind::NotFound`] if there is no such file.
    Io(io::Error),
    /// A directory, a pipe, a socket or a device.
    NotRegular,
    /// Longer than this many bytes.
    TooLarge(u64),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Io(error) => error.fmt(f),
            Unreadable::NotRegular => f.write_str("it is not a regular file"),
            Unreadable::TooLarge(most) if most % (1 << 20) == 0 => write!(f, "it is larger than {} MiB", most >> 20),
            Unreadable::TooLarge(most) if most % (1 << 10) == 0 => write!(f, "it is larger than {} KiB", most >> 10),
            Unreadable::TooLarge(most) => write!(f, "it is larger than {most} bytes"),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Io(error)
    }
}

/// Reads a regular file of at most `most` bytes. A longer one is rejected before it is read. Blocks as long as the file
/// system.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, found) = open(path, OpenOptions::new().read(true), 0)?;
    if found.len() > most {
        return Err(Unreadable::TooLarge(most));
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    // It may grow in the meantime, and files of /proc have no length.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Unreadable::TooLarge(most)) } else { Ok(bytes) }
}

/// Opens a regular file, or creates one if `options` allow it. `flags` are further flags of open(2). Blocks as long as
/// the file system, and never for the other end of a pipe.
pub fn open(path: &Path, options: &mut OpenOptions, flags: i32) -> Result<(File, Metadata), Unreadable> {
    // A device is not opened.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Unreadable::NotRegular);
    }
    open_and_check(path, options, flags)
}

/// Opens without blocking, and checks again: the path may name another file since the first look.
fn open_and_check(path: &Path, options: &mut OpenOptions, flags: i32) -> Result<(File, Metadata), Unreadable> {
    let file = options.custom_flags(flags | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC).open(path)?;
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found)) } else { Err(Unreadable::NotRegular) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::process::Command;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("bedrock-regular-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn a_regular_file_is_read_up_to_the_limit_and_not_beyond() {
        let path = scratch("limit");
        std::fs::write(&path, "12345678").unwrap();
        assert_eq!(read(&path, 8).unwrap(), b"12345678");
        let beyond = read(&path, 7).unwrap_err();
        assert!(matches!(beyond, Unreadable::TooLarge(7)), "{beyond}");
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 16 << 20).unwrap_err().to_string(), "it is larger than 16 MiB");
        std::fs::remove_file(&path).unwrap();
        let gone = read(&path, 8).unwrap_err();
        assert!(matches!(&gone, Unreadable::Io(error) if error.kind() == io::ErrorKind::NotFound), "{gone}");
        // It has no length before it is read.
        assert!(!read("/proc/self/status".as_ref(), 1 << 20).unwrap().is_empty());
        assert!(matches!(read("/proc/self/status".as_ref(), 10), Err(Unreadable::TooLarge(10))));
    }

    #[test]
    fn a_file_that_is_not_regular_is_rejected_at_once() {
        let pipe = scratch("pipe");
        if !Command::new("/usr/bin/mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            return println!("skipped: mkfifo is missing");
        }
        for path in [pipe.as_path(), "/dev/zero".as_ref(), "/tmp".as_ref()] {
            let error = read(path, 1 << 20).unwrap_err();
            assert!(matches!(error, Unreadable::NotRegular), "{}: {error}", path.display());
        }
        // A pipe that has replaced the file.
        let error = open_and_check(&pipe, OpenOptions::new().read(true), 0).map(drop).unwrap_err();
        assert!(matches!(error, Unreadable::NotRegular), "{error}");
        std::fs::remove_file(&pipe).unwrap();
    }
}
