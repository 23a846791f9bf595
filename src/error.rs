//! One taxonomy of what can go wrong.
//!
//! Every failure of this library is an [`Error`]: a [`Kind`], one line for people that begins with `bedrock: `, and what is
//! known besides. How the service's and the SDK's failures become one is told in `sdk::failure` and `protocol::refusal`.

use crate::json;
use crate::text::Text;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What kind of failure it was. The numbers are those of the C API's `BEDROCK_E_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// NULL, invalid UTF-8, an impossible length.
    InvalidArgument = -1,
    BadHandle = -2,
    /// A one-thread handle is in use, or a call would deadlock here.
    Busy = -3,
    /// Config JSON: unknown key, wrong type, bad value.
    Config = -4,
    /// Request JSON refused before it was sent.
    Request = -5,
    /// None found, expired, or a provider failed.
    Credentials = -6,
    AccessDenied = -7,
    /// The service knows no such model or resource.
    NotFound = -8,
    /// The service refused the request.
    Validation = -9,
    /// The service refused the request for its length.
    ContextOverflow = -10,
    Throttled = -11,
    Quota = -12,
    /// Model error, model timeout, model not ready, model stream error.
    Model = -13,
    /// The service failed: 5xx.
    Service = -14,
    /// DNS, connect, TLS, reset.
    Network = -15,
    Timeout = -16,
    /// A stream ended before `messageStop`.
    Truncated = -17,
    /// Bytes that are no valid answer.
    Protocol = -18,
    Cancelled = -19,
    /// A handle made before `fork()`, used in the child.
    Forked = -20,
    /// A bug in this library, contained.
    Internal = -21,
    /// The process is out of descriptors, threads, handles or memory.
    Resource = -22,
}

impl Kind {
    /// Whether the same call may succeed later, where nothing more is known of the failure.
    fn is_transient(self) -> bool {
        matches!(self, Kind::Throttled | Kind::Model | Kind::Service | Kind::Network | Kind::Timeout | Kind::Truncated)
    }
}

/// A failure, for people and for programs. Cheap to move, cloned only where a stream repeats it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: Text,
    /// The length of the message without its advice.
    stated: usize,
    code: Text,
    path: Text,
    request_id: Text,
    json: Text,
    http_status: u16,
    attempts: u32,
    retryable: bool,
    retry_after: Option<Duration>,
}

/// What every message begins with.
const PREFIX: &str = "bedrock: ";

