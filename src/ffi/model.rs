//! Model: configuration, credentials, connections
//!
//! A model is made once, from JSON. It can be used for any number of calls, by any number of threads
//! at once. The keys, with the type and the default of each:
//!
//!   model                       A model id, an inference profile id or an ARN that Converse
//!                               accepts. (string; required)
//!   region                      The region that is called. The library never asks the metadata
//!                               service of the instance (IMDS) for it. (string; default:
//!                               AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1, in
//!                               this order)
//!   api_key                     An access key id. It needs secret_key. (string; default: the
//!                               credentials of the AWS environment)
//!   secret_key                  The secret access key of api_key. (string; default: the credentials
//!                               of the AWS environment)
//!   session_token               The session token of api_key, if its credentials are temporary.
//!                               (string; default: none)
//!   bearer_token                A Bedrock API key. It takes the place of credentials. (string;
//!                               default: AWS_BEARER_TOKEN_BEDROCK)
//!   bearer_token_file           A file with nothing but a Bedrock API key, which another program
//!                               replaces before it expires. The file is read again when it changes,
//!                               and when the service refuses the key. (string; default: none)
//!   auth                        How requests are authorized. "auto": a token, keys, a profile or a
//!                               role in the config decides; otherwise a bearer token of the
//!                               environment is used; otherwise SigV4. ("auto", "sigv4" or "bearer";
//!                               default: "auto")
//!   profile                     A profile of ~/.aws/config and ~/.aws/credentials. A profile that
//!                               the config names wins over keys in the environment. Credentials of
//!                               SSO, login sessions, processes, web identity, ECS and EC2 work.
//!                               (string; default: AWS_PROFILE, AWS_DEFAULT_PROFILE, default, in
//!                               this order)
//!   role_arn                    A role to assume with the credentials that are found. (string;
//!                               default: none)
//!   role_session_name           The name of the session of role_arn. (string; default: libbedrock)
//!   external_id                 The external id for role_arn. (string; default: none)
//!   base_url                    Another endpoint for Bedrock. Credentials are still fetched from
//!                               AWS. http:// is only allowed to this machine, or with allow_http. A
//!                               bearer token is never sent over http:// to another machine.
//!                               (string; default: AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
//!                               AWS_ENDPOINT_URL, the profile's endpoints, the region's endpoint,
//!                               in this order)
//!   allow_http                  Permits a base_url of http:// to another machine. (boolean;
//!                               default: false)
//!   timeout                     The longest wait without progress. For a stream it limits the wait
//!                               for the first event and for each next event. For a call that does
//!                               not stream it limits the whole call. (duration; default: "5m")
//!   timeouts                    The timers one by one. For a call that does not stream, timeout or
//!                               timeouts.total limits the whole call: the shorter one if both are
//!                               given. (object; default: {})
//!   timeouts.connect            The limit for a new connection, its TLS handshake included.
//!                               (duration; default: "3.1s")
//!   timeouts.first_event        The wait for the first event of a stream. It takes precedence over
//!                               timeout, even over that of a derived model. (duration; default:
//!                               timeout)
//!   timeouts.idle               The wait for each next event of a stream. It takes precedence over
//!                               timeout in the same way. (duration; default: timeout)
//!   timeouts.total              The limit for a whole call. (duration; default: none)
//!   timeouts.queue              The wait for max_concurrency, and that for limits. If it is set,
//!                               the other timers start when these waits have ended; otherwise they
//!                               start with the call. (duration; default: none)
//!   retry                       How failed attempts are repeated. (object; default: {})
//!   retry.max_attempts          The most attempts of a call, the first included. 1 turns retries
//!                               off. With fallbacks, only the last target has more than one.
//!                               (number; default: 3)
//!   retry.mode                  The retry mode of the AWS SDK. ("standard" or "adaptive"; default:
//!                               "standard")
//!   retry.max_backoff           The longest wait between two attempts. (duration; default: "20s")
//!   retry.throttling            {"max_elapsed": "2m"} tries a throttled call again for that time,
//!                               beyond max_attempts, so that it survives a quota of a minute.
//!                               (object; default: none)
//!   fallbacks                   Other targets for Converse and ConverseStream, in their order:
//!                               objects with model, region or base_url, and request with members
//!                               that replace the request's. region alone calls an endpoint of that
//!                               region, and needs base_url beside it if the config has one. All
//!                               timers but timeouts.total start anew at each. (array; default:
//!                               none)
//!   fallback_on                 More failures after which the next target is called. (array of
//!                               "access_denied", "context_overflow", "not_found" and "validation";
//!                               default: [])
//!   cooldown                    The time for which a target that failed is not called while another
//!                               can be. Then one call tries it. It is shared by the models derived
//!                               from this one. (duration; default: "30s")
//!   hedge                       A second call beside one that is slow. The first content wins, and
//!                               the other call is cancelled. Its tokens may be billed. (object;
//!                               default: none)
//!   hedge.after                 The time without content after which the next target is called too.
//!                               (duration; required)
//!   cache                       Cache points that are added to the requests of Converse. (object;
//!                               default: {})
//!   cache.points                The places at whose end a cache point is added, if the request has
//!                               none there and the model takes one: the system prompt, the tools,
//!                               the last message of the user. A request gets no more than 4 cache
//!                               points: the first places come first. (array of "system", "tools"
//!                               and "last_user"; default: [])
//!   cache.ttl                   How long the service keeps what is before these cache points. ("5m"
//!                               or "1h"; default: the service's, which is 5 minutes)
//!   max_concurrency             The most calls that run at once on this model and the models
//!                               derived from it. More calls wait, within timeouts.queue, or within
//!                               their other timers if it is not set. (number; default: no limit)
//!   max_queue                   The most calls that wait for max_concurrency. One more fails at
//!                               once with BEDROCK_E_THROTTLED. With 0 none waits. (number; default:
//!                               no limit)
//!   limits                      The quota of a minute, for this model and the models derived from
//!                               it. (object; default: none)
//!   limits.requests_per_minute  The most requests that are sent in a minute. (number; default: no
//!                               limit)
//!   limits.tokens_per_minute    The most tokens that calls reserve and use in a minute. (number;
//!                               default: no limit)
//!   limits.adaptive             Whether lower limits are learned from the refusals of the service.
//!                               (boolean; default: false)
//!   max_answer                  The most bytes of one response, all frames of a stream together. A
//!                               longer response fails with BEDROCK_E_PROTOCOL. (number; default:
//!                               268435456 (256 MiB))
//!   keep_answer                 Whether the library keeps the events that it has delivered. If not,
//!                               the response of a stream has the stop reason and the usage but no
//!                               content, and cannot be added to a request. (boolean; default: true)
//!   read_ahead                  About how much of a stream may wait in memory until the program
//!                               reads it: from 16 KiB to 1 GiB, as a text such as "1MiB" or as a
//!                               number of bytes. Up to half of it may wait in the buffers of the
//!                               connection. An event is always read completely, also a larger one.
//!                               A derived model has the buffers of the first model. (size; default:
//!                               "256KiB")
//!   ca_file                     A PEM file of at most 16 MiB with the certificates to trust.
//!                               (string; default: AWS_CA_BUNDLE, the profile's ca_bundle,
//!                               REQUESTS_CA_BUNDLE, SSL_CERT_FILE, the system's certificates, in
//!                               this order)
//!   proxy                       The URL of an HTTP proxy, perhaps with a user:
//!                               http://user:password@proxy:3128. No proxy is used for this machine,
//!                               for the metadata services of containers and EC2 instances, and for
//!                               the hosts in NO_PROXY. (string; default: HTTPS_PROXY (HTTP_PROXY
//!                               for an http:// endpoint), ALL_PROXY, in this order)
//!   http_version                The version of HTTP. "auto" is HTTP/2 if the endpoint offers it,
//!                               else HTTP/1.1. "1.1" and "2" force one. "2" over http:// starts
//!                               without negotiation. Calls that fetch credentials never insist on
//!                               HTTP/2. ("auto", "1.1" or "2"; default: "auto")
//!   fips                        Whether the region's FIPS endpoint is called. (boolean; default:
//!                               AWS_USE_FIPS_ENDPOINT, the profile's use_fips_endpoint, false, in
//!                               this order)
//!   dual_stack                  Whether the region's dual-stack endpoint is called. (boolean;
//!                               default: AWS_USE_DUALSTACK_ENDPOINT, the profile's
//!                               use_dualstack_endpoint, false, in this order)
//!   user_agent                  A text such as app/1.2, added to the SDK's user agent. (string;
//!                               default: none)
//!   defaults                    Request members for every request, as in bedrock_model_with.
//!                               (object; default: {})
//!   lint                        Whether requests are checked locally before they are sent. "off"
//!                               sends a request unchecked. ("error" or "off"; default: "error")
//!   transport                   {"replies": [...]}, {"record": "file"} or {"replay": "file"}: a
//!                               script in place of the network, a recording of the calls, or a
//!                               recording in place of the network. (object; default: the network)
//!   options                     Any of the other keys may be given in this object instead of at the
//!                               top. (object; default: {})
//!
//! An unknown key is an error that suggests the nearest one. timeouts.idle is the member "idle" of the object
//! "timeouts". A duration is a string with a unit, from "1ms" to "24h": "500ms", "30s", "5m". No timer can be turned
//! off: "0s" and null are errors. timeouts.total and timeouts.queue do not limit a call unless they are given. ca_file,
//! proxy, fips and dual_stack also apply to the calls that fetch credentials.
//!
//! A healthy stream may send no event for minutes, while the model thinks or writes a large tool input. So the default
//! of timeout is 5 minutes. Independently of the timers, the library probes silent connections. If the peer does not
//! respond to the probes, the call fails with BEDROCK_E_TIMEOUT after at most 30 seconds. "Status and errors" lists the
//! errors after which a call is tried again.
//!
//! transport has one of three forms:
//!
//!   {"replies": ["Hello", ...]}   a script in place of the network, for tests without AWS
//!   {"record": "file"}            calls go over the network, and requests and responses are written
//!                                 into the file, without credentials, also if the service repeats
//!                                 them. bedrock_model_new replaces an older recording in it, gives
//!                                 it the mode 0600 and locks it: if another process records into
//!                                 it, or if it is a symbolic link, bedrock_model_new returns
//!                                 BEDROCK_E_CONFIG. Models of one process may share it. A call is in
//!                                 the file when it returns; a cancelled call is written soon after,
//!                                 at the latest when bedrock_shutdown returns
//!   {"replay": "file"}            the responses come from such a file of at most 256 MiB, without
//!                                 network or credentials. Each response is used once, for the
//!                                 request that it was recorded for. "timing" beside it is "at_once"
//!                                 (default) or "recorded"
//!
//! bedrock_model_new reads AWS's variables. The first call of a model, or bedrock_model_connect, reads AWS's files.
//! Both follow the rules of botocore. A variable that is empty counts as not given. If a file is not valid, the
//! function returns BEDROCK_E_CONFIG.
//!
//! Credentials are renewed without a restart. Those that expire are fetched again in the background, 5 minutes ahead or
//! after three quarters of their lifetime. While calls are made, the files that they came from (AWS's own, tokens of
//! SSO and of web identity) are looked at once a second, and read again if they have changed. If the service refuses
//! credentials (ExpiredTokenException, UnrecognizedClientException and other names), they are looked up at once, but at
//! most once a second. If they have changed, the call is sent once more, whatever retry.max_attempts is. One lookup
//! serves all calls that wait for it. Keys and tokens of the config and of variables stay as they are until
//! bedrock_model_set_credentials replaces them.

