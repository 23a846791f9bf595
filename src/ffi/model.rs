//! Model: configuration, credentials, connections
//!
//! A model is made from JSON once and used for any number of calls, from any number of threads at once. The keys:
//!
//!   model             a model id, inference profile id, or any ARN that Converse accepts. Required
//!   region            default: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1, in this order
//!   api_key, secret_key, session_token    static credentials: access key id, secret access key, session token
//!   bearer_token      a Bedrock API key; default: AWS_BEARER_TOKEN_BEDROCK
//!   auth              "auto", "sigv4" or "bearer"; auto: what the config holds wins over the environment, then a
//!                     bearer token where there is one, else SigV4
//!   profile           a profile of ~/.aws/config, which then wins over keys in the environment; SSO, login, process, web identity, ECS and EC2 credentials work
//!   role_arn, role_session_name, external_id    a role to assume
//!   base_url          an endpoint of your own, for Bedrock alone: credentials are still fetched from AWS. http:// only to
//!                     loopback unless allow_http is true
//!   timeout           "30s" or "500ms": the longest wait without progress. It is the wait for a stream's first event
//!                     and for each next event, and the whole time of a call that does not stream. Default 5 minutes: a
//!                     healthy stream is silent for minutes while a model thinks or writes a large tool input. Apart
//!                     from all timers, a call fails with BEDROCK_E_TIMEOUT if its connection shows no sign of life
//!                     for 30 seconds
//!   timeouts          {"connect": "3.1s", "first_event", "idle", "total", "queue"}: those waits one by one. "queue"
//!                     limits the wait for max_concurrency. If it is given, the other timers start when the call has
//!                     its place; if not, they start with the call
//!   retry             {"max_attempts": 3, "mode": "standard" or "adaptive", "max_backoff": "20s"}; 1 is off. A Retry-After
//!                     of the service is obeyed, up to max_backoff. "Status and errors" lists what is tried again
//!   max_concurrency   how many calls of this model and those derived from it run at once; more wait
//!   max_answer        the most bytes of one answer, all of a stream's frames together; default 256 MiB
//!   keep_answer       true (default) or false. If it is false, bedrock_stream_response and bedrock_generate_stream give the stop
//!                     reason and the usage of a stream, and no content: nothing is kept of an event that was delivered
//!   read_ahead        "256KiB" (default), "1MiB" or a number of bytes, from 16KiB to 1GiB: about how much of a stream may wait
//!                     in memory for your program to read it. Half of it may be on the connection. A single event is always
//!                     read whole. For a derived model the part on the connection stays that of the first model
//!   ca_file, proxy, fips, dual_stack    for the service and for credentials. Defaults: AWS_CA_BUNDLE, ca_bundle of the
//!                     profile or REQUESTS_CA_BUNDLE; HTTPS_PROXY and NO_PROXY. What is meant for this machine goes
//!                     through no proxy, nor do requests to the metadata services of containers and EC2 instances
//!   http_version      "auto": HTTP/2 where the endpoint offers it; "1.1"; or "2", which over http:// is not asked for first
//!   user_agent        "app/1.2", added to the SDK's
//!   defaults          request members under every request, as in bedrock_model_with
//!   lint              "error" or "off": local checks on requests
//!   transport         {"replies": ["Hello", ...]}: a scripted stand-in for the service, for tests without AWS;
//!                     {"record": "file"}: the network, and all that passes, without credentials, goes into that file, which is
//!                     begun here; each call is in it when it returns, a cancelled one soon after and at bedrock_shutdown;
//!                     {"replay": "file"}: answers from such a file, without network or credentials, each once and to the
//!                     request it was given to; beside it may stand "timing": "at_once" (default) or "recorded"
//!
//! An unknown key is an error that suggests the nearest one. {"options": {...}} may hold any of them as well. A duration has a
//! unit: "500ms", "30s", "5m", "1h". AWS's variables and files are read as botocore reads them, with the first call of a
//! model. A variable that is empty is not given. A file that is broken is that call's BEDROCK_E_CONFIG.