/// What every function of this crate that can fail returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// `message` says what was being done, what happened and, where it is known, what to do next. It is made one line.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        let message = one_line(format!("{PREFIX}{message}"));
        Error(Box::new(Inner {
            kind,
            stated: message.len(),
            message: message.into(),
            code: Text::default(),
            path: Text::default(),
            request_id: Text::default(),
            json: Text::default(),
            http_status: 0,
            attempts: 0,
            retryable: kind.is_transient(),
            retry_after: None,
        }))
    }

    /// Puts what was being done before what happened.
    pub fn while_doing(self, doing: impl fmt::Display) -> Self {
        let (what, advice) = self.parts();
        let (what, advice) = (format!("{doing}: {what}"), advice.to_owned());
        self.with_parts(&what, &advice)
    }

    /// Adds to what happened, before the advice.
    pub fn note(self, more: impl fmt::Display) -> Self {
        let (what, advice) = self.parts();
        let (what, advice) = (format!("{what}{more}"), advice.to_owned());
        self.with_parts(&what, &advice)
    }

    /// Sets what to do next, a sentence without its full stop. It replaces the advice given before.
    pub fn advise(self, advice: &str) -> Self {
        let what = self.parts().0.to_owned();
        let advice = if advice.is_empty() { String::new() } else { format!(". {advice}") };
        self.with_parts(&what, &advice)
    }

    /// What happened, without the prefix that all messages have, and the advice with its separator.
    fn parts(&self) -> (&str, &str) {
        let message = self.0.message.as_str();
        let (stated, advice) = message.split_at(self.0.stated.min(message.len()));
        (stated.strip_prefix(PREFIX).unwrap_or_default(), advice)
    }

    fn with_parts(mut self, what: &str, advice: &str) -> Self {
        let stated = one_line(format!("{PREFIX}{what}"));
        self.0.stated = stated.len();
        self.0.message = one_line(stated + advice).into();
        self
    }

    /// What happened, for use inside another message that has advice of its own.
    pub fn stated(&self) -> &str {
        self.parts().0
    }

    /// What happened and the advice, for use inside another message.
    pub fn told(&self) -> &str {
        self.0.message.as_str().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The same failure with each of its texts as `change` gives it.
    pub fn with_texts(mut self, change: impl Fn(&str) -> Cow<'_, str>) -> Self {
        let (what, advice) = self.parts();
        let (changed, advice) = (change(what), advice.to_owned());
        if let Cow::Owned(what) = changed {
            self = self.with_parts(&what, &advice);
        }
        let Inner { code, request_id, json, .. } = &mut *self.0;
        for text in [code, request_id, json] {
            if let Cow::Owned(changed) = change(text.as_str()) {
                *text = changed.into();
            }
        }
        self
    }

    /// The system has no memory for what is large. What is small aborts the process, as Rust has it.
    pub fn out_of_memory(doing: &str, bytes: usize) -> Self {
        Error::new(Kind::Resource, format_args!("{doing}: the system gives no memory for {bytes} bytes"))
    }

    /// What was to be done was given up, because the library was shut down.
    pub fn shut_down() -> Self {
        Error::new(Kind::Cancelled, "the library was shut down")
    }

    /// Runs `body`. A panic of our own is its error.
    #[inline(always)]
    pub fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
    }

    /// A panic of our own, contained.
    pub fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let what = what.unwrap_or("no message");
        Error::new(Kind::Internal, format_args!("a bug in this library: {what}. Please report it"))
    }

    /// The JSON pointer to the member that is to blame.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.0.path = path.into().into();
        self
    }

    /// Makes this an error of the config, in whose member at the JSON pointer `path` it was found.
    pub fn in_config(mut self, path: &str) -> Self {
        self.0.kind = Kind::Config;
        let path = format!("{path}{}", self.0.path.as_str());
        self.at(path)
    }

    /// The service's name for the failure, such as `ThrottlingException`.
    pub fn with_code(mut self, code: &str) -> Self {
        self.0.code = one_line(code.to_owned()).into();
        self
    }

    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = status;
        self
    }

    pub fn with_request_id(mut self, request_id: &str) -> Self {
        self.0.request_id = request_id.into();
        self
    }

    /// The service's failure as JSON, as it came.
    pub fn with_json(mut self, json: &str) -> Self {
        self.0.json = json.into();
        self
    }

    /// How long the service asks to wait before the next attempt.
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// How many requests had been sent when it failed.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// One line that begins with `bedrock: `.
    pub fn message(&self) -> &Text {
        &self.0.message
    }

    /// The service's name for the failure, or "".
    pub fn code(&self) -> &Text {
        &self.0.code
    }

    /// A JSON pointer into the config or request, or "".
    pub fn path(&self) -> &Text {
        &self.0.path
    }

    /// The service's id of the failed request, or "".
    pub fn request_id(&self) -> &Text {
        &self.0.request_id
    }

    /// The service's failure as JSON, or "".
    pub fn json(&self) -> &Text {
        &self.0.json
    }

    /// How long the service asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The HTTP status of the answer that failed, 0 where there was none.
    pub fn http_status(&self) -> u16 {
        self.0.http_status
    }

    /// Requests sent, 0 where none was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }
}

/// A duration as people write it, in one unit: "5m", "1.5s".
pub fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if duration.subsec_nanos() > 0 || seconds == 0 => format!("{duration:?}"),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// How much of a text of the user's a message quotes, in bytes.
pub const QUOTE: usize = 60;

/// What the user wrote, in quotes and cut where it is long.
pub fn quote(text: &str) -> String {
    quote_up_to(text, QUOTE)
}

pub fn quote_up_to(text: &str, max: usize) -> String {
    if text.len() <= max { json::quoted(text) } else { json::quoted(&text[..text.floor_char_boundary(max)]) + "..." }
}

/// A service may have much to say; this much of it is a message.
const LONGEST: usize = 8 << 10;

fn one_line(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
    }
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message.as_str())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)?;
        if !self.0.path.is_empty() {
            write!(f, " (at {})", self.0.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
/// The causes of an error, the outermost first, each once. The SDK prints whole requests into some: prompts are no message.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let told = |error: &(dyn StdError + 'static)| {
        let text = error.downcast_ref::<Error>().map_or_else(|| error.to_string(), |own| own.told().to_owned());
        text.split("Request {").next().unwrap_or_default().trim_end().to_owned()
    };
    let mut text = told(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = told(cause);
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// The first error of that type among an error and its causes.
pub fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
