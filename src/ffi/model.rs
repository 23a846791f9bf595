//! Model: configuration, credentials, connections
//!
//! A model is made once, from JSON. It can be used for any number of calls, by any number of threads
//! at once. The keys:
//!
//!   model             a model id, an inference profile id, or any ARN that Converse accepts.
//!                     Required
//!   region            default: AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1, in
//!                     this order
//!   api_key, secret_key, session_token
//!                     static credentials: access key id, secret access key, session token
//!   bearer_token      a Bedrock API key. Default: AWS_BEARER_TOKEN_BEDROCK
//!   auth              "auto" (default), "sigv4" or "bearer". "auto": what the config holds wins
//!                     over the environment; else a bearer token of the environment; else SigV4
//!   profile           a profile of ~/.aws/config. If it is given here, it wins over keys in the
//!                     environment. Default: AWS_PROFILE. Credentials of SSO, login sessions,
//!                     processes, web identity, ECS and EC2 work
//!   role_arn, role_session_name, external_id
//!                     a role to assume
//!   base_url          another endpoint for Bedrock. Default: AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
//!                     AWS_ENDPOINT_URL, the profile's endpoints, the region's endpoint, in this
//!                     order. Credentials are still fetched from AWS. http:// is only allowed to
//!                     this machine, or with "allow_http": true
//!   timeout           "30s" or "500ms": the longest wait without progress. For a stream it limits
//!                     the wait for the first event and for each next event. For a call that does
//!                     not stream it limits the whole call. Default: 5 minutes, because a healthy
//!                     stream is silent for minutes while a model thinks or writes a large tool
//!                     input. Apart from all timers, a call fails with BEDROCK_E_TIMEOUT if its
//!                     connection shows no sign of life for 30 seconds
//!   timeouts          {"connect": "3.1s", "first_event", "idle", "total", "queue"}: the timers one
//!                     by one. "first_event" and "idle" win over "timeout", also over that of a
//!                     derived model. For a call that does not stream, the shorter of "timeout" and
//!                     "total" counts. "queue" limits the wait for max_concurrency. If it is given,
//!                     the other timers start when the call has its place; if not, they start with
//!                     the call
//!   retry             {"max_attempts": 3, "mode": "standard" or "adaptive", "max_backoff": "20s"}.
//!                     A max_attempts of 1 turns retries off. "Status and errors" lists what is
//!                     tried again
//!   max_concurrency   how many calls run at once on this model and the models derived from it.
//!                     Others wait. Default: no limit
//!   max_answer        the most bytes of one answer, all frames of a stream together. Default: 256
//!                     MiB
//!   keep_answer       true (default) or false. If it is false, the library keeps nothing of an
//!                     event that it has delivered: bedrock_stream_response and
//!                     bedrock_generate_stream give the stop reason and the usage of a stream, and
//!                     no content. Such a response cannot be added to a request
//!   read_ahead        "256KiB" (default), "1MiB" or a number of bytes, from 16KiB to 1GiB: about
//!                     how much of a stream may wait in memory for your program to read it. Half of
//!                     it may be on the connection. A single event is always read whole. For a
//!                     derived model the part on the connection stays that of the first model
//!   ca_file           a PEM file of at most 16 MiB with the certificates to trust. Default:
//!                     AWS_CA_BUNDLE, the profile's ca_bundle, REQUESTS_CA_BUNDLE, SSL_CERT_FILE,
//!                     the system's certificates, in this order
//!   proxy             the URL of an HTTP proxy. Default: HTTPS_PROXY (HTTP_PROXY for an http://
//!                     endpoint), ALL_PROXY; NO_PROXY names the exceptions. No proxy is used for
//!                     this machine and for the metadata services of containers and EC2 instances
//!   fips, dual_stack  true: the region's FIPS or dual-stack endpoint. Default:
//!                     AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, the profile's values,
//!                     false
//!   http_version      "auto" (default): HTTP/2 if the endpoint offers it, else HTTP/1.1. "1.1" or
//!                     "2" forces one; "2" over http:// starts without negotiation
//!   user_agent        "app/1.2", added to the SDK's user agent
//!   defaults          request members for every request, as in bedrock_model_with
//!   lint              "error" (default) or "off": local checks on requests
//!   transport         {"replies": ["Hello", ...]}: a script in place of the network, for tests
//!                     without AWS.
//!                     {"record": "file"}: calls go over the network, and requests and answers are
//!                     written into the file, without credentials, also if the service repeats them.
//!                     bedrock_model_new replaces an older recording in it, gives it the mode 0600
//!                     and locks it: if another process records into it, or if it is a symbolic
//!                     link, bedrock_model_new returns BEDROCK_E_CONFIG. Models of one process may
//!                     share it. A call is in the file when it returns; a cancelled call is written
//!                     soon after, at the latest when bedrock_shutdown returns.
//!                     {"replay": "file"}: calls are answered from such a file of at most 256 MiB,
//!                     without network or credentials. Each answer is used once, for the request
//!                     that it was given to.
//!                     "timing" beside it is "at_once" (default) or "recorded"
//!
//! An unknown key is an error that suggests the nearest one. {"options": {...}} may hold any of the
//! keys as well. A duration has a unit: "500ms", "30s", "5m", "1h". ca_file, proxy, fips and
//! dual_stack also apply to the calls that fetch credentials.
//!
//! The first call of a model reads AWS's variables and files, by the rules of botocore. A variable
//! that is empty counts as not given. If a file is broken, that call returns BEDROCK_E_CONFIG.

