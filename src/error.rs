//! The errors of this library.
//!
//! Every failure is an [`Error`]: a [`Kind`], a message of one line that begins with `bedrock: `, and the details that
//! are known. `sdk::error` and `protocol::service_error` make errors of the failures of the SDK and of the service.

use crate::json;
use crate::text::Text;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

/// The kind of a failure. The numbers are those of the C API's `BEDROCK_E_...`.
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
    /// No credentials were found, they have expired, or their provider failed.
    Credentials = -6,
    AccessDenied = -7,
    /// The service has no such model or resource.
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
    /// The response is not valid.
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
    /// Returns whether the same call may succeed later, if nothing more is known of the failure.
    fn is_transient(self) -> bool {
        matches!(self, Kind::Throttled | Kind::Model | Kind::Service | Kind::Network | Kind::Timeout | Kind::Truncated)
    }
}

/// A failure. Cheap to move.
#[derive(Clone)]
pub struct Error(Box<Fields>);

#[derive(Clone)]
struct Fields {
    kind: Kind,
    /// What was being done, the outermost first: "ConverseStream: reading the response of HOST", or "".
    doing: String,
    /// What happened.
    what: String,
    /// What to do next: sentences without the last full stop, or "".
    advice: String,
    /// The message that consists of these three. It is composed when it is first needed.
    message: OnceLock<Message>,
    code: Text,
    path: Text,
    request_id: Text,
    json: Text,
    http_status: u16,
    attempts: u32,
    retryable: bool,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Message {
    text: Text,
    /// The length of the text without the advice.
    length_without_advice: usize,
}

/// The beginning of every message.
const PREFIX: &str = "bedrock: ";

/// The result of every function of this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns an error. `what` describes the failure. Line breaks in it become spaces.
    pub fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Error(Box::new(Fields {
            kind,
            doing: String::new(),
            what: cut(what.to_string(), MAX_MESSAGE - PREFIX.len()),
            advice: String::new(),
            message: OnceLock::new(),
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

    /// Puts the activity that failed before the description of the failure.
    pub fn while_doing(mut self, doing: impl fmt::Display) -> Self {
        let fields = self.change_message();
        fields.doing = if fields.doing.is_empty() { doing.to_string() } else { format!("{doing}: {}", fields.doing) };
        self
    }

    /// Replaces the description of the failure, and keeps all other details.
    pub fn retold(mut self, what: impl fmt::Display) -> Self {
        let fields = self.change_message();
        fields.doing.clear();
        fields.what = cut(what.to_string(), MAX_MESSAGE - PREFIX.len());
        self
    }

    /// Appends `more` to the description of the failure.
    pub fn note(mut self, more: impl fmt::Display) -> Self {
        let fields = self.change_message();
        fields.what = format!("{}{more}", fields.what);
        self
    }

    /// Sets the advice, a sentence without its full stop. It replaces an earlier advice.
    pub fn advise(mut self, advice: &str) -> Self {
        self.change_message().advice = advice.to_owned();
        self
    }

    fn change_message(&mut self) -> &mut Fields {
        self.0.message.take();
        &mut self.0
    }

    fn composed_message(&self) -> &Message {
        self.0.message.get_or_init(|| {
            let Fields { doing, what, advice, .. } = &*self.0;
            let separator = if doing.is_empty() { "" } else { ": " };
            let mut text = one_line(format!("{PREFIX}{doing}{separator}{what}"));
            let length_without_advice = text.len();
            if !advice.is_empty() {
                text = one_line(format!("{text}. {advice}"));
            }
            Message { length_without_advice: length_without_advice.min(text.len()), text: text.into() }
        })
    }

    /// Returns the message without its prefix and its advice, for use inside a message with another advice.
    pub fn without_advice(&self) -> &str {
        let Message { text, length_without_advice } = self.composed_message();
        &text.as_str()[PREFIX.len()..*length_without_advice]
    }

    /// Returns the message without its prefix, for use inside another message.
    pub fn without_prefix(&self) -> &str {
        &self.composed_message().text.as_str()[PREFIX.len()..]
    }

    /// Returns the same failure with each of its texts as `change` returns it.
    pub fn with_texts(mut self, change: impl Fn(&str) -> Cow<'_, str>) -> Self {
        let fields = self.change_message();
        for text in [&mut fields.doing, &mut fields.what] {
            if let Cow::Owned(changed) = change(text) {
                *text = changed;
            }
        }
        for text in [&mut fields.code, &mut fields.request_id, &mut fields.json] {
            if let Cow::Owned(changed) = change(text.as_str()) {
                *text = changed.into();
            }
        }
        self
    }

    /// Returns the error of a large allocation that failed. A small one that fails ends the process, as usual in Rust.
    pub fn out_of_memory(doing: &str, bytes: usize) -> Self {
        Error::new(Kind::Resource, format_args!("{doing}: the system gives no memory for {bytes} bytes"))
    }

    /// Returns the error of a call that ended because the library was shut down.
    pub fn shut_down() -> Self {
        Error::new(Kind::Cancelled, "the library was shut down")
    }

    /// Runs `body`, and returns a panic in it as an error.
    #[inline(always)]
    pub fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
    }

    /// Returns the error of a panic that was caught.
    pub fn from_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let message = panic_message(panic);
        Error::new(Kind::Internal, format_args!("a bug in this library: {message}. Please report it"))
    }

    /// Sets the JSON pointer to the member that caused the failure.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.0.path = path.into().into();
        self
    }

