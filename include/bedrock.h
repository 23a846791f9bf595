/*
 * bedrock.h - Amazon Bedrock for every language that can call C.
 *
 *   bedrock_model *model = NULL;
 *   bedrock_request *request = NULL;
 *   bedrock_response *response = NULL;
 *   bedrock_error *error = NULL;
 *
 *   const char *config = "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\"}";
 *   if (bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0 ||
 *       bedrock_request_new(NULL, 0, &request, &error) < 0 ||
 *       bedrock_request_add_text(request, "user", "Say hello.", BEDROCK_STRLEN, &error) < 0 ||
 *       bedrock_generate(model, request, NULL, &response, &error) < 0)
 *     fprintf(stderr, "%s\n", bedrock_error_message(error));
 *   else
 *     puts(bedrock_response_text(response, NULL));
 *
 *   bedrock_error_free(error);
 *   bedrock_response_free(response);
 *   bedrock_request_free(request);
 *   bedrock_model_free(model);
 *
 * Link with -lbedrock. This file is generated from the library's source: change it there.
 *
 *
 * RULES FOR EVERY FUNCTION
 *
 * Handles are opaque IDs, not pointers. Each bedrock_<type>_new, and every other function that makes an object,
 *   returns one. A stale, freed, foreign or wrong handle gives BEDROCK_E_BAD_HANDLE, and a getter returns its neutral
 *   value for it ("", 0 or -1). It is never undefined behaviour. On 64-bit systems a handle is a number from 2^52 to
 *   2^53, so that a double holds it exactly. Free each handle once with bedrock_<type>_free, on any thread, at any
 *   time: running calls keep the object alive. Freeing NULL does nothing.
 *
 * Text in is a pointer and a length, where a length follows; the length BEDROCK_STRLEN means "NUL-terminated". Short
 *   names (role, name, tool_use_id, pointer) are NUL-terminated. Text has to be valid UTF-8. The library copies
 *   everything that is passed in before the call returns, except attachments passed with a release function.
 *
 * Text out is borrowed and NUL-terminated. It is never NULL: it is "" where there is none. Its length is written to
 *   *len where the function has a len and it is not NULL. It lives as long as its handle. The text of an event lives
 *   until the callback returns, or until the next bedrock_stream_next or bedrock_stream_free on its stream. Using
 *   borrowed text later is undefined behaviour; the library cannot detect it, but valgrind and AddressSanitizer can.
 *
 * Errors. A function that can fail returns a bedrock_status: below 0 is a failure, 0 and above is not. Where err is
 *   not NULL, *err receives an error owned by the caller if the status is below 0, and NULL otherwise. *err is
 *   overwritten, never freed: in a chain of calls, stop at the first that fails, or free the error between them. All
 *   other out parameters are always written too: with NULL (0 for a number) where there is nothing to give. Where a
 *   function has no err, bedrock_status_name says what its status means.
 *
 * Threads. Models, requests, responses, errors, cancels and waiting sets are thread-safe. Calls on one request are
 *   serialized; its lock is never held during I/O. A stream is used by one thread at a time (a second one gets
 *   BEDROCK_E_BUSY); bedrock_stream_cancel and bedrock_stream_free work on any thread.
 *
 * Callbacks. on_event runs on the thread that made the call. It may call every function except bedrock_shutdown
 *   (BEDROCK_E_BUSY). wakeup and log run on library threads that do no I/O. They may call only bedrock_cancel_fire and
 *   bedrock_stream_cancel (the others return BEDROCK_E_BUSY). release(user) runs exactly once, even if the call that
 *   it was given to fails, always on an application thread inside a library call. No callback may throw, longjmp or
 *   end its thread.
 *
 * Fork. In the child every handle made before fork() gives BEDROCK_E_FORKED, and freeing it does nothing. New handles
 *   work.
 *
 * Environment. The library reads the variables and files of every AWS SDK and writes none: AWS_ACCESS_KEY_ID,
 *   AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, AWS_BEARER_TOKEN_BEDROCK,
 *   AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_CA_BUNDLE, HTTPS_PROXY, NO_PROXY, ~/.aws/config, ~/.aws/credentials and more.
 */
#ifndef BEDROCK_H
#define BEDROCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles ---------------------------------------------------------------------------------------------- */

typedef struct bedrock_error bedrock_error;          /* A failure: immutable, owned by the caller. For NULL the getters give BEDROCK_OK, "", 0, -1. */
typedef struct bedrock_model bedrock_model;          /* A model, ready to be called. */
typedef struct bedrock_request bedrock_request;      /* A request as it grows. */
typedef struct bedrock_cancel bedrock_cancel;        /* A latch that ends calls. */
typedef struct bedrock_stream bedrock_stream;        /* A stream that you read. */
typedef struct bedrock_waitset bedrock_waitset;      /* A set of streams to wait for. */
typedef struct bedrock_response bedrock_response;    /* An answer. */


/* ---- Version ----------------------------------------------------------------------------------------------
 * The library follows semantic versioning. Structs grow only at their end, and constants keep their values.
 */

#define BEDROCK_VERSION_MAJOR             0  /* The version of this header. */
#define BEDROCK_VERSION_MINOR             1
#define BEDROCK_VERSION_PATCH             0

/* The version of the library that is loaded, as 0x00MMmmpp: one byte each for major, minor and patch. Compare it
 * with the macros above, which are those of the header your program was compiled with. */
uint32_t bedrock_version_number(void);

/* The same as text, such as "0.1.0". Static: never freed, valid for ever. */
const char *bedrock_version(void);


/* ---- Status and errors ------------------------------------------------------------------------------------
 * A function that can fail returns a bedrock_status: below 0 is failure, 0 and above is not. Where it has a parameter err,
 * and err is not NULL, *err receives an owned bedrock_error when the status is below 0, and NULL otherwise. An error is
 * immutable: any thread may read it, and its texts live until bedrock_error_free. There is no errno and no "last error".
 *
 * Where the service, or a gateway in front of it, refuses a call, the name that it gives decides the status:
 *
 *   BEDROCK_E_THROTTLED         ThrottlingException, TooManyRequestsException, SlowDown and AWS's other names for it,
 *                               with any HTTP status
 *   BEDROCK_E_ACCESS_DENIED     AccessDeniedException, UnrecognizedClientException, InvalidSignatureException,
 *                               IncompleteSignature, NotAuthorized; RequestExpired and RequestInTheFuture, where this
 *                               machine's clock is wrong
 *   BEDROCK_E_CREDENTIALS       ExpiredTokenException, InvalidToken, MissingAuthenticationTokenException
 *   BEDROCK_E_VALIDATION        ValidationException, SerializationException, ConflictException
 *   BEDROCK_E_CONTEXT_OVERFLOW  ValidationException whose message says that the input is too long
 *   BEDROCK_E_NOT_FOUND         ResourceNotFoundException, UnknownOperationException
 *   BEDROCK_E_QUOTA             ServiceQuotaExceededException
 *   BEDROCK_E_MODEL             ModelErrorException, ModelTimeoutException, ModelNotReadyException,
 *                               ModelStreamErrorException
 *   BEDROCK_E_SERVICE           InternalServerException, ServiceUnavailableException, RequestTimeout
 *
 * Where it gives no such name, the HTTP status decides: 401 and 403 ACCESS_DENIED, 404 NOT_FOUND, 408 and 424 MODEL,
 * 429 THROTTLED, 400 and every other 4xx VALIDATION, 5xx SERVICE.
 *
 * Retries. The library tries a call again, up to retry.max_attempts, after HTTP 429, 500, 502, 503 and 504, after
 * names of throttling, RequestTimeout and ModelNotReadyException, and after a connection that failed before an answer
 * came. After RequestExpired and RequestInTheFuture it tries once more, with the service's clock. If the service asks
 * for a wait (Retry-After) that is longer than the call's timer allows, the call fails at once. Each model has a
 * budget for its retries. It begins with 500. A retry costs 5 after throttling and 10 otherwise. A call that succeeds
 * gives back 1, or the cost of its last retry. While the budget is too low for a retry, each call is tried once, and
 * its message says so.
 */

/* A length that means "up to the NUL": wherever a text is given as pointer and length. */
#define BEDROCK_STRLEN                SIZE_MAX

/* What became of a call. */
typedef int32_t bedrock_status;