use super::cancel::bedrock_cancel;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::buffer::Buffer;
use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::{put, required};
use super::support::text::{self, EMPTY};
use crate::model::Model;
use crate::runtime::cancel::Cancel;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::time::Duration;

/// A model, ready to be called.
pub struct bedrock_model;

impl HandleObject for Model {
    type C = bedrock_model;
    const TYPE: HandleType = HandleType::Model;
}

/// Makes a model from config JSON.
///
/// It checks the complete config and does not connect. The first call finds credentials and endpoint, and returns the
/// errors of both, and those of AWS's variables and files. bedrock_model_new starts no thread: the library's worker
/// starts with the first call, or with bedrock_model_connect.
///
/// config_json: A JSON object with the keys above.
/// Returns: BEDROCK_OK, or BEDROCK_E_CONFIG if the config is wrong; message and path of the error name the key.
/// Ownership: *out is owned by the caller. Free it with bedrock_model_free.
/// Threads: Does not wait for the network. Reads ca_file, and reads or writes a recording, if the config names one.
///   Reads the environment variables.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_new(
    config_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_model,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        // SAFETY: NULL or readable, as the header demands.
        let model = Model::new(unsafe { text::text("config_json", config_json, len) }?)?;
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(model)?) };
        Ok(BEDROCK_OK)
    })
}