    /// Changes the kind to [`Kind::Config`], and puts `path`, the JSON pointer to a member of the config, before the
    /// pointer.
    pub fn in_config(mut self, path: &str) -> Self {
        self.0.kind = Kind::Config;
        let path = format!("{path}{}", self.0.path.as_str());
        self.at(path)
    }

    /// Sets the service's name for the failure, such as `ThrottlingException`.
    pub fn with_code(mut self, code: &str) -> Self {
        self.0.code = one_line(code.to_owned()).into();
        self
    }

    /// Sets the HTTP status of the response.
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = status;
        self
    }

    /// Sets the service's id of the failed request.
    pub fn with_request_id(mut self, request_id: &str) -> Self {
        self.0.request_id = request_id.into();
        self
    }

    /// Sets the service's failure as JSON, unchanged.
    pub fn with_json(mut self, json: &str) -> Self {
        self.0.json = json.into();
        self
    }

    /// Sets how long the service asks to wait before the next attempt.
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Sets how many requests had been sent.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Sets whether the same call may succeed later.
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the message: one line that begins with `bedrock: `.
    pub fn message(&self) -> &Text {
        &self.composed_message().text
    }

    /// Returns the service's name for the failure, or "".
    pub fn code(&self) -> &Text {
        &self.0.code
    }

    /// Returns a JSON pointer into the config or request, or "".
    pub fn path(&self) -> &Text {
        &self.0.path
    }

    /// Returns the service's id of the failed request, or "".
    pub fn request_id(&self) -> &Text {
        &self.0.request_id
    }

    /// Returns the service's failure as JSON, or "".
    pub fn json(&self) -> &Text {
        &self.0.json
    }

    /// Returns how long the service asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the HTTP status of the response, or 0 without one.
    pub fn http_status(&self) -> u16 {
        self.0.http_status
    }

    /// Returns the number of requests that had been sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }
}

/// Returns a duration in one unit: "5m", "1.5s".
pub fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if duration.subsec_nanos() > 0 || seconds == 0 => format!("{duration:?}"),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// The maximum length of a user's text that a message quotes, in bytes.
pub const QUOTE: usize = 60;

/// Returns a user's text in quotes, cut to [`QUOTE`] bytes.
pub fn quote(text: &str) -> String {
    quote_up_to(text, QUOTE)
}

/// Returns a user's text in quotes, cut to `max` bytes.
pub fn quote_up_to(text: &str, max: usize) -> String {
    if text.len() <= max { json::quoted(text) } else { json::quoted(&text[..text.floor_char_boundary(max)]) + "..." }
}

/// The maximum length of a message, in bytes: a service may send a long one.
const MAX_MESSAGE: usize = 8 << 10;

fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push_str("...");
    }
    text
}

fn one_line(text: String) -> String {
    let text = cut(text, MAX_MESSAGE);
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message().as_str())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind(), self.message())?;
        if !self.0.path.is_empty() {
            write!(f, " (at {})", self.0.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Returns the message of a panic that was caught.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let message = panic.downcast_ref::<&str>().copied();
    message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Returns the texts of an error and its causes, the outermost first, each once. Some texts of the SDK contain a
/// complete request with its prompts. They are cut off before it.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let text_of = |error: &(dyn StdError + 'static)| {
        let of_library = error.downcast_ref::<Error>();
        let text = of_library.map_or_else(|| error.to_string(), |error| error.without_prefix().to_owned());
        text.split("Request {").next().unwrap_or_default().trim_end().to_owned()
    };
    let mut text = text_of(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = text_of(cause);
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Returns the first error of a type among an error and its causes.
pub fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
