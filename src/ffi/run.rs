//! Runs: the loop that calls tools
//!
//! A run asks the model, calls the tools that the model wants, adds their results, and asks again, until the model
//! stops. bedrock_run_tools does all of that on the calling thread, with a C function for each tool. bedrock_run_open
//! returns a handle that your program reads, as a stream: for event loops and for other languages.
//!
//!   static int32_t add(bedrock_run *run, const bedrock_tool_call *call, void *user)
//!   {
//!     double sum = bedrock_json_number(call->input_json, call->input_json_len, "/a", 0)
//!                + bedrock_json_number(call->input_json, call->input_json_len, "/b", 0);
//!     char text[32];
//!     snprintf(text, sizeof text, "%g", sum);
//!     bedrock_run_result(run, call->id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, NULL);
//!     return BEDROCK_TOOL_DONE;
//!   }
//!
//! A round is one call of the service, and the results of the tools that its message calls. All calls of a message are
//! handed over before the first result is waited for, so a program can do them at the same time. The results are sent
//! in the order of the calls, in one message.
//!
//! The request. Each round sends the request as it is at that time, with the tools of the run. When a round is
//! complete, its message and its results are added to the request, with its reasoning and signatures; the last round
//! has no results. If the run ends in any other way, the round at work is not added. So the request never holds a call
//! without its result: add a text of the user, or start another run, and the conversation goes on. The declarations of
//! the tools are not added. If the request or the model declares a tool of the same name, that declaration is sent. The
//! service refuses a conversation with tool calls if no tools are declared: declare them in the request or the model if
//! you also make calls that are no runs.
//!
//! Failures. A tool that fails does not end the run: its result informs the model. If the model calls a tool that does
//! not exist, or its input is not a JSON object or was cut off, the run informs the model, and the program does not get
//! the call. If a result makes a request that cannot be sent, such as one that refers to bytes that are not attached,
//! the run ends with BEDROCK_E_REQUEST, and its round is not added.
//!
//! Options are a JSON object. Keys that are not known are errors.
//!
//!   max_rounds  How often the model may be asked. Default: 20. A tool choice that forces a call forces it in each
//!               round: give it to a run of one round.
//!   total       How long the run may take, with the tools: "5m". Default: no limit. The timers of the model limit each
//!               call of the service, and no timer limits a tool.
//!   tools       For bedrock_run_open: an array of tools, as in a request of either dialect. Without it, the tools are
//!               those that the request and the model declare, and the program gets the calls of all names.

use super::attachment::bedrock_release_fn;
use super::cancel::bedrock_cancel;
use super::generate::{bedrock_event, bedrock_event_fn, forked, put_response};
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::{BEDROCK_TOOL_CALL_CLIENT, bedrock_response, bedrock_tool_call};
use super::status::{BEDROCK_AGAIN, BEDROCK_DONE, BEDROCK_OK, BEDROCK_STOPPED, bedrock_error, bedrock_status};
use super::stream::{LastEvent, bedrock_wakeup_fn};
use super::support::arguments::CallArguments;
use super::support::exclusive::Exclusive;
use super::support::guard::{self, Visit, entry};
use super::support::handle::{self, HandleObject, HandleType};
use super::support::on_event::{ListedCall, end_left, here};
use super::support::out::{put, required};
use super::support::release::User;
use super::support::{restricted_callback, text};
use crate::config::RunOptions;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::model::Ended;
use crate::protocol::event::EventKind;
use crate::request::{ResultKind, ToolDeclarations, ToolResult};
use crate::response::Response;
use crate::run::{Next, Ready, Remote, Run};
use crate::runtime::panic_hook::silently;
use crate::runtime::per_process::PerProcess;
use std::ffi::{c_char, c_int, c_void};
use std::ops::ControlFlow;
use std::ptr::{null, null_mut};
use std::sync::MutexGuard;
use std::time::Duration;

/// A run: a loop that calls tools.
pub struct bedrock_run;

