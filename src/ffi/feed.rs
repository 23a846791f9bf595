//! Records of calls, and the log by pull
//!
//! A record is one JSON object about a call that has ended: how long it took, what it used, and what each attempt met.
//! It holds no credentials. It holds no prompt and no response, unless the program asks for them. A function receives
//! records (bedrock_set_observer), or the program reads them (bedrock_feed_new). Without either, the library observes
//! nothing.
//!
//! There is one record for each call that was sent, or would have been: of every interface and operation, complete,
//! failed or cancelled. A call has none if its request is refused before it is sent, if its cancel was fired before, or
//! if it began before there was an observer or a feed. A record is made shortly after its call has ended, also if the
//! program does not read the end. A cancel that comes when the whole response has arrived does not change the record.
//! bedrock_shutdown ends the calls that run: once it has returned BEDROCK_OK, the observer has received the records of
//! all of them, and feeds hold them.
//!
//!   {"schema_url": "https://opentelemetry.io/schemas/1.41.0",
//!    "name": "chat eu.amazon.nova-lite-v1:0", "kind": "client",
//!    "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
//!    "parent_span_id": "00f067aa0ba902b7", "trace_flags": 1,
//!    "start_unix_nano": 1764230400000000000, "end_unix_nano": 1764230401250000000, "status": 0,
//!    "attributes": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock",
//!      "gen_ai.request.model": "eu.amazon.nova-lite-v1:0", "gen_ai.request.stream": true,
//!      "server.address": "bedrock-runtime.eu-west-1.amazonaws.com", "server.port": 443,
//!      "gen_ai.response.model": "eu.amazon.nova-lite-v1:0", "gen_ai.usage.input_tokens": 12,
//!      "gen_ai.usage.output_tokens": 40, "gen_ai.response.finish_reasons": ["end_turn"], ...},
//!    "metrics": {"gen_ai.client.operation.duration": 1.250000, ...},
//!    "attempts": [{"target": 0, "gen_ai.request.model": "eu.amazon.nova-lite-v1:0",
//!      "start": 0.000310, "duration": 0.412000, "http.response.status_code": 200, ...,
//!      "connection": {"reused": false, "wait": 0.021000, "dns": 0.001000, "tcp": 0.007000,
//!        "tls": 0.013000}}]}
//!
//! Attributes and metrics have the names of OpenTelemetry's semantic conventions for generative AI. "schema_url" names
//! the version. Where the development version has other names, a record has both: gen_ai.client.operation.duration and
//! gen_ai.client.inference.duration, gen_ai.usage.cache_creation.input_tokens and
//! gen_ai.usage.cache_write.input_tokens. Times are in seconds. A member that is not known is missing.
//!
//! "status" is BEDROCK_OK or the status that ended the call. "error.type" is the service's name of the failure, or else
//! the name of the status ("Timeout"). gen_ai.usage.input_tokens includes the tokens of the prompt cache, as the
//! convention demands; bedrock_usage has what the service counts. time_per_output_chunk is the mean time from one event
//! to the next. gen_ai.operation.name is "chat" for Converse and ConverseStream; other operations have a name of their
//! own, such as "invoke_model". What the conventions do not have has names that begin with "libbedrock.": the
//! "operation", the number of "attempts" and of "events", "time_to_first_event", "service_latency".
//!
//! "attempts" has an object for each request that was sent: "target" is 0 for the model and counts its fallbacks
//! from 1. "start" is since the start of the call, "duration" until the head of the response or the failure, "wait"
//! until the next attempt. "connection" states how long the attempt waited for its connection, and for a new one how
//! long the lookup of the name, TCP and TLS took.
//!
//! With the option "content", the attributes of a conversation also have its content, as arrays in the form of the
//! conventions: gen_ai.system_instructions, gen_ai.input.messages, gen_ai.tool.definitions, gen_ai.output.messages. A
//! part of a message that is an image, a document, a video or audio has its "size" in bytes instead of its bytes; a
//! document that the request has as text has it as "content".
//! gen_ai.output.messages has what came before a failure. For operations in the model's own form,
//! libbedrock.request.body and libbedrock.response.body are their bodies, if these are JSON. A record of more than 64
//! KiB of content is made on another thread than calls run on, and may come after those of later calls. A record of 16
//! KiB or more finds room only if no record waits, or if all that wait have at most 64 MiB together with it.