#define BEDROCK_OK                        0  /* It worked. */
#define BEDROCK_DONE                      1  /* The stream has ended completely. */
#define BEDROCK_AGAIN                     2  /* Nothing within the time given; call again. */
#define BEDROCK_STOPPED                   3  /* The callback asked to stop. */
#define BEDROCK_E_INVALID_ARGUMENT     (-1)  /* NULL, invalid UTF-8, an impossible length. */
#define BEDROCK_E_BAD_HANDLE           (-2)  /* No handle of this kind: freed before, or never made. */
#define BEDROCK_E_BUSY                 (-3)  /* The call would deadlock here: inside a callback that may not make it. */
#define BEDROCK_E_CONFIG               (-4)  /* Config JSON: an unknown key, a wrong type, a bad value. */
#define BEDROCK_E_REQUEST              (-5)  /* Request JSON that was refused before it was sent. */
/* No credentials, expired ones, or a provider of them that failed; the message names it. */
#define BEDROCK_E_CREDENTIALS          (-6)
/* The credentials are wrong, or may not do this. (AccessDeniedException, UnrecognizedClientException, HTTP 403.) */
#define BEDROCK_E_ACCESS_DENIED        (-7)
/* The service knows no such model or resource. (ResourceNotFoundException, HTTP 404.) */
#define BEDROCK_E_NOT_FOUND            (-8)
#define BEDROCK_E_VALIDATION           (-9)  /* The service refused the request. (ValidationException, HTTP 400.) */
#define BEDROCK_E_CONTEXT_OVERFLOW    (-10)  /* The service refused the request for its length. */
#define BEDROCK_E_THROTTLED           (-11)  /* Too many requests or tokens. (ThrottlingException, HTTP 429.) */
#define BEDROCK_E_QUOTA               (-12)  /* The account's quota is used up. (ServiceQuotaExceededException.) */
/* The model failed, took too long or is not ready. (ModelErrorException, ModelTimeoutException,
 * ModelNotReadyException, ModelStreamErrorException, HTTP 408 and 424.) */
#define BEDROCK_E_MODEL               (-13)
/* The service failed; call again later. (InternalServerException, ServiceUnavailableException, HTTP 5xx.) */
#define BEDROCK_E_SERVICE             (-14)
/* Name look-up, connecting, TLS, a connection that broke. The message names host, port and proxy. */
#define BEDROCK_E_NETWORK             (-15)
/* A timer ran out, and the message names it and its setting; or the connection showed no sign of life. Where
 * attempts of the call were refused, the error has code, HTTP status and request id of the last refusal. */
#define BEDROCK_E_TIMEOUT             (-16)
#define BEDROCK_E_TRUNCATED           (-17)  /* The stream ended too soon: what came is not the whole answer. */
/* Bytes that are no valid answer: a wrong checksum, an impossible size, broken JSON. */
#define BEDROCK_E_PROTOCOL            (-18)
#define BEDROCK_E_CANCELLED           (-19)  /* A cancel was fired, or the library was shut down. */
#define BEDROCK_E_FORKED              (-20)  /* The handle was made before fork(), and this is the child. */
#define BEDROCK_E_INTERNAL            (-21)  /* A bug in this library, contained. */
#define BEDROCK_E_RESOURCE            (-22)  /* This process is out of descriptors, threads, handles or memory. */

/* The name of a status: "BEDROCK_E_THROTTLED". "" for a number that is none. Static, never freed. */
const char *bedrock_status_name(bedrock_status status);

/* The status of the call that failed. Of what is no error: BEDROCK_OK for NULL, else BEDROCK_E_BAD_HANDLE or
 * BEDROCK_E_FORKED. */
bedrock_status bedrock_error_status(const bedrock_error *error);

/* One line for people, which begins with "bedrock: " and says what was being done, what happened and, where it is
 * known, what to do next. It never holds credentials. Lives until the error is freed. */
const char *bedrock_error_message(const bedrock_error *error);

/* The service's name for the failure, as it came: "ThrottlingException"; inside a stream the service begins it
 * with a small letter. "" where the service named nothing. Lives until the error is freed. */
const char *bedrock_error_code(const bedrock_error *error);

/* A JSON pointer to the member that is to blame, in the config or request that was given: "/messages/0/role". It
 * leads into the JSON that gave the member, in the dialect of that JSON; "/defaults" begins a pointer into the
 * config's. Once something was added to a conversation, "/messages" and "/system" lead into the conversation as it
 * is kept, which bedrock_request_body shows. Returns "" where no member is to blame. Lives until the error is
 * freed. */
const char *bedrock_error_path(const bedrock_error *error);

/* The service's id of the request (x-amzn-requestid), which AWS support asks for. "" where there is none. Lives
 * until the error is freed. */
const char *bedrock_error_request_id(const bedrock_error *error);

/* The HTTP status of the answer that failed. For BEDROCK_E_TIMEOUT and BEDROCK_E_NETWORK it is that of the last
 * attempt that was refused. 0 where there was none, and for a failure inside a stream. */
int32_t bedrock_error_http_status(const bedrock_error *error);

/* 1 where the same call may succeed later. The library's own retries are over by then. */
int32_t bedrock_error_retryable(const bedrock_error *error);

/* Returns the time that the service asks to wait before the next call (Retry-After), in milliseconds. -1 where it
 * asks for none. */
int64_t bedrock_error_retry_after(const bedrock_error *error);

/* Returns the service's failure as JSON, byte for byte as it came: the body of the HTTP answer, or the payload of
 * an exception inside a stream. It holds members that have no function here, such as originalStatusCode,
 * originalMessage and resourceName of ModelErrorException. "" where there is none, where it is not JSON, and where
 * it is longer than 64 KiB. Borrowed: it lives until the error is freed. */
const char *bedrock_error_json(const bedrock_error *error,
                               size_t *len);

/* Returns how many attempts the call made, retries included. An attempt is a request that was given to a
 * connection, or for which connecting was tried. 0 where there was none: the request was refused locally, no
 * credentials were found, or the call got no place among max_concurrency calls. */
int32_t bedrock_error_attempts(const bedrock_error *error);

/* Frees an error, and the texts it lent. NULL does nothing. */
void bedrock_error_free(bedrock_error *error);


/* ---- Model: configuration, credentials, connections -------------------------------------------------------
 * A model is made from JSON once and used for any number of calls, from any number of threads at once. The keys:
 *
 *   model             a model id, inference profile id, or any ARN that Converse accepts. Required
 *   region            default: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1, in this order
 *   api_key, secret_key, session_token    static credentials: access key id, secret access key, session token
 *   bearer_token      a Bedrock API key; default: AWS_BEARER_TOKEN_BEDROCK
 *   auth              "auto", "sigv4" or "bearer"; auto: what the config holds wins over the environment, then a
 *                     bearer token where there is one, else SigV4
 *   profile           a profile of ~/.aws/config, which then wins over keys in the environment; SSO, login, process, web identity, ECS and EC2 credentials work
 *   role_arn, role_session_name, external_id    a role to assume
 *   base_url          an endpoint of your own, for Bedrock alone: credentials are still fetched from AWS. http:// only to
 *                     loopback unless allow_http is true
 *   timeout           "30s" or "500ms": the longest wait without progress. It is the wait for a stream's first event
 *                     and for each next event, and the whole time of a call that does not stream. Default 5 minutes: a
 *                     healthy stream is silent for minutes while a model thinks or writes a large tool input. Apart
 *                     from all timers, a call fails with BEDROCK_E_TIMEOUT if its connection shows no sign of life
 *                     for 30 seconds
 *   timeouts          {"connect": "3.1s", "first_event", "idle", "total", "queue"}: those waits one by one. "queue"
 *                     limits the wait for max_concurrency. If it is given, the other timers start when the call has
 *                     its place; if not, they start with the call
 *   retry             {"max_attempts": 3, "mode": "standard" or "adaptive", "max_backoff": "20s"}; 1 is off. A Retry-After
 *                     of the service is obeyed, up to max_backoff. "Status and errors" lists what is tried again
 *   max_concurrency   how many calls of this model and those derived from it run at once; more wait
 *   max_answer        the most bytes of one answer, all of a stream's frames together; default 256 MiB
 *   keep_answer       true (default) or false. If it is false, bedrock_stream_response and bedrock_generate_stream give the stop
 *                     reason and the usage of a stream, and no content: nothing is kept of an event that was delivered
 *   read_ahead        "256KiB" (default), "1MiB" or a number of bytes, from 16KiB to 1GiB: about how much of a stream may wait
 *                     in memory for your program to read it. Half of it may be on the connection. A single event is always
 *                     read whole. For a derived model the part on the connection stays that of the first model
 *   ca_file, proxy, fips, dual_stack    for the service and for credentials. Defaults: AWS_CA_BUNDLE, ca_bundle of the
 *                     profile or REQUESTS_CA_BUNDLE; HTTPS_PROXY and NO_PROXY. What is meant for this machine goes
 *                     through no proxy, nor do requests to the metadata services of containers and EC2 instances
 *   http_version      "auto": HTTP/2 where the endpoint offers it; "1.1"; or "2", which over http:// is not asked for first
 *   user_agent        "app/1.2", added to the SDK's
 *   defaults          request members under every request, as in bedrock_model_with
 *   lint              "error" or "off": local checks on requests
 *   transport         {"replies": ["Hello", ...]}: a scripted stand-in for the service, for tests without AWS;
 *                     {"record": "file"}: the network, and all that passes, without credentials, goes into that file, which is
 *                     begun here; each call is in it when it returns, a cancelled one soon after and at bedrock_shutdown;
 *                     {"replay": "file"}: answers from such a file, without network or credentials, each once and to the
 *                     request it was given to; beside it may stand "timing": "at_once" (default) or "recorded"
 *
 * An unknown key is an error that suggests the nearest one. {"options": {...}} may hold any of them as well. A duration has a
 * unit: "500ms", "30s", "5m", "1h". AWS's variables and files are read as botocore reads them, with the first call of a
 * model. A variable that is empty is not given. A file that is broken is that call's BEDROCK_E_CONFIG.
 */