/// Does a tool call. call is borrowed until the function returns. user is the pointer of the tool. Give the result with
/// bedrock_run_result, on any thread, before or after the function returns. The function returns one of
/// BEDROCK_TOOL_.... It runs on the thread that made the call, and may call every function of this library except
/// bedrock_shutdown. It must not throw, longjmp or end the thread: "Exceptions" in the rules at the top of this header
/// states the consequences, which are those of on_event.
pub type bedrock_tool_fn = Option<
    unsafe extern "C-unwind" fn(run: *mut bedrock_run, call: *const bedrock_tool_call, user: *mut c_void) -> i32,
>;

/// A tool of bedrock_run_tools. The library copies the texts. Set all of it to 0 before you fill it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bedrock_tool {
    /// 1 to 64 letters, digits, hyphens and underscores.
    pub name: *const c_char,
    /// What the tool is for, which the model reads. May be NULL.
    pub description: *const c_char,
    /// The JSON schema of the input, an object. NULL if the request or the model declares the tool.
    pub input_schema_json: *const c_char,
    /// Does the calls of the tool.
    pub call: bedrock_tool_fn,
    /// Passed to call.
    pub user: *mut c_void,
}

/// The result has been given. If it has not, the model is informed that the tool failed.
pub const BEDROCK_TOOL_DONE: i32 = 0;
/// The result will be given later, by another thread. The run waits for it.
pub const BEDROCK_TOOL_LATER: i32 = 1;
/// The run ends with BEDROCK_STOPPED. The round is not added to the request.
pub const BEDROCK_TOOL_STOP: i32 = 2;

/// The content is text.
pub const BEDROCK_RESULT_TEXT: i32 = 0;
/// The content is text that informs the model why the tool failed.
pub const BEDROCK_RESULT_ERROR: i32 = 1;
/// The content is JSON. An object is sent as JSON, and every other value as text, because the service accepts objects
/// alone.
pub const BEDROCK_RESULT_JSON: i32 = 2;
/// The content is a JSON array of content blocks, as Converse has them in a result: text, json, image, document, video.
pub const BEDROCK_RESULT_CONTENT: i32 = 3;

/// A run behind its handle: the side that one thread at a time reads, and the side that every thread may use.
pub(super) struct PullRun {
    /// None for a run that bedrock_run_tools reads.
    reader: Option<Exclusive<Reader>>,
    remote: Remote,
}

/// The side of a run that one thread at a time uses.
pub(super) struct Reader {
    pub(super) run: Box<Run>,
    event: LastEvent,
}

impl HandleObject for PullRun {
    type C = bedrock_run;
    const TYPE: HandleType = HandleType::Run;
}

impl PullRun {
    /// Returns the reader. Returns an error if another thread uses it.
    pub(super) fn reader(&self) -> Result<MutexGuard<'_, Reader>> {
        let message = "bedrock_run_tools reads this run; only bedrock_run_result, _cancel and _free may use it";
        self.reader.as_ref().ok_or_else(|| Error::new(Kind::Busy, message))?.try_use()
    }
}

