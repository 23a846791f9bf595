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
 * Handles. What bedrock_..._new and its like give is an opaque id, never an address: a stale, freed, foreign or
 *   wrong handle gives BEDROCK_E_BAD_HANDLE (or a neutral value from a getter: "", 0, -1), never undefined
 *   behaviour. On 64-bit systems it is a number from 2^52 to 2^53: no address, and exact in a double. Free each
 *   handle once, with the function of its noun, on any thread, at any time: what still runs keeps what it needs.
 *   Freeing NULL does nothing.
 *
 * Text in is a pointer and a length where a length follows; length BEDROCK_STRLEN means "NUL-terminated". Short
 *   names (role, name, tool_use_id, pointer) are NUL-terminated. UTF-8 is checked. Everything that is passed in is
 *   copied before the call returns, attachments with a release function aside.
 *
 * Text out is lent, NUL-terminated, and never NULL ("" where there is none); its length is written to *len where
 *   there is a len and it is not NULL. It lives as long as its handle; an event's lives until the callback returns,
 *   or until the next bedrock_stream_next or bedrock_stream_free on its stream. That a text is not used after that
 *   is the one thing no check can catch.
 *
 * Errors. A function that can fail returns a bedrock_status: below 0 is failure, 0 and above is not. *err, where
 *   err is not NULL, receives an owned bedrock_error when the status is below 0, and NULL otherwise. Every other
 *   out parameter is always written too: NULL (0 for a number) where there is nothing to give.
 *
 * Threads. Any number of threads may use one model, request, response, error, cancel or waiting set at once. Calls
 *   on one request take turns, and none holds it while it waits for the network. A stream is for one thread at a
 *   time (another gets BEDROCK_E_BUSY); bedrock_stream_cancel and bedrock_stream_free are for any.
 *
 * Callbacks. on_event runs on the thread that called; it may call anything, bedrock_shutdown aside
 *   (BEDROCK_E_BUSY). wakeup and log run on library threads that do no I/O, and may call bedrock_cancel_fire and
 *   bedrock_stream_cancel and nothing else (BEDROCK_E_BUSY). release(user) runs exactly once, whatever the call it was given to returned, and always
 *   on a thread of yours that is inside a call. None may throw, longjmp or end the thread.
 *
 * Fork. In the child every handle made before fork() gives BEDROCK_E_FORKED; freeing it does nothing. New ones
 *   work.
 *
 * Environment. The variables and files of every AWS SDK work: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 *   AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, AWS_BEARER_TOKEN_BEDROCK, AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
 *   AWS_CA_BUNDLE, HTTPS_PROXY, NO_PROXY, ~/.aws/config and ~/.aws/credentials. They are read, never written.
 */
#ifndef BEDROCK_H
#define BEDROCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles ---------------------------------------------------------------------------------------------- */

typedef struct bedrock_error bedrock_error;          /* A failure: immutable, owned by whoever received it. The getters of NULL give BEDROCK_OK, "" and 0. */
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
 */

/* A length that means "up to the NUL": wherever a text is given as pointer and length. */
#define BEDROCK_STRLEN                ((size_t)-1)

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
/* The service failed. (InternalServerException, ServiceUnavailableException, HTTP 5xx.) */
#define BEDROCK_E_SERVICE             (-14)
#define BEDROCK_E_NETWORK             (-15)  /* Name look-up, connecting, TLS, a connection that broke. */
#define BEDROCK_E_TIMEOUT             (-16)  /* A timer ran out; the message names it and its setting. */
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

/* A JSON pointer to the member that is to blame, in the config or request that was given: "/messages/0/role". ""
 * where there is none. Lives until the error is freed. */
const char *bedrock_error_path(const bedrock_error *error);

/* The service's id of the request (x-amzn-requestid), which AWS support asks for. "" where there is none. Lives
 * until the error is freed. */
const char *bedrock_error_request_id(const bedrock_error *error);

/* The HTTP status of the answer that failed; 0 where there was none, and for a failure inside a stream. */
int32_t bedrock_error_http_status(const bedrock_error *error);

/* 1 where the same call may succeed later. The library's own retries are over by then. */
int32_t bedrock_error_retryable(const bedrock_error *error);