/* Makes a model from config JSON. Checks all of it, connects nowhere, and does not block: credentials and endpoint
 * are found with the first call, and what is wrong with them, or with what the environment says, is that call's
 * error. It starts no thread: the library's worker starts with the first call, or with bedrock_model_connect.
 * BEDROCK_E_CONFIG: the message and path name the key. */
bedrock_status bedrock_model_new(const char *config_json,
                                 size_t len,
                                 bedrock_model **out,
                                 bedrock_error **err);

/* Makes the way to the service ready ahead of the first call: finds credentials, resolves the endpoint's name,
 * connects and shakes hands. The next call of this model, or of one that shares its connections, uses that
 * connection. It sends no request. Where a connection is ready already, it returns at once; so it does for a model
 * with a scripted or replayed transport. A connection that no call uses is closed after 90 seconds. Blocks for at
 * most timeout_ms milliseconds, then returns BEDROCK_E_TIMEOUT; negative: as long as a call's own timers allow
 * ("connect" for each attempt, "first_event" and "total" for all of it). cancel may be NULL. Any thread may call
 * it, also several at once. It fails as a call would: BEDROCK_E_CREDENTIALS, BEDROCK_E_NETWORK,
 * BEDROCK_E_CANCELLED and the others; the model is unharmed, and a call tries anew. */
bedrock_status bedrock_model_connect(const bedrock_model *model,
                                     bedrock_cancel *cancel,
                                     int32_t timeout_ms,
                                     bedrock_error **err);

/* Derives a model that shares connections, credentials and max_concurrency with the first, and has these request
 * members under every request: tools, system, inferenceConfig and so on. A member that a request has takes the
 * place of the whole member of the model. null removes a member of the first model's. "model" changes the model
 * id. "timeout", "timeouts", "retry", "keep_answer" and "read_ahead" are taken as in the config: derive a model to
 * give a call its own deadline. Cheap; does not block. BEDROCK_E_REQUEST: the JSON is broken; it holds another key
 * of the config, such as api_key or lint, which belong to bedrock_model_new; or a name that nearly is that of a
 * known member, such as "timout". BEDROCK_E_CONFIG: one of the settings is wrong. */
bedrock_status bedrock_model_with(const bedrock_model *model,
                                  const char *defaults_json,
                                  size_t len,
                                  bedrock_model **out,
                                  bedrock_error **err);

/* The model id that requests go to unless they name another. Lives until the model is freed. */
const char *bedrock_model_id(const bedrock_model *model, size_t *len);

/* Frees a model. Calls in flight, and models derived from it, keep what they need. NULL does nothing. */
void bedrock_model_free(bedrock_model *model);


/* ---- Request ----------------------------------------------------------------------------------------------
 * A request is the JSON of the Converse operation: messages, system, inferenceConfig, toolConfig, guardrailConfig,
 * additionalModelRequestFields and every other member, now or later. It is sent byte for byte as you wrote it, merged with
 * the model's defaults; "modelId" or "model" names the model for this request alone and is not sent.
 *
 * The shape of chat completions works as well, message by message and member by member: plain strings as content,
 * typed parts, the roles user (human), assistant (ai), system (developer) and tool, tool_calls, tools, tool_choice,
 * temperature, top_p, max_tokens, stop, response_format. It becomes Converse's: see bedrock_request_body. What
 * Converse has no place for is an error that says where it can go. Dropped are blank texts, and standard values that
 * ask for what happens anyway ("n": 1). docs/dialects.md has all members.
 *
 * Three kinds of top-level members are BEDROCK_E_REQUEST with a hint: keys of the model's config (region, timeout,
 * ...), names of credentials (api_key, password, ...), and names that nearly are those of known members
 * ("temperatur", "maxTokens"). Other members that the library does not know are sent.
 *
 * Structured output is response_format in the shape of chat completions, with the JSON schema as an object. In
 * Converse's own shape the schema is JSON text inside a string:
 *
 *   {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
 *      "name": "answer", "schema": "{\"type\": \"object\"}"}}}}}
 *
 * A call uses the request as it is at that moment and does not change it. While it runs, from inside on_event as well, the
 * request may be changed, used for other calls or freed. Any number of threads may use one request at once:
 * their calls take turns, and none holds it while it waits for the network.
 */

#define BEDROCK_ATTACHMENTS_INLINE        0  /* Attachments are in the JSON as base64. */
/* Attachments are in the JSON as "@name"; attach them again where the JSON is read. */
#define BEDROCK_ATTACHMENTS_BY_NAME       1

/* Makes a request from JSON; json NULL: an empty one. BEDROCK_E_REQUEST: broken JSON (the message says where),
 * more than 512 levels of nesting, a member given twice, or in the shape of chat completions what is unknown or
 * has no place in Converse. */
bedrock_status bedrock_request_new(const char *json,
                                   size_t len,
                                   bedrock_request **out,
                                   bedrock_error **err);

/* An independent copy. Cheap: text and attachments are shared. Keep one to take a failed turn back, or to branch. */
bedrock_status bedrock_request_clone(const bedrock_request *request,
                                     bedrock_request **out,
                                     bedrock_error **err);

/* Replaces top-level members by those of a JSON object, and adds those that were not there. null removes a member,
 * as bedrock_request_remove does. Changes nothing where it fails. BEDROCK_E_REQUEST: as bedrock_request_new. */
bedrock_status bedrock_request_set(bedrock_request *request,
                                   const char *json,
                                   size_t len,
                                   bedrock_error **err);

/* Removes a top-level member, such as "system" or "toolConfig", and what means the same in the shape of chat
 * completions. "inferenceConfig" removes temperature, max_tokens and so on as well, and "toolConfig" removes tools
 * and tool_choice. "modelId" removes the model that the request names. Where there is no such member, nothing
 * changes and BEDROCK_OK is returned. */
bedrock_status bedrock_request_remove(bedrock_request *request,
                                      const char *member,
                                      bedrock_error **err);

/* Returns the request itself as JSON, to be saved. bedrock_request_new makes the same request of it, which is sent
 * with the same bytes, so that the service still finds it in its prompt cache. It holds modelId, and none of the
 * model's defaults. It is not checked: an empty conversation can be saved too. attachments:
 * BEDROCK_ATTACHMENTS_INLINE or BEDROCK_ATTACHMENTS_BY_NAME. To read single messages, use bedrock_json_... on it.
 * Returns NULL, with *err set, where it cannot be made, for example because an attachment to be inlined is not
 * there. Borrowed until the next bedrock_request_json on this request, from any thread, or until its free. */
