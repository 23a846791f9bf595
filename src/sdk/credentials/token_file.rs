//! A bearer token in a file, which another program replaces: `bearer_token_file`.

use super::access_keys::check_token;
use super::renewing::{Found, LookUp};
use crate::config::environment::FileStamps;
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::runtime::blocking;
use crate::runtime::sync::Mutex;
use crate::sys::regular_file;
use aws_credential_types::Token;
use futures::future::{BoxFuture, FutureExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The setting that names the file.
pub const SOURCE: &str = "bearer_token_file in the config";
/// The maximum length of the file, far above any token.
const MAX_TOKEN: u64 = 64 << 10;
/// Paths are quoted longer than other texts, because their ends distinguish them.
const PATH_QUOTE: usize = 400;

/// A file with a bearer token.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    pub fn new(path: PathBuf) -> Self {
        TokenFile(path)
    }
}

impl LookUp for TokenFile {
    type Identity = Token;

    fn look_up(&self) -> BoxFuture<'static, Result<Found<Token>>> {
        let TokenFile(path) = self.clone();
        blocking::FILES.run(move || read(&path)).boxed()
    }
}

/// Reads the token. Blocks.
fn read(path: &Path) -> Result<Found<Token>> {
    // Before the file is read: a change in between is then seen.
    let mut files = FileStamps::default();
    files.add(path);
    let name = quote_up_to(&path.to_string_lossy(), PATH_QUOTE);
    let failed = |what: &str| {
        let what = format_args!("{SOURCE} names {name}, which {what}");
        Error::new(Kind::Credentials, what).advise("Write a Bedrock API key into it, and nothing else")
    };
    let bytes = regular_file::read(path, MAX_TOKEN).map(Zeroizing::new);
    let bytes = bytes.map_err(|why| failed(&format!("cannot be read: {why}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("is not text"))?.trim_ascii();
    if text.is_empty() {
        return Err(failed("is empty"));
    }
    check_token(text, &format!("the token in {name}"))?;
    Ok(Found { identity: Token::new(text, None), watch: Arc::new(Mutex::new(files)) })
}