/// Runs the loop on the calling thread, until the model stops.
///
/// The timers are those of bedrock_generate_stream for each round, and "total" of the options for all of them. The time
/// that on_event and the tools take counts for "total" alone.
///
/// request: Each complete round is added to it.
/// tools: The tools. NULL if count is 0.
/// count: How many tools there are.
/// size: sizeof(bedrock_tool).
/// options_json: NULL means the defaults.
/// on_event: Receives the events of all rounds, with the number of the round, and BEDROCK_EVENT_TOOL_CALL before a tool
///   is called. May be NULL.
/// user: Passed to on_event.
/// out: May be NULL. *out receives the last message of the model. Its usage is the sum of all rounds. After
///   BEDROCK_STOPPED and after a failure it is the message as far as it had arrived. If no event had arrived, *out is
///   NULL.
/// Returns: BEDROCK_OK if the model stopped. BEDROCK_STOPPED if on_event or a tool asked to stop, or if the last of
///   max_rounds is complete and the model wants to go on: the results are in the request, and another run goes on.
///   BEDROCK_E_CONFIG if an option is wrong, BEDROCK_E_TIMEOUT after "total", or a failure of a call.
/// Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a failure.
/// Threads: Blocks until the run ends. Thread-safe. on_event and the tools run on the calling thread.
/// Since: 0.1
/// AWS: ConverseStream
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_run_tools(
    model: *const bedrock_model,
    request: *mut bedrock_request,
    tools: *const bedrock_tool,
    count: usize,
    size: usize,
    options_json: *const c_char,
    len: usize,
    cancel: *mut bedrock_cancel,
    on_event: bedrock_event_fn,
    user: *mut c_void,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(err, null_mut()) };
    let here = here!();
    let open = |frame| {
        let arguments = CallArguments::of(model, request, cancel)?;
        // SAFETY: the pointers are good, as the header demands.
        let (options, tools) = unsafe { (options(options_json, len)?, Tools::read(tools, count, size)?) };
        if options.tools.is_some() {
            let what = "options of a run: \"tools\" is for bedrock_run_open; pass the tools as parameters";
            return Err(Error::new(Kind::Config, what).at("/tools"));
        }
        Driven::new(frame, arguments, tools, options)
    };
    // SAFETY: the pointers are good, as the header demands, and `here` is in this frame.
    let ran = silently(|| unsafe { drive(here, open, on_event, user, out) });
    entry!(err => Ok(if ran?.is_break() { BEDROCK_STOPPED } else { BEDROCK_OK }))
}

/// A run that bedrock_run_tools reads.
struct Driven {
    /// Freed when `listed` is dropped, also if the program leaves a function by longjmp.
    handle: *mut bedrock_run,
    /// Before the run, so that the handle ends first.
    listed: Option<ListedCall>,
    run: Box<Run>,
    functions: Vec<Function>,
}

/// The function of a tool.
struct Function {
    name: String,
    call: unsafe extern "C-unwind" fn(*mut bedrock_run, *const bedrock_tool_call, *mut c_void) -> i32,
    user: *mut c_void,
}

impl Driven {
    /// Returns a run that has not begun. It is on the heap, because threads with small stacks call this.
    fn new(frame: usize, arguments: CallArguments, tools: Tools, options: RunOptions) -> Result<Box<Self>> {
        let run = arguments.run(tools.declarations, options)?;
        let remote = run.remote();
        let handle = handle::insert(PullRun { reader: None, remote: remote.clone() })?;
        let end = move || {
            remote.cancel();
            free(handle);
        };
        let listed = Some(ListedCall::begin(frame, end, arguments));
        Ok(Box::new(Driven { handle, listed, run, functions: tools.functions }))
    }

    /// Returns the event that has been waited for, as C sees it, and the function that does the call if it is one.
    fn take(&mut self) -> Option<(bedrock_event, Option<&Function>)> {
        let round = self.run.round() as i32;
        let event = self.run.take()?;
        let is_call = event.kind == EventKind::ToolCall;
        let function = self.functions.iter().find(|function| is_call && *function.name == *event.tool_name);
        Some((bedrock_event::of_round(&event, round), function))
    }
}