/* How often the request was tried over the network, retries included; 0 where nothing was sent. */
int32_t bedrock_error_attempts(const bedrock_error *error);

/* Frees an error, and the texts it lent. NULL does nothing. */
void bedrock_error_free(bedrock_error *error);


/* ---- Model: configuration, credentials, connections -------------------------------------------------------
 * A model is made from JSON once and used for any number of calls, from any number of threads at once. The keys:
 *
 *   model             a model id, inference profile id, or any ARN that Converse accepts. Required
 *   region            default: AWS_REGION, then the profile's, then us-east-1
 *   api_key, secret_key, session_token    static credentials: access key id, secret access key, session token
 *   bearer_token      a Bedrock API key; default: AWS_BEARER_TOKEN_BEDROCK
 *   auth              "auto", "sigv4" or "bearer"; auto: what the config holds wins over the environment, then a
 *                     bearer token where there is one, else SigV4
 *   profile           a profile of ~/.aws/config, which then wins over keys in the environment; SSO, login, process, web identity, ECS and EC2 credentials work
 *   role_arn, role_session_name, external_id    a role to assume
 *   base_url          an endpoint of your own; http:// only to loopback unless allow_http is true
 *   timeout           "30s", "500ms" or milliseconds: the longest wait without progress. Default 30s; a whole
 *                     bedrock_generate 5 minutes, because a long answer shows no progress
 *   timeouts          {"connect": "3.1s", "first_event", "idle", "total"}: those waits one by one
 *   retry             {"max_attempts": 3, "mode": "standard" or "adaptive", "max_backoff": "20s"}; 1 is off. A Retry-After
 *                     of the service is obeyed, up to max_backoff
 *   max_concurrency   how many calls of this model and those derived from it run at once; more wait
 *   max_answer        the most bytes of one answer, all of a stream's frames together; default 256 MiB
 *   ca_file, proxy, fips, dual_stack    for the service and for credentials; HTTPS_PROXY, NO_PROXY, AWS_CA_BUNDLE;
 *                     what is meant for this machine goes through no proxy
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
 * An unknown key is an error that suggests the nearest one. {"options": {...}} may hold any of them as well.
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
 * members under every request: tools, system, inferenceConfig and so on; a request's own member takes the place of
 * the whole. "model" changes the model id. "timeout", "timeouts" and "retry" are taken as in the config: derive a
 * model to give a call its own deadline. Cheap; does not block. */
bedrock_status bedrock_model_with(const bedrock_model *model,
                                  const char *defaults_json,
                                  size_t len,
                                  bedrock_model **out,
                                  bedrock_error **err);

/* The model id that requests go to unless they name another. Lives until the model is freed. */
const char *bedrock_model_id(const bedrock_model *model, size_t *len);

/* Frees a model. Calls in flight, and models derived from it, keep what they need. NULL does nothing. */
void bedrock_model_free(bedrock_model *model);


/* ---- Request: a conversation that can grow ----------------------------------------------------------------
 * A request is the JSON of the Converse operation: messages, system, inferenceConfig, toolConfig, guardrailConfig,
 * additionalModelRequestFields and every other member, now or later. It is sent byte for byte as you wrote it, merged with
 * the model's defaults; "modelId" or "model" names the model for this request alone and is not sent.
 *
 * The shape of chat completions works as well, message by message and member by member: plain strings as content, typed
 * parts, the roles user (human), assistant (ai), system (developer) and tool, tool_calls, tools, tool_choice,
 * temperature, top_p, max_tokens, stop, response_format. It becomes Converse's: see bedrock_request_body. What Converse
 * has no place for is an error that says where it can go; nothing but blank text is dropped.
 *
 * A call uses the request as it is at that moment and does not change it. While it runs, from inside on_event as well, the
 * request may be changed, used for other calls or freed. Any number of threads may use one request at once:
 * their calls take turns, and none holds it while it waits for the network.
 */

/* Gives back what was lent to the library: it is called exactly once, whatever the call it was given to returned,
 * on a thread of yours that is inside a call. */
typedef void (*bedrock_release_fn)(void *user);

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

/* Replaces top-level members by those of a JSON object, and adds those that were not there. Changes nothing where
 * it fails. */