use super::attachment::bedrock_release_fn;
use super::status::{BEDROCK_AGAIN, BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::exclusive::Exclusive;
use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::{put, required};
use super::support::release::User;
use super::support::{restricted_callback, text};
use crate::config;
use crate::runtime::feed::{self, Deliver, Item, Queue, Role};
use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::Duration;

/// Records and messages to read.
pub struct bedrock_feed;

/// Receives one record at a time, on a library thread that does nothing else. record is NUL-terminated JSON, and
/// borrowed until the function returns. len is its length. lost is 0. If the function was too slow and records were
/// dropped, it is called with their number in lost, and record is "". The function may call only bedrock_cancel_fire,
/// bedrock_stream_cancel and bedrock_json_..., which reads the record; others return BEDROCK_E_BUSY or their neutral
/// value. It must not throw.
pub type bedrock_record_fn =
    Option<unsafe extern "C-unwind" fn(record: *const c_char, len: usize, lost: i64, user: *mut c_void)>;

/// A record. text: its JSON.
pub const BEDROCK_FEED_RECORD: i32 = 1;
/// A message of the log. text: the message.
pub const BEDROCK_FEED_LOG: i32 = 2;
/// Records and messages that were dropped here, because they found no room. lost: their number.
pub const BEDROCK_FEED_LOST: i32 = 3;

/// What a feed returns. It is borrowed until the next bedrock_feed_next or bedrock_feed_free on its feed. Its texts are
/// NUL-terminated and never NULL. Newer library versions may append members: check size before you read a member that
/// your minimum version does not have.
#[repr(C)]
pub struct bedrock_feed_item {
    /// sizeof(bedrock_feed_item) in the library.
    pub size: u32,
    /// One of BEDROCK_FEED_... Ignore types that you do not know.
    pub r#type: i32,
    /// The number of records and messages that were dropped, otherwise 0.
    pub lost: i64,
    /// The record or the message, otherwise "".
    pub text: *const c_char,
    pub text_len: usize,
    /// A short name for the topic of a message, otherwise "".
    pub target: *const c_char,
    /// The level of a message, one of BEDROCK_LOG_..., otherwise 0.
    pub level: i32,
}

/// A function of the program that receives records, with its pointer.
struct Observer {
    observe: unsafe extern "C-unwind" fn(*const c_char, usize, i64, *mut c_void),
    user: User,
}

impl Observer {
    fn deliver(self) -> Deliver {
        Box::new(move |item| match item {
            Item::Record(_, record) => self.call(record.with_nul(), record.len(), 0),
            Item::Lost(lost) => self.call("\0", 0, i64::try_from(lost).unwrap_or(i64::MAX)),
            Item::Message { .. } => {}
        })
    }

    /// Calls the function with a text of this length that a NUL follows.
    fn call(&self, record: &str, length: usize, lost: i64) {
        // SAFETY: the program has promised that its function may be called with its pointer, on any thread.
        restricted_callback::run(|| unsafe { (self.observe)(record.as_ptr().cast(), length, lost, self.user.get()) });
    }
}

/// Sends the records of calls to a function.
///
/// options_json: NULL, or a JSON object. "capacity" is the number of records that may wait for the function, 4096 by
///   default. "content": true asks for the content of calls, which is in memory until the record is delivered.
/// observer: A new observer replaces the old one, and gets the records that wait for it. If it finds no room for some,
///   or asks for no content and they have it, it gets their number in lost. NULL removes the observer: what waits for
///   it is dropped. Call bedrock_shutdown before, which delivers it. Once this function has returned, the old observer
///   is not running and will not run.
/// Returns: BEDROCK_OK. BEDROCK_E_CONFIG if an option is wrong. BEDROCK_E_RESOURCE if the thread that runs observer
///   cannot start; the old observer then stays.
/// Ownership: release(user) runs once: inside the bedrock_set_observer that replaces or removes the observer, or inside
///   this one if it fails or observer is NULL.
/// Threads: Thread-safe. Blocks until an old observer that is running has returned: hold no lock that it acquires.
///   observer runs on a library thread.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_set_observer(
    options_json: *const c_char,
    len: usize,
    observer: bedrock_record_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // If anything fails, dropping this releases it.
    let user = User::new(user, release);
    entry!(err => {
        // SAFETY: readable, as the header demands.
        let given = || unsafe { text::text("options_json", options_json, len) };
        let options = if options_json.is_null() { None } else { Some(given()?) };
        let subscription = config::feed::observer(options)?;
        let deliver = observer.map(|observe| Observer { observe, user }.deliver());
        feed::listen(Role::Observer, subscription, deliver)?;
        Ok(BEDROCK_OK)
    })
}

/// A feed behind its handle.
struct Feed {
    queue: Arc<Queue>,
    last: Exclusive<LastItem>,
}

/// The item that was returned last, and what its pointers lead to. The struct is in a box, because the program holds
/// its address.
struct LastItem {
    item: Item,
    target: CString,
    returned: Box<UnsafeCell<MaybeUninit<bedrock_feed_item>>>,
}

// SAFETY: its pointers lead into memory of the same object, which moves to another thread together with it.
unsafe impl Send for LastItem {}