/// Reads a run to its end, or until the program stops it, and gives the program its response.
///
/// # Safety
/// As for the export, whose frame `here` is in.
// Not inlined, for the reason of `show` in generate.rs.
#[inline(never)]
unsafe fn drive(
    here: usize,
    open: impl FnOnce(usize) -> Result<Box<Driven>>,
    on_event: bedrock_event_fn,
    user: *mut c_void,
    out: *mut *mut bedrock_response,
) -> Result<ControlFlow<()>> {
    let frame = here!();
    let (visit, mut driven) = Visit::begin(|| {
        end_left(here);
        let mut driven = open(frame)?;
        driven.run.begin()?;
        Ok(PerProcess::new(driven))
    })?;
    // The program may fork inside its functions, and return from them in the child. The run is its parent's.
    let result = loop {
        let Some(run) = driven.get_mut().map(Box::as_mut) else { break Err(forked()) };
        let waited = visit.step(|| {
            Ok(match run.run.wait(None)? {
                Ready::Event => ControlFlow::Continue(run.take()),
                Ready::Again => ControlFlow::Continue(None),
                Ready::Done => ControlFlow::Break(ControlFlow::Continue(())),
                Ready::Stopped => ControlFlow::Break(ControlFlow::Break(())),
            })
        });
        // The event points into the run's memory, until the next event.
        let (event, function) = match waited {
            Ok(ControlFlow::Continue(Some(taken))) => taken,
            Ok(ControlFlow::Continue(None)) => continue,
            Ok(ControlFlow::Break(end)) => break Ok(end),
            Err(error) => break Err(error),
        };
        let function = function.map(|function| (function.call, function.user));
        let handle = run.handle;
        // SAFETY: the program has promised that its function may be called with its pointer.
        if on_event.is_some_and(|on_event| visit.call(|| unsafe { on_event(&event, user) }) != 0) {
            break Ok(ControlFlow::Break(()));
        }
        let Some((function, user)) = function else { continue };
        let Some(run) = driven.get_mut() else { break Err(forked()) };
        // on_event, or another thread, may have fired the cancel.
        if run.run.has_ended() {
            continue;
        }
        let remote = run.run.remote();
        let call = call_of(&event);
        // SAFETY: the program has promised that its function may be called with its pointer.
        match visit.call(|| unsafe { function(handle, &call, user) }) {
            BEDROCK_TOOL_LATER => {}
            BEDROCK_TOOL_STOP => break Ok(ControlFlow::Break(())),
            _ => {
                // SAFETY: the texts of the event are texts of the run, which has moved on by nothing.
                let given = visit.step(|| remote.give(no_result(unsafe { text::name("id", call.id) }?)?));
                // A call that has its result does not wait for one.
                drop(given);
            }
        }
    };
    visit.step(|| {
        let mut driven = driven.take().ok_or_else(forked)?;
        driven.listed = None;
        let response = if out.is_null() { None } else { driven.run.response() };
        drop(driven);
        // SAFETY: `out` is NULL or writable, as the caller promises.
        unsafe { put_response(out, Ended { result, response }) }
    })
}

fn call_of(event: &bedrock_event) -> bedrock_tool_call {
    bedrock_tool_call {
        id: event.tool_id,
        name: event.tool_name,
        input_json: event.text,
        input_json_len: event.text_len,
        input_valid: event.input_valid,
        kind: BEDROCK_TOOL_CALL_CLIENT,
    }
}

fn no_result(id: &str) -> Result<ToolResult> {
    ToolResult::new(id, "The tool gave no result.", ResultKind::Error)
}

/// Reads the options of a run.
///
/// # Safety
/// As for the exports.
unsafe fn options(json: *const c_char, len: usize) -> Result<RunOptions> {
    // SAFETY: NULL or readable, as the caller promises.
    RunOptions::parse(if json.is_null() { "" } else { unsafe { text::text("options_json", json, len) }? })
}

/// The tools of bedrock_run_tools.
struct Tools {
    declarations: ToolDeclarations,
    functions: Vec<Function>,
}