const char *bedrock_request_json(bedrock_request *request,
                                 int32_t attachments,
                                 size_t *len,
                                 bedrock_error **err);

/* The exact body that bedrock_generate or a stream with this model would send, for tests and for the curious; to
 * keep a conversation use bedrock_request_json, which has no defaults of the model's in it. NULL, with *err set,
 * where it cannot be made. Lent until the next bedrock_request_body on this request, from any thread, or until its
 * free. */
const char *bedrock_request_body(bedrock_request *request,
                                 const bedrock_model *model,
                                 size_t *len,
                                 bedrock_error **err);

/* Frees a request. Calls in flight keep what they need. NULL does nothing. */
void bedrock_request_free(bedrock_request *request);


/* ---- Conversation: messages that are added, counted and removed -------------------------------------------
 * These functions write the messages of a request, so that a program never has to build JSON for what varies. Blank
 * text (empty, or white space alone) is not added, because the service refuses it: the call returns BEDROCK_OK and
 * changes nothing.
 *
 * A program with tools does this in a loop: it calls bedrock_generate and bedrock_request_add_response, and then,
 * for each of the bedrock_response_tool_call_count calls, bedrock_request_add_tool_result. The loop ends when there
 * are no calls.
 *
 * To save a conversation, write what bedrock_request_json returns to a file. To load it, give that to
 * bedrock_request_new. To shorten a conversation, use bedrock_request_trim. The service then writes its prompt cache
 * anew.
 */

/* Adds text to the conversation. Roles: "user" ("human"), "assistant" ("ai"), "system" ("developer"), which adds
 * to the system prompt. Where the last message is of the same role the text joins it: the service wants roles to
 * take turns. Where text is blank, nothing is added and BEDROCK_OK is returned. BEDROCK_E_REQUEST: the role is
 * unknown. */
bedrock_status bedrock_request_add_text(bedrock_request *request,
                                        const char *role,
                                        const char *text,
                                        size_t len,
                                        bedrock_error **err);

/* Adds a message given as JSON: {"role": "user", "content": [...]}, with content blocks as Converse has them,
 * which is added as it stands; or a message in the shape of chat completions, which joins the last message where
 * that is of its role, and whose blank texts are left out. */
bedrock_status bedrock_request_add_message(bedrock_request *request,
                                           const char *json,
                                           size_t len,
                                           bedrock_error **err);

/* Adds the assistant's message, in the form in which the service takes it back. Every answer can be added, also
 * one that is not complete (bedrock_response_complete). Blocks stay as they came, to the byte, except for these.
 * Blank texts are left out. Where the input of a tool call is not a JSON object (bedrock_tool_call.input_valid is
 * 0), {} takes its place: add an error result for the call. Reasoning is left out where no text or call follows
 * it, and where the answer was cut off before the signature came. Calls of tools that the service runs itself
 * stay, with their results. Where nothing is left, nothing is added and BEDROCK_OK is returned; the next text of
 * the user's then joins the user's last message. */
bedrock_status bedrock_request_add_response(bedrock_request *request,
                                            const bedrock_response *response,
                                            bedrock_error **err);

/* Adds what a tool gave, under the id of its call (bedrock_tool_call.id). content is text and is never read as
 * JSON; for JSON, images and documents use bedrock_request_add_message. is_error: nonzero tells the model that the
 * tool failed. Results added one after the other share one message, as the service demands for parallel calls.
 * (ToolResultBlock.) */
bedrock_status bedrock_request_add_tool_result(bedrock_request *request,
                                               const char *tool_use_id,
                                               const char *content,
                                               size_t len,
                                               int32_t is_error,
                                               bedrock_error **err);

/* Returns how many messages the conversation has. The system prompt is none of them. For anything but a request:
 * 0. */
size_t bedrock_request_message_count(const bedrock_request *request);

/* Removes count messages from index first on. The oldest message has index 0. Remove a tool call and its result
 * together: they stand in two messages, and the service refuses one without the other. The next call then returns
 * BEDROCK_E_REQUEST. The bytes that bedrock_request_add_image and bedrock_request_add_document added are released
 * with the last message that holds them. BEDROCK_E_INVALID_ARGUMENT, and nothing removed: there are fewer
 * messages. */
bedrock_status bedrock_request_remove_messages(bedrock_request *request,
                                               size_t first,
                                               size_t count,
                                               bedrock_error **err);

/* Shortens the conversation to at most max_messages messages. After BEDROCK_E_CONTEXT_OVERFLOW, give half of
 * bedrock_request_message_count. What is left begins with a message of the user's, and no tool result loses its
 * call: whole turns are removed, the oldest first. Where the last turn alone is longer, because the model called
 * many tools in it, the user's message that began it stays, and its oldest rounds of calls and results are
 * removed. That message and the last round always stay, also where they are more than max_messages. The system
 * prompt is not changed. Bytes are released as bedrock_request_remove_messages releases them. */
bedrock_status bedrock_request_trim(bedrock_request *request,
                                    size_t max_messages,
                                    bedrock_error **err);


/* ---- Images, documents, audio and video -------------------------------------------------------------------
 * Bytes are given by pointer and need no base64. bedrock_request_add_image and bedrock_request_add_document add a
 * content block and need no JSON. bedrock_request_attach gives bytes a name, to which JSON of your own refers.
 */

/* Gives back what was lent to the library: it is called exactly once, whatever the call it was given to returned,
 * on a thread of yours that is inside a call. */
typedef void (*bedrock_release_fn)(void *user);

/* Adds an image to the conversation, as a block of the message that bedrock_request_add_text with this role would
 * add to. role: "user" or "assistant". format: "png", "jpeg", "gif" or "webp", or a MIME type; NULL where the
 * bytes tell it. The bytes are attached under the first free name of "image-1", "image-2" and so on. release and
 * user are those of bedrock_request_attach. BEDROCK_E_REQUEST, and nothing added: there are no bytes, the format
 * is unknown, or the bytes are of another. (ImageBlock) */
bedrock_status bedrock_request_add_image(bedrock_request *request,
                                         const char *role,
                                         const char *format,
                                         const void *data,
                                         size_t len,
                                         bedrock_release_fn release,
                                         void *user,
                                         bedrock_error **err);

/* Adds a document to the conversation, as bedrock_request_add_image adds an image. format: "pdf", "csv", "doc",
 * "docx", "xls", "xlsx", "html", "txt" or "md", or a MIME type; NULL where the ending of name, or the bytes, tell
 * it. name: what the model calls it, or the name of a file. Of a name the service takes letters, digits, single
 * spaces and _ - ( ) [ ] alone, and once in a conversation: other characters become spaces, and a name that is
 * taken gets a number. NULL: "document". The bytes are attached as "document-1" and so on. The service wants a
 * text in the same message, which says what to do with the document. (DocumentBlock) */
bedrock_status bedrock_request_add_document(bedrock_request *request,
                                            const char *role,
                                            const char *format,
                                            const char *name,
                                            const void *data,
                                            size_t len,
                                            bedrock_release_fn release,
                                            void *user,
                                            bedrock_error **err);

/* Gives the request bytes by pointer: an image, a document, audio, video. JSON refers to them as "@name" wherever
 * it would hold base64 ({"image": {"format": "png", "source": {"bytes": "@name"}}}); the name is looked up when a
 * call is made. release NULL: the bytes are copied now. release given: they are not copied and must stay as they
 * are until release(user) runs, when the request and its clones are freed, or INSIDE THIS CALL where it fails:
 * never free them yourself after it. free is a fine release function. A name can be given once
 * (BEDROCK_E_REQUEST). */
bedrock_status bedrock_request_attach(bedrock_request *request,
                                      const char *name,
                                      const void *data,
                                      size_t len,
                                      bedrock_release_fn release,
                                      void *user,
                                      bedrock_error **err);


/* ---- Cancellation -----------------------------------------------------------------------------------------
 * A cancel is a latch: once fired it stays fired. Every call it was given to ends with BEDROCK_E_CANCELLED, before it began,
 * while it runs or when it is done waiting; a call given it later fails so at once, and nothing is sent. One cancel may serve
 * many calls, at once or in turn; make a new one to start afresh.
 */