/// Makes a connection to the service ready ahead of the first call.
///
/// It finds credentials, resolves the endpoint's name, connects and does the TLS handshake. It sends no request. The
/// next call of this model, or of a model that shares its connections, uses that connection. A connection that no call
/// uses is closed after 90 seconds. If a connection is ready already, or the transport is a script or a replay, the
/// function returns at once. After a failure the model is still valid, and the next call tries again.
///
/// timeout_ms: A negative value means the timers of a call: "connect" for each attempt, "first_event" and "total" for
///   all of them.
/// Returns: BEDROCK_OK, BEDROCK_E_TIMEOUT after timeout_ms, or a failure of a call: BEDROCK_E_CREDENTIALS,
///   BEDROCK_E_NETWORK, BEDROCK_E_CANCELLED and others.
/// Threads: Blocks for at most timeout_ms. Thread-safe.
/// Since: 0.1
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

/// Derives a model that adds request members to every request: tools, system, inferenceConfig and so on.
///
/// It shares connections, credentials and max_concurrency with the first model. A member that a request has replaces
/// the member of the model completely. null removes a member of the first model. "model" changes the model id.
/// "timeout", "timeouts", "retry", "cache", "keep_answer" and "read_ahead" mean what they mean in the config: derive a
/// model to give a call its own deadline. Timers are merged: those that "timeouts" does not name stay as they are. The
/// function is cheap.
///
/// defaults_json: A JSON object with members of a request and the keys above.
/// Returns: BEDROCK_OK. BEDROCK_E_REQUEST if the JSON is not valid, if it holds another key of the config (api_key and
///   lint belong to bedrock_model_new), or if a name nearly is that of a known member, such as "timout".
///   BEDROCK_E_CONFIG if one of the settings is wrong.
/// Ownership: *out is owned by the caller. Free it with bedrock_model_free, before or after the first model.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_with(
    model: *const bedrock_model,
    defaults_json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_model,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let model = handle::get::<Model>(model)?;
        // SAFETY: NULL or readable, as the header demands.
        let derived = model.with(unsafe { text::text("defaults_json", defaults_json, len) }?)?;
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(derived)?) };
        Ok(BEDROCK_OK)
    })
}