impl Tools {
    /// # Safety
    /// `tools` is NULL or points to `count` structs of `size` bytes, whose pointers are good.
    unsafe fn read(tools: *const bedrock_tool, count: usize, size: usize) -> Result<Self> {
        let invalid = |index: usize, what: &str| {
            Error::new(Kind::InvalidArgument, format_args!("the tool {index} (tools[{index}]) {what}"))
        };
        if tools.is_null() && count > 0 {
            return Err(Error::new(Kind::InvalidArgument, "tools is NULL"));
        }
        if count > 0 && size < size_of::<bedrock_tool>() {
            let what = format_args!("size is {size}, but sizeof(bedrock_tool) is {}", size_of::<bedrock_tool>());
            return Err(Error::new(Kind::InvalidArgument, what));
        }
        let (mut declared, mut declared_by_request, mut functions) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..count {
            // SAFETY: the caller promises `count` structs, each of which has at least the members of this one.
            let tool = unsafe { tools.byte_add(index * size).read_unaligned() };
            // SAFETY: NULL or NUL-terminated, as the caller promises.
            let name = unsafe { text::name("the name of a tool", tool.name) }?;
            let call = tool.call.ok_or_else(|| invalid(index, "has no function (call is NULL)"))?;
            if functions.iter().any(|function: &Function| function.name == name) {
                return Err(invalid(index, &format!("has the name of an earlier tool, {}", quote(name))));
            }
            // SAFETY: NULL or NUL-terminated, as the caller promises.
            match unsafe { text::name_or_none("the schema of a tool", tool.input_schema_json) }? {
                Some(schema) => {
                    // SAFETY: NULL or NUL-terminated, as the caller promises.
                    let description = unsafe { text::name_or_none("the description of a tool", tool.description) }?;
                    declared.push(declaration(name, description, schema)?);
                }
                None => declared_by_request.push(name.to_owned()),
            }
            functions.push(Function { name: name.to_owned(), call, user: tool.user });
        }
        let declared = format!("[{}]", declared.join(","));
        let declared = Json::parse(&declared).map_err(|error| Error::new(Kind::Internal, error))?;
        let declarations = ToolDeclarations::parse(declared)?.and_declared_by_the_request(declared_by_request);
        Ok(Tools { declarations, functions })
    }
}

/// Returns the JSON of a tool.
fn declaration(name: &str, description: Option<&str>, schema: &str) -> Result<String> {
    let wrong =
        |what: String| Error::new(Kind::Request, format_args!("the input schema of the tool {}: {what}", quote(name)));
    let schema = Json::parse(schema).map_err(|error| wrong(format!("the JSON is not valid: {error}")))?;
    if schema.kind() != json::Kind::Object {
        return Err(wrong(format!("expected an object, found {}", schema.kind())));
    }
    let (name, description) = (json::quoted(name), json::quoted(description.unwrap_or_default()));
    Ok(format!("{{\"name\":{name},\"description\":{description},\"input_schema\":{}}}", schema.text()))
}

/// Opens a run without waiting for the network.
///
/// request: Each complete round is added to it. It stays owned by the caller, and may be freed.
/// options_json: NULL means the defaults.
/// Returns: BEDROCK_OK, BEDROCK_E_CONFIG if an option is wrong, BEDROCK_E_REQUEST if the request or a tool is wrong, or
///   BEDROCK_E_RESOURCE if the process has no thread, handle or memory left.
/// Ownership: *out is owned by the caller. Free it with bedrock_run_free.
/// Threads: Does not block. Thread-safe.
/// Since: 0.1
/// AWS: ConverseStream
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_run_open(
    model: *const bedrock_model,
    request: *mut bedrock_request,
    options_json: *const c_char,
    len: usize,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_run,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(waits err => {
        required("out", out)?;
        let arguments = CallArguments::of(model, request, cancel)?;
        // SAFETY: NULL or readable, as the header demands.
        let options = unsafe { options(options_json, len) }?;
        let tools = options.tools.as_ref().map(|tools| ToolDeclarations::parse(tools.json()));
        let mut run = arguments.run(tools.transpose()?.unwrap_or_default(), options)?;
        run.begin()?;
        let remote = run.remote();
        let reader = Exclusive::new("run", Reader { run, event: LastEvent::none() });
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(PullRun { reader: Some(reader), remote })?) };
        Ok(BEDROCK_OK)
    })
}