/* A latch that has not fired. NULL only when out of memory or handles. */
bedrock_cancel *bedrock_cancel_new(void);

/* Fires the latch, for good. Any thread, any time, as often as you like; never blocks, keeps errno, and is the one
 * function of this library that is safe in a signal handler. NULL, or a cancel that was freed: does nothing. */
void bedrock_cancel_fire(bedrock_cancel *cancel);

/* Frees a cancel. The calls it was given to go on, and can no longer be cancelled by it. NULL does nothing. */
void bedrock_cancel_free(bedrock_cancel *cancel);


/* ---- Generate ---------------------------------------------------------------------------------------------
 * These calls block the calling thread until the call has ended. Callbacks run on that thread. Each call ends within
 * its timers: no wait is without a limit. cancel may be NULL.
 */

#define BEDROCK_EVENT_MESSAGE_START       1  /* The message begins. text: its role. (messageStart) */
/* A tool call or tool result begins; text and reasoning begin with their first delta. (contentBlockStart) */
#define BEDROCK_EVENT_BLOCK_START         2
#define BEDROCK_EVENT_TEXT                3  /* text: a piece of the answer. (contentBlockDelta: text) */
/* text: a piece of the model's reasoning. (contentBlockDelta: reasoningContent.text) */
#define BEDROCK_EVENT_REASONING           4
/* text: a fragment of the JSON of a tool call's input. (contentBlockDelta: toolUse.input) */
#define BEDROCK_EVENT_TOOL_INPUT          5
/* Any other delta: a signature, redacted reasoning, a citation, an image, what comes next. See json.
 * (contentBlockDelta) */
#define BEDROCK_EVENT_BLOCK_DELTA         6
/* A block is complete. text of a tool call: its whole input as JSON, "{}" if it was empty; if input_valid is 0,
 * what the model wrote, which is not a JSON object. (contentBlockStop) */
#define BEDROCK_EVENT_BLOCK_STOP          7
/* The message is complete. text: the stop reason. METADATA may follow, then BEDROCK_DONE. (messageStop) */
#define BEDROCK_EVENT_MESSAGE_STOP        8
#define BEDROCK_EVENT_METADATA            9  /* Usage, metrics and trace, in json. (metadata) */
/* An event that this version does not know. text: its name. json or payload: what it holds. */
#define BEDROCK_EVENT_OTHER              10
/* A chunk of an InvokeModelWithResponseStream. text: what the model wrote, in its own form, which is JSON. (chunk) */
#define BEDROCK_EVENT_CHUNK              11

/* One event of a stream. It is borrowed: it lives until the callback returns, or until the next
 * bedrock_stream_next. Its texts are NUL-terminated and never NULL. Newer library versions may append members:
 * check size before you read a member that your minimum version does not have. */
typedef struct bedrock_event {
  /* sizeof(bedrock_event) of the library. */
  uint32_t size;
  /* BEDROCK_EVENT_.... Ignore types that you do not know. */
  int32_t type;
  /* The index of the content block (contentBlockIndex), or -1. Blocks may interleave. */
  int32_t block;
  /* In BLOCK_STOP of a tool call: 1 if text is a JSON object, 0 if the model's input is broken. Elsewhere 0. */
  int32_t input_valid;
  /* The decoded text. Each type says what it is. A character that the service splits over two deltas comes with
   * the second. */
  const char *text;
  size_t text_len;
  /* The id of a tool call, in BLOCK_START and BLOCK_STOP. Elsewhere "". */
  const char *tool_id;
  size_t tool_id_len;
  /* The name of a tool, in BLOCK_START and BLOCK_STOP. Elsewhere "". */
  const char *tool_name;
  size_t tool_name_len;
  /* The event's payload, verbatim. "" if the payload of an OTHER event is not JSON. */
  const char *json;
  size_t json_len;
  /* The event's payload, verbatim, whatever it is: the same bytes as json if json is not "". Never NULL. */
  const void *payload;
  size_t payload_len;
} bedrock_event;

/* Receives an event on the calling thread. user is the pointer that was given to the call. Return 0 to go on.
 * Return nonzero to stop and to close the connection. The function may call any function of this library except
 * bedrock_shutdown. It must not throw, longjmp or end the thread. */
typedef int32_t (*bedrock_event_fn)(const bedrock_event *event, void *user);

/* Sends the request and waits for the whole answer. (Converse) *out is owned by the caller; it is NULL after a
 * failure. The timer is "timeout", or 5 minutes if it is not set. */
bedrock_status bedrock_generate(const bedrock_model *model,
                                const bedrock_request *request,
                                bedrock_cancel *cancel,
                                bedrock_response **out,
                                bedrock_error **err);

/* Sends the request and calls on_event for every event, in the order in which they arrive. (ConverseStream)
 * on_event must not be NULL. Returns BEDROCK_OK if the answer is complete, BEDROCK_STOPPED if on_event asked to
 * stop, and BEDROCK_E_TRUNCATED if the connection ended before the message did. out may be NULL. Otherwise *out
 * receives the response, which is owned by the caller; free it whatever the status is. After BEDROCK_OK it is what
 * bedrock_generate would have given. After BEDROCK_STOPPED and after a failure it is what on_event was shown, and
 * bedrock_response_complete returns 0. If the call failed before the first event, *out is NULL. If the model's
 * keep_answer is false, the response has the stop reason and the usage, and no content. The timers are
 * "first_event", "idle" and "total". The time that on_event takes does not count. */
bedrock_status bedrock_generate_stream(const bedrock_model *model,
                                       const bedrock_request *request,
                                       bedrock_cancel *cancel,
                                       bedrock_event_fn on_event,
                                       void *user,
                                       bedrock_response **out,
                                       bedrock_error **err);


/* ---- Streams by pull: event loops, Go, Python -------------------------------------------------------------
 * The same events as in bedrock_generate_stream, but your program asks for them: with a time limit, in an event loop
 * that polls a descriptor, or after a wakeup. A stream is owned by the caller until bedrock_stream_free. One thread at
 * a time may use a stream (another gets BEDROCK_E_BUSY). bedrock_stream_cancel and bedrock_stream_free may be called
 * on any thread.
 *
 *   while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
 *     if (event->type == BEDROCK_EVENT_TEXT)
 *       fwrite(event->text, 1, event->text_len, stdout);
 *
 * A stream ends once: with BEDROCK_DONE, after messageStop; with a failure; or with BEDROCK_E_CANCELLED. Once a stream
 * has ended, every later bedrock_stream_next returns the same final status. Events that arrived before BEDROCK_DONE or
 * a failure are delivered first. A cancel discards them.
 *
 * To pause a stream, stop calling bedrock_stream_next. The library then reads on until about "read_ahead" bytes wait,
 * and stops reading its connection until your program goes on (back-pressure). Of the timers only "total" runs
 * meanwhile.
 */

/* Is called when a stream has something to read, on a library thread that does no I/O. user is the pointer that
 * was given to bedrock_stream_set_wakeup. The function may only call bedrock_cancel_fire and bedrock_stream_cancel
 * (others return BEDROCK_E_BUSY). It must not block: wake your own thread and return. */
typedef void (*bedrock_wakeup_fn)(void *user);

/* Opens a stream without waiting for the network. (ConverseStream) It fails only if the arguments are wrong;
 * bedrock_stream_next returns every other failure. cancel may be NULL. *out is owned by the caller. The request
 * may be changed or freed as soon as this function has returned. */
bedrock_status bedrock_stream_open(const bedrock_model *model,
                                   const bedrock_request *request,
                                   bedrock_cancel *cancel,
                                   bedrock_stream **out,
                                   bedrock_error **err);

/* Waits for the next event. timeout_ms is in milliseconds; 0 does not wait, and a negative value waits as long as
 * the timers of the call allow. Returns BEDROCK_OK with the event in *event. Returns BEDROCK_DONE if the answer is
 * complete. Returns BEDROCK_AGAIN if no event arrived in time; the stream goes on. A status below 0 is the failure
 * that ended the stream; each call gives a new *err. The event is borrowed: it lives until the next
 * bedrock_stream_next or bedrock_stream_free on this stream. Other calls do not end it. For every status except
 * BEDROCK_OK *event is NULL. A signal does not end the wait. The timers do not count the time in which the library
 * waits for your program to read. */