use super::cancel::bedrock_cancel;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::guard::entry;
use super::support::handle::{self, Noun};
use super::support::out::{put, required};
use super::support::text::{self, EMPTY};
use crate::model::Model;
use crate::runtime::cancel::Cancel;

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

/// Makes a model from config JSON. It checks the whole config, connects nowhere and does not wait; it reads ca_file
/// and a recording, if the config names one. Credentials and endpoint are found by the first call, which returns
/// the errors of both and of the environment. The function starts no thread: the library's worker starts with the
/// first call, or with bedrock_model_connect. *out is owned by the caller. Returns BEDROCK_E_CONFIG if the config
/// is wrong; message and path of the error name the key.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_new(
    config_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_model,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let model = Model::new(unsafe { text::text("config_json", config_json, len) }?)?;
        unsafe { put(out, handle::insert(model)?) };
        Ok(BEDROCK_OK)
    })
}

/// Makes a connection to the service ready ahead of the first call. It finds credentials, resolves the endpoint's
/// name, connects and does the TLS handshake, and sends no request. The next call of this model, or of a model that
/// shares its connections, uses that connection. A connection that no call uses is closed after 90 seconds. If a
/// connection is ready already, or the transport is scripted or replayed, the function returns at once. It blocks
/// for at most timeout_ms milliseconds and then returns BEDROCK_E_TIMEOUT. A negative timeout_ms means the timers
/// of a call: "connect" for each attempt, "first_event" and "total" for all of them. cancel may be NULL.
/// Thread-safe, also for several threads at once. It returns the failures of a call: BEDROCK_E_CREDENTIALS,
/// BEDROCK_E_NETWORK, BEDROCK_E_CANCELLED and others. After a failure the model is still valid, and the next call
/// tries again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_connect(
    model: *const bedrock_model,
    cancel: *mut bedrock_cancel,
    timeout_ms: i32,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    entry!(waits err => {
        let model = handle::get::<Model>(model)?;
        let cancel = if cancel.is_null() { None } else { Some(handle::get::<Cancel>(cancel)?) };
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        model.connect(cancel.as_deref(), timeout)?;
        Ok(BEDROCK_OK)
    })
}

/// Derives a model that puts request members of its own under every request: tools, system, inferenceConfig and so
/// on. It shares connections, credentials and max_concurrency with the first model. A member that a request has
/// replaces the whole member of the model. null removes a member of the first model. "model" changes the model id.
/// "timeout", "timeouts", "retry", "keep_answer" and "read_ahead" mean what they mean in the config: derive a model
/// to give a call its own deadline. The function is cheap and does not block. *out is owned by the caller. Returns
/// BEDROCK_E_REQUEST if the JSON is broken, if it holds another key of the config (api_key and lint belong to
/// bedrock_model_new), or if a name nearly is that of a known member, such as "timout". Returns BEDROCK_E_CONFIG if
/// one of the settings is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_with(
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

/// Returns the model id of all requests that name no other. Borrowed until the model is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_id(model: *const bedrock_model, len: *mut usize) -> *const c_char {
    unsafe { put(len, 0) };
    entry!(else EMPTY => Ok(unsafe { text::lend(handle::get::<Model>(model)?.id(), len) }))
}

/// Frees a model. Running calls, and models derived from it, keep what they need. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_model_free(model: *mut bedrock_model) {
    entry!(else () => {
        handle::remove::<Model>(model);
        Ok(())
    })
}