impl HandleObject for Feed {
    type C = bedrock_feed;
    const TYPE: HandleType = HandleType::Feed;
}

impl LastItem {
    fn new() -> Self {
        let returned = Box::new(UnsafeCell::new(MaybeUninit::uninit()));
        LastItem { item: Item::Lost(0), target: CString::default(), returned }
    }

    /// Keeps an item, and returns it as the program sees it.
    fn keep(&mut self, item: Item) -> *const bedrock_feed_item {
        self.item = item;
        let (r#type, lost, level, (text, text_len)) = match &self.item {
            Item::Record(_, record) => (BEDROCK_FEED_RECORD, 0, 0, text::borrowed(record)),
            Item::Message { level, text, .. } => (BEDROCK_FEED_LOG, 0, *level as i32, text::borrowed(text)),
            Item::Lost(lost) => (BEDROCK_FEED_LOST, i64::try_from(*lost).unwrap_or(i64::MAX), 0, (text::EMPTY, 0)),
        };
        self.target = match &self.item {
            Item::Message { target, .. } => CString::new(*target).unwrap_or_default(),
            Item::Record(..) | Item::Lost(_) => CString::default(),
        };
        let (size, target) = (size_of::<bedrock_feed_item>() as u32, self.target.as_ptr());
        self.returned.get_mut().write(bedrock_feed_item { size, r#type, lost, text, text_len, target, level })
    }
}

/// Opens a queue of records and messages, for programs that cannot take callbacks on threads of the library.
///
/// A feed gets the records of calls that begin from now on, and the messages that are written from now on. There may be
/// several feeds: each gets everything that it asks for. While "capacity" of them wait, further ones are dropped, and
/// the feed returns in their place how many.
///
/// options_json: A JSON object with at least one of the first two members. "records": true asks for records. "log" is
///   the least severe level of messages: "error", "warn", "info" or "debug". "content": true asks for records with the
///   content of calls. "capacity" is 4096 by default.
/// Returns: BEDROCK_OK. BEDROCK_E_CONFIG if an option is wrong.
/// Ownership: *out is owned by the caller. Free it with bedrock_feed_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_feed_new(
    options_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_feed,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        // SAFETY: readable, as the header demands.
        let options = unsafe { text::text("options_json", options_json, len) }?;
        let queue = Queue::open(config::feed::feed(options)?);
        let inserted = handle::insert(Feed { queue: queue.clone(), last: Exclusive::new("feed", LastItem::new()) });
        if inserted.is_err() {
            queue.close();
        }
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, inserted?) };
        Ok(BEDROCK_OK)
    })
}

/// Waits for the next record or message.
///
/// timeout_ms: 0 does not wait. A negative value waits without a limit.
/// item: *item receives the item if the status is BEDROCK_OK, and NULL otherwise.
/// Returns: BEDROCK_OK with an item. BEDROCK_AGAIN if none came in time. BEDROCK_E_CANCELLED if the feed was freed
///   meanwhile.
/// Ownership: *item is borrowed until the next bedrock_feed_next or bedrock_feed_free on this feed. Other functions do
///   not invalidate it.
/// Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread uses the feed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_feed_next(
    feed: *mut bedrock_feed,
    timeout_ms: i32,
    item: *mut *const bedrock_feed_item,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(item, null()) };
    entry!(err => {
        required("item", item)?;
        let feed = handle::get::<Feed>(feed)?;
        let mut last = feed.last.try_use()?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let Some(next) = feed.queue.next(timeout)? else { return Ok(BEDROCK_AGAIN) };
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(item, last.keep(next)) };
        Ok(BEDROCK_OK)
    })
}

/// Gets a descriptor to poll.
///
/// It is readable while bedrock_feed_next(feed, 0, ...) would return something other than BEDROCK_AGAIN
/// (level-triggered). It is non-blocking and close-on-exec. The function makes the descriptor when it is first used,
/// and later returns the same one. Only poll it.
///
/// Returns: The descriptor. -1 if the process has no descriptor left, for an invalid handle, and inside a wakeup, log
///   or observer callback.
/// Ownership: Owned by the library. bedrock_feed_free closes it: remove it from your event loop first.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_feed_fd(feed: *mut bedrock_feed) -> c_int {
    entry!(else -1 => handle::get::<Feed>(feed)?.queue.fd())
}

/// Frees a feed, with what it holds.
///
/// A thread that is in bedrock_feed_next gets BEDROCK_E_CANCELLED.
///
/// feed: NULL does nothing.
/// Ownership: Ends the handle, the last item and the descriptor: no thread may still use them.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_feed_free(feed: *mut bedrock_feed) {
    entry!(else () => {
        if let Some(feed) = handle::remove::<Feed>(feed) {
            feed.queue.close();
        }
        Ok(())
    })
}