bedrock_status bedrock_request_set(bedrock_request *request,
                                   const char *json,
                                   size_t len,
                                   bedrock_error **err);

/* Adds text to the conversation. Roles: "user" ("human"), "assistant" ("ai"), "system" ("developer"), which adds
 * to the system prompt. Where the last message is of the same role the text joins it: the service wants roles to
 * take turns. */
bedrock_status bedrock_request_add_text(bedrock_request *request,
                                        const char *role,
                                        const char *text,
                                        size_t len,
                                        bedrock_error **err);

/* Adds a message given as JSON: {"role": "user", "content": [...]}, with content blocks as Converse has them,
 * which is added as it stands; or a message in the shape of chat completions, which joins the last message where
 * that is of its role. */
bedrock_status bedrock_request_add_message(bedrock_request *request,
                                           const char *json,
                                           size_t len,
                                           bedrock_error **err);

/* Adds the assistant's message as it came: text, reasoning with its signature, tool calls, all. BEDROCK_E_REQUEST,
 * and nothing added, where it is empty or stops inside a tool call. */
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

/* The exact body that bedrock_generate or a stream with this model would send, for tests and for the curious.
 * NULL, with *err set, where it cannot be made. Lent until the next bedrock_request_body on this request, from any
 * thread, or until its free. */
const char *bedrock_request_body(bedrock_request *request,
                                 const bedrock_model *model,
                                 size_t *len,
                                 bedrock_error **err);

/* Frees a request. Calls in flight keep what they need. NULL does nothing. */
void bedrock_request_free(bedrock_request *request);


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
 * These calls block the calling thread until the answer is there, and callbacks run on that thread. Each ends within its
 * timers: no wait is without a limit. cancel may be NULL.
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
/* A block is complete. Of a tool call, text: the whole input as JSON, "{}" where it was empty. (contentBlockStop) */
#define BEDROCK_EVENT_BLOCK_STOP          7
/* The message is complete. text: the stop reason. METADATA may follow, then BEDROCK_DONE. (messageStop) */
#define BEDROCK_EVENT_MESSAGE_STOP        8
#define BEDROCK_EVENT_METADATA            9  /* Usage, metrics and trace, in json. (metadata) */
#define BEDROCK_EVENT_OTHER              10  /* An event that this version does not know. text: its name. */
/* Of an InvokeModelWithResponseStream. text: what the model wrote, in its own form, which is JSON. (chunk) */
#define BEDROCK_EVENT_CHUNK              11

/* One event of a stream, lent until the callback returns, or until the next bedrock_stream_next. Texts end in NUL
 * and are never NULL. The struct grows only at its end: where a member is newer than the library your program met
 * before, look at size. */
typedef struct bedrock_event {
  /* sizeof(bedrock_event) of the library. */
  uint32_t size;
  /* BEDROCK_EVENT_...; pass over those you do not know. */
  int32_t type;
  /* The content block's index (contentBlockIndex), -1 where there is none. Blocks may interleave. */
  int32_t block;
  int32_t reserved;
  /* Decoded text; each type says which. */
  const char *text;
  size_t text_len;
  /* Of a tool call, in BLOCK_START and BLOCK_STOP; else "". */
  const char *tool_id;
  size_t tool_id_len;
  /* Of a tool call, in BLOCK_START and BLOCK_STOP; else "". */
  const char *tool_name;
  size_t tool_name_len;
  /* The event's payload, verbatim, always. */
  const char *json;
  size_t json_len;
} bedrock_event;

/* Receives an event on the calling thread. user is what the call was given. Nonzero: stop, and close the
 * connection. It may call anything of this library but bedrock_shutdown; it must not throw, longjmp or end the
 * thread. */
typedef int32_t (*bedrock_event_fn)(const bedrock_event *event, void *user);

/* Sends the request and waits for the whole answer. (Converse) *out is yours to free; *err on failure. The timer
 * is "timeout", 5 minutes where it is not set. */
bedrock_status bedrock_generate(const bedrock_model *model,
                                const bedrock_request *request,
                                bedrock_cancel *cancel,
                                bedrock_response **out,
                                bedrock_error **err);