/// Waits for the next event of a run.
///
/// The events are those of the streams of all rounds, each with its round. BEDROCK_EVENT_TOOL_CALL is a call to do:
/// give its result with bedrock_run_result, at once or later. All calls of a message are returned before the run waits
/// for the first result.
///
/// timeout_ms: 0 does not wait. A negative value waits as long as the timers of the calls and "total" allow, and
///   without a limit for the results of tools.
/// event: *event receives the event if the status is BEDROCK_OK, and NULL otherwise.
/// Returns: BEDROCK_OK with an event. BEDROCK_DONE if the model has stopped. BEDROCK_STOPPED if the last of max_rounds
///   is complete and the model wants to go on. BEDROCK_AGAIN if no event came in time; the run goes on. A value below 0
///   is the failure that ended the run, with a new *err each time. After the end every later call returns the same
///   status.
/// Ownership: *event is borrowed until the next bedrock_run_next or bedrock_run_free on this run. Other functions do
///   not invalidate it.
/// Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread reads the run.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_run_next(
    run: *mut bedrock_run,
    timeout_ms: i32,
    event: *mut *const bedrock_event,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(event, null()) };
    entry!(err => {
        required("event", event)?;
        let shared = handle::get::<PullRun>(run)?;
        let mut reader = shared.reader()?;
        let Reader { run, event: last } = &mut *reader;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        Ok(match run.next(timeout)? {
            Next::Event(next, round) => {
                // SAFETY: NULL or writable, as the header demands.
                unsafe { put(event, last.replace(bedrock_event::of_round(&next, round as i32))) };
                BEDROCK_OK
            }
            Next::Done => BEDROCK_DONE,
            Next::Stopped => BEDROCK_STOPPED,
            Next::Again => BEDROCK_AGAIN,
        })
    })
}

/// Gives the result of a tool call.
///
/// tool_use_id: The id of the call (bedrock_tool_call.id, bedrock_event.tool_id).
/// content: The result, in the form that kind names.
/// kind: One of BEDROCK_RESULT_....
/// Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if no such call waits for a result: it has one, the run has ended,
///   or there is no such call. BEDROCK_E_REQUEST if content is not what kind promises, or if it has a block that the
///   service is certain to refuse; the call then still waits.
/// Threads: Thread-safe, also while another thread is in bedrock_run_next or bedrock_run_tools. Does not block.
/// Since: 0.1
/// AWS: ToolResultBlock
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_run_result(
    run: *mut bedrock_run,
    tool_use_id: *const c_char,
    content: *const c_char,
    len: usize,
    kind: i32,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    entry!(err => {
        let shared = handle::get::<PullRun>(run)?;
        // SAFETY: NULL or NUL-terminated, as the header demands.
        let id = unsafe { text::name("tool_use_id", tool_use_id) }?;
        // SAFETY: NULL or readable, as the header demands.
        let content = unsafe { text::text("content", content, len) }?;
        let kind = match kind {
            BEDROCK_RESULT_TEXT => ResultKind::Text,
            BEDROCK_RESULT_ERROR => ResultKind::Error,
            BEDROCK_RESULT_JSON => ResultKind::Json,
            BEDROCK_RESULT_CONTENT => ResultKind::Content,
            other => {
                let what = format_args!("kind is {other}, which is no kind of result");
                return Err(Error::new(Kind::InvalidArgument, what));
            }
        };
        shared.remote.give(ToolResult::new(id, content, kind)?)?;
        Ok(BEDROCK_OK)
    })
}

/// Gets a descriptor to poll, which is the same for all rounds.
///
/// It is readable while bedrock_run_next(run, 0, ...) would return something other than BEDROCK_AGAIN
/// (level-triggered): also when the last missing result has been given, because the run goes on in bedrock_run_next.
/// After the end of the run it stays readable. It is non-blocking and close-on-exec. The function makes the descriptor
/// when it is first used, and later returns the same one. Only poll it.
///
/// Returns: The descriptor. -1 if the process has no descriptor left, if another thread reads the run, for an invalid
///   handle, and inside wakeup, log and observer.
/// Ownership: Owned by the library. bedrock_run_free closes it: remove it from your event loop first.
/// Threads: Does not block. One thread at a time may read the run.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_run_fd(run: *mut bedrock_run) -> c_int {
    entry!(else -1 => handle::get::<PullRun>(run)?.reader()?.run.fd())
}