bedrock_status bedrock_stream_next(bedrock_stream *stream,
                                   int32_t timeout_ms,
                                   const bedrock_event **event,
                                   bedrock_error **err);

/* Returns a descriptor to poll. It is readable while bedrock_stream_next(stream, 0, ...) would return something
 * other than BEDROCK_AGAIN (level-triggered). After the end of the stream it stays readable. The first call makes
 * it, later calls return the same. bedrock_stream_free closes it: remove it from your event loop before. Only poll
 * it. If your event loop closes what it polls, give it a dup. It is non-blocking and close-on-exec. Returns -1 if
 * the process has no descriptor left. */
int bedrock_stream_fd(bedrock_stream *stream);

/* Sets the function that is called when there is something to read. A stream is armed when a wakeup is set, and
 * each time bedrock_stream_next returns BEDROCK_AGAIN. An armed stream calls wakeup once, as soon as there is
 * something to read: an event, the end, a failure or a cancel. If there is something already, it calls wakeup at
 * once. So on a wakeup call bedrock_stream_next with timeout 0 until it returns something other than BEDROCK_OK.
 * If you stop reading before BEDROCK_AGAIN you get no further wakeup: continue on your own, or leave it so to
 * pause the stream. A new wakeup replaces the old one. NULL removes it. When this function or bedrock_stream_free
 * has returned, the old wakeup is not running and will not run. Both wait for a wakeup that is running: hold no
 * lock that it takes. release may be NULL. release(user) runs once: inside the call that replaces or removes the
 * wakeup, inside bedrock_stream_free, or inside this call if it fails. Returns BEDROCK_E_BUSY if another thread
 * uses the stream or if it is in a waiting set, and BEDROCK_E_RESOURCE if the thread that calls wakeups cannot
 * start. */
bedrock_status bedrock_stream_set_wakeup(bedrock_stream *stream,
                                         bedrock_wakeup_fn wakeup,
                                         void *user,
                                         bedrock_release_fn release);

/* Gives the answer so far: what bedrock_stream_next has delivered. It may be called at any time, also after a
 * failure. The answer is complete after BEDROCK_DONE. If the model's keep_answer is false, the response has the
 * stop reason and the usage, and no content. The caller owns *out. */
bedrock_status bedrock_stream_response(bedrock_stream *stream,
                                       bedrock_response **out,
                                       bedrock_error **err);

/* Ends the stream and closes its connection. Thread-safe; never blocks. bedrock_stream_next then returns
 * BEDROCK_E_CANCELLED, unless it had returned BEDROCK_DONE or a failure before. Does nothing for NULL and for a
 * stream that was freed. */
void bedrock_stream_cancel(bedrock_stream *stream);

/* Frees a stream, and ends it if it has not ended. Thread-safe, also inside on_event; never waits for the network.
 * A thread that is in bedrock_stream_next gets BEDROCK_E_CANCELLED. The last event is freed with the stream: no
 * thread may still read it. Does nothing for NULL. */
void bedrock_stream_free(bedrock_stream *stream);


/* ---- Waiting sets: many streams, one waiter ---------------------------------------------------------------
 * For programs with so many streams that one descriptor or one wakeup for each is too much. One thread waits for all
 * streams of a set and gets those that have something to read, in the order in which they became readable. A stream is
 * armed as for a wakeup: when it is added, and each time bedrock_stream_next returns BEDROCK_AGAIN.
 *
 * These functions have no parameter err. bedrock_status_name gives the name of the status that they return.
 */

/* Makes an empty set. Returns NULL only if the process is out of handles. */
bedrock_waitset *bedrock_waitset_new(void);

/* Adds a stream. bedrock_waitset_wait gives user back with it. Thread-safe, also while another thread waits.
 * bedrock_stream_free removes a stream from its set; there is no other way. A stream has a wakeup or is in one
 * set, not both. Returns BEDROCK_E_BUSY if the stream has a wakeup, is in a set, or is used by another thread. */
bedrock_status bedrock_waitset_add(bedrock_waitset *set,
                                   bedrock_stream *stream,
                                   void *user);

/* Waits for a stream that has something to read. timeout_ms is in milliseconds; 0 does not wait, and a negative
 * value waits as long as it takes. Returns BEDROCK_OK with the stream in *stream and with the pointer that it was
 * added with in *user; either of the two parameters may be NULL. Then call bedrock_stream_next with timeout 0
 * until it returns something other than BEDROCK_OK, here or on another thread. If you stop reading before
 * BEDROCK_AGAIN, the set does not give the stream again: continue on your own, or leave it so to pause the stream.
 * Returns BEDROCK_AGAIN if no stream was readable in time, BEDROCK_E_BUSY if another thread waits for this set,
 * and BEDROCK_E_CANCELLED if the set was freed meanwhile. */
bedrock_status bedrock_waitset_wait(bedrock_waitset *set,
                                    int32_t timeout_ms,
                                    bedrock_stream **stream,
                                    void **user);

/* Returns a descriptor to poll. It is readable while bedrock_waitset_wait(set, 0, ...) would return something
 * other than BEDROCK_AGAIN (level-triggered). The first call makes it, later calls return the same.
 * bedrock_waitset_free closes it. Only poll it. It is non-blocking and close-on-exec. Returns -1 if the process
 * has no descriptor left. */
int bedrock_waitset_fd(bedrock_waitset *set);

/* Frees a set. Its streams go on, and may be added to another set. A thread that waits gets BEDROCK_E_CANCELLED.
 * Does nothing for NULL. */
void bedrock_waitset_free(bedrock_waitset *set);


/* ---- Any operation, by its name ---------------------------------------------------------------------------
 * The functions of this chapter call every operation of the Bedrock runtime by its name in the AWS API, with the same
 * config, credentials, timers, retries, cancellation and errors. A request has the members of the operation, under
 * their names in the AWS API. "modelId", or else the model's own id, names the model. The shape of chat completions is
 * for conversations alone. For an operation that does not stream the timer is "timeout", as in bedrock_generate; for
 * one that streams, the timers are "first_event", "idle" and "total".
 *
 *   bedrock_request_new("{\"body\": {\"inputText\": \"Hello\"}}", BEDROCK_STRLEN, &request, &error);
 *   bedrock_call(model, "InvokeModel", request, NULL, &response, &error);
 *
 * Converse, ConverseStream: the operations of bedrock_generate and bedrock_generate_stream.
 *
 * CountTokens: counts a request for Converse as it is, with the members that the model's defaults add. Members that
 * have no tokens (inferenceConfig, ...) are left out, so that one request can be counted and sent. A request with
 * "body" is counted as one for InvokeModel. A request with "input" is the operation's own. bedrock_response_json gives
 * {"inputTokens": 12}.
 *
 * InvokeModel, InvokeModelWithResponseStream: "body" is the request in the model's own form. Its bytes are sent as
 * they are written: embeddings, images, and models that have no Converse. A string "@name" anywhere in it that names
 * an attachment becomes the base64 of the attachment. If the whole body is "@name", the bytes of the attachment are
 * the body. Other members: accept, contentType (application/json), guardrailIdentifier, guardrailVersion, trace,
 * performanceConfigLatency, serviceTier, requestMetadata, projectIdentifier. The model's guardrailConfig,
 * performanceConfig and serviceTier are used member by member where the request has none. bedrock_response_json gives the model's answer,
 * verbatim. An answer that is not JSON is given as {"contentType": "image/png", "body": "base64"}.
 * bedrock_response_usage gives the counts of the answer's headers, or else those of the answer: "usage" of Anthropic,
 * OpenAI and Nova, inputTextTokenCount and results of Titan, meta of Cohere, prompt_token_count and
 * generation_token_count of Llama. The events of the stream are BEDROCK_EVENT_CHUNK, and its answer is the array of
 * all chunks. The stream is complete after the chunk that holds amazon-bedrock-invocationMetrics. If no such chunk
 * comes, it is complete when the body ends, but only if HTTP tells the end of the body from a lost connection;
 * otherwise the status is BEDROCK_E_TRUNCATED.
 *
 * ApplyGuardrail: guardrailIdentifier and guardrailVersion (default: those of the model's guardrailConfig), source,
 * content, outputScope.
 *
 * InvokeGuardrailChecks: messages, checks. Messages that are given as JSON together with checks are sent as they are
 * written. If messages are added one by one, those of the role system come first, and the others of one role share a
 * message.
 *
 * StartAsyncInvoke: modelInput, in the model's own form, in which a string "@name" that names an attachment becomes
 * the base64 of the attachment; outputDataConfig; tags; clientRequestToken, which the library makes if it is not
 * given.
 *
 * GetAsyncInvoke: invocationArn.
 *
 * ListAsyncInvokes: submitTimeAfter and submitTimeBefore (text in ISO 8601, or a number of seconds since 1970),
 * statusEquals, maxResults, nextToken, sortBy, sortOrder.
 */