/* Sends the request and shows every event to on_event as it comes, in the order of the wire. (ConverseStream)
 * BEDROCK_OK: the answer is complete. BEDROCK_STOPPED: on_event asked to stop; the connection is closed. Both give
 * *out the assembled response, which equals what bedrock_generate would have given; after STOPPED it is what had
 * arrived. out may be NULL: then nothing is kept of an event once on_event has returned. A failure gives no
 * response: for what had arrived before it, use a stream by pull. BEDROCK_E_TRUNCATED: the connection ended before
 * the message did. The timers are "first_event", "idle" and "total"; the time that on_event takes is not counted
 * as idle. */
bedrock_status bedrock_generate_stream(const bedrock_model *model,
                                       const bedrock_request *request,
                                       bedrock_cancel *cancel,
                                       bedrock_event_fn on_event,
                                       void *user,
                                       bedrock_response **out,
                                       bedrock_error **err);


/* ---- Streams by pull: event loops, Go, Python -------------------------------------------------------------
 * The same events as in bedrock_generate_stream, but you ask for them: with a time limit, in a loop of your own that polls a
 * descriptor, or told by a wakeup. A stream is open until it has ended, and yours until you free it. One thread at a time uses
 * it (another gets BEDROCK_E_BUSY); bedrock_stream_cancel and bedrock_stream_free are for any thread.
 *
 *   while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
 *     if (event->type == BEDROCK_EVENT_TEXT)
 *       fwrite(event->text, 1, event->text_len, stdout);
 *
 * It ends once, and that is said for ever: BEDROCK_DONE, after messageStop; a failure; or BEDROCK_E_CANCELLED. What came before
 * DONE or a failure is read first; a cancel overtakes it.
 */

/* Told that a stream has something to read, on a thread of the library's that does no I/O. user is what it was set
 * with. It may call bedrock_cancel_fire and bedrock_stream_cancel and nothing else (BEDROCK_E_BUSY), and must not
 * block: wake your own thread and return. */
typedef void (*bedrock_wakeup_fn)(void *user);

/* Opens a stream. (ConverseStream) Never blocks on the network, and fails only for what is wrong with the
 * arguments; everything else comes out of bedrock_stream_next. cancel may be NULL. *out is yours to free. The
 * request may be changed or freed as soon as this has returned. */
bedrock_status bedrock_stream_open(const bedrock_model *model,
                                   const bedrock_request *request,
                                   bedrock_cancel *cancel,
                                   bedrock_stream **out,
                                   bedrock_error **err);

/* The next event. BEDROCK_OK: *event is set, and NULL otherwise; it lives until the next bedrock_stream_next or
 * bedrock_stream_free on this stream, and no other call. BEDROCK_DONE: the answer is complete. BEDROCK_AGAIN:
 * there was none within timeout_ms milliseconds (0: do not wait; negative: wait as long as the library's own
 * timers allow), and the stream is unharmed. Below 0: it failed, and says so each time, each time with a new *err.
 * A signal does not end the wait. The timers do not count the time in which the library waits for you to read. */
bedrock_status bedrock_stream_next(bedrock_stream *stream,
                                   int32_t timeout_ms,
                                   const bedrock_event **event,
                                   bedrock_error **err);

/* A descriptor that is readable exactly while bedrock_stream_next with timeout 0 would not say BEDROCK_AGAIN: so
 * from the end on for ever. Made by the first call, then the same until bedrock_stream_free closes it: take it out
 * of your loop before. Only poll it; dup it where your loop closes what it polls. Non-blocking and close-on-exec.
 * -1 where there are no descriptors left. */
ptrdiff_t bedrock_stream_fd(bedrock_stream *stream);

/* Has wakeup called when there is something to read. A stream is armed when the wakeup is set, and each time
 * bedrock_stream_next says BEDROCK_AGAIN. As soon as an armed stream has something to read (an event, the end, a
 * failure, a cancel; at once where it has that already) wakeup is called, once. So: on wakeup, call
 * bedrock_stream_next with timeout 0 until it says anything but BEDROCK_OK. Setting replaces; NULL removes. When
 * this function or bedrock_stream_free has returned, the old wakeup is not running and will not run: both wait for
 * it, so hold no lock that it takes. release(user) runs then, inside that call, or inside this one where it fails;
 * it may be NULL. BEDROCK_E_BUSY: another thread uses the stream, or it is in a waiting set. BEDROCK_E_RESOURCE:
 * the thread that calls wakeups cannot start. */