use super::cancel::bedrock_cancel;
use super::guard::entry;
use super::handle::{self, Noun};
use super::slice;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::text::{self, EMPTY, put, required};
use crate::cancel::Cancel;
use crate::model::Model;
use crate::runtime;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::time::Duration;

/// A model, ready to be called.
pub struct bedrock_model;

impl Noun for Model {
    type C = bedrock_model;
    const TYPE: u64 = 2;
    const NAME: &'static str = "model";
}

/// Makes a model from config JSON. Checks all of it, connects nowhere, and does not block: credentials and endpoint
/// are found with the first call, and what is wrong with them, or with what the environment says, is that call's
/// error. It starts no thread: the library's worker starts with the first call, or with bedrock_model_connect.
/// BEDROCK_E_CONFIG: the message and path name the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_model_new(
    config_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_model,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        runtime::at_worker_start(slice::ask_for_shortest);
        let model = Model::new(unsafe { text::text("config_json", config_json, len) }?)?;
        unsafe { put(out, handle::insert(model)?) };
        Ok(BEDROCK_OK)
    })
}

/// Makes the way to the service ready ahead of the first call: finds credentials, resolves the endpoint's name,
/// connects and shakes hands. The next call of this model, or of one that shares its connections, uses that
/// connection. It sends no request. Where a connection is ready already, it returns at once; so it does for a model
/// with a scripted or replayed transport. A connection that no call uses is closed after 90 seconds. Blocks for at
/// most timeout_ms milliseconds, then returns BEDROCK_E_TIMEOUT; negative: as long as a call's own timers allow
/// ("connect" for each attempt, "first_event" and "total" for all of it). cancel may be NULL. Any thread may call it,
/// also several at once. It fails as a call would: BEDROCK_E_CREDENTIALS, BEDROCK_E_NETWORK, BEDROCK_E_CANCELLED and
/// the others; the model is unharmed, and a call tries anew.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_model_connect(
    model: *const bedrock_model,
    cancel: *mut bedrock_cancel,
    timeout_ms: i32,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    entry!(err => {
        let model = handle::get::<Model>(model)?;
        let cancel = if cancel.is_null() { None } else { Some(handle::get::<Cancel>(cancel)?) };
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        model.connect(cancel.as_deref(), timeout)?;
        Ok(BEDROCK_OK)
    })
}

/// Derives a model that shares connections, credentials and max_concurrency with the first, and has these request
/// members under every request: tools, system, inferenceConfig and so on. A member that a request has takes the place of
/// the whole member of the model. null removes a member of the first model's. "model" changes the model id. "timeout",
/// "timeouts", "retry", "keep_answer" and "read_ahead" are taken as in the config: derive a model to give a call its own
/// deadline. Cheap; does not block. BEDROCK_E_REQUEST: the JSON is broken; it holds another key of the config, such as
/// api_key or lint, which belong to bedrock_model_new; or a name that nearly is that of a known member, such as "timout".
/// BEDROCK_E_CONFIG: one of the settings is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_model_with(
    model: *const bedrock_model,
    defaults_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_model,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let model = handle::get::<Model>(model)?;
        let derived = model.with(unsafe { text::text("defaults_json", defaults_json, len) }?)?;
        unsafe { put(out, handle::insert(derived)?) };
        Ok(BEDROCK_OK)
    })
}

/// The model id that requests go to unless they name another. Lives until the model is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_model_id(model: *const bedrock_model, len: *mut usize) -> *const c_char {
    unsafe { put(len, 0) };
    entry!(else EMPTY => Ok(unsafe { text::lend(handle::get::<Model>(model)?.id(), len) }))
}

/// Frees a model. Calls in flight, and models derived from it, keep what they need. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_model_free(model: *mut bedrock_model) {
    entry!(else () => {
        handle::remove::<Model>(model);
        Ok(())
    })
}