/// Sets the function that is called when there is something to read, in any round.
///
/// A run is armed as a stream is (bedrock_stream_set_wakeup): when a wakeup is set, and each time bedrock_run_next
/// returns BEDROCK_AGAIN. The last missing result of a round is something to read too.
///
/// wakeup: A new wakeup replaces the old one. NULL removes it. Once this function or bedrock_run_free has returned, the
///   old wakeup is not running and will not run.
/// Returns: BEDROCK_OK, BEDROCK_E_BUSY if another thread reads the run or it is in a waiting set, or BEDROCK_E_RESOURCE
///   if the thread that calls wakeups cannot start.
/// Ownership: release(user) runs once: inside the function that replaces or removes the wakeup or frees the run, or
///   inside this function if it fails or wakeup is NULL.
/// Threads: Blocks until an old wakeup that is running has returned: hold no lock that it acquires. wakeup runs on a
///   library thread.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_run_set_wakeup(
    run: *mut bedrock_run,
    wakeup: bedrock_wakeup_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
) -> bedrock_status {
    // If the call fails, this is dropped at its end, when no lock is held, because the program's release may call the
    // library.
    let mut user = Some(User::new(user, release));
    entry!(null_mut() => {
        let shared = handle::get::<PullRun>(run)?;
        let mut reader = shared.reader()?;
        match wakeup {
            None => reader.run.remove_wakeup()?,
            Some(wakeup) => reader.run.set_wakeup(|| restricted_callback::wakeup(wakeup, &mut user))?,
        }
        Ok(BEDROCK_OK)
    })
}

/// Makes a response of the last message of a run, as far as it has been delivered.
///
/// Its usage is the sum of all rounds. It may be called at any time, also after a failure. After BEDROCK_DONE it is the
/// last message of the model.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_BUSY if another thread reads the run.
/// Ownership: *out is owned by the caller. Free it with bedrock_response_free.
/// Threads: Does not block. One thread at a time may read the run.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_run_response(
    run: *mut bedrock_run,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let response = handle::get::<PullRun>(run)?.reader()?.run.response().unwrap_or_else(Response::empty);
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(response)?) };
        Ok(BEDROCK_OK)
    })
}

/// Ends a run and closes its connection.
///
/// bedrock_run_next or bedrock_run_tools then returns BEDROCK_E_CANCELLED, unless the run had ended before. The round
/// at work is not added to the request.
///
/// run: NULL, or a run that was freed, does nothing.
/// Threads: Thread-safe, also while another thread reads the run. Every callback may call it. Never blocks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_run_cancel(run: *mut bedrock_run) {
    guard::anywhere((), || {
        handle::get::<PullRun>(run)?.remote.cancel();
        Ok(())
    });
}

/// Frees a run, and ends it if it has not ended.
///
/// A thread that reads the run gets BEDROCK_E_CANCELLED. The run that bedrock_run_tools passes to tools is freed by
/// bedrock_run_tools.
///
/// run: NULL does nothing.
/// Ownership: Ends the handle, the last event and the descriptor: no thread may still use them.
/// Threads: Thread-safe, also inside on_event. Never waits for the network. Blocks until a wakeup that is running has
///   returned: hold no lock that it acquires.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_run_free(run: *mut bedrock_run) {
    entry!(else () => {
        free(run);
        Ok(())
    })
}

fn free(run: *mut bedrock_run) {
    if let Some(shared) = handle::remove::<PullRun>(run) {
        shared.remote.close();
    }
}