bedrock_status bedrock_stream_set_wakeup(bedrock_stream *stream,
                                         bedrock_wakeup_fn wakeup,
                                         void *user,
                                         bedrock_release_fn release);

/* The answer so far: what bedrock_stream_next has given, at any time, after a failure too; complete after
 * BEDROCK_DONE. *out is yours to free. */
bedrock_status bedrock_stream_response(bedrock_stream *stream,
                                       bedrock_response **out,
                                       bedrock_error **err);

/* Ends the stream and its connection. Any thread, at any time, never blocks. bedrock_stream_next then says
 * BEDROCK_E_CANCELLED, unless it has said BEDROCK_DONE or failed before. A stream that was freed, and NULL: does
 * nothing. */
void bedrock_stream_cancel(bedrock_stream *stream);

/* Frees a stream, and ends it where it has not ended. Any thread, also inside on_event; never waits for the
 * network. A thread that is in bedrock_stream_next gets BEDROCK_E_CANCELLED. The event that was lent last is gone
 * with the stream: no thread may still be looking at it. NULL does nothing. */
void bedrock_stream_free(bedrock_stream *stream);


/* ---- Waiting sets: many streams, one waiter ---------------------------------------------------------------
 * For programs with so many streams that a descriptor or a wakeup for each is too much: one thread waits for all of them and is
 * told which has something to read, in the order in which they did. A stream is armed as for a wakeup: when it is added, and
 * each time bedrock_stream_next says BEDROCK_AGAIN.
 */

/* An empty set. NULL only when out of memory or handles. */
bedrock_waitset *bedrock_waitset_new(void);

/* Adds a stream; user comes back with it. Any thread, also while another waits. There is no remove:
 * bedrock_stream_free does it. A stream has a wakeup or a waiting set, not both, and is in one set:
 * BEDROCK_E_BUSY, as where another thread uses the stream. */
bedrock_status bedrock_waitset_add(bedrock_waitset *set,
                                   bedrock_stream *stream,
                                   void *user);

/* BEDROCK_OK: *stream has something to read, and *user is what it was added with (either may be NULL): call
 * bedrock_stream_next with timeout 0 until it says anything but BEDROCK_OK, here or on another thread.
 * BEDROCK_AGAIN: timeout_ms milliseconds (0: do not wait; negative: wait as long as it takes) have passed. One
 * thread at a time: another gets BEDROCK_E_BUSY. BEDROCK_E_CANCELLED: the set was freed meanwhile. */
bedrock_status bedrock_waitset_wait(bedrock_waitset *set,
                                    int32_t timeout_ms,
                                    bedrock_stream **stream,
                                    void **user);

/* A descriptor that is readable exactly while bedrock_waitset_wait with timeout 0 would not say BEDROCK_AGAIN. As
 * bedrock_stream_fd: made by the first call, closed by bedrock_waitset_free, only to be polled; -1 where there are
 * no descriptors left. */
ptrdiff_t bedrock_waitset_fd(bedrock_waitset *set);

/* Frees a set. Its streams go on, and may be added to another. A thread that waits gets BEDROCK_E_CANCELLED. NULL
 * does nothing. */
void bedrock_waitset_free(bedrock_waitset *set);