/* Calls an operation and waits for its whole answer, which bedrock_response_json gives. If the operation streams,
 * the answer is assembled from its events, whatever the model's keep_answer says. *out is owned by the caller;
 * free it whatever the status is. If a stream fails, *out receives what had arrived, and bedrock_response_complete
 * returns 0; if nothing had arrived, *out is NULL. Returns BEDROCK_E_INVALID_ARGUMENT if this version has no such
 * operation, and BEDROCK_E_REQUEST if the request does not fit it. */
bedrock_status bedrock_call(const bedrock_model *model,
                            const char *operation,
                            const bedrock_request *request,
                            bedrock_cancel *cancel,
                            bedrock_response **out,
                            bedrock_error **err);

/* Opens a call without waiting for it, as bedrock_stream_open does. An operation that does not stream has no
 * events: bedrock_stream_next returns BEDROCK_AGAIN until it returns BEDROCK_DONE or a failure, and after
 * BEDROCK_DONE bedrock_stream_response gives the answer. Descriptors, wakeups and waiting sets work as for a
 * stream. */
bedrock_status bedrock_call_open(const bedrock_model *model,
                                 const char *operation,
                                 const bedrock_request *request,
                                 bedrock_cancel *cancel,
                                 bedrock_stream **out,
                                 bedrock_error **err);


/* ---- Response ---------------------------------------------------------------------------------------------
 * An answer is immutable and thread-safe. Its texts are borrowed: they live until bedrock_response_free. The functions
 * of this chapter work alike on the answer of bedrock_generate and on one that is assembled from a stream. For NULL or
 * an invalid handle they return "", 0 or -1. If a function has no parameter err, bedrock_status_name gives the name of
 * the status that it returns.
 */

#define BEDROCK_TOOL_CALL_CLIENT          0  /* The program runs the tool, and owes its result. */
/* The service runs the tool itself, as it does for nova_grounding: the result is in the answer, and none may be
 * added. */
#define BEDROCK_TOOL_CALL_SERVER          1

/* A tool that the model calls. (ToolUseBlock) */
typedef struct bedrock_tool_call {
  /* To be given back in bedrock_request_add_tool_result. */
  const char *id;
  const char *name;
  /* The input as JSON; bedrock_json_... reads it. */
  const char *input_json;
  size_t input_json_len;
  /* 0 where input_json is not a JSON object, because the model was cut off or wrote something else: do not run the
   * tool. bedrock_request_add_response takes the call all the same; answer it with an error result, for example
   * "The input was cut off.". */
  int32_t input_valid;
  /* Who runs it: BEDROCK_TOOL_CALL_... */
  int32_t kind;
} bedrock_tool_call;

/* All text blocks of the answer, joined. */
const char *bedrock_response_text(const bedrock_response *response, size_t *len);

/* All the reasoning that the model showed, joined. (reasoningContent) */
const char *bedrock_response_reasoning(const bedrock_response *response, size_t *len);

/* Why the model stopped, in the service's word: "end_turn", "tool_use", "max_tokens", "stop_sequence", ...
 * (stopReason) */
const char *bedrock_response_stop_reason(const bedrock_response *response);

/* The same in the words of chat completions: "stop", "tool_calls", "length", "stop_sequence", "content_filter";
 * the service's word where there is no other. */
const char *bedrock_response_finish_reason(const bedrock_response *response);

/* Returns 1 if the answer is complete, and 0 if it is what had arrived when a stream was stopped or failed. */
int32_t bedrock_response_complete(const bedrock_response *response);

/* Returns how many tool calls the program has to answer. Those of tools that the service runs itself are not
 * counted. */
size_t bedrock_response_tool_call_count(const bedrock_response *response);

/* Fills *out with a tool call that the program has to answer; its texts live until the response is freed. size:
 * sizeof *out. Members newer than the library read as 0. BEDROCK_E_INVALID_ARGUMENT, with *out all "" and 0, where
 * index is not below the count. */
bedrock_status bedrock_response_tool_call(const bedrock_response *response,
                                          size_t index,
                                          bedrock_tool_call *out,
                                          size_t size);

/* Fills *out with a call of a tool that the service ran itself, as bedrock_response_tool_call does. There is no
 * count: call it with 0, 1, 2, ... until it returns BEDROCK_E_INVALID_ARGUMENT. The results are in
 * bedrock_response_message, as toolResult blocks. */
bedrock_status bedrock_response_server_tool_call(const bedrock_response *response,
                                                 size_t index,
                                                 bedrock_tool_call *out,
                                                 size_t size);

/* The assistant's message as Converse JSON, as it came. bedrock_request_add_response adds it in the form in which
 * the service takes it back. (output.message) */
const char *bedrock_response_message(const bedrock_response *response,
                                     size_t *len);

/* The whole answer as JSON. Of bedrock_generate it is verbatim what the service sent; of a stream it is assembled. */
const char *bedrock_response_json(const bedrock_response *response,
                                  size_t *len);

/* The service's id of the request (x-amzn-requestid), for AWS support. */
const char *bedrock_response_request_id(const bedrock_response *response);

/* How many HTTP requests it took. */
int32_t bedrock_response_attempts(const bedrock_response *response);

/* Frees a response, and the texts it lent. NULL does nothing. */
void bedrock_response_free(bedrock_response *response);


/* ---- Usage ------------------------------------------------------------------------------------------------
 * What calls have used, in tokens.
 */

/* Tokens that were used, and the time that the service took, in milliseconds. A member is -1 if the service did
 * not say. (TokenUsage, ConverseMetrics) */
typedef struct bedrock_usage {
  int64_t input_tokens;
  int64_t output_tokens;
  int64_t total_tokens;
  /* Read from a prompt cache. */
  int64_t cache_read_tokens;
  /* Written to a prompt cache. */
  int64_t cache_write_tokens;
  int64_t latency_ms;
} bedrock_usage;

/* Fills *out with what the call used. size is sizeof *out. Members that are newer than the library are set to -1. */
bedrock_status bedrock_response_usage(const bedrock_response *response,
                                      bedrock_usage *out,
                                      size_t size);

/* Fills *out with what all calls of this model, and of the models derived from it, have used so far. A call is
 * counted when the service says what it used, which is at the end of an answer: a call that failed or was stopped
 * before is not in it. Members begin at 0. total_tokens adds input and output for a call of which the service gave
 * no total. latency_ms is -1, because the times of calls that run at once do not add up. size is sizeof *out.
 * Members that are newer than the library are set to -1. Thread-safe; it takes no lock. */
bedrock_status bedrock_model_usage(const bedrock_model *model,
                                   bedrock_usage *out,
                                   size_t size);


/* ---- JSON, for programs that have no JSON library ---------------------------------------------------------
 * These functions read a JSON text in place. They make no handles, allocate nothing and are thread-safe.
 * pointer is a JSON pointer (RFC 6901): "" is the whole text, "/a/0/b" is a member of an element of a member.
 * If a key stands twice in an object, the last one counts.
 *
 * If nothing is at pointer, if it is of another kind, or if json is not JSON, a function returns
 * BEDROCK_JSON_NONE, 0, NULL, the fallback or BEDROCK_JSON_NOT_FOUND. It returns the same inside a wakeup or
 * log callback. Every function checks the whole json, also behind the value that it returns.
 *
 * Cost. Each call reads the whole json once. Its time is proportional to len, and does not depend on how deep
 * pointer leads. A loop that reads an array with "/items/0", "/items/1" and so on is therefore quadratic.
 * bedrock_json_next reads an array or an object in linear time, and bedrock_json_numbers reads an array of
 * numbers at once:
 *
 *   bedrock_json_item item = {0};
 *   while (bedrock_json_next(json, len, "/items", &item, sizeof item) != BEDROCK_JSON_NONE)
 *     total += bedrock_json_number(item.value, item.value_len, "/price", 0);
 *
 * A string of unknown length takes two calls:
 *
 *   size_t size = bedrock_json_string(json, len, "/name", NULL, 0);
 *   char *name = size == BEDROCK_JSON_NOT_FOUND ? NULL : malloc(size + 1);
 *   if (name != NULL)
 *     bedrock_json_string(json, len, "/name", name, size + 1);
 */