/// Replaces what authorizes the calls of a model.
///
/// It also does so for the models derived from it and for those it was derived from: models that share connections
/// share credentials. Connections stay open. A call that runs is not disturbed: its next attempt uses the new
/// credentials. If the service refuses the old ones meanwhile, the call is sent once more with the new ones, whatever
/// retry.max_attempts is.
///
/// Use it for a Bedrock API key, which expires after at most 12 hours, and for keys that your program fetches itself.
/// All credentials of the config are replaced: a key that json does not have counts as not given, "auth" too. {} takes
/// credentials from AWS's variables and files again, and reads the files anew. A profile gives its credentials alone:
/// region and endpoint stay. bedrock_model_settings still describes the config. A model whose transport is a script or
/// a replay checks the JSON and does nothing else.
///
/// json: A JSON object with keys of the config: api_key, secret_key, session_token, bearer_token, bearer_token_file,
///   auth, profile, role_arn, role_session_name and external_id.
/// Returns: BEDROCK_OK, or BEDROCK_E_CONFIG if the JSON is wrong. Then the model keeps its credentials; message and
///   path of the error name the key. What is wrong with the credentials themselves is an error of the next call.
/// Threads: Does not block. Thread-safe.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_set_credentials(
    model: *const bedrock_model,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    entry!(err => {
        let model = handle::get::<Model>(model)?;
        // SAFETY: NULL or readable, as the header demands.
        model.set_credentials(unsafe { text::text("json", json, len) }?)?;
        Ok(BEDROCK_OK)
    })
}