/* ---- Any operation, by its name ---------------------------------------------------------------------------
 * Converse is not all that the service does. The same doors lead to every operation of the Bedrock runtime, by its name in the
 * AWS API: the same config, credentials, timers, retries, cancellation and errors. A request's members are the operation's, under
 * the names of the AWS API; "modelId" or the model's own id names the model. The portable dialect is for
 * conversations alone. "timeout" limits what does not stream, as in bedrock_generate; "first_event", "idle" and "total" what does.
 *
 *   bedrock_request_new("{\"body\": {\"inputText\": \"Hello\"}}", BEDROCK_STRLEN, &request, &error);
 *   bedrock_call(model, "InvokeModel", request, NULL, &response, &error);
 *
 * Converse, ConverseStream: what bedrock_generate and bedrock_generate_stream send.
 *
 * CountTokens: counts a request for Converse as it is, with what the model's defaults add. What has no tokens (inferenceConfig,
 * ...) is left out, so that one request can be counted and sent. A request with "body" is counted as one for InvokeModel, and one
 * with "input" is the operation's own. bedrock_response_json: {"inputTokens": 12}.
 *
 * InvokeModel, InvokeModelWithResponseStream: "body" is the request in the model's own form, sent to the byte as it is written:
 * embeddings, images, and what has no Converse. A string "@name" anywhere in it that names an attachment becomes its base64; where
 * the whole body is "@name", the attachment's bytes are the body. Beside it: accept, contentType (application/json),
 * guardrailIdentifier, guardrailVersion, trace, performanceConfigLatency, serviceTier, requestMetadata. A model's guardrailConfig,
 * performanceConfig and serviceTier hold here too, one by one, where the request does not say otherwise. bedrock_response_json is the
 * model's answer, verbatim; one of another type than JSON comes as {"contentType": "image/png", "body": "base64"}.
 * bedrock_response_usage gives what the headers count, or else the answer. The stream's events are BEDROCK_EVENT_CHUNK, and its
 * answer is the array of what they held. It is complete with the chunk that counts; where none came, with the end of the body, if
 * that cannot be a lost connection (BEDROCK_E_TRUNCATED).
 *
 * ApplyGuardrail: guardrailIdentifier, guardrailVersion (those of the model's guardrailConfig, where they are not given), source,
 * content, outputScope.
 *
 * InvokeGuardrailChecks: messages, checks. Messages that are given as JSON, together with checks, go as they are written; of those
 * that are added one by one, what role system says comes first, and the others of one role share a message.
 *
 * StartAsyncInvoke: modelInput, in the model's own form, where a string "@name" that names an attachment becomes its base64;
 * outputDataConfig, tags, and clientRequestToken, which is made where it is not given. GetAsyncInvoke: invocationArn. ListAsyncInvokes: submitTimeAfter, submitTimeBefore, statusEquals,
 * maxResults, nextToken, sortBy, sortOrder.
 */

/* Calls an operation and waits for its whole answer, which bedrock_response_json gives; of one that streams, what
 * its events make. *out is yours to free; *err on failure. BEDROCK_E_INVALID_ARGUMENT: this version has no such
 * operation. BEDROCK_E_REQUEST: the request is none for it. */
bedrock_status bedrock_call(const bedrock_model *model,
                            const char *operation,
                            const bedrock_request *request,
                            bedrock_cancel *cancel,
                            bedrock_response **out,
                            bedrock_error **err);

/* Opens a call without waiting for it, as bedrock_stream_open does. An operation that does not stream has no
 * events: bedrock_stream_next says BEDROCK_AGAIN until BEDROCK_DONE or a failure, and then bedrock_stream_response
 * has the answer. Descriptors, wakeups and waiting sets serve it as they serve a stream. */
bedrock_status bedrock_call_open(const bedrock_model *model,
                                 const char *operation,
                                 const bedrock_request *request,
                                 bedrock_cancel *cancel,
                                 bedrock_stream **out,
                                 bedrock_error **err);


/* ---- Response ---------------------------------------------------------------------------------------------
 * An answer is immutable: any thread may read it, and every text it lends lives until bedrock_response_free. The getters
 * work alike on the answer of bedrock_generate and on one assembled from a stream. Of NULL, and of what is no response, they
 * give "", 0 and -1.
 */

/* A tool that the model wants to be called. (ToolUseBlock) */
typedef struct bedrock_tool_call {
  /* To be given back in bedrock_request_add_tool_result. */
  const char *id;
  const char *name;
  /* The input as JSON; bedrock_json_... reads it. */
  const char *input_json;
  size_t input_json_len;
  /* 0 where the model was cut off and input_json is not JSON. */
  int32_t input_valid;
  int32_t reserved;
} bedrock_tool_call;

/* What a call used, in tokens, and how long the service took, in milliseconds. -1 where the service did not say.
 * (TokenUsage, ConverseMetrics) */
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