#define BEDROCK_JSON_NONE                 0  /* Nothing is there. */
#define BEDROCK_JSON_NULL                 1
#define BEDROCK_JSON_FALSE                2
#define BEDROCK_JSON_TRUE                 3
#define BEDROCK_JSON_NUMBER               4
#define BEDROCK_JSON_STRING               5
#define BEDROCK_JSON_ARRAY                6
#define BEDROCK_JSON_OBJECT               7
#define BEDROCK_JSON_NOT_FOUND        SIZE_MAX  /* A length or count where there is nothing. It is greater than every other. */

/* An element of an array, or a member of an object. Its texts point into json, so no NUL ends them. */
typedef struct bedrock_json_item {
  /* The member's key as it is written, a string with its quotes. NULL in an array. */
  const char *key;
  size_t key_len;
  /* The value as it is written, a string with its quotes. */
  const char *value;
  size_t value_len;
  /* How many elements or members stand before it. */
  size_t index;
  /* The position of the loop, owned by the library: 0 before the loop, and not to be changed. */
  size_t state[3];
} bedrock_json_item;

/* Returns what kind of value is at pointer: BEDROCK_JSON_... */
int32_t bedrock_json_type(const char *json, size_t len, const char *pointer);

/* Returns how many elements an array has, or members an object. */
size_t bedrock_json_count(const char *json, size_t len, const char *pointer);

/* Steps to the next element of an array, or member of an object, and fills *item. Returns the kind of its value,
 * BEDROCK_JSON_..., or BEDROCK_JSON_NONE after the last one; then all of *item is 0. size is sizeof *item. Before
 * the first step all of *item has to be 0. The first step checks json and finds the array or object. Each later
 * step reads only what it steps over, and ignores pointer. json must stay at its address, unchanged, during the
 * loop. If *item was filled for another text, or was changed, the function returns BEDROCK_JSON_NONE. */
int32_t bedrock_json_next(const char *json,
                          size_t len,
                          const char *pointer,
                          bedrock_json_item *item,
                          size_t size);

/* Returns a number, rounded to the nearest double, independent of the locale. A number that is too large for a
 * double is infinite. */
double bedrock_json_number(const char *json,
                           size_t len,
                           const char *pointer,
                           double fallback);

/* Reads an array of numbers, for example an embedding, each as bedrock_json_number reads one. Writes the first max
 * of them to out and returns how many the array has, which may be more than max. If there is no array, or it holds
 * anything but numbers, the function writes nothing and returns BEDROCK_JSON_NOT_FOUND. out may be NULL if max is
 * 0. */
size_t bedrock_json_numbers(const char *json,
                            size_t len,
                            const char *pointer,
                            double *out,
                            size_t max);

/* Reads an array of numbers as bedrock_json_numbers does, each rounded to the nearest float. */
size_t bedrock_json_floats(const char *json, size_t len, const char *pointer, float *out, size_t max);

/* Returns a whole number that fits into 64 bits: 3 and 3.0, but neither 3.5 nor 2^63. For those it returns
 * fallback. */
int64_t bedrock_json_integer(const char *json,
                             size_t len,
                             const char *pointer,
                             int64_t fallback);

/* Returns the value as it is written, a string with its quotes. It points into json, so no NUL ends it: *raw_len
 * is its length. */
const char *bedrock_json_raw(const char *json,
                             size_t len,
                             const char *pointer,
                             size_t *raw_len);

/* Decodes a string into buffer, as snprintf would. Writes at most size bytes, cut at a whole character and always
 * with a NUL. Returns the length of the whole string, without a NUL. The result is below size exactly if there is
 * a string and all of it was written. If there is no string, the function returns BEDROCK_JSON_NOT_FOUND, and
 * buffer becomes "". buffer may be NULL if size is 0; it must not overlap json. */
size_t bedrock_json_string(const char *json,
                           size_t len,
                           const char *pointer,
                           char *buffer,
                           size_t size);

/* Decodes a string of base64, for example an image, into buffer. Writes the first size bytes, without a NUL, and
 * returns how many bytes the string stands for, which may be more than size. White space in base64 is skipped, and
 * padding is optional. If there is no string, or it is not base64, the function returns BEDROCK_JSON_NOT_FOUND,
 * and the content of buffer is undefined. buffer may be NULL if size is 0; it must not overlap json. */
size_t bedrock_json_bytes(const char *json,
                          size_t len,
                          const char *pointer,
                          void *buffer,
                          size_t size);

/* Writes text as a JSON string, with its quotes, into buffer, and returns its length, as bedrock_json_string does.
 * Returns BEDROCK_JSON_NOT_FOUND if text is not UTF-8; see bedrock_utf8_length. */
size_t bedrock_json_quote(const char *text,
                          size_t len,
                          char *buffer,
                          size_t size);

/* Writes bytes as a JSON string of base64, with its quotes, into buffer, and returns its length, as
 * bedrock_json_string does. Returns BEDROCK_JSON_NOT_FOUND if data is NULL and len is not 0, or if len is
 * BEDROCK_STRLEN. buffer must not overlap data. */
size_t bedrock_json_quote_bytes(const void *data, size_t len, char *buffer, size_t size);

/* Returns how many bytes at the beginning of text are whole UTF-8 characters. The result is the length of text
 * exactly if text is UTF-8. To cut a text to at most 1,000 bytes, pass 1,000 as len and take as many bytes as the
 * result says. Returns 0 for NULL. */
size_t bedrock_utf8_length(const char *text,
                           size_t len);


/* ---- The process ------------------------------------------------------------------------------------------
 * The library is a quiet guest: it prints nothing, handles no signals, writes no environment variables, does nothing
 * at exit, and starts no thread before the first call. A process that has made models but no call can fork as if the
 * library were not there. With the first call, or bedrock_model_connect, one thread starts: the worker. One more each
 * starts once a wakeup or a log is set, and a few while names are looked up or credentials read; all signals are
 * blocked in them. BEDROCK_E_RESOURCE is returned by a call whose worker cannot start.
 */

#define BEDROCK_LOG_OFF                   0  /* Silence. */
#define BEDROCK_LOG_ERROR                 1
#define BEDROCK_LOG_WARN                  2
#define BEDROCK_LOG_INFO                  3
#define BEDROCK_LOG_DEBUG                 4

/* Receives a message on a thread of the library's that does nothing else, one at a time; target and message are
 * lent until it returns. It may call bedrock_cancel_fire and bedrock_stream_cancel and nothing else
 * (BEDROCK_E_BUSY). */
typedef void (*bedrock_log_fn)(int32_t level, const char *target, const char *message, size_t len, void *user);

/* Has log told what is at level or graver; log NULL: silence, the default. The library never tells credentials,
 * tokens, prompts or answers, at any level. A logger that is too slow loses messages and is told how many. Setting
 * replaces: when this has returned, the old log is not running and will not run. release(user) runs when it is
 * replaced, or inside this call where it fails; it may be NULL. Blocks while the old log runs. */
bedrock_status bedrock_set_log(int32_t level,
                               bedrock_log_fn log,
                               void *user,
                               bedrock_release_fn release);

/* Cancels every call that runs and waits at most timeout_ms milliseconds (negative: as long as it takes) for the
 * library's threads to end. BEDROCK_OK, or BEDROCK_AGAIN where some have not ended: call again. Models, requests
 * and responses stay good, and using them starts the library again. Call it before unloading, and before an
 * interpreter whose callbacks were given goes away. BEDROCK_E_BUSY from inside a callback. */
bedrock_status bedrock_shutdown(int32_t timeout_ms);

/* Returns how many handles this process has made and not freed: 0 at the end of a program that leaks none.
 * bedrock_shutdown logs how many there are of each kind, at BEDROCK_LOG_DEBUG. Leak checkers do not see handles. */
size_t bedrock_live_handles(void);

#ifdef __cplusplus
}
#endif
#endif