/// Makes a short-term Bedrock API key of the credentials of a model, and writes it into buffer.
///
/// A program that takes such a key as a bearer token (AWS_BEARER_TOKEN_BEDROCK, "bearer_token") can call the service in
/// the model's region without other credentials. The key is signed here and nothing is sent, except what fetching the
/// credentials takes: those of a role are held, or fetched as by a call. It is the key that AWS's token generators make
/// at the same time. It is valid for as long as seconds, or until the credentials expire if that is earlier.
///
/// Each call makes another key. If the key does not fit into buffer, buffer is "": make room for *len and a NUL, and
/// call again. 4096 bytes are enough, except with a long session token. The key is a secret.
///
/// seconds: From 1 to 43200, which is 12 hours.
/// buffer: Filled with the key and a NUL. May be NULL if size is 0.
/// len: Filled with the length of the key, which may be size or more. 0 after a failure. May be NULL.
/// Returns: BEDROCK_OK, also if the key does not fit. BEDROCK_E_INVALID_ARGUMENT for seconds, BEDROCK_E_CREDENTIALS
///   without credentials or if the model has a bearer token, BEDROCK_E_CANCELLED, BEDROCK_E_TIMEOUT, and other failures
///   of fetching credentials.
/// Threads: Blocks while the credentials are fetched, within the timers of bedrock_model_connect. Thread-safe.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_api_key(
    model: *const bedrock_model,
    seconds: i32,
    cancel: *mut bedrock_cancel,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, 0) };
    // SAFETY: NULL or writable for `size` bytes, as the header demands.
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(waits err => {
        let model = handle::get::<Model>(model)?;
        let cancel = if cancel.is_null() { None } else { Some(handle::get::<Cancel>(cancel)?) };
        let key = model.api_key(seconds, cancel.as_deref())?;
        if key.len() < size {
            out.push(&key);
        }
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(len, key.len()) };
        Ok(BEDROCK_OK)
    })
}

/// Gets the model id of all requests that name no other.
///
/// Returns: The model id.
/// Ownership: Borrowed until the model is freed.
/// Since: 0.1
/// AWS: modelId
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_id(model: *const bedrock_model, len: *mut usize) -> *const c_char {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, 0) };
    // SAFETY: `len` is NULL or writable, as the header demands.
    entry!(else EMPTY => Ok(unsafe { text::borrow(handle::get::<Model>(model)?.id(), len) }))
}

/// Gets the settings that calls of this model use, each with its source, as JSON.
///
/// It is for people who look for a mistake. Nothing is fetched and nothing is sent. The JSON holds no secret: an access
/// key id is masked except for its first and last four characters, and a proxy has no password.
///
/// Its member "transport" is "network", "record", "replies" or "replay"; the last two use no network, and lack all
/// members about it. The members profile, region, endpoint, proxy, ca_file, config_file and credentials_file are
/// objects with "value" and "source". A source is an environment variable, a key of a profile, a key of the config, or
/// "default". profile and proxy are null if none is used. The value of ca_file is null if the certificates are those of
/// the system or of the config. The two files of AWS also have "found", a boolean.
///
/// The member "credentials" has "source" and "provider": access_keys, assume_role, bearer_token, container,
/// credential_process, instance_metadata, login_session, sso or web_identity. More of its members depend on the
/// provider. If a setting is wrong, or if there are no credentials, the object has "error" alone, a message. Later
/// versions may add members.
///
/// If the config has fallbacks, the member "fallbacks" is an array of the targets after the first, in their order. Each
/// has "model", "region", "endpoint" and "proxy", objects as above: what calls of this model use there. "hedge" and
/// "limits" are the objects of the config, and missing if the config lacks them.
///
/// Returns: The JSON. NULL, with *err set, if a file of AWS is not valid (BEDROCK_E_CONFIG) or the files lack the
///   profile (BEDROCK_E_CREDENTIALS).
/// Ownership: Borrowed until the model is freed.
/// Threads: Does not wait for the network. Reads AWS's files, and not again once it has succeeded for this model.
///   Thread-safe.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_settings(
    model: *const bedrock_model,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    entry!(text len, err => Ok(text::borrowed(handle::get::<Model>(model)?.settings()?)))
}

/// Frees a model.
///
/// Running calls, and models derived from it, keep what they need.
///
/// model: NULL does nothing.
/// Ownership: Ends the handle and the text borrowed from it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_model_free(model: *mut bedrock_model) {
    entry!(else () => {
        handle::remove::<Model>(model);
        Ok(())
    })
}