/* 1, or 0 where it holds what had arrived when a stream was stopped. */
int32_t bedrock_response_complete(const bedrock_response *response);

/* How many tools the model wants to be called. */
size_t bedrock_response_tool_call_count(const bedrock_response *response);

/* Fills *out with a tool call; its texts live until the response is freed. size: sizeof *out. Members newer than
 * the library read as 0. BEDROCK_E_INVALID_ARGUMENT, with *out all "" and 0, where index is not below the count. */
bedrock_status bedrock_response_tool_call(const bedrock_response *response,
                                          size_t index,
                                          bedrock_tool_call *out,
                                          size_t size);

/* Fills *out with what the call used. size: sizeof *out. Members newer than the library read as -1. */
bedrock_status bedrock_response_usage(const bedrock_response *response,
                                      bedrock_usage *out,
                                      size_t size);

/* The assistant's message as Converse JSON, ready to be sent back. (output.message) */
const char *bedrock_response_message(const bedrock_response *response, size_t *len);

/* The whole answer as JSON. Of bedrock_generate it is verbatim what the service sent; of a stream it is assembled. */
const char *bedrock_response_json(const bedrock_response *response,
                                  size_t *len);

/* The service's id of the request (x-amzn-requestid), for AWS support. */
const char *bedrock_response_request_id(const bedrock_response *response);

/* How many HTTP requests it took. */
int32_t bedrock_response_attempts(const bedrock_response *response);

/* Frees a response, and the texts it lent. NULL does nothing. */
void bedrock_response_free(bedrock_response *response);


/* ---- JSON, for programs that have no JSON library ---------------------------------------------------------
 * These functions read a JSON text in place: no handles, no allocation, any thread. pointer is a JSON pointer (RFC 6901): ""
 * is the whole, "/a/0/b" a member of an element of a member. Where nothing is there, or json is not JSON, or the kind is
 * another, the answer is type NONE, count 0, raw NULL, the fallback, or BEDROCK_STRLEN as the length of a string.
 */

#define BEDROCK_JSON_NONE                 0  /* Nothing is there. */
#define BEDROCK_JSON_NULL                 1
#define BEDROCK_JSON_FALSE                2
#define BEDROCK_JSON_TRUE                 3
#define BEDROCK_JSON_NUMBER               4
#define BEDROCK_JSON_STRING               5
#define BEDROCK_JSON_ARRAY                6
#define BEDROCK_JSON_OBJECT               7

/* What kind of value is there: BEDROCK_JSON_... */
int32_t bedrock_json_type(const char *json, size_t len, const char *pointer);

/* How many elements an array has, or members an object. */
size_t bedrock_json_count(const char *json, size_t len, const char *pointer);

/* A number, as C's strtod would read it. */
double bedrock_json_number(const char *json, size_t len, const char *pointer, double fallback);

/* A whole number that fits: 3 and 3.0, but neither 3.5 nor 2^63. */
int64_t bedrock_json_integer(const char *json, size_t len, const char *pointer, int64_t fallback);

/* The value as it is written, a string with its quotes. It points into json, so that no NUL ends it: *raw_len is
 * its length. */
const char *bedrock_json_raw(const char *json,
                             size_t len,
                             const char *pointer,
                             size_t *raw_len);

/* Decodes a string into buffer, as snprintf would: writes at most size bytes, cut at a whole character and always
 * with a NUL, and returns the length of the whole. So "r < size" is the one test for: there, a string, and not
 * cut. Where there is no string, buffer becomes "". buffer may be NULL where size is 0; it must not overlap json. */
size_t bedrock_json_string(const char *json,
                           size_t len,
                           const char *pointer,
                           char *buffer,
                           size_t size);

/* Writes text as a JSON string, its quotes included, as bedrock_json_string writes. BEDROCK_STRLEN where text is
 * not UTF-8. */
size_t bedrock_json_quote(const char *text,
                          size_t len,
                          char *buffer,
                          size_t size);


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

/* Handles that this process has made and not freed: 0 at the end of a program that leaks none. */
size_t bedrock_live_handles(void);

#ifdef __cplusplus
}
#endif
#endif
