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
 * Comments. Every function is documented in the same order: what it does; parameters that need a
 *   word; "Returns", unless it returns void; "Ownership", if objects, texts or bytes change hands
 *   or are borrowed; "Threads", if it blocks or differs from the rules below; "Since", the first
 *   version that has it; "AWS", the operation, member or header of AWS that it maps to.
 *
 * Words. A call is one request to the service, with its retries, until its end. bedrock_generate,
 *   bedrock_generate_stream and bedrock_call block until the call has ended. bedrock_stream_open
 *   and bedrock_call_open open a stream, which your program reads. A run makes one call after the
 *   other: bedrock_run_tools blocks until it has ended, and bedrock_run_open opens one, which your
 *   program reads. In these rules a stream is a run too, with bedrock_run_... for
 *   bedrock_stream_..., and on_event is the function of a tool too.
 *
 * Start and exit. The library needs no initialization. It needs no cleanup before exit, except in
 *   the cases that the comment of bedrock_shutdown lists. "The process", the last chapter,
 *   documents when threads start.
 *
 * Parameters. These mean the same in every function, unless its comment documents otherwise. err
 *   receives the error, and may be NULL. out receives the result, and must not be NULL. If len is a
 *   number, it is the length of a text or of bytes that you pass. If len is a pointer, it receives
 *   the length of the returned text, and may be NULL. size is sizeof of the struct that you pass: a
 *   smaller struct receives only what fits into it, and the rest of a larger one is filled with 0,
 *   or with -1 in bedrock_usage. In the bedrock_json_... functions that have a buffer, size is the
 *   size of the buffer. cancel ends the call when it is fired, and may be NULL. timeout_ms is in
 *   milliseconds. 0 does not wait, and a negative value sets no limit beyond the timers of the
 *   call. user is a pointer of your program, which may be NULL, and which the library never
 *   dereferences. It is passed to your callback, or bedrock_waitset_wait returns it with its
 *   stream. release frees user, and may be NULL. Other pointers must not be NULL, unless the
 *   comment of the function permits it.
 *
 * Handles. A handle is an opaque ID, not a pointer. Each bedrock_<type>_new, and every other
 *   function that makes an object, returns one, owned by the caller. Free each handle once with
 *   bedrock_<type>_free, on any thread and at any time, but not inside wakeup, log or observer. A
 *   running call keeps its model and its request alive. Freeing a stream ends its call. A cancel
 *   that was freed can no longer be fired. Freeing NULL, or a handle that was freed before, does
 *   nothing. A function that needs a handle returns BEDROCK_E_INVALID_ARGUMENT for NULL. For a
 *   handle that was freed, was never made or has another type it returns BEDROCK_E_BAD_HANDLE. A
 *   getter returns its neutral value ("", 0 or -1) for all of them. None of this is undefined
 *   behaviour. On 64-bit systems a handle is a number from 2^52 to 2^53, so that a double holds it
 *   exactly.
 *
 * Strings passed in. A text is a pointer and a length, if the function has a parameter for the
 *   length. The length BEDROCK_STRLEN means "NUL-terminated". Short names (role, name, tool_use_id,
 *   pointer, ...) have no length and are NUL-terminated. Text has to be valid UTF-8. The library
 *   copies everything that is passed in before the function returns, except attachments passed with
 *   a release function.
 *
 * Strings returned. A returned text is borrowed and NUL-terminated. It is "" if there is none,
 *   and never NULL. There are two exceptions. bedrock_model_settings, bedrock_request_json and
 *   bedrock_request_body return NULL if they fail. A bedrock_json_... function that returns a text
 *   returns a part of your json, which no NUL ends, or NULL if there is no value. A text lives as
 *   long as its handle, unless its function documents a shorter time. The text of an event lives
 *   until the callback returns, or until the next bedrock_stream_next or bedrock_stream_free on its
 *   stream. Using borrowed text later is undefined behaviour. The library cannot detect it, but
 *   valgrind and AddressSanitizer can.
 *
 * Errors. A function that can fail returns a bedrock_status: a value below 0 is a failure, 0 and
 *   above is not. If err is not NULL, *err receives an error owned by the caller if the status is
 *   below 0, and NULL otherwise. In two cases *err is NULL although the status is below 0: if the
 *   process has no handle left for the error, and in a handler of pthread_atfork. So test the
 *   returned status, not *err. *err is overwritten, never freed. In a sequence of functions, stop
 *   at the first that fails, or free the error before the next one. All other out parameters are
 *   always written too: with NULL, 0 or -1 if there is no value. If a function has no err,
 *   bedrock_status_name gives the name of its status. Besides the statuses that its comment names,
 *   every function may return BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_BUSY,
 *   BEDROCK_E_FORKED, BEDROCK_E_RESOURCE and BEDROCK_E_INTERNAL.
 *
 * Endings. A call ends once, with one terminal status. The response is complete if
 *   bedrock_generate, bedrock_generate_stream or bedrock_call returns BEDROCK_OK, or if
 *   bedrock_stream_next returns BEDROCK_DONE. BEDROCK_STOPPED means that on_event ended the call.
 *   BEDROCK_AGAIN is not a terminal status: the call goes on. A stream whose connection ends before
 *   the response is complete ends with BEDROCK_E_TRUNCATED, and is never taken for a short
 *   response. A call ends by itself, by a timer, by a cancel, by on_event, by
 *   bedrock_stream_cancel, by freeing its stream, or by bedrock_shutdown.
 *
 * Threads. Models, requests, responses, errors, cancels, waiting sets and feeds are thread-safe.
 *   Functions that use the same request are serialized. A call copies its request when it begins,
 *   so calls with the same request run in parallel. A stream may be used by any thread, but by one
 *   at a time: a second one gets BEDROCK_E_BUSY. So does a second thread in bedrock_feed_next. Any
 *   thread may call bedrock_stream_cancel at any time, and bedrock_stream_free too, except inside
 *   wakeup, log and observer. Only bedrock_cancel_fire is async-signal-safe. A function whose
 *   comment has no line "Threads" does not block.
 *
 * Callbacks. on_event runs on the thread that made the call. It may call every function except
 *   bedrock_shutdown, which returns BEDROCK_E_BUSY there. wakeup, log and observer run on library
 *   threads that do no I/O. They may call only bedrock_cancel_fire, bedrock_stream_cancel and the
 *   functions that read JSON (bedrock_json_...). Every other function does nothing there, and
 *   returns BEDROCK_E_BUSY or its neutral value. So no object can be freed there, not even an
 *   error: pass NULL as err, or free the error on another thread.
 *
 * Release. release(user) runs exactly once, when the library no longer uses user and the bytes
 *   passed with it, or when the function that it was passed to fails. In the child of a fork it
 *   does not run for objects of the parent. It runs inside a function of the library, on the thread
 *   that called that function. It may call every function, with two exceptions. Inside on_event,
 *   bedrock_shutdown returns BEDROCK_E_BUSY. While bedrock_stream_set_wakeup releases an old
 *   wakeup, the other functions of that stream may return BEDROCK_E_BUSY.
 *
 * Callbacks in other languages. The runtime of your language does not know the threads on which
 *   wakeup, log and observer run. C, C++, Rust, Go and Java support callbacks on such threads.
 *   Python, Node, LuaJIT, PHP, Ruby, Perl, Lisp and Mono do not, or fail when the process ends:
 *   poll a descriptor there, or use a waiting set. A feed returns messages and records there.
 *
 * Locks. bedrock_stream_free, bedrock_stream_set_wakeup, bedrock_set_log and bedrock_set_observer
 *   block until a callback that is running has returned. bedrock_shutdown does so within its
 *   timeout. Hold no lock that the callback acquires. The global lock of an interpreter is such a
 *   lock: declare the five functions as blocking. Do not call them on the thread to which your FFI
 *   forwards callbacks.
 *
 * Exceptions. No callback may throw, longjmp or end its thread. If it happens nevertheless:
 *
 *   - If an exception or pthread_exit leaves on_event, the call is cancelled during unwinding.
 *   - If longjmp leaves on_event, the call goes on for now. It is cancelled when its thread ends,
 *     or when its thread makes another call or calls bedrock_model_connect or bedrock_shutdown, in
 *     the function that longjmp returned to or in one of its callers. The memory of its last events
 *     is never freed.
 *   - A coroutine that shares the stack of its thread, and is suspended inside on_event, looks like
 *     a longjmp. Read streams by pull there.
 *   - If wakeup, log or observer ends its thread, the library starts another.
 *   - An exception that leaves wakeup, log, observer or release ends the process.
 *
 * Stack. 16 KiB are enough for every function, besides the stack that on_event needs.
 *
 * pthread_cancel. No function is a cancellation point. A thread that is cancelled inside a function
 *   of the library ends at its next cancellation point: after the function, or inside on_event,
 *   which cancels the call. Fire a bedrock_cancel to end a call.
 *
 * Memory. The comment of BEDROCK_E_RESOURCE lists the allocations of 64 KiB or more whose failure
 *   is an error. Every other allocation that fails aborts the process.
 *
 * Timers. Every wait of a call ends by its timer, by a cancel and by bedrock_shutdown. This holds
 *   also while a debugger has stopped the library's threads. A signal does not end a wait. If a
 *   process was stopped for longer than a timer, data that has arrived in the meantime is read
 *   before the timer counts as expired.
 *
 * Fork. In the child a function returns BEDROCK_E_FORKED for a handle that was made before fork().
 *   A getter returns its neutral value, and freeing the handle does nothing. Texts borrowed before
 *   fork() stay valid in the child. New handles work, also if the child closed all descriptors that
 *   it inherited. The same holds for _Fork() and clone(), if no other thread was inside the
 *   library. The log and the observer stay with the parent: the child has none until it sets its
 *   own. If the library is at work, fork() waits for it, for at most a second. Inside a handler of
 *   pthread_atfork every function does nothing: it returns BEDROCK_E_BUSY and sets *err to NULL, or
 *   returns its neutral value. If fork() is called inside wakeup, log or observer, the callback may
 *   call every function in the child, and the child process ends when the callback returns. If
 *   on_event calls fork() and returns in the child, the call ends there with BEDROCK_E_FORKED.
 *
 * Descriptors. Do not close descriptors that you did not open, except in the child of a fork. If
 *   descriptors of the library are closed, its calls fail with BEDROCK_E_RESOURCE or
 *   BEDROCK_E_NETWORK, and the next call starts the library again. Files that your program then
 *   opens under the same numbers may be closed or read by the library.
 *
 * Environment. The library reads the variables and files of every AWS SDK and writes none:
 *   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION,
 *   AWS_BEARER_TOKEN_BEDROCK, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_CA_BUNDLE, HTTPS_PROXY,
 *   NO_PROXY, ~/.aws/config, ~/.aws/credentials and more. Variables are read in bedrock_model_new,
 *   on your thread; files are read with the first call of a model, and again if they change. Only
 *   the variables of the C library's resolver and of "aws login" are read later, on a library
 *   thread: set those before the first call. A program that has more rights than its user
 *   (AT_SECURE: setuid, setgid, file capabilities) takes nothing from the user's variables and
 *   files.
 */
#ifndef BEDROCK_H
#define BEDROCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles --------------------------------------------------------------------------------- */

typedef struct bedrock_error bedrock_error;          /* A failure. */
typedef struct bedrock_model bedrock_model;          /* A model, ready to be called. */
typedef struct bedrock_request bedrock_request;      /* A request, with its conversation. */
typedef struct bedrock_cancel bedrock_cancel;        /* A cancel handle, which ends calls. */
typedef struct bedrock_stream bedrock_stream;        /* A stream that the program reads. */
typedef struct bedrock_waitset bedrock_waitset;      /* A set of streams to wait for. */
typedef struct bedrock_response bedrock_response;    /* A response. */
typedef struct bedrock_run bedrock_run;              /* A run: a loop that calls tools. */
typedef struct bedrock_feed bedrock_feed;            /* Records and messages to read. */


/* ---- Version ---------------------------------------------------------------------------------
 * The library follows semantic versioning. Structs grow only at their end, and constants keep their
 * values.
 */

#define BEDROCK_VERSION_MAJOR             0  /* The version of this header. */
#define BEDROCK_VERSION_MINOR             1
#define BEDROCK_VERSION_PATCH             0

/* Gets the version of the loaded library as a number.
 *
 * The macros above are the version of the header that your program was compiled with.
 *
 * Returns: 0x00MMmmpp, one byte each for major, minor and patch.
 * Since: 0.1 */
uint32_t bedrock_version_number(void);

/* Gets the version of the loaded library as text.
 *
 * Returns: Text such as "0.1.0".
 * Ownership: The text is static. Never free it.
 * Since: 0.1 */
const char *bedrock_version(void);


/* ---- Status and errors -----------------------------------------------------------------------
 * A function that can fail returns a bedrock_status: a value below 0 is a failure, 0 and above is
 * not. "Errors" in the rules at the top of this header states when *err is set. An error is
 * immutable and thread-safe. Its texts are borrowed: they live until bedrock_error_free. There is
 * no errno and no "last error". For NULL and for an invalid handle a getter returns "", 0 or -1;
 * bedrock_error_status documents its own values.
 *
 * If the service, or a gateway in front of it, refuses a call, the name of its exception decides
 * the status:
 *
 *   BEDROCK_E_THROTTLED         ThrottlingException, TooManyRequestsException, SlowDown and AWS's
 *                               other names for it, with any HTTP status
 *   BEDROCK_E_ACCESS_DENIED     AccessDeniedException, UnrecognizedClientException,
 *                               InvalidSignatureException, IncompleteSignature, NotAuthorized;
 *                               RequestExpired, RequestInTheFuture and RequestTimeTooSkewed if this
 *                               machine's clock is wrong
 *   BEDROCK_E_CREDENTIALS       ExpiredTokenException, InvalidToken,
 *                               MissingAuthenticationTokenException
 *   BEDROCK_E_VALIDATION        ValidationException, SerializationException, ConflictException
 *   BEDROCK_E_CONTEXT_OVERFLOW  ValidationException whose message states that the input is too long
 *   BEDROCK_E_NOT_FOUND         ResourceNotFoundException, UnknownOperationException
 *   BEDROCK_E_QUOTA             ServiceQuotaExceededException
 *   BEDROCK_E_MODEL             ModelErrorException, ModelTimeoutException, ModelNotReadyException,
 *                               ModelStreamErrorException
 *   BEDROCK_E_SERVICE           InternalServerException, ServiceUnavailableException,
 *                               RequestTimeout
 *
 * If there is no name, or another one, the HTTP status decides: 401 and 403 ACCESS_DENIED, 404
 * NOT_FOUND, 408 and 424 MODEL, 429 THROTTLED, 400 and every other 4xx VALIDATION, 5xx SERVICE, any
 * other PROTOCOL. Inside a stream such a failure is SERVICE.
 *
 * Retries. The library tries a call again, up to retry.max_attempts, after HTTP 429, 500, 502, 503
 * and 504, after the names of throttling, RequestTimeout and ModelNotReadyException, and after a
 * connection that failed before a response came. After RequestExpired, RequestInTheFuture and
 * RequestTimeTooSkewed, and after a refused signature if this machine's clock is more than 4
 * minutes off, it tries again with the service's clock. Nothing is retried once the head of a
 * response with HTTP 2xx has arrived, not even an error inside a stream. If the config has
 * retry.throttling, a throttled call is tried again for that time, beyond max_attempts.
 *
 * Failover. If the config has fallbacks, a call that failed before its first content goes to the
 * next target, also after the head of a response. The last target alone is tried again.
 *
 * Backoff. A Retry-After of the service is obeyed, up to retry.max_backoff. If a timer would end
 * the call before that, the call fails at once.
 *
 * Retry budget. Each model has a budget for its retries. It begins with 500. A retry costs 5 after
 * throttling and 10 otherwise. A call that succeeds without a retry adds 1 to the budget. A call
 * that succeeds after retries adds the cost of the last one. While the budget is too low for a
 * retry, each call is tried once. The message of its error then states that.
 */

/* A length that means "up to the NUL". It is valid for every text that is passed as pointer and
 * length. Some languages convert -1 to another large number: every length whose top bit is set
 * means the same. For bytes that are not a text, pass their real length. */
#define BEDROCK_STRLEN                SIZE_MAX

/* The result of a function that can fail: one of the constants below. */
typedef int32_t bedrock_status;

enum {
  BEDROCK_OK = 0,  /* Success. */
  BEDROCK_DONE = 1,  /* The stream has ended, and the response is complete. */
  BEDROCK_AGAIN = 2,  /* The given time ran out first. Call again. */
  BEDROCK_STOPPED = 3,  /* The callback asked to stop. */
  /* An argument is wrong: NULL, invalid UTF-8, an impossible length, an index that is too large,
   * an unknown operation. */
  BEDROCK_E_INVALID_ARGUMENT = -1,
  BEDROCK_E_BAD_HANDLE = -2,  /* Not a valid handle of this type: it was freed, or never made. */
  /* The function cannot run now. A callback or a handler of pthread_atfork may not call it,
   * another thread uses the stream or waits for the waiting set, or the stream already has a
   * wakeup or is in a waiting set. */
  BEDROCK_E_BUSY = -3,
  /* The config, the environment or a file of AWS is wrong: an unknown key, a wrong type, a bad
   * value. Or a script or a replay holds no response to the request. */
  BEDROCK_E_CONFIG = -4,
  BEDROCK_E_REQUEST = -5,  /* The library refused the request before sending it. */
  /* No credentials were found, they have expired, or their provider failed. The message names
   * the provider. */
  BEDROCK_E_CREDENTIALS = -6,
  /* The credentials are wrong, or do not permit this call. (AccessDeniedException,
   * UnrecognizedClientException, HTTP 403) */
  BEDROCK_E_ACCESS_DENIED = -7,
  /* The service has no such model or resource. (ResourceNotFoundException, HTTP 404) */
  BEDROCK_E_NOT_FOUND = -8,
  BEDROCK_E_VALIDATION = -9,  /* The service refused the request. (ValidationException, HTTP 400) */
  /* The service refused the request because the input is too long. (ValidationException) */
  BEDROCK_E_CONTEXT_OVERFLOW = -10,
  /* Too many requests or tokens. Or max_queue calls wait already; then no request was sent.
   * (ThrottlingException, HTTP 429) */
  BEDROCK_E_THROTTLED = -11,
  BEDROCK_E_QUOTA = -12,  /* The account's quota is used up. (ServiceQuotaExceededException) */
  /* The model failed, took too long or is not ready. Or bedrock_response_structured found no
   * JSON value in a complete response. (ModelErrorException, ModelTimeoutException,
   * ModelNotReadyException, ModelStreamErrorException, HTTP 408 and 424) */
  BEDROCK_E_MODEL = -13,
  /* The service failed. Call again later. (InternalServerException, ServiceUnavailableException,
   * HTTP 5xx) */
  BEDROCK_E_SERVICE = -14,
  /* The host name was not resolved, or connecting or TLS failed, or the connection failed before
   * a response came. The message names host, port and proxy. Or, in a call that does not stream,
   * the connection failed before the response was complete. */
  BEDROCK_E_NETWORK = -15,
  /* A timer ran out, and the message names the timer and its setting. Or the peer did not
   * respond to the probes of a silent connection. If attempts of the call ended with a service
   * error, the error has the code, HTTP status and request id of the last one. */
  BEDROCK_E_TIMEOUT = -16,
  /* The connection of a stream was closed or reset before the response was complete. Or HTTP
   * does not mark the end of a response of InvokeModel, and the response does not show that it
   * is complete. Or bedrock_response_structured was called for a response that was cut off. */
  BEDROCK_E_TRUNCATED = -17,
  /* The bytes that arrived are not a valid response: a wrong checksum, an impossible size, JSON
   * that is not valid, more bytes than max_answer. */
  BEDROCK_E_PROTOCOL = -18,
  /* A cancel was fired, the stream was cancelled or freed, the waiting set was freed, or the
   * library was shut down. */
  BEDROCK_E_CANCELLED = -19,
  BEDROCK_E_FORKED = -20,  /* The handle was made before fork(), and this process is the child. */
  BEDROCK_E_INTERNAL = -21,  /* A bug in this library. The process is unharmed. */
  /* The process has no descriptors, threads, handles or memory left, or a recording cannot be
   * written, for example because the disk is full. If there is no handle left for the error,
   * *err is NULL.
   *
   * A refused allocation is this status if it is for something of 64 KiB or more that is passed
   * in, sent or received as a whole: text and JSON that are added to a request, a copy of an
   * attachment, the body of a call, a response that does not stream, a frame of a stream. Any
   * other refused allocation aborts the process, as in every Rust program. */
  BEDROCK_E_RESOURCE = -22,
};

/* Gets the name of a status.
 *
 * status: Any number.
 * Returns: A name such as "BEDROCK_E_THROTTLED", or "" for a number that is no status.
 * Ownership: The text is static. Never free it.
 * Since: 0.1 */
const char *bedrock_status_name(bedrock_status status);

/* Gets the status of the function that failed.
 *
 * Returns: The status. BEDROCK_OK for NULL, which does not prove success: test the status that
 *   the function returned. BEDROCK_E_BAD_HANDLE or BEDROCK_E_FORKED for an invalid handle.
 * Since: 0.1 */
bedrock_status bedrock_error_status(const bedrock_error *error);

/* Gets the message of an error, one line for people.
 *
 * It begins with "bedrock: " and states what was being done, what happened and, if it is known,
 * what to do next. It never holds credentials.
 *
 * Returns: The message.
 * Ownership: Borrowed until the error is freed.
 * Since: 0.1 */
const char *bedrock_error_message(const bedrock_error *error);

/* Gets the service's name for the failure.
 *
 * Inside a stream the name begins with a small letter.
 *
 * Returns: The name as it came, such as "ThrottlingException", or "" if the service gave none.
 * Ownership: Borrowed until the error is freed.
 * Since: 0.1
 * AWS: The name of the exception (x-amzn-errortype). */
const char *bedrock_error_code(const bedrock_error *error);

/* Gets a JSON pointer to the member of the config or request that caused the failure.
 *
 * The pointer refers to the JSON that you passed, in the dialect of that JSON. If it begins with
 * "/defaults", it refers to the defaults of the config. Once something was added to a
 * conversation, "/messages" and "/system" refer to the conversation as the library keeps it,
 * which bedrock_request_json returns.
 *
 * Returns: A pointer such as "/messages/0/role", or "" if no member caused the failure.
 * Ownership: Borrowed until the error is freed.
 * Since: 0.1 */
const char *bedrock_error_path(const bedrock_error *error);

/* Gets the service's id of the request, which AWS support asks for.
 *
 * Returns: The id, or "" if there is none.
 * Ownership: Borrowed until the error is freed.
 * Since: 0.1
 * AWS: x-amzn-requestid */
const char *bedrock_error_request_id(const bedrock_error *error);

/* Gets the HTTP status of the response that failed.
 *
 * Returns: The HTTP status. For BEDROCK_E_TIMEOUT and BEDROCK_E_NETWORK it is that of the last
 *   attempt that was refused. 0 if there was none, and for a failure inside a stream.
 * Since: 0.1 */
int32_t bedrock_error_http_status(const bedrock_error *error);

/* Gets whether the same call may succeed later.
 *
 * The library has made its own retries before it returns an error.
 *
 * Returns: 1 for BEDROCK_E_THROTTLED, BEDROCK_E_MODEL, BEDROCK_E_SERVICE, BEDROCK_E_NETWORK,
 *   BEDROCK_E_TIMEOUT and BEDROCK_E_TRUNCATED, and for BEDROCK_E_CREDENTIALS if a provider
 *   failed in a way that may pass. Otherwise 0.
 * Since: 0.1 */
int32_t bedrock_error_retryable(const bedrock_error *error);

/* Gets how long the service asks to wait before the next call.
 *
 * Returns: Milliseconds, or -1 if the service asks for no wait.
 * Since: 0.1
 * AWS: Retry-After */
int64_t bedrock_error_retry_after(const bedrock_error *error);

/* Gets the service's failure as JSON, byte for byte as it came.
 *
 * It is the body of the HTTP response, or the payload of an exception inside a stream. It holds
 * members that have no function here, such as originalStatusCode, originalMessage and
 * resourceName of ModelErrorException.
 *
 * Returns: The JSON, or "" if there is none or it is longer than 64 KiB.
 * Ownership: Borrowed until the error is freed.
 * Since: 0.1 */
const char *bedrock_error_json(const bedrock_error *error,
                               size_t *len);

/* Gets how many attempts the call made, retries included.
 *
 * An attempt is a request that was passed to a connection, or for which the library tried to
 * connect. A request that an HTTP/2 service did not process, and that was sent once more, counts
 * again.
 *
 * Returns: The number of attempts. 0 if there was none: the request was refused locally, no
 *   credentials were found, or the call was still waiting for max_concurrency.
 * Since: 0.1 */
int32_t bedrock_error_attempts(const bedrock_error *error);

/* Frees an error.
 *
 * error: NULL does nothing.
 * Ownership: Ends the handle and the texts borrowed from it.
 * Since: 0.1 */
void bedrock_error_free(bedrock_error *error);


/* ---- Model: configuration, credentials, connections ------------------------------------------
 * A model is made once, from JSON. It can be used for any number of calls, by any number of threads
 * at once. The keys, with the type and the default of each:
 *
 *   model                       A model id, an inference profile id or an ARN that Converse
 *                               accepts. (string; required)
 *   region                      The region that is called. The library never asks the metadata
 *                               service of the instance (IMDS) for it. (string; default:
 *                               AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1, in
 *                               this order)
 *   api_key                     An access key id. It needs secret_key. (string; default: the
 *                               credentials of the AWS environment)
 *   secret_key                  The secret access key of api_key. (string; default: the credentials
 *                               of the AWS environment)
 *   session_token               The session token of api_key, if its credentials are temporary.
 *                               (string; default: none)
 *   bearer_token                A Bedrock API key. It takes the place of credentials. (string;
 *                               default: AWS_BEARER_TOKEN_BEDROCK)
 *   bearer_token_file           A file with nothing but a Bedrock API key, which another program
 *                               replaces before it expires. The file is read again when it changes,
 *                               and when the service refuses the key. (string; default: none)
 *   auth                        How requests are authorized. "auto": a token, keys, a profile or a
 *                               role in the config decides; otherwise a bearer token of the
 *                               environment is used; otherwise SigV4. ("auto", "sigv4" or "bearer";
 *                               default: "auto")
 *   profile                     A profile of ~/.aws/config and ~/.aws/credentials. A profile that
 *                               the config names wins over keys in the environment. Credentials of
 *                               SSO, login sessions, processes, web identity, ECS and EC2 work.
 *                               (string; default: AWS_PROFILE, AWS_DEFAULT_PROFILE, default, in
 *                               this order)
 *   role_arn                    A role to assume with the credentials that are found. (string;
 *                               default: none)
 *   role_session_name           The name of the session of role_arn. (string; default: libbedrock)
 *   external_id                 The external id for role_arn. (string; default: none)
 *   base_url                    Another endpoint for Bedrock. Credentials are still fetched from
 *                               AWS. http:// is only allowed to this machine, or with allow_http. A
 *                               bearer token is never sent over http:// to another machine.
 *                               (string; default: AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
 *                               AWS_ENDPOINT_URL, the profile's endpoints, the region's endpoint,
 *                               in this order)
 *   allow_http                  Permits a base_url of http:// to another machine. (boolean;
 *                               default: false)
 *   timeout                     The longest wait without progress. For a stream it limits the wait
 *                               for the first event and for each next event. For a call that does
 *                               not stream it limits the whole call. (duration; default: "5m")
 *   timeouts                    The timers one by one. For a call that does not stream, timeout or
 *                               timeouts.total limits the whole call: the shorter one if both are
 *                               given. (object; default: {})
 *   timeouts.connect            The limit for a new connection, its TLS handshake included.
 *                               (duration; default: "3.1s")
 *   timeouts.first_event        The wait for the first event of a stream. It takes precedence over
 *                               timeout, even over that of a derived model. (duration; default:
 *                               timeout)
 *   timeouts.idle               The wait for each next event of a stream. It takes precedence over
 *                               timeout in the same way. (duration; default: timeout)
 *   timeouts.total              The limit for a whole call. (duration; default: none)
 *   timeouts.queue              The wait for max_concurrency, and that for limits. If it is set,
 *                               the other timers start when these waits have ended; otherwise they
 *                               start with the call. (duration; default: none)
 *   retry                       How failed attempts are repeated. (object; default: {})
 *   retry.max_attempts          The most attempts of a call, the first included. 1 turns retries
 *                               off. With fallbacks, only the last target has more than one.
 *                               (number; default: 3)
 *   retry.mode                  The retry mode of the AWS SDK. ("standard" or "adaptive"; default:
 *                               "standard")
 *   retry.max_backoff           The longest wait between two attempts. (duration; default: "20s")
 *   retry.throttling            {"max_elapsed": "2m"} tries a throttled call again for that time,
 *                               beyond max_attempts, so that it survives a quota of a minute.
 *                               (object; default: none)
 *   fallbacks                   Other targets for Converse and ConverseStream, in their order:
 *                               objects with model, region or base_url, and request with members
 *                               that replace the request's. region alone calls an endpoint of that
 *                               region, and needs base_url beside it if the config has one. All
 *                               timers but timeouts.total start anew at each. (array; default:
 *                               none)
 *   fallback_on                 More failures after which the next target is called. (array of
 *                               "access_denied", "context_overflow", "not_found" and "validation";
 *                               default: [])
 *   cooldown                    The time for which a target that failed is not called while another
 *                               can be. Then one call tries it. It is shared by the models derived
 *                               from this one. (duration; default: "30s")
 *   hedge                       A second call beside one that is slow. The first content wins, and
 *                               the other call is cancelled. Its tokens may be billed. (object;
 *                               default: none)
 *   hedge.after                 The time without content after which the next target is called too.
 *                               (duration; required)
 *   cache                       Cache points that are added to the requests of Converse. (object;
 *                               default: {})
 *   cache.points                The places at whose end a cache point is added, if the request has
 *                               none there and the model takes one: the system prompt, the tools,
 *                               the last message of the user. A request gets no more than 4 cache
 *                               points: the first places come first. (array of "system", "tools"
 *                               and "last_user"; default: [])
 *   cache.ttl                   How long the service keeps what is before these cache points. ("5m"
 *                               or "1h"; default: the service's, which is 5 minutes)
 *   max_concurrency             The most calls that run at once on this model and the models
 *                               derived from it. More calls wait, within timeouts.queue, or within
 *                               their other timers if it is not set. (number; default: no limit)
 *   max_queue                   The most calls that wait for max_concurrency. One more fails at
 *                               once with BEDROCK_E_THROTTLED. With 0 none waits. (number; default:
 *                               no limit)
 *   limits                      The quota of a minute, for this model and the models derived from
 *                               it. (object; default: none)
 *   limits.requests_per_minute  The most requests that are sent in a minute. (number; default: no
 *                               limit)
 *   limits.tokens_per_minute    The most tokens that calls reserve and use in a minute. (number;
 *                               default: no limit)
 *   limits.adaptive             Whether lower limits are learned from the refusals of the service.
 *                               (boolean; default: false)
 *   max_answer                  The most bytes of one response, all frames of a stream together. A
 *                               longer response fails with BEDROCK_E_PROTOCOL. (number; default:
 *                               268435456 (256 MiB))
 *   keep_answer                 Whether the library keeps the events that it has delivered. If not,
 *                               the response of a stream has the stop reason and the usage but no
 *                               content, and cannot be added to a request. (boolean; default: true)
 *   read_ahead                  About how much of a stream may wait in memory until the program
 *                               reads it: from 16 KiB to 1 GiB, as a text such as "1MiB" or as a
 *                               number of bytes. Up to half of it may wait in the buffers of the
 *                               connection. An event is always read completely, also a larger one.
 *                               A derived model has the buffers of the first model. (size; default:
 *                               "256KiB")
 *   ca_file                     A PEM file of at most 16 MiB with the certificates to trust.
 *                               (string; default: AWS_CA_BUNDLE, the profile's ca_bundle,
 *                               REQUESTS_CA_BUNDLE, SSL_CERT_FILE, the system's certificates, in
 *                               this order)
 *   proxy                       The URL of an HTTP proxy, perhaps with a user:
 *                               http://user:password@proxy:3128. No proxy is used for this machine,
 *                               for the metadata services of containers and EC2 instances, and for
 *                               the hosts in NO_PROXY. (string; default: HTTPS_PROXY (HTTP_PROXY
 *                               for an http:// endpoint), ALL_PROXY, in this order)
 *   http_version                The version of HTTP. "auto" is HTTP/2 if the endpoint offers it,
 *                               else HTTP/1.1. "1.1" and "2" force one. "2" over http:// starts
 *                               without negotiation. Calls that fetch credentials never insist on
 *                               HTTP/2. ("auto", "1.1" or "2"; default: "auto")
 *   fips                        Whether the region's FIPS endpoint is called. (boolean; default:
 *                               AWS_USE_FIPS_ENDPOINT, the profile's use_fips_endpoint, false, in
 *                               this order)
 *   dual_stack                  Whether the region's dual-stack endpoint is called. (boolean;
 *                               default: AWS_USE_DUALSTACK_ENDPOINT, the profile's
 *                               use_dualstack_endpoint, false, in this order)
 *   user_agent                  A text such as app/1.2, added to the SDK's user agent. (string;
 *                               default: none)
 *   defaults                    Request members for every request, as in bedrock_model_with.
 *                               (object; default: {})
 *   lint                        Whether requests are checked locally before they are sent. "off"
 *                               sends a request unchecked. ("error" or "off"; default: "error")
 *   transport                   {"replies": [...]}, {"record": "file"} or {"replay": "file"}: a
 *                               script in place of the network, a recording of the calls, or a
 *                               recording in place of the network. (object; default: the network)
 *   options                     Any of the other keys may be given in this object instead of at the
 *                               top. (object; default: {})
 *
 * An unknown key is an error that suggests the nearest one. timeouts.idle is the member "idle" of
 * the object "timeouts". A duration is a string with a unit, from "1ms" to "24h": "500ms", "30s",
 * "5m". No timer can be turned off: "0s" and null are errors. timeouts.total and timeouts.queue do
 * not limit a call unless they are given. ca_file, proxy, fips and dual_stack also apply to the
 * calls that fetch credentials.
 *
 * A healthy stream may send no event for minutes, while the model thinks or writes a large tool
 * input. So the default of timeout is 5 minutes. Independently of the timers, the library probes
 * silent connections. If the peer does not respond to the probes, the call fails with
 * BEDROCK_E_TIMEOUT after at most 30 seconds. "Status and errors" lists the errors after which a
 * call is tried again.
 *
 * transport has one of three forms:
 *
 *   {"replies": ["Hello", ...]}   a script in place of the network, for tests without AWS
 *   {"record": "file"}            calls go over the network, and requests and responses are written
 *                                 into the file, without credentials, also if the service repeats
 *                                 them. bedrock_model_new replaces an older recording in it, gives
 *                                 it the mode 0600 and locks it: if another process records into
 *                                 it, or if it is a symbolic link, bedrock_model_new returns
 *                                 BEDROCK_E_CONFIG. Models of one process may share it. A call is
 *                                 in the file when it returns; a cancelled call is written soon
 *                                 after, at the latest when bedrock_shutdown returns
 *   {"replay": "file"}            the responses come from such a file of at most 256 MiB, without
 *                                 network or credentials. Each response is used once, for the
 *                                 request that it was recorded for. "timing" beside it is "at_once"
 *                                 (default) or "recorded"
 *
 * bedrock_model_new reads AWS's variables. The first call of a model, or bedrock_model_connect,
 * reads AWS's files. Both follow the rules of botocore. A variable that is empty counts as not
 * given. If a file is not valid, the function returns BEDROCK_E_CONFIG.
 *
 * Credentials are renewed without a restart. Those that expire are fetched again in the background,
 * 5 minutes ahead or after three quarters of their lifetime. While calls are made, the files that
 * they came from (AWS's own, tokens of SSO and of web identity) are looked at once a second, and
 * read again if they have changed. If the service refuses credentials (ExpiredTokenException,
 * UnrecognizedClientException and other names), they are looked up at once, but at most once a
 * second. If they have changed, the call is sent once more, whatever retry.max_attempts is. One
 * lookup serves all calls that wait for it. Keys and tokens of the config and of variables stay as
 * they are until bedrock_model_set_credentials replaces them.
 */

/* Makes a model from config JSON.
 *
 * It checks the complete config and does not connect. The first call finds credentials and
 * endpoint, and returns the errors of both, and those of AWS's variables and files.
 * bedrock_model_new starts no thread: the library's worker starts with the first call, or with
 * bedrock_model_connect.
 *
 * config_json: A JSON object with the keys above.
 * Returns: BEDROCK_OK, or BEDROCK_E_CONFIG if the config is wrong; message and path of the
 *   error name the key.
 * Ownership: *out is owned by the caller. Free it with bedrock_model_free.
 * Threads: Does not wait for the network. Reads ca_file, and reads or writes a recording, if
 *   the config names one. Reads the environment variables.
 * Since: 0.1 */
bedrock_status bedrock_model_new(const char *config_json,
                                 size_t len,
                                 bedrock_model **out,
                                 bedrock_error **err);

/* Makes a connection to the service ready ahead of the first call.
 *
 * It finds credentials, resolves the endpoint's name, connects and does the TLS handshake. It
 * sends no request. The next call of this model, or of a model that shares its connections, uses
 * that connection. A connection that no call uses is closed after 90 seconds. If a connection is
 * ready already, or the transport is a script or a replay, the function returns at once. After a
 * failure the model is still valid, and the next call tries again.
 *
 * timeout_ms: A negative value means the timers of a call: "connect" for each attempt,
 *   "first_event" and "total" for all of them.
 * Returns: BEDROCK_OK, BEDROCK_E_TIMEOUT after timeout_ms, or a failure of a call:
 *   BEDROCK_E_CREDENTIALS, BEDROCK_E_NETWORK, BEDROCK_E_CANCELLED and others.
 * Threads: Blocks for at most timeout_ms. Thread-safe.
 * Since: 0.1 */
bedrock_status bedrock_model_connect(const bedrock_model *model,
                                     bedrock_cancel *cancel,
                                     int32_t timeout_ms,
                                     bedrock_error **err);

/* Derives a model that adds request members to every request: tools, system, inferenceConfig and
 * so on.
 *
 * It shares connections, credentials and max_concurrency with the first model. A member that a
 * request has replaces the member of the model completely. null removes a member of the first
 * model. "model" changes the model id. "timeout", "timeouts", "retry", "cache", "keep_answer"
 * and "read_ahead" mean what they mean in the config: derive a model to give a call its own
 * deadline. Timers are merged: those that "timeouts" does not name stay as they are. The
 * function is cheap.
 *
 * defaults_json: A JSON object with members of a request and the keys above.
 * Returns: BEDROCK_OK. BEDROCK_E_REQUEST if the JSON is not valid, if it holds another key of
 *   the config (api_key and lint belong to bedrock_model_new), or if a name nearly is that of a
 *   known member, such as "timout". BEDROCK_E_CONFIG if one of the settings is wrong.
 * Ownership: *out is owned by the caller. Free it with bedrock_model_free, before or after the
 *   first model.
 * Since: 0.1 */
bedrock_status bedrock_model_with(const bedrock_model *model,
                                  const char *defaults_json,
                                  size_t len,
                                  bedrock_model **out,
                                  bedrock_error **err);

/* Replaces what authorizes the calls of a model.
 *
 * It also does so for the models derived from it and for those it was derived from: models that
 * share connections share credentials. Connections stay open. A call that runs is not disturbed:
 * its next attempt uses the new credentials. If the service refuses the old ones meanwhile, the
 * call is sent once more with the new ones, whatever retry.max_attempts is.
 *
 * Use it for a Bedrock API key, which expires after at most 12 hours, and for keys that your
 * program fetches itself. All credentials of the config are replaced: a key that json does not
 * have counts as not given, "auth" too. {} takes credentials from AWS's variables and files
 * again, and reads the files anew. A profile gives its credentials alone: region and endpoint
 * stay. bedrock_model_settings still describes the config. A model whose transport is a script
 * or a replay checks the JSON and does nothing else.
 *
 * json: A JSON object with keys of the config: api_key, secret_key, session_token,
 *   bearer_token, bearer_token_file, auth, profile, role_arn, role_session_name and external_id.
 * Returns: BEDROCK_OK, or BEDROCK_E_CONFIG if the JSON is wrong. Then the model keeps its
 *   credentials; message and path of the error name the key. What is wrong with the credentials
 *   themselves is an error of the next call.
 * Threads: Does not block. Thread-safe.
 * Since: 0.1 */
bedrock_status bedrock_model_set_credentials(const bedrock_model *model,
                                             const char *json,
                                             size_t len,
                                             bedrock_error **err);

/* Makes a short-term Bedrock API key of the credentials of a model, and writes it into buffer.
 *
 * A program that takes such a key as a bearer token (AWS_BEARER_TOKEN_BEDROCK, "bearer_token")
 * can call the service in the model's region without other credentials. The key is signed here
 * and nothing is sent, except what fetching the credentials takes: those of a role are held, or
 * fetched as by a call. It is the key that AWS's token generators make at the same time. It is
 * valid for as long as seconds, or until the credentials expire if that is earlier.
 *
 * Each call makes another key. If the key does not fit into buffer, buffer is "": make room for
 * *len and a NUL, and call again. 4096 bytes are enough, except with a long session token. The
 * key is a secret.
 *
 * seconds: From 1 to 43200, which is 12 hours.
 * buffer: Filled with the key and a NUL. May be NULL if size is 0.
 * len: Filled with the length of the key, which may be size or more. 0 after a failure. May be
 *   NULL.
 * Returns: BEDROCK_OK, also if the key does not fit. BEDROCK_E_INVALID_ARGUMENT for seconds,
 *   BEDROCK_E_CREDENTIALS without credentials or if the model has a bearer token,
 *   BEDROCK_E_CANCELLED, BEDROCK_E_TIMEOUT, and other failures of fetching credentials.
 * Threads: Blocks while the credentials are fetched, within the timers of
 *   bedrock_model_connect. Thread-safe.
 * Since: 0.1 */
bedrock_status bedrock_model_api_key(const bedrock_model *model,
                                     int32_t seconds,
                                     bedrock_cancel *cancel,
                                     char *buffer,
                                     size_t size,
                                     size_t *len,
                                     bedrock_error **err);

/* Gets the model id of all requests that name no other.
 *
 * Returns: The model id.
 * Ownership: Borrowed until the model is freed.
 * Since: 0.1
 * AWS: modelId */
const char *bedrock_model_id(const bedrock_model *model, size_t *len);

/* Gets the settings that calls of this model use, each with its source, as JSON.
 *
 * It is for people who look for a mistake. Nothing is fetched and nothing is sent. The JSON
 * holds no secret: an access key id is masked except for its first and last four characters, and
 * a proxy has no password.
 *
 * Its member "transport" is "network", "record", "replies" or "replay"; the last two use no
 * network, and lack all members about it. The members profile, region, endpoint, proxy, ca_file,
 * config_file and credentials_file are objects with "value" and "source". A source is an
 * environment variable, a key of a profile, a key of the config, or "default". profile and proxy
 * are null if none is used. The value of ca_file is null if the certificates are those of the
 * system or of the config. The two files of AWS also have "found", a boolean.
 *
 * The member "credentials" has "source" and "provider": access_keys, assume_role, bearer_token,
 * container, credential_process, instance_metadata, login_session, sso or web_identity. More of
 * its members depend on the provider. If a setting is wrong, or if there are no credentials, the
 * object has "error" alone, a message. Later versions may add members.
 *
 * If the config has fallbacks, the member "fallbacks" is an array of the targets after the
 * first, in their order. Each has "model", "region", "endpoint" and "proxy", objects as above:
 * what calls of this model use there. "hedge" and "limits" are the objects of the config, and
 * missing if the config lacks them.
 *
 * Returns: The JSON. NULL, with *err set, if a file of AWS is not valid (BEDROCK_E_CONFIG) or
 *   the files lack the profile (BEDROCK_E_CREDENTIALS).
 * Ownership: Borrowed until the model is freed.
 * Threads: Does not wait for the network. Reads AWS's files, and not again once it has
 *   succeeded for this model. Thread-safe.
 * Since: 0.1 */
const char *bedrock_model_settings(const bedrock_model *model,
                                   size_t *len,
                                   bedrock_error **err);

/* Frees a model.
 *
 * Running calls, and models derived from it, keep what they need.
 *
 * model: NULL does nothing.
 * Ownership: Ends the handle and the text borrowed from it.
 * Since: 0.1 */
void bedrock_model_free(bedrock_model *model);


/* ---- Request ---------------------------------------------------------------------------------
 * A request is the JSON of the Converse operation: messages, system, inferenceConfig, toolConfig,
 * guardrailConfig, additionalModelRequestFields and every other member, now or later. The library
 * sends it byte for byte as you wrote it, and adds the members of the model's defaults that it
 * lacks. "modelId" or "model" names the model for this request alone; it is not part of the body.
 *
 * The chat-completions dialect works as well, message by message and member by member: plain
 * strings as content, typed parts, the roles user (human), assistant (ai), system (developer) and
 * tool, tool_calls, tools, tool_choice, temperature, top_p, max_tokens, stop, response_format. The
 * library translates it to Converse; bedrock_request_body shows the result. A member that Converse
 * does not have is an error that names the member to use. Blank texts are left out, and so are
 * standard values that ask for the default ("n": 1). docs/dialects.md lists all members.
 *
 * Three kinds of top-level members are BEDROCK_E_REQUEST with a hint: keys of the model's config
 * (region, timeout, ...), names of credentials (api_key, password, ...), and names that nearly are
 * those of known members ("temperatur", "maxTokens"). Other members that the library does not know
 * are sent.
 *
 * Structured output is response_format in the chat-completions dialect, with the JSON schema as an
 * object. In Converse's own form the schema is JSON text inside a string:
 *
 *   {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
 *      "name": "result", "schema": "{\"type\": \"object\"}"}}}}}
 *
 * A call takes a copy of the request when it begins, and does not change the request. While the
 * call runs, the request may be changed, used for other calls or freed, also inside on_event. A
 * request is thread-safe: functions that use it are serialized, and its lock is never held during
 * I/O.
 */

enum {
  BEDROCK_ATTACHMENTS_INLINE = 0,  /* Attachments are in the JSON as base64. */
  /* Attachments are in the JSON as "@name". Attach them again after bedrock_request_new has read
   * it. */
  BEDROCK_ATTACHMENTS_BY_NAME = 1,
};

/* Makes a request from JSON.
 *
 * json: NULL makes an empty request.
 * Returns: BEDROCK_OK. BEDROCK_E_REQUEST if the JSON is not valid (the message names the
 *   position), nests deeper than 512 levels or gives a member twice, or if a member in the
 *   chat-completions dialect is unknown or has no equivalent in Converse.
 * Ownership: *out is owned by the caller. Free it with bedrock_request_free.
 * Since: 0.1 */
bedrock_status bedrock_request_new(const char *json,
                                   size_t len,
                                   bedrock_request **out,
                                   bedrock_error **err);

/* Makes an independent copy of a request.
 *
 * The function is cheap: text and attachments are shared. Keep a copy to undo a failed turn, or
 * to branch.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_RESOURCE.
 * Ownership: *out is owned by the caller. Free it with bedrock_request_free, before or after
 *   the original.
 * Since: 0.1 */
bedrock_status bedrock_request_clone(const bedrock_request *request,
                                     bedrock_request **out,
                                     bedrock_error **err);

/* Replaces top-level members by those of a JSON object, and adds those that the request lacks.
 *
 * json: A JSON object. null removes a member, as bedrock_request_remove does, in either
 *   dialect.
 * Returns: BEDROCK_OK, or BEDROCK_E_REQUEST for the reasons of bedrock_request_new; the
 *   request is then unchanged.
 * Since: 0.1 */
bedrock_status bedrock_request_set(bedrock_request *request,
                                   const char *json,
                                   size_t len,
                                   bedrock_error **err);

/* Removes a top-level member, and the members of the chat-completions dialect with the same
 * meaning.
 *
 * "inferenceConfig" also removes temperature, max_tokens and so on; "toolConfig" also removes
 * tools and tool_choice. "modelId" removes the model that the request names.
 *
 * member: The name of the member, such as "system" or "toolConfig". If there is no such
 *   member, nothing changes.
 * Returns: BEDROCK_OK, also if there is no such member.
 * Since: 0.1 */
bedrock_status bedrock_request_remove(bedrock_request *request,
                                      const char *member,
                                      bedrock_error **err);

/* Sets the span of your program in which the request is sent, for distributed tracing (W3C Trace
 * Context).
 *
 * Calls with the request send the header traceparent, which is not part of the body and not
 * signed: a proxy may replace it. The records of the calls name the trace. If there is an
 * observer or a feed of records, the call is a span of its own below yours, and the header names
 * that span. Otherwise the header is sent as given.
 *
 * traceparent: The text of the header, such as
 *   "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01". NULL removes it.
 * Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if it has another form; the request is then
 *   unchanged.
 * Since: 0.1 */
bedrock_status bedrock_request_set_traceparent(bedrock_request *request,
                                               const char *traceparent,
                                               bedrock_error **err);

/* Gets the request itself as JSON, to be saved.
 *
 * bedrock_request_new makes the same request of it, which is sent with the same bytes, so that
 * the service still finds it in its prompt cache. The JSON holds modelId, and none of the
 * model's defaults. It is not checked: an empty conversation can be saved too. To read single
 * messages, use the bedrock_json_... functions.
 *
 * attachments: BEDROCK_ATTACHMENTS_INLINE or BEDROCK_ATTACHMENTS_BY_NAME.
 * Returns: The JSON. NULL, with *err set, if it cannot be made, for example because an
 *   attachment is missing that has to be inlined.
 * Ownership: Borrowed until the next bedrock_request_json on this request, from any thread, or
 *   until bedrock_request_free.
 * Since: 0.1 */
const char *bedrock_request_json(bedrock_request *request,
                                 int32_t attachments,
                                 size_t *len,
                                 bedrock_error **err);

/* Gets the exact body that bedrock_generate or a stream would send with this model, for tests
 * and for debugging.
 *
 * The model's defaults are in it: to save a conversation, use bedrock_request_json. The tools of
 * a run are not: declare them in the request or the model.
 *
 * Returns: The body. NULL, with *err set, if it cannot be made.
 * Ownership: Borrowed until the next bedrock_request_body on this request, from any thread, or
 *   until bedrock_request_free.
 * Since: 0.1 */
const char *bedrock_request_body(bedrock_request *request,
                                 const bedrock_model *model,
                                 size_t *len,
                                 bedrock_error **err);

/* Finds the first place where the bodies differ that two requests would send with this model.
 *
 * A prompt cache is found by the bytes of the body. If the service read nothing from its cache,
 * this function shows why: compare the request with the one before it (bedrock_request_clone).
 * Every byte counts: the order of members, white space, the notation of a number. Parts that two
 * requests share cost nothing but time.
 *
 * The result is a JSON object. "pointer" is the JSON pointer to the place, "offset" the number
 * of bytes that both bodies begin with. "a" and "b" are texts that show what each body has
 * there: JSON, or a part of it with "..." where it was cut. "a" or "b" is missing if that body
 * has no such member or element. If members stand in another order, or if only white space
 * differs, both show the bodies around the offset.
 *
 * {"pointer": "/system/0/text", "offset": 48, "a": "\"It is Monday.\"", "b": "\"It is
 * Tuesday.\""}
 *
 * The conversations are not checked, so they may be at any stage: also those of a run, whose
 * tools are not in them.
 *
 * a: A request. The result is kept with it.
 * b: Another request, or the same one.
 * Returns: The JSON, or "" if the bodies are equal. NULL, with *err set, if one of the bodies
 *   cannot be made; the message begins with "a" or "b".
 * Ownership: Borrowed until the next bedrock_request_diff with this a, from any thread, or
 *   until bedrock_request_free.
 * Since: 0.1 */
const char *bedrock_request_diff(bedrock_request *a,
                                 const bedrock_request *b,
                                 const bedrock_model *model,
                                 size_t *len,
                                 bedrock_error **err);

/* Frees a request.
 *
 * Running calls keep what they need.
 *
 * request: NULL does nothing.
 * Ownership: Ends the handle and the texts borrowed from it. Attachments are released, unless
 *   a clone or a running call uses them.
 * Since: 0.1 */
void bedrock_request_free(bedrock_request *request);


/* ---- Conversation: messages that are added, counted and removed ------------------------------
 * These functions write the messages of a request, so that a program never has to build JSON for
 * texts that vary. The service refuses blank text (empty, or white space alone). So it is left out,
 * except from native messages and from results of tools. If nothing is left to add, the function
 * returns BEDROCK_OK and changes nothing.
 *
 * A program with tools repeats these steps: it calls bedrock_generate and
 * bedrock_request_add_response, and then bedrock_request_add_tool_result for each of the
 * bedrock_response_tool_call_count calls. The loop ends when there are no calls.
 *
 * To save a conversation, write the result of bedrock_request_json to a file. To load it, pass the
 * file's content to bedrock_request_new. To shorten it, use bedrock_request_trim, which returns the
 * messages that it removed. The service then writes its prompt cache again.
 */

/* Adds text to the conversation.
 *
 * If the last message has the same role, the text joins it, because the service wants roles to
 * alternate.
 *
 * role: "user" (or "human"), "assistant" (or "ai"), or "system" (or "developer"), which adds
 *   to the system prompt.
 * text: Any text. Blank text is not added.
 * Returns: BEDROCK_OK, also for blank text. BEDROCK_E_REQUEST if the role is unknown.
 * Since: 0.1
 * AWS: messages, system */
bedrock_status bedrock_request_add_text(bedrock_request *request,
                                        const char *role,
                                        const char *text,
                                        size_t len,
                                        bedrock_error **err);

/* Adds a message that is given as JSON.
 *
 * json: A message with content blocks as Converse has them ({"role": "user", "content":
 *   [...]}) is added as it is. A message in the chat-completions dialect joins the last message
 *   if that has the same role, and its blank texts are left out.
 * Returns: BEDROCK_OK, or BEDROCK_E_REQUEST for the reasons of bedrock_request_new.
 * Since: 0.1
 * AWS: messages */
bedrock_status bedrock_request_add_message(bedrock_request *request,
                                           const char *json,
                                           size_t len,
                                           bedrock_error **err);

/* Adds the assistant's message of a response, in the form in which the service accepts it.
 *
 * Every response that has its content can be added, also one that is not complete
 * (bedrock_response_complete). Blocks keep their bytes, with these exceptions. Blank texts are
 * left out. If the input of a tool call is not a JSON object (bedrock_tool_call.input_valid is
 * 0), {} replaces it: add an error result for the call. In the name of a tool, _ replaces each
 * character that a name cannot have, because models invent names. A tool call without id or name
 * is left out. Reasoning is left out if no text or call follows it, or if the response was cut
 * off before its signature came. Calls of tools that the service runs itself stay, with their
 * results; if the response was cut off before the result came, the call is left out. If nothing
 * remains, nothing is added; the next text of the user then joins the user's last message.
 *
 * Returns: BEDROCK_OK, also if nothing remains. BEDROCK_E_INVALID_ARGUMENT if the response has
 *   no content because the model's keep_answer is false; nothing is added then.
 * Ownership: The response stays owned by the caller, and may be freed at once.
 * Since: 0.1
 * AWS: messages */
bedrock_status bedrock_request_add_response(bedrock_request *request,
                                            const bedrock_response *response,
                                            bedrock_error **err);

/* Adds the result of a tool.
 *
 * Results that are added one after the other share one message, as the service demands for
 * parallel calls. The function does not check the id. If the message before has no tool call
 * with it, the next call to the service returns BEDROCK_E_REQUEST, unless the model's lint is
 * "off" or the model is a stored prompt.
 *
 * tool_use_id: The id of the call (bedrock_tool_call.id).
 * content: Text, which is never read as JSON. For JSON, images and documents use
 *   bedrock_request_add_message.
 * is_error: If it is not 0, the result informs the model that the tool failed.
 * Returns: BEDROCK_OK, or BEDROCK_E_RESOURCE if there is no memory for content.
 * Since: 0.1
 * AWS: ToolResultBlock */
bedrock_status bedrock_request_add_tool_result(bedrock_request *request,
                                               const char *tool_use_id,
                                               const char *content,
                                               size_t len,
                                               int32_t is_error,
                                               bedrock_error **err);

/* Gets how many messages the conversation has.
 *
 * The system prompt is not one of them.
 *
 * Returns: The number of messages. 0 for NULL and for an invalid handle.
 * Since: 0.1 */
size_t bedrock_request_message_count(const bedrock_request *request);

/* Removes messages.
 *
 * Remove a tool call and its result together. They are in two messages. With one of them alone
 * the next call returns BEDROCK_E_REQUEST, because the service refuses it.
 *
 * first: The index of the first message to remove. The oldest message has index 0.
 * count: How many messages to remove.
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there are fewer messages; nothing is
 *   removed then.
 * Ownership: Bytes that bedrock_request_add_image and bedrock_request_add_document added are
 *   released with the last message that holds them.
 * Since: 0.1 */
bedrock_status bedrock_request_remove_messages(bedrock_request *request,
                                               size_t first,
                                               size_t count,
                                               bedrock_error **err);

/* Shortens the conversation to at most max_messages messages.
 *
 * Whole turns are removed, the oldest first, so that the rest begins with a message of the user,
 * and no tool result loses its call. Messages of the user that follow each other are one. If the
 * last turn alone is longer, because the model called many tools in it, the user's message that
 * began it stays, and its oldest rounds of calls and results are removed. That message and the
 * last round always stay, even if they are more than max_messages. The system prompt is not
 * changed.
 *
 * The removed messages become a request of their own, *removed: a copy of this one that has them
 * in place of those that stay. Its bedrock_request_message_count is how many were removed, and
 * its bedrock_request_json shows them. To keep what they say, add a text to it that asks for a
 * summary, and pass it to bedrock_generate. If they are messages of a run, the tools must be
 * declared in the request or the model.
 *
 * max_messages: After BEDROCK_E_CONTEXT_OVERFLOW, pass half of bedrock_request_message_count.
 * removed: Receives the removed messages, or NULL if none were removed. It may be NULL.
 * Returns: BEDROCK_OK, also if the conversation is not longer. BEDROCK_E_RESOURCE if there is
 *   no handle left for removed; nothing is removed then.
 * Ownership: *removed is owned by the caller. Free it with bedrock_request_free. Bytes are
 *   released as by bedrock_request_remove_messages, or with *removed if that is later.
 * Since: 0.1 */
bedrock_status bedrock_request_trim(bedrock_request *request,
                                    size_t max_messages,
                                    bedrock_request **removed,
                                    bedrock_error **err);


/* ---- Images, documents, audio and video ------------------------------------------------------
 * Bytes are passed by pointer and need no base64. bedrock_request_add_image and
 * bedrock_request_add_document add a content block and need no JSON. bedrock_request_attach gives
 * bytes a name, by which your own JSON refers to them.
 *
 * Ownership of the bytes, for all three functions. If release is NULL, the bytes are copied now and
 * stay owned by the caller. If not, they are not copied and must not change until release(user)
 * runs. If the function fails, release(user) runs INSIDE THAT FUNCTION: do not free the bytes
 * again. Otherwise it runs when the last user of the bytes ends. The request and its clones are
 * users, and so is each blocking call with them, until it ends. A stream is not a user: it copies
 * the bytes when it is opened. If a running call is the last user, release(user) runs on the thread
 * of that call, before bedrock_generate, bedrock_generate_stream or bedrock_call returns. For bytes
 * from malloc, pass free as release and data as user.
 */

/* Releases the bytes or the pointer that were passed together with it. user is the pointer that
 * was passed with it. "Release" in the rules at the top of this header states when and where it
 * runs, and which functions it may call. It must not throw. */
typedef void (*bedrock_release_fn)(void *user);

/* Adds an image to the conversation.
 *
 * It is a block of the message to which bedrock_request_add_text with this role would add. The
 * bytes are attached under the first free name of "image-1", "image-2" and so on.
 *
 * role: "user" or "assistant".
 * format: "png", "jpeg", "gif", "webp" or a MIME type, or NULL if the bytes show it.
 * data: The bytes of the image.
 * Returns: BEDROCK_OK. BEDROCK_E_REQUEST, and nothing is added, if there are no bytes, if the
 *   format is unknown, or if the bytes are of another format.
 * Ownership: If release is not NULL, the bytes are owned by the library until release(user)
 *   runs, also if this function fails.
 * Since: 0.1
 * AWS: ImageBlock */
bedrock_status bedrock_request_add_image(bedrock_request *request,
                                         const char *role,
                                         const char *format,
                                         const void *data,
                                         size_t len,
                                         bedrock_release_fn release,
                                         void *user,
                                         bedrock_error **err);

/* Adds a document to the conversation.
 *
 * It is a block of the message to which bedrock_request_add_text with this role would add. The
 * bytes are attached as "document-1" and so on. The service wants a text in the same message
 * that asks for something about the document.
 *
 * role: "user" or "assistant".
 * format: "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md" or a MIME type, or
 *   NULL if the bytes or the ending of name show it.
 * name: The name by which the model knows the document, or the name of a file; NULL means
 *   "document". The service accepts only letters, digits, single spaces and _ - ( ) [ ] in a
 *   name, and each name once in a conversation: other characters become spaces, and a name that
 *   is in use gets a number.
 * data: The bytes of the document.
 * Returns: BEDROCK_OK, or BEDROCK_E_REQUEST as bedrock_request_add_image.
 * Ownership: If release is not NULL, the bytes are owned by the library until release(user)
 *   runs, also if this function fails.
 * Since: 0.1
 * AWS: DocumentBlock */
bedrock_status bedrock_request_add_document(bedrock_request *request,
                                            const char *role,
                                            const char *format,
                                            const char *name,
                                            const void *data,
                                            size_t len,
                                            bedrock_release_fn release,
                                            void *user,
                                            bedrock_error **err);

/* Passes bytes to the request by pointer: an image, a document, audio, video.
 *
 * JSON refers to them as "@name" wherever it would hold base64 ({"image": {"format": "png",
 * "source": {"bytes": "@name"}}}). The name is looked up when a call is made.
 *
 * name: A name that the request does not use yet, without the "@".
 * data: The bytes.
 * Returns: BEDROCK_OK, or BEDROCK_E_REQUEST if the name is in use or empty.
 * Ownership: If release is not NULL, the bytes are owned by the library until release(user)
 *   runs, also if this function fails.
 * Since: 0.1
 * AWS: source.bytes */
bedrock_status bedrock_request_attach(bedrock_request *request,
                                      const char *name,
                                      const void *data,
                                      size_t len,
                                      bedrock_release_fn release,
                                      void *user,
                                      bedrock_error **err);


/* ---- Cancellation ----------------------------------------------------------------------------
 * A cancel is a latch: once it has been fired, it stays fired. Every call that it was passed to
 * then ends with BEDROCK_E_CANCELLED, whether it waits to start or runs. A call that it is passed
 * to later fails with the same status at once, and sends nothing. One cancel may serve many calls,
 * at once or in turn. To start again, make a new one.
 */

/* Makes a cancel that has not been fired.
 *
 * Returns: The cancel, or NULL if the process is out of handles.
 * Ownership: Owned by the caller. Free it with bedrock_cancel_free.
 * Since: 0.1 */
bedrock_cancel *bedrock_cancel_new(void);

/* Fires a cancel for good.
 *
 * It is idempotent.
 *
 * cancel: NULL, or a cancel that was freed, does nothing.
 * Threads: Async-signal-safe: the only function of this library that a signal handler may
 *   call. Thread-safe. Every callback may call it. Never blocks. Keeps errno.
 * Since: 0.1 */
void bedrock_cancel_fire(bedrock_cancel *cancel);

/* Frees a cancel.
 *
 * The calls that it was passed to go on, and it can no longer cancel them.
 *
 * cancel: NULL does nothing.
 * Ownership: Ends the handle.
 * Since: 0.1 */
void bedrock_cancel_free(bedrock_cancel *cancel);


/* ---- Generate --------------------------------------------------------------------------------
 * These functions block the calling thread until the call has ended. Callbacks run on that thread.
 * Each call ends within its timers: no wait is without a limit.
 */

enum {
  BEDROCK_EVENT_MESSAGE_START = 1,  /* The message begins. text: its role. (messageStart) */
  /* A tool call or a tool result begins. Text and reasoning begin with their first delta
   * instead. (contentBlockStart) */
  BEDROCK_EVENT_BLOCK_START = 2,
  BEDROCK_EVENT_TEXT = 3,  /* A piece of text. text: the piece. (contentBlockDelta: text) */
  /* A piece of the model's reasoning. text: the piece. (contentBlockDelta:
   * reasoningContent.text) */
  BEDROCK_EVENT_REASONING = 4,
  /* A fragment of a tool call's input. text: the fragment, which is a part of JSON.
   * (contentBlockDelta: toolUse.input) */
  BEDROCK_EVENT_TOOL_INPUT = 5,
  /* Any other delta: a signature, redacted reasoning, a citation, an image, and deltas that this
   * version does not know. json holds it. (contentBlockDelta) */
  BEDROCK_EVENT_BLOCK_DELTA = 6,
  /* A block is complete. For a tool call text is its complete input as JSON, or "{}" if it was
   * empty: look at the stop reason before you run a tool with "{}", because a model that is cut
   * off leaves it too. If input_valid is 0, text is what the model wrote, which is not a JSON
   * object. (contentBlockStop) */
  BEDROCK_EVENT_BLOCK_STOP = 7,
  /* The message is complete. text: the stop reason. METADATA may follow, then BEDROCK_DONE.
   * (messageStop) */
  BEDROCK_EVENT_MESSAGE_STOP = 8,
  BEDROCK_EVENT_METADATA = 9,  /* Usage, metrics and trace, in json. (metadata) */
  /* An event that this version does not know. text: its name. json or payload: its content. */
  BEDROCK_EVENT_OTHER = 10,
  /* A chunk of an InvokeModelWithResponseStream. text: the output of the model in its own form,
   * which is JSON. (chunk) */
  BEDROCK_EVENT_CHUNK = 11,
  /* A tool call to do, in a run alone. text: its input, a JSON object. The events of the message
   * come before it. */
  BEDROCK_EVENT_TOOL_CALL = 12,
};

/* One event of a stream. It is borrowed until the callback returns, or until the next
 * bedrock_stream_next or bedrock_stream_free on its stream. Its texts are NUL-terminated and
 * never NULL. Newer library versions may append members: check size before you read a member
 * that your minimum version does not have. */
typedef struct bedrock_event {
  /* sizeof(bedrock_event) in the library. */
  uint32_t size;
  /* One of BEDROCK_EVENT_... Ignore types that you do not know. */
  int32_t type;
  /* The index of the content block (contentBlockIndex), or -1. Blocks may interleave. */
  int32_t block;
  /* In BLOCK_STOP of a tool call: 1 if text is a JSON object, and 0 if the model wrote an input
   * that is not one. In TOOL_CALL 1. Otherwise 0. */
  int32_t input_valid;
  /* The decoded text. BEDROCK_EVENT_... describes it for each type. A character that the service
   * splits over two deltas arrives with the second. */
  const char *text;
  size_t text_len;
  /* The id of a tool call, in BLOCK_START, BLOCK_STOP and TOOL_CALL. Otherwise "". */
  const char *tool_id;
  size_t tool_id_len;
  /* The name of a tool, in BLOCK_START, BLOCK_STOP and TOOL_CALL. Otherwise "". */
  const char *tool_name;
  size_t tool_name_len;
  /* The payload of the event, verbatim. "" if the payload of an OTHER event is not JSON. */
  const char *json;
  size_t json_len;
  /* The payload of the event, verbatim, JSON or not: the same bytes as json if json is not "".
   * Never NULL. */
  const void *payload;
  size_t payload_len;
  /* The round of a run, from 1. 0 in the events of a stream. */
  int32_t round;
} bedrock_event;

/* Receives an event, on the thread that made the call. event is borrowed until the function
 * returns. user is the pointer that was passed to the call. Return 0 to go on. Return another
 * value to stop and to close the connection. The function may call every function of this
 * library except bedrock_shutdown. It must not throw, longjmp or end the thread: "Exceptions" in
 * the rules at the top of this header states the consequences. */
typedef int32_t (*bedrock_event_fn)(const bedrock_event *event, void *user);

/* Sends the request and waits for the complete response.
 *
 * The timer is the one of "timeout" and "total" that the config gives, or the shorter one if it
 * gives both. If it gives neither, the timer is 5 minutes.
 *
 * Returns: BEDROCK_OK, or the failure of the call.
 * Ownership: *out is owned by the caller. It is NULL after a failure. Free it with
 *   bedrock_response_free.
 * Threads: Blocks until the call ends. Thread-safe.
 * Since: 0.1
 * AWS: Converse */
bedrock_status bedrock_generate(const bedrock_model *model,
                                const bedrock_request *request,
                                bedrock_cancel *cancel,
                                bedrock_response **out,
                                bedrock_error **err);

/* Sends the request and calls on_event for every event, in the order in which the events arrive.
 *
 * The timers are "first_event", "idle" and "total". The time that on_event takes counts for
 * "total" alone.
 *
 * on_event: Must not be NULL.
 * out: May be NULL. After BEDROCK_OK *out is the response that bedrock_generate would have
 *   returned. After BEDROCK_STOPPED and after a failure it holds the events that on_event
 *   received, and bedrock_response_complete returns 0. If the call failed before the first
 *   event, *out is NULL. If the model's keep_answer is false, the response has the stop reason
 *   and the usage, and no content.
 * Returns: BEDROCK_OK if the response is complete, BEDROCK_STOPPED if on_event asked to stop,
 *   BEDROCK_E_TRUNCATED if the connection ended before the message did, or another failure of
 *   the call.
 * Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a
 *   failure.
 * Threads: Blocks until the call ends. Thread-safe. on_event runs on the calling thread.
 * Since: 0.1
 * AWS: ConverseStream */
bedrock_status bedrock_generate_stream(const bedrock_model *model,
                                       const bedrock_request *request,
                                       bedrock_cancel *cancel,
                                       bedrock_event_fn on_event,
                                       void *user,
                                       bedrock_response **out,
                                       bedrock_error **err);


/* ---- Streams by pull: event loops, Go, Python ------------------------------------------------
 * A stream delivers the same events as bedrock_generate_stream, but your program asks for them:
 * with a time limit, in an event loop that polls a descriptor, or after a wakeup. One thread at a
 * time may use a stream; another gets BEDROCK_E_BUSY. bedrock_stream_cancel and bedrock_stream_free
 * may be called on any thread.
 *
 *   while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
 *     if (event->type == BEDROCK_EVENT_TEXT)
 *       fwrite(event->text, 1, event->text_len, stdout);
 *
 * A stream has one terminal status: BEDROCK_DONE if the response is complete, or else a failure.
 * BEDROCK_DONE follows the last event: messageStop, the metadata after it, or the last chunk. Once
 * a stream has ended, every later bedrock_stream_next returns the same status. Events that arrived
 * before the end are delivered first, but BEDROCK_E_CANCELLED discards them.
 *
 * To pause a stream, stop calling bedrock_stream_next. The library then reads on until about
 * "read_ahead" bytes wait, and stops reading its connection until your program goes on
 * (back-pressure). Only the timer "total" runs meanwhile.
 */

/* Receives a wakeup: the stream has something to read. It runs on a library thread that does no
 * I/O. user is the pointer that was passed to bedrock_stream_set_wakeup. The function may call
 * only bedrock_cancel_fire, bedrock_stream_cancel and bedrock_json_...; others return
 * BEDROCK_E_BUSY or their neutral value. It must not block: wake your own thread and return. */
typedef void (*bedrock_wakeup_fn)(void *user);

/* Opens a stream without waiting for the network.
 *
 * Besides the statuses that every function may return, it returns no failure but
 * BEDROCK_E_REQUEST. bedrock_stream_next returns all others, for example BEDROCK_E_CANCELLED if
 * cancel was fired before. The request may be changed or freed as soon as this function has
 * returned.
 *
 * Returns: BEDROCK_OK, BEDROCK_E_REQUEST if the request is wrong, or BEDROCK_E_RESOURCE if the
 *   process has no thread, handle or memory left.
 * Ownership: *out is owned by the caller. Free it with bedrock_stream_free.
 * Threads: Does not block. Thread-safe.
 * Since: 0.1
 * AWS: ConverseStream */
bedrock_status bedrock_stream_open(const bedrock_model *model,
                                   const bedrock_request *request,
                                   bedrock_cancel *cancel,
                                   bedrock_stream **out,
                                   bedrock_error **err);

/* Waits for the next event.
 *
 * A signal does not end the wait. The timers, except "total", do not count the time in which the
 * library waits for your program to read.
 *
 * timeout_ms: 0 does not wait. A negative value waits as long as the timers of the call allow.
 * event: *event receives the event if the status is BEDROCK_OK, and NULL otherwise.
 * Returns: BEDROCK_OK with an event. BEDROCK_DONE if the response is complete. BEDROCK_AGAIN
 *   if no event arrived in time; the stream goes on. A value below 0 is the failure that ended
 *   the stream, with a new *err each time.
 * Ownership: *event is borrowed until the next bedrock_stream_next or bedrock_stream_free on
 *   this stream. Other functions do not invalidate it.
 * Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread uses the stream.
 * Since: 0.1 */
bedrock_status bedrock_stream_next(bedrock_stream *stream,
                                   int32_t timeout_ms,
                                   const bedrock_event **event,
                                   bedrock_error **err);

/* Gets a descriptor to poll.
 *
 * It is readable while bedrock_stream_next(stream, 0, ...) would return something other than
 * BEDROCK_AGAIN (level-triggered). After the end of the stream it stays readable. It is
 * non-blocking and close-on-exec. The function makes the descriptor when it is first used, and
 * later returns the same one. Only poll it.
 *
 * Returns: The descriptor. -1 if the process has no descriptor left, if another thread uses
 *   the stream, for an invalid handle, and inside wakeup, log and observer.
 * Ownership: Owned by the library. bedrock_stream_free closes it: remove it from your event
 *   loop first. If your event loop closes the descriptors that it polls, pass it a dup.
 * Threads: Does not block. One thread at a time may use the stream.
 * Since: 0.1 */
int bedrock_stream_fd(bedrock_stream *stream);

/* Sets the function that is called when there is something to read.
 *
 * A stream is armed when a wakeup is set, and each time bedrock_stream_next returns
 * BEDROCK_AGAIN. An armed stream calls wakeup once, as soon as there is something to read: an
 * event, the end, a failure or a cancel. If there is something to read when the stream is armed,
 * wakeup runs at once, also then on a library thread.
 *
 * After a wakeup, call bedrock_stream_next with timeout 0 until it returns something other than
 * BEDROCK_OK. If you stop reading before BEDROCK_AGAIN, the stream is not armed and no wakeup
 * follows. This pauses the stream, until you call bedrock_stream_next again.
 *
 * wakeup: A new wakeup replaces the old one. NULL removes it. Once this function or
 *   bedrock_stream_free has returned, the old wakeup is not running and will not run.
 * Returns: BEDROCK_OK, BEDROCK_E_BUSY if another thread uses the stream or it is in a waiting
 *   set, or BEDROCK_E_RESOURCE if the thread that calls wakeups cannot start.
 * Ownership: release(user) runs once: inside the function that replaces or removes the wakeup
 *   or frees the stream, or inside this function if it fails or wakeup is NULL.
 * Threads: Blocks until an old wakeup that is running has returned: hold no lock that it
 *   acquires. wakeup runs on a library thread.
 * Since: 0.1 */
bedrock_status bedrock_stream_set_wakeup(bedrock_stream *stream,
                                         bedrock_wakeup_fn wakeup,
                                         void *user,
                                         bedrock_release_fn release);

/* Makes a response of the events that bedrock_stream_next has delivered so far.
 *
 * It may be called at any time, also after a failure, and also before the first event: the
 * response is then empty. The response is complete after BEDROCK_DONE. If the model's
 * keep_answer is false, it has the stop reason and the usage, and no content.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_BUSY if another thread uses the stream.
 * Ownership: *out is owned by the caller. Free it with bedrock_response_free.
 * Threads: Does not block. One thread at a time may use the stream.
 * Since: 0.1 */
bedrock_status bedrock_stream_response(bedrock_stream *stream,
                                       bedrock_response **out,
                                       bedrock_error **err);

/* Ends the stream and closes its connection.
 *
 * bedrock_stream_next then returns BEDROCK_E_CANCELLED, unless it had returned BEDROCK_DONE or a
 * failure before.
 *
 * stream: NULL, or a stream that was freed, does nothing.
 * Threads: Thread-safe, also while another thread is in bedrock_stream_next. Every callback
 *   may call it. Never blocks.
 * Since: 0.1 */
void bedrock_stream_cancel(bedrock_stream *stream);

/* Frees a stream, and ends it if it has not ended.
 *
 * A thread that is in bedrock_stream_next gets BEDROCK_E_CANCELLED.
 *
 * stream: NULL does nothing.
 * Ownership: Ends the handle, the last event and the descriptor: no thread may still use them.
 *   Responses made of the stream stay valid.
 * Threads: Thread-safe, also inside on_event. Never waits for the network. Blocks until a
 *   wakeup that is running has returned: hold no lock that it acquires.
 * Since: 0.1 */
void bedrock_stream_free(bedrock_stream *stream);


/* ---- Waiting sets: many streams, one waiter --------------------------------------------------
 * A waiting set is for programs with so many streams that one descriptor or one wakeup for each is
 * too much. One thread waits for all streams of a set. It gets the streams that are readable, in
 * the order in which they became readable. A stream is armed as for a wakeup: when it is added, and
 * each time bedrock_stream_next returns BEDROCK_AGAIN.
 *
 * These functions have no parameter err. bedrock_status_name gives the name of the status that they
 * return.
 */

/* Makes an empty set.
 *
 * Returns: The set, or NULL if the process is out of handles.
 * Ownership: Owned by the caller. Free it with bedrock_waitset_free.
 * Since: 0.1 */
bedrock_waitset *bedrock_waitset_new(void);

/* Adds a stream to a set.
 *
 * A stream has a wakeup or is in one set, not both. bedrock_stream_free removes a stream from
 * its set, and bedrock_waitset_free removes all of them. There is no other way.
 *
 * user: bedrock_waitset_wait returns it with the stream.
 * Returns: BEDROCK_OK, or BEDROCK_E_BUSY if the stream has a wakeup, is in a set, or is used
 *   by another thread.
 * Ownership: The stream and user stay owned by the caller.
 * Threads: Thread-safe, also while another thread waits for the set. Does not block.
 * Since: 0.1 */
bedrock_status bedrock_waitset_add(bedrock_waitset *set,
                                   bedrock_stream *stream,
                                   void *user);

/* Adds a run to a set.
 *
 * The run stays in the set over all of its rounds. It has a wakeup or is in one set, not both.
 * bedrock_run_free removes it from its set.
 *
 * user: bedrock_waitset_wait returns it, with NULL as the stream.
 * Returns: BEDROCK_OK, or BEDROCK_E_BUSY if the run has a wakeup, is in a set, or is read by
 *   another thread.
 * Ownership: The run and user stay owned by the caller.
 * Threads: Thread-safe, also while another thread waits for the set. Does not block.
 * Since: 0.1 */
bedrock_status bedrock_waitset_add_run(bedrock_waitset *set,
                                       bedrock_run *run,
                                       void *user);

/* Waits for a stream that is readable.
 *
 * Then call bedrock_stream_next with timeout 0 until it returns something other than BEDROCK_OK,
 * on this or another thread. If you stop reading before BEDROCK_AGAIN, the stream is not armed
 * and the set does not return it. This pauses the stream, until you call bedrock_stream_next
 * again.
 *
 * timeout_ms: 0 does not wait. A negative value waits without a limit.
 * stream: *stream receives the stream, and NULL for a run: user tells which. May be NULL.
 * user: *user receives the pointer that the stream was added with. May be NULL.
 * Returns: BEDROCK_OK with a stream. BEDROCK_AGAIN if no stream was readable in time.
 *   BEDROCK_E_BUSY if another thread waits for this set. BEDROCK_E_CANCELLED if the set was
 *   freed meanwhile.
 * Ownership: *stream and *user stay owned by the program. *stream is the handle that was
 *   added, and is freed once.
 * Threads: Blocks for at most timeout_ms. One thread at a time may wait for a set.
 * Since: 0.1 */
bedrock_status bedrock_waitset_wait(bedrock_waitset *set,
                                    int32_t timeout_ms,
                                    bedrock_stream **stream,
                                    void **user);

/* Gets a descriptor to poll.
 *
 * It is readable while bedrock_waitset_wait(set, 0, ...) would return something other than
 * BEDROCK_AGAIN (level-triggered). It is non-blocking and close-on-exec. The function makes the
 * descriptor when it is first used, and later returns the same one. Only poll it.
 *
 * Returns: The descriptor. -1 if the process has no descriptor left, for an invalid handle,
 *   and inside wakeup, log and observer.
 * Ownership: Owned by the library. bedrock_waitset_free closes it: remove it from your event
 *   loop first.
 * Since: 0.1 */
int bedrock_waitset_fd(bedrock_waitset *set);

/* Frees a set.
 *
 * Its streams go on, and may be added to another set. A thread that waits for the set gets
 * BEDROCK_E_CANCELLED.
 *
 * set: NULL does nothing.
 * Ownership: Ends the handle and the descriptor. The streams stay owned by the program.
 * Since: 0.1 */
void bedrock_waitset_free(bedrock_waitset *set);


/* ---- Any operation, by its name --------------------------------------------------------------
 * The functions of this chapter call every operation of the Bedrock runtime by its name in the AWS
 * API, with the same config, credentials, timers, retries, cancellation and errors. A request has
 * the members of the operation, under their names in the AWS API. "modelId", or else the model's
 * own id, names the model. The chat-completions dialect is for conversations alone. The timers of
 * an operation that does not stream are those of bedrock_generate, and the timers of one that
 * streams are those of bedrock_generate_stream.
 *
 *   const char *json = "{\"body\": {\"inputText\": \"Hello\"}}";
 *   bedrock_request_new(json, BEDROCK_STRLEN, &request, &error);
 *   bedrock_call(model, "InvokeModel", request, NULL, &response, &error);
 *
 * Converse, ConverseStream: the operations of bedrock_generate and bedrock_generate_stream.
 *
 * CountTokens: counts a request for Converse as it is, with the members that the model's defaults
 * add. Members that have no tokens (inferenceConfig, ...) are left out, so that one request can be
 * counted and sent. A request with "body" is counted as a request for InvokeModel. A request with
 * "input" is sent as it is. bedrock_response_json gives {"inputTokens": 12}.
 *
 * InvokeModel, InvokeModelWithResponseStream: for embeddings, images, and models that do not
 * support Converse. "body" is the request in the model's own form. Its bytes are sent as they are
 * written. A string "@name" anywhere in it that names an attachment becomes the base64 of the
 * attachment. If body itself is "@name", the bytes of the attachment are the body. Other members:
 * accept, contentType (application/json), guardrailIdentifier, guardrailVersion, trace,
 * performanceConfigLatency, serviceTier, requestMetadata, projectIdentifier. The model's
 * guardrailConfig, performanceConfig and serviceTier supply the members that the request lacks.
 *
 * The response of InvokeModel. bedrock_response_json gives the model's response, verbatim. A
 * response that is not JSON is given as {"contentType": "image/png", "body": "base64"}.
 * bedrock_response_usage gives the counts of the response's headers, or else those of its body:
 * "usage" of Anthropic, OpenAI and Nova, inputTextTokenCount and results of Titan, meta of Cohere,
 * prompt_token_count and generation_token_count of Llama. The events of the stream are
 * BEDROCK_EVENT_CHUNK, and its response is the array of all chunks. The stream is complete after
 * the chunk that holds amazon-bedrock-invocationMetrics. If no such chunk comes, it is complete
 * when the body ends, but only if HTTP marks the end: HTTP/2 does, and HTTP/1.1 with Content-Length
 * or chunked encoding. If HTTP does not mark the end of a response of InvokeModel, it is complete
 * if it is a JSON object, array or string. Otherwise the status is BEDROCK_E_TRUNCATED.
 *
 * ApplyGuardrail: guardrailIdentifier and guardrailVersion (default: those of the model's
 * guardrailConfig), source, content, outputScope.
 *
 * InvokeGuardrailChecks: messages, checks. Messages that are given as JSON together with checks are
 * sent as they are written. If messages are added one by one, those of the role system come first,
 * and the others of one role share a message.
 *
 * StartAsyncInvoke: modelInput, in the model's own form, in which a string "@name" that names an
 * attachment becomes the base64 of the attachment; outputDataConfig; tags; clientRequestToken,
 * which the library makes if it is not given.
 *
 * GetAsyncInvoke: invocationArn.
 *
 * ListAsyncInvokes: submitTimeAfter and submitTimeBefore (text in ISO 8601, or a number of seconds
 * since 1970), statusEquals, maxResults, nextToken, sortBy, sortOrder.
 */

/* Calls an operation and waits for its complete response, which bedrock_response_json gives.
 *
 * If the operation streams, the response is assembled from its events, also if the model's
 * keep_answer is false.
 *
 * operation: The name of the operation: "InvokeModel".
 * out: Must not be NULL. If a stream fails, *out receives the part of the response that had
 *   arrived, and bedrock_response_complete returns 0. If nothing had arrived, *out is NULL.
 * Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if this version has no such operation.
 *   BEDROCK_E_REQUEST if the request does not fit the operation. Or another failure of the call.
 * Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a
 *   failure.
 * Threads: Blocks until the call ends. Thread-safe.
 * Since: 0.1
 * AWS: The operation of that name. */
bedrock_status bedrock_call(const bedrock_model *model,
                            const char *operation,
                            const bedrock_request *request,
                            bedrock_cancel *cancel,
                            bedrock_response **out,
                            bedrock_error **err);

/* Opens a call without waiting for the network, as bedrock_stream_open does.
 *
 * An operation that does not stream has no events: bedrock_stream_next returns BEDROCK_AGAIN
 * until it returns BEDROCK_DONE or a failure, and after BEDROCK_DONE bedrock_stream_response
 * gives the response. Descriptors, wakeups and waiting sets work as for a stream.
 *
 * operation: The name of the operation: "InvokeModel".
 * Returns: BEDROCK_OK, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_REQUEST or BEDROCK_E_RESOURCE,
 *   for the reasons of bedrock_call and bedrock_stream_open.
 * Ownership: *out is owned by the caller. Free it with bedrock_stream_free.
 * Threads: Does not block. Thread-safe.
 * Since: 0.1
 * AWS: The operation of that name. */
bedrock_status bedrock_call_open(const bedrock_model *model,
                                 const char *operation,
                                 const bedrock_request *request,
                                 bedrock_cancel *cancel,
                                 bedrock_stream **out,
                                 bedrock_error **err);


/* ---- Response --------------------------------------------------------------------------------
 * A response is immutable and thread-safe. Its texts are borrowed: they live until
 * bedrock_response_free. The functions of this chapter treat a response of bedrock_generate and one
 * that is assembled from a stream alike. For NULL or an invalid handle, bedrock_response_tool_call
 * and bedrock_response_server_tool_call return a status below 0, whose name bedrock_status_name
 * gives; bedrock_response_structured returns NULL with *err set; the other functions return "", 0
 * or -1.
 */

enum {
  BEDROCK_TOOL_CALL_CLIENT = 0,  /* The program runs the tool, and has to add its result. */
  /* The service runs the tool itself, for example nova_grounding. The result is in the response;
   * do not add one. */
  BEDROCK_TOOL_CALL_SERVER = 1,
};

/* A tool call of the model. Its texts are borrowed until the response is freed. (ToolUseBlock) */
typedef struct bedrock_tool_call {
  /* The id of the call. Pass it to bedrock_request_add_tool_result. If the model has repeated an
   * id in its message, this is another one, which the library has made from it: no other call of
   * the response has it. */
  const char *id;
  const char *name;
  /* The input as JSON. The bedrock_json_... functions read it. */
  const char *input_json;
  size_t input_json_len;
  /* 0 if input_json is not a JSON object, because the model was cut off or wrote something else,
   * or if it is {} because the model was cut off before it wrote more. Then do not run the tool.
   * bedrock_request_add_response adds such a call too; reply to it with an error result, for
   * example "The input was cut off.". */
  int32_t input_valid;
  /* One of BEDROCK_TOOL_CALL_..., for who runs the tool. */
  int32_t kind;
} bedrock_tool_call;

/* Gets all text blocks of the response, joined.
 *
 * Returns: The text, or "" if there is none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: output.message.content[].text */
const char *bedrock_response_text(const bedrock_response *response, size_t *len);

/* Gets the one JSON value of the response.
 *
 * If the request has response_format or outputConfig.textFormat, it is the text. If the request
 * forced the call of a tool, it is the input of the one call. White space around it is left out.
 * The function compares it with no schema: the service does that while the model writes.
 *
 * Returns: The JSON. NULL, with *err set, if there is none; bedrock_error_code is then the
 *   stop reason. BEDROCK_E_TRUNCATED if the response was cut off, at maxTokens or because a
 *   stream was stopped or failed. BEDROCK_E_MODEL if a guardrail intervened, if the model
 *   refused, if the text is not JSON, or if there are several values or calls.
 *   BEDROCK_E_INVALID_ARGUMENT if the response has no content because the model's keep_answer is
 *   false.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: output.message.content[].text, ToolUseBlock.input */
const char *bedrock_response_structured(const bedrock_response *response,
                                        size_t *len,
                                        bedrock_error **err);

/* Gets all the reasoning that the model showed, joined.
 *
 * Returns: The text, or "" if there is none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: output.message.content[].reasoningContent */
const char *bedrock_response_reasoning(const bedrock_response *response, size_t *len);

/* Gets why the model stopped, in the service's word.
 *
 * Returns: "end_turn", "tool_use", "max_tokens", "stop_sequence" or another word; "" if none
 *   arrived.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: stopReason */
const char *bedrock_response_stop_reason(const bedrock_response *response);

/* Gets why the model stopped, in the words of chat completions.
 *
 * Returns: "stop", "tool_calls", "length" or "content_filter". If they have no word for it,
 *   the service's word, such as "stop_sequence".
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: stopReason */
const char *bedrock_response_finish_reason(const bedrock_response *response);

/* Gets whether the response is complete.
 *
 * Returns: 1 if it is complete, 0 if it is the part that had arrived when a stream was stopped
 *   or failed.
 * Since: 0.1 */
int32_t bedrock_response_complete(const bedrock_response *response);

/* Gets how many tool calls the program has to reply to.
 *
 * Calls of tools that the service runs itself are not counted.
 *
 * Returns: The number of calls.
 * Since: 0.1 */
size_t bedrock_response_tool_call_count(const bedrock_response *response);

/* Fills *out with a tool call that the program has to reply to.
 *
 * index: From 0 to bedrock_response_tool_call_count - 1.
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there is no such call; the members of
 *   *out are then "" and 0.
 * Ownership: The texts in *out are borrowed until the response is freed.
 * Since: 0.1
 * AWS: ToolUseBlock */
bedrock_status bedrock_response_tool_call(const bedrock_response *response,
                                          size_t index,
                                          bedrock_tool_call *out,
                                          size_t size);

/* Fills *out with a call of a tool that the service ran itself.
 *
 * There is no count: call it with index 0, 1, 2, ... while it returns BEDROCK_OK. The results
 * are in bedrock_response_message, as toolResult blocks.
 *
 * index: From 0.
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there is no such call; the members of
 *   *out are then "" and 0.
 * Ownership: The texts in *out are borrowed until the response is freed.
 * Since: 0.1
 * AWS: ToolUseBlock of type server_tool_use */
bedrock_status bedrock_response_server_tool_call(const bedrock_response *response,
                                                 size_t index,
                                                 bedrock_tool_call *out,
                                                 size_t size);

/* Gets the assistant's message as Converse JSON, as it came.
 *
 * bedrock_request_add_response adds it in the form in which the service accepts it.
 *
 * Returns: The JSON, or "" if there is none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: output.message */
const char *bedrock_response_message(const bedrock_response *response, size_t *len);

/* Gets the response as JSON: the whole response, or the part that has arrived.
 *
 * For bedrock_generate it is verbatim what the service sent. For a stream it is assembled from
 * the events.
 *
 * Returns: The JSON, or "" if there is none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: The body of the response. */
const char *bedrock_response_json(const bedrock_response *response,
                                  size_t *len);

/* Gets the service's id of the request, which AWS support asks for.
 *
 * Returns: The id, or "" if there is none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: x-amzn-requestid */
const char *bedrock_response_request_id(const bedrock_response *response);

/* Gets the model that answered: the one of the call, or that of one of the config's fallbacks.
 *
 * Returns: The model id, inference profile or ARN, as the request named it; "" if the
 *   operation has no model, or if no response has come.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: The modelId of the request. */
const char *bedrock_response_model(const bedrock_response *response);

/* Gets the service tier that served the call, which decides the price.
 *
 * Returns: The tier, such as "default", "priority" or "flex"; "" if the service states none.
 * Ownership: Borrowed until the response is freed.
 * Since: 0.1
 * AWS: serviceTier, X-Amzn-Bedrock-Service-Tier */
const char *bedrock_response_service_tier(const bedrock_response *response);

/* Gets how many attempts the call made, retries included (see bedrock_error_attempts).
 *
 * Returns: The number of attempts.
 * Since: 0.1 */
int32_t bedrock_response_attempts(const bedrock_response *response);

/* Frees a response.
 *
 * response: NULL does nothing.
 * Ownership: Ends the handle and the texts borrowed from it.
 * Since: 0.1 */
void bedrock_response_free(bedrock_response *response);


/* ---- Usage -----------------------------------------------------------------------------------
 * These functions give the tokens that calls have used, and how calls wait for limits.
 */

/* Tokens that were used, and the time that the service took. A member is -1 if the service gave
 * no value. (TokenUsage, ConverseMetrics) */
typedef struct bedrock_usage {
  int64_t input_tokens;
  int64_t output_tokens;
  int64_t total_tokens;
  /* Read from a prompt cache. */
  int64_t cache_read_tokens;
  /* Written to a prompt cache. */
  int64_t cache_write_tokens;
  /* In milliseconds. */
  int64_t latency_ms;
  /* The part of cache_write_tokens that the cache keeps for five minutes, if the service states
   * it. */
  int64_t cache_write_5m_tokens;
  /* The part that it keeps for an hour. */
  int64_t cache_write_1h_tokens;
} bedrock_usage;

/* How the calls of a model run and wait, and what counts against its limits. A member is -1 if
 * nothing counts it. */
typedef struct bedrock_stats {
  /* Calls that run. */
  int64_t running;
  /* Calls that wait for max_concurrency or limits. */
  int64_t waiting;
  /* Calls that have waited, and calls that have given up waiting. */
  int64_t waits;
  /* The sum of these waits, in milliseconds. */
  int64_t waited_ms;
  /* Calls that were refused because max_queue calls waited already. */
  int64_t refused;
  /* Requests that count in this minute. */
  int64_t requests_in_minute;
  /* Tokens that count in this minute: reserved by calls that run, used by those that have ended. */
  int64_t tokens_in_minute;
  /* The limit of requests in effect, given or learned. */
  int64_t requests_per_minute;
  /* The limit of tokens in effect, given or learned. */
  int64_t tokens_per_minute;
} bedrock_stats;

/* Fills *out with the usage of the call.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED
 *   or BEDROCK_E_BUSY; the members of *out are then -1.
 * Since: 0.1
 * AWS: usage, metrics.latencyMs */
bedrock_status bedrock_response_usage(const bedrock_response *response,
                                      bedrock_usage *out,
                                      size_t size);

/* Fills *out with the usage of all calls of this model, and of the models derived from it, so
 * far.
 *
 * A call is counted when the service reports its usage, at the end of a response: a call that
 * failed or was stopped before that is not counted. Members begin at 0. If the service gave no
 * total for a call, total_tokens adds its input and output. latency_ms is -1, because the times
 * of calls that run at once do not add up.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED
 *   or BEDROCK_E_BUSY; the members of *out are then -1.
 * Since: 0.1
 * AWS: usage */
bedrock_status bedrock_model_usage(const bedrock_model *model,
                                   bedrock_usage *out,
                                   size_t size);

/* Fills *out with how the calls of this model, and of all models that share its limits, run and
 * wait now.
 *
 * A model that was derived has the numbers of the first model. Without "limits" in the config,
 * the members about this minute are -1.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED
 *   or BEDROCK_E_BUSY; the members of *out are then -1.
 * Since: 0.1 */
bedrock_status bedrock_model_stats(const bedrock_model *model,
                                   bedrock_stats *out,
                                   size_t size);


/* ---- Runs: the loop that calls tools ---------------------------------------------------------
 * A run asks the model, calls the tools that the model wants, adds their results, and asks again,
 * until the model stops. bedrock_run_tools does all of that on the calling thread, with a C
 * function for each tool. bedrock_run_open returns a handle that your program reads, as a stream:
 * for event loops and for other languages.
 *
 *   static int32_t add(bedrock_run *run, const bedrock_tool_call *call, void *user)
 *   {
 *     double sum = bedrock_json_number(call->input_json, call->input_json_len, "/a", 0)
 *                + bedrock_json_number(call->input_json, call->input_json_len, "/b", 0);
 *     char text[32];
 *     snprintf(text, sizeof text, "%g", sum);
 *     bedrock_run_result(run, call->id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, NULL);
 *     return BEDROCK_TOOL_DONE;
 *   }
 *
 * A round is one call of the service, and the results of the tools that its message calls. All
 * calls of a message are handed over before the first result is waited for, so a program can do
 * them at the same time. The results are sent in the order of the calls, in one message.
 *
 * The request. Each round sends the request as it is at that time, with the tools of the run. When
 * a round is complete, its message and its results are added to the request, with its reasoning and
 * signatures; the last round has no results. If the run ends in any other way, the round at work is
 * not added. So the request never holds a call without its result: add a text of the user, or start
 * another run, and the conversation goes on. The declarations of the tools are not added. If the
 * request or the model declares a tool of the same name, that declaration is sent. The service
 * refuses a conversation with tool calls if no tools are declared: declare them in the request or
 * the model if you also make calls that are no runs.
 *
 * Failures. A tool that fails does not end the run: its result informs the model. If the model
 * calls a tool that does not exist, or its input is not a JSON object or was cut off, the run
 * informs the model, and the program does not get the call. If a result makes a request that cannot
 * be sent, such as one that refers to bytes that are not attached, the run ends with
 * BEDROCK_E_REQUEST, and its round is not added.
 *
 * Options are a JSON object. Keys that are not known are errors.
 *
 *   max_rounds  How often the model may be asked. Default: 20. A tool choice that forces a call
 *               forces it in each round: give it to a run of one round.
 *   total       How long the run may take, with the tools: "5m". Default: no limit. The timers of
 *               the model limit each call of the service, and no timer limits a tool.
 *   tools       For bedrock_run_open: an array of tools, as in a request of either dialect. Without
 *               it, the tools are those that the request and the model declare, and the program
 *               gets the calls of all names.
 */

enum {
  /* The result has been given. If it has not, the model is informed that the tool failed. */
  BEDROCK_TOOL_DONE = 0,
  /* The result will be given later, by another thread. The run waits for it. */
  BEDROCK_TOOL_LATER = 1,
  /* The run ends with BEDROCK_STOPPED. The round is not added to the request. */
  BEDROCK_TOOL_STOP = 2,
  BEDROCK_RESULT_TEXT = 0,  /* The content is text. */
  BEDROCK_RESULT_ERROR = 1,  /* The content is text that informs the model why the tool failed. */
  /* The content is JSON. An object is sent as JSON, and every other value as text, because the
   * service accepts objects alone. */
  BEDROCK_RESULT_JSON = 2,
  /* The content is a JSON array of content blocks, as Converse has them in a result: text, json,
   * image, document, video. */
  BEDROCK_RESULT_CONTENT = 3,
};

/* Does a tool call. call is borrowed until the function returns. user is the pointer of the
 * tool. Give the result with bedrock_run_result, on any thread, before or after the function
 * returns. The function returns one of BEDROCK_TOOL_.... It runs on the thread that made the
 * call, and may call every function of this library except bedrock_shutdown. It must not throw,
 * longjmp or end the thread: "Exceptions" in the rules at the top of this header states the
 * consequences, which are those of on_event. */
typedef int32_t (*bedrock_tool_fn)(bedrock_run *run,
                                   const bedrock_tool_call *call,
                                   void *user);

/* A tool of bedrock_run_tools. The library copies the texts. Set all of it to 0 before you fill
 * it. */
typedef struct bedrock_tool {
  /* 1 to 64 letters, digits, hyphens and underscores. */
  const char *name;
  /* What the tool is for, which the model reads. May be NULL. */
  const char *description;
  /* The JSON schema of the input, an object. NULL if the request or the model declares the tool. */
  const char *input_schema_json;
  /* Does the calls of the tool. */
  bedrock_tool_fn call;
  /* Passed to call. */
  void *user;
} bedrock_tool;

/* Runs the loop on the calling thread, until the model stops.
 *
 * The timers are those of bedrock_generate_stream for each round, and "total" of the options for
 * all of them. The time that on_event and the tools take counts for "total" alone.
 *
 * request: Each complete round is added to it.
 * tools: The tools. NULL if count is 0.
 * count: How many tools there are.
 * size: sizeof(bedrock_tool).
 * options_json: NULL means the defaults.
 * on_event: Receives the events of all rounds, with the number of the round, and
 *   BEDROCK_EVENT_TOOL_CALL before a tool is called. May be NULL.
 * user: Passed to on_event.
 * out: May be NULL. *out receives the last message of the model. Its usage is the sum of all
 *   rounds. After BEDROCK_STOPPED and after a failure it is the message as far as it had
 *   arrived. If no event had arrived, *out is NULL.
 * Returns: BEDROCK_OK if the model stopped. BEDROCK_STOPPED if on_event or a tool asked to
 *   stop, or if the last of max_rounds is complete and the model wants to go on: the results are
 *   in the request, and another run goes on. BEDROCK_E_CONFIG if an option is wrong,
 *   BEDROCK_E_TIMEOUT after "total", or a failure of a call.
 * Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a
 *   failure.
 * Threads: Blocks until the run ends. Thread-safe. on_event and the tools run on the calling
 *   thread.
 * Since: 0.1
 * AWS: ConverseStream */
bedrock_status bedrock_run_tools(const bedrock_model *model,
                                 bedrock_request *request,
                                 const bedrock_tool *tools,
                                 size_t count,
                                 size_t size,
                                 const char *options_json,
                                 size_t len,
                                 bedrock_cancel *cancel,
                                 bedrock_event_fn on_event,
                                 void *user,
                                 bedrock_response **out,
                                 bedrock_error **err);

/* Opens a run without waiting for the network.
 *
 * request: Each complete round is added to it. It stays owned by the caller, and may be freed.
 * options_json: NULL means the defaults.
 * Returns: BEDROCK_OK, BEDROCK_E_CONFIG if an option is wrong, BEDROCK_E_REQUEST if the
 *   request or a tool is wrong, or BEDROCK_E_RESOURCE if the process has no thread, handle or
 *   memory left.
 * Ownership: *out is owned by the caller. Free it with bedrock_run_free.
 * Threads: Does not block. Thread-safe.
 * Since: 0.1
 * AWS: ConverseStream */
bedrock_status bedrock_run_open(const bedrock_model *model,
                                bedrock_request *request,
                                const char *options_json,
                                size_t len,
                                bedrock_cancel *cancel,
                                bedrock_run **out,
                                bedrock_error **err);

/* Waits for the next event of a run.
 *
 * The events are those of the streams of all rounds, each with its round.
 * BEDROCK_EVENT_TOOL_CALL is a call to do: give its result with bedrock_run_result, at once or
 * later. All calls of a message are returned before the run waits for the first result.
 *
 * timeout_ms: 0 does not wait. A negative value waits as long as the timers of the calls and
 *   "total" allow, and without a limit for the results of tools.
 * event: *event receives the event if the status is BEDROCK_OK, and NULL otherwise.
 * Returns: BEDROCK_OK with an event. BEDROCK_DONE if the model has stopped. BEDROCK_STOPPED if
 *   the last of max_rounds is complete and the model wants to go on. BEDROCK_AGAIN if no event
 *   came in time; the run goes on. A value below 0 is the failure that ended the run, with a new
 *   *err each time. After the end every later call returns the same status.
 * Ownership: *event is borrowed until the next bedrock_run_next or bedrock_run_free on this
 *   run. Other functions do not invalidate it.
 * Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread reads the run.
 * Since: 0.1 */
bedrock_status bedrock_run_next(bedrock_run *run,
                                int32_t timeout_ms,
                                const bedrock_event **event,
                                bedrock_error **err);

/* Gives the result of a tool call.
 *
 * tool_use_id: The id of the call (bedrock_tool_call.id, bedrock_event.tool_id).
 * content: The result, in the form that kind names.
 * kind: One of BEDROCK_RESULT_....
 * Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if no such call waits for a result: it has
 *   one, the run has ended, or there is no such call. BEDROCK_E_REQUEST if content is not what
 *   kind promises, or if it has a block that the service is certain to refuse; the call then
 *   still waits.
 * Threads: Thread-safe, also while another thread is in bedrock_run_next or bedrock_run_tools.
 *   Does not block.
 * Since: 0.1
 * AWS: ToolResultBlock */
bedrock_status bedrock_run_result(bedrock_run *run,
                                  const char *tool_use_id,
                                  const char *content,
                                  size_t len,
                                  int32_t kind,
                                  bedrock_error **err);

/* Gets a descriptor to poll, which is the same for all rounds.
 *
 * It is readable while bedrock_run_next(run, 0, ...) would return something other than
 * BEDROCK_AGAIN (level-triggered): also when the last missing result has been given, because the
 * run goes on in bedrock_run_next. After the end of the run it stays readable. It is
 * non-blocking and close-on-exec. The function makes the descriptor when it is first used, and
 * later returns the same one. Only poll it.
 *
 * Returns: The descriptor. -1 if the process has no descriptor left, if another thread reads
 *   the run, for an invalid handle, and inside wakeup, log and observer.
 * Ownership: Owned by the library. bedrock_run_free closes it: remove it from your event loop
 *   first.
 * Threads: Does not block. One thread at a time may read the run.
 * Since: 0.1 */
int bedrock_run_fd(bedrock_run *run);

/* Sets the function that is called when there is something to read, in any round.
 *
 * A run is armed as a stream is (bedrock_stream_set_wakeup): when a wakeup is set, and each time
 * bedrock_run_next returns BEDROCK_AGAIN. The last missing result of a round is something to
 * read too.
 *
 * wakeup: A new wakeup replaces the old one. NULL removes it. Once this function or
 *   bedrock_run_free has returned, the old wakeup is not running and will not run.
 * Returns: BEDROCK_OK, BEDROCK_E_BUSY if another thread reads the run or it is in a waiting
 *   set, or BEDROCK_E_RESOURCE if the thread that calls wakeups cannot start.
 * Ownership: release(user) runs once: inside the function that replaces or removes the wakeup
 *   or frees the run, or inside this function if it fails or wakeup is NULL.
 * Threads: Blocks until an old wakeup that is running has returned: hold no lock that it
 *   acquires. wakeup runs on a library thread.
 * Since: 0.1 */
bedrock_status bedrock_run_set_wakeup(bedrock_run *run,
                                      bedrock_wakeup_fn wakeup,
                                      void *user,
                                      bedrock_release_fn release);

/* Makes a response of the last message of a run, as far as it has been delivered.
 *
 * Its usage is the sum of all rounds. It may be called at any time, also after a failure. After
 * BEDROCK_DONE it is the last message of the model.
 *
 * Returns: BEDROCK_OK, or BEDROCK_E_BUSY if another thread reads the run.
 * Ownership: *out is owned by the caller. Free it with bedrock_response_free.
 * Threads: Does not block. One thread at a time may read the run.
 * Since: 0.1 */
bedrock_status bedrock_run_response(bedrock_run *run,
                                    bedrock_response **out,
                                    bedrock_error **err);

/* Ends a run and closes its connection.
 *
 * bedrock_run_next or bedrock_run_tools then returns BEDROCK_E_CANCELLED, unless the run had
 * ended before. The round at work is not added to the request.
 *
 * run: NULL, or a run that was freed, does nothing.
 * Threads: Thread-safe, also while another thread reads the run. Every callback may call it.
 *   Never blocks.
 * Since: 0.1 */
void bedrock_run_cancel(bedrock_run *run);

/* Frees a run, and ends it if it has not ended.
 *
 * A thread that reads the run gets BEDROCK_E_CANCELLED. The run that bedrock_run_tools passes to
 * tools is freed by bedrock_run_tools.
 *
 * run: NULL does nothing.
 * Ownership: Ends the handle, the last event and the descriptor: no thread may still use them.
 * Threads: Thread-safe, also inside on_event. Never waits for the network. Blocks until a
 *   wakeup that is running has returned: hold no lock that it acquires.
 * Since: 0.1 */
void bedrock_run_free(bedrock_run *run);


/* ---- Records of calls, and the log by pull ---------------------------------------------------
 * A record is one JSON object about a call that has ended: how long it took, what it used, and what
 * each attempt met. It holds no credentials. It holds no prompt and no response, unless the program
 * asks for them. A function receives records (bedrock_set_observer), or the program reads them
 * (bedrock_feed_new). Without either, the library observes nothing.
 *
 * There is one record for each call that was sent, or would have been: of every interface and
 * operation, complete, failed or cancelled. A call has none if its request is refused before it is
 * sent, if its cancel was fired before, or if it began before there was an observer or a feed. A
 * record is made shortly after its call has ended, also if the program does not read the end. A
 * cancel that comes when the whole response has arrived does not change the record.
 * bedrock_shutdown ends the calls that run: once it has returned BEDROCK_OK, the observer has
 * received the records of all of them, and feeds hold them.
 *
 *   {"schema_url": "https://opentelemetry.io/schemas/1.41.0",
 *    "name": "chat eu.amazon.nova-lite-v1:0", "kind": "client",
 *    "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
 *    "parent_span_id": "00f067aa0ba902b7", "trace_flags": 1,
 *    "start_unix_nano": 1764230400000000000, "end_unix_nano": 1764230401250000000, "status": 0,
 *    "attributes": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock",
 *      "gen_ai.request.model": "eu.amazon.nova-lite-v1:0", "gen_ai.request.stream": true,
 *      "server.address": "bedrock-runtime.eu-west-1.amazonaws.com", "server.port": 443,
 *      "gen_ai.response.model": "eu.amazon.nova-lite-v1:0", "gen_ai.usage.input_tokens": 12,
 *      "gen_ai.usage.output_tokens": 40, "gen_ai.response.finish_reasons": ["end_turn"], ...},
 *    "metrics": {"gen_ai.client.operation.duration": 1.250000, ...},
 *    "attempts": [{"target": 0, "gen_ai.request.model": "eu.amazon.nova-lite-v1:0",
 *      "start": 0.000310, "duration": 0.412000, "http.response.status_code": 200, ...,
 *      "connection": {"reused": false, "wait": 0.021000, "dns": 0.001000, "tcp": 0.007000,
 *        "tls": 0.013000}}]}
 *
 * Attributes and metrics have the names of OpenTelemetry's semantic conventions for generative AI.
 * "schema_url" names the version. Where the development version has other names, a record has both:
 * gen_ai.client.operation.duration and gen_ai.client.inference.duration,
 * gen_ai.usage.cache_creation.input_tokens and gen_ai.usage.cache_write.input_tokens. Times are in
 * seconds. A member that is not known is missing.
 *
 * "status" is BEDROCK_OK or the status that ended the call. "error.type" is the service's name of
 * the failure, or else the name of the status ("Timeout"). gen_ai.usage.input_tokens includes the
 * tokens of the prompt cache, as the convention demands; bedrock_usage has what the service counts.
 * time_per_output_chunk is the mean time from one event to the next. gen_ai.operation.name is
 * "chat" for Converse and ConverseStream; other operations have a name of their own, such as
 * "invoke_model". What the conventions do not have has names that begin with "libbedrock.": the
 * "operation", the number of "attempts" and of "events", "time_to_first_event", "service_latency".
 *
 * "attempts" has an object for each request that was sent: "target" is 0 for the model and counts
 * its fallbacks from 1. "start" is since the start of the call, "duration" until the head of the
 * response or the failure, "wait" until the next attempt. "connection" states how long the attempt
 * waited for its connection, and for a new one how long the lookup of the name, TCP and TLS took.
 *
 * With the option "content", the attributes of a conversation also have its content, as arrays in
 * the form of the conventions: gen_ai.system_instructions, gen_ai.input.messages,
 * gen_ai.tool.definitions, gen_ai.output.messages. A part of a message that is an image, a
 * document, a video or audio has its "size" in bytes instead of its bytes; a document that the
 * request has as text has it as "content". gen_ai.output.messages has what came before a failure.
 * For operations in the model's own form, libbedrock.request.body and libbedrock.response.body are
 * their bodies, if these are JSON. A record of more than 64 KiB of content is made on another
 * thread than calls run on, and may come after those of later calls. A record of 16 KiB or more
 * finds room only if no record waits, or if all that wait have at most 64 MiB together with it.
 */

enum {
  BEDROCK_FEED_RECORD = 1,  /* A record. text: its JSON. */
  BEDROCK_FEED_LOG = 2,  /* A message of the log. text: the message. */
  /* Records and messages that were dropped here, because they found no room. lost: their number. */
  BEDROCK_FEED_LOST = 3,
};

/* Receives one record at a time, on a library thread that does nothing else. record is
 * NUL-terminated JSON, and borrowed until the function returns. len is its length. lost is 0. If
 * the function was too slow and records were dropped, it is called with their number in lost,
 * and record is "". The function may call only bedrock_cancel_fire, bedrock_stream_cancel and
 * bedrock_json_..., which reads the record; others return BEDROCK_E_BUSY or their neutral value.
 * It must not throw. */
typedef void (*bedrock_record_fn)(const char *record, size_t len, int64_t lost, void *user);

/* What a feed returns. It is borrowed until the next bedrock_feed_next or bedrock_feed_free on
 * its feed. Its texts are NUL-terminated and never NULL. Newer library versions may append
 * members: check size before you read a member that your minimum version does not have. */
typedef struct bedrock_feed_item {
  /* sizeof(bedrock_feed_item) in the library. */
  uint32_t size;
  /* One of BEDROCK_FEED_... Ignore types that you do not know. */
  int32_t type;
  /* The number of records and messages that were dropped, otherwise 0. */
  int64_t lost;
  /* The record or the message, otherwise "". */
  const char *text;
  size_t text_len;
  /* A short name for the topic of a message, otherwise "". */
  const char *target;
  /* The level of a message, one of BEDROCK_LOG_..., otherwise 0. */
  int32_t level;
} bedrock_feed_item;

/* Sends the records of calls to a function.
 *
 * options_json: NULL, or a JSON object. "capacity" is the number of records that may wait for
 *   the function, 4096 by default. "content": true asks for the content of calls, which is in
 *   memory until the record is delivered.
 * observer: A new observer replaces the old one, and gets the records that wait for it. If it
 *   finds no room for some, or asks for no content and they have it, it gets their number in
 *   lost. NULL removes the observer: what waits for it is dropped. Call bedrock_shutdown before,
 *   which delivers it. Once this function has returned, the old observer is not running and will
 *   not run.
 * Returns: BEDROCK_OK. BEDROCK_E_CONFIG if an option is wrong. BEDROCK_E_RESOURCE if the
 *   thread that runs observer cannot start; the old observer then stays.
 * Ownership: release(user) runs once: inside the bedrock_set_observer that replaces or removes
 *   the observer, or inside this one if it fails or observer is NULL.
 * Threads: Thread-safe. Blocks until an old observer that is running has returned: hold no
 *   lock that it acquires. observer runs on a library thread.
 * Since: 0.1 */
bedrock_status bedrock_set_observer(const char *options_json,
                                    size_t len,
                                    bedrock_record_fn observer,
                                    void *user,
                                    bedrock_release_fn release,
                                    bedrock_error **err);

/* Opens a queue of records and messages, for programs that cannot take callbacks on threads of
 * the library.
 *
 * A feed gets the records of calls that begin from now on, and the messages that are written
 * from now on. There may be several feeds: each gets everything that it asks for. While
 * "capacity" of them wait, further ones are dropped, and the feed returns in their place how
 * many.
 *
 * options_json: A JSON object with at least one of the first two members. "records": true asks
 *   for records. "log" is the least severe level of messages: "error", "warn", "info" or
 *   "debug". "content": true asks for records with the content of calls. "capacity" is 4096 by
 *   default.
 * Returns: BEDROCK_OK. BEDROCK_E_CONFIG if an option is wrong.
 * Ownership: *out is owned by the caller. Free it with bedrock_feed_free.
 * Since: 0.1 */
bedrock_status bedrock_feed_new(const char *options_json,
                                size_t len,
                                bedrock_feed **out,
                                bedrock_error **err);

/* Waits for the next record or message.
 *
 * timeout_ms: 0 does not wait. A negative value waits without a limit.
 * item: *item receives the item if the status is BEDROCK_OK, and NULL otherwise.
 * Returns: BEDROCK_OK with an item. BEDROCK_AGAIN if none came in time. BEDROCK_E_CANCELLED if
 *   the feed was freed meanwhile.
 * Ownership: *item is borrowed until the next bedrock_feed_next or bedrock_feed_free on this
 *   feed. Other functions do not invalidate it.
 * Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread uses the feed.
 * Since: 0.1 */
bedrock_status bedrock_feed_next(bedrock_feed *feed,
                                 int32_t timeout_ms,
                                 const bedrock_feed_item **item,
                                 bedrock_error **err);

/* Gets a descriptor to poll.
 *
 * It is readable while bedrock_feed_next(feed, 0, ...) would return something other than
 * BEDROCK_AGAIN (level-triggered). It is non-blocking and close-on-exec. The function makes the
 * descriptor when it is first used, and later returns the same one. Only poll it.
 *
 * Returns: The descriptor. -1 if the process has no descriptor left, for an invalid handle,
 *   and inside a wakeup, log or observer callback.
 * Ownership: Owned by the library. bedrock_feed_free closes it: remove it from your event loop
 *   first.
 * Since: 0.1 */
int bedrock_feed_fd(bedrock_feed *feed);

/* Frees a feed, with what it holds.
 *
 * A thread that is in bedrock_feed_next gets BEDROCK_E_CANCELLED.
 *
 * feed: NULL does nothing.
 * Ownership: Ends the handle, the last item and the descriptor: no thread may still use them.
 * Since: 0.1 */
void bedrock_feed_free(bedrock_feed *feed);


/* ---- JSON, for programs that have no JSON library --------------------------------------------
 * These functions read a JSON text in place. They make no handles, allocate nothing and are
 * thread-safe. If an object has a key twice, the last one counts. Their parameters:
 *
 *   json, len     the text, and its length or BEDROCK_STRLEN
 *   pointer       a JSON pointer (RFC 6901): "" is the complete text, "/a/0/b" is a member of an
 *                 element of a member
 *   fallback      the result if there is no such value
 *   buffer, size  where to write, and how many bytes it has. buffer may be NULL if size is 0. It
 *                 must not overlap the input
 *
 * If nothing is at pointer, if it is of another kind, or if json is not valid JSON, a function
 * returns BEDROCK_JSON_NONE, 0, NULL, fallback or BEDROCK_JSON_NOT_FOUND. Every callback may call
 * these functions. Each checks the complete json, also after the value that it returns.
 *
 * Cost. Each call reads the complete json once. Its time is proportional to len, and does not
 * depend on how deep pointer leads. A loop that reads an array with "/items/0", "/items/1" and so
 * on is therefore quadratic. bedrock_json_next reads an array or an object in linear time, and
 * bedrock_json_numbers reads an array of numbers at once:
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

enum {
  BEDROCK_JSON_NONE = 0,  /* There is no value. */
  BEDROCK_JSON_NULL = 1,
  BEDROCK_JSON_FALSE = 2,
  BEDROCK_JSON_TRUE = 3,
  BEDROCK_JSON_NUMBER = 4,
  BEDROCK_JSON_STRING = 5,
  BEDROCK_JSON_ARRAY = 6,
  BEDROCK_JSON_OBJECT = 7,
};

/* The length or count if there is no value. It is greater than every other. */
#define BEDROCK_JSON_NOT_FOUND        SIZE_MAX

/* An element of an array, or a member of an object. Its texts are borrowed from json: they point
 * into it, so no NUL ends them. */
typedef struct bedrock_json_item {
  /* The member's key as it is written, a string with its quotes. NULL in an array. */
  const char *key;
  size_t key_len;
  /* The value as it is written, a string with its quotes. */
  const char *value;
  size_t value_len;
  /* How many elements or members come before it. */
  size_t index;
  /* The position of the loop, owned by the library. Set it to 0 before the loop, and do not
   * change it. */
  size_t state[3];
} bedrock_json_item;

/* Gets the kind of the value at pointer.
 *
 * Returns: One of BEDROCK_JSON_NULL to BEDROCK_JSON_OBJECT, or BEDROCK_JSON_NONE.
 * Since: 0.1 */
int32_t bedrock_json_type(const char *json, size_t len, const char *pointer);

/* Gets how many elements an array has, or members an object.
 *
 * Returns: The number, or 0.
 * Since: 0.1 */
size_t bedrock_json_count(const char *json, size_t len, const char *pointer);

/* Steps to the next element of an array, or member of an object.
 *
 * The first step checks json and finds the array or object. Each later step reads only what it
 * steps over, and ignores pointer. json must stay at its address, unchanged, during the loop.
 *
 * item: Read and then filled with the element. Set all of it to 0 before the first step. After
 *   the last element all of it is 0.
 * Returns: The kind of the value, BEDROCK_JSON_NULL to BEDROCK_JSON_OBJECT. BEDROCK_JSON_NONE
 *   after the last one, and if *item was filled for another text or was changed.
 * Ownership: The texts in *item point into json, and live as long as it.
 * Since: 0.1 */
int32_t bedrock_json_next(const char *json,
                          size_t len,
                          const char *pointer,
                          bedrock_json_item *item,
                          size_t size);

/* Gets a number, rounded to the nearest double.
 *
 * The locale does not matter. A number that is too large for a double is infinite.
 *
 * Returns: The number, or fallback.
 * Since: 0.1 */
double bedrock_json_number(const char *json, size_t len, const char *pointer, double fallback);

/* Reads an array of numbers, for example an embedding.
 *
 * Each number is read as by bedrock_json_number.
 *
 * out: Receives the first max numbers. May be NULL if max is 0.
 * max: How many numbers *out has room for.
 * Returns: How many numbers the array has, which may be more than max. BEDROCK_JSON_NOT_FOUND
 *   if there is no array or it holds anything but numbers; nothing is written then.
 * Since: 0.1 */
size_t bedrock_json_numbers(const char *json,
                            size_t len,
                            const char *pointer,
                            double *out,
                            size_t max);

/* Reads an array of numbers, each rounded to the nearest float.
 *
 * out: Receives the first max numbers. May be NULL if max is 0.
 * max: How many numbers *out has room for.
 * Returns: The same as bedrock_json_numbers.
 * Since: 0.1 */
size_t bedrock_json_floats(const char *json,
                           size_t len,
                           const char *pointer,
                           float *out,
                           size_t max);

/* Gets a whole number that fits into 64 bits.
 *
 * 3 and 3.0 are such numbers, but neither 3.5 nor 2^63.
 *
 * Returns: The number, or fallback.
 * Since: 0.1 */
int64_t bedrock_json_integer(const char *json, size_t len, const char *pointer, int64_t fallback);

/* Gets the value as it is written, a string with its quotes.
 *
 * raw_len: *raw_len receives the length. May be NULL. No NUL ends the value.
 * Returns: The beginning of the value inside json, or NULL.
 * Ownership: Points into json, and lives as long as it.
 * Since: 0.1 */
const char *bedrock_json_raw(const char *json, size_t len, const char *pointer, size_t *raw_len);

/* Decodes a string into buffer, as snprintf would.
 *
 * Writes at most size bytes, cut at a complete character and always with a NUL.
 *
 * Returns: The length of the complete string, without a NUL. It is below size exactly if there
 *   is a string and all of it was written. BEDROCK_JSON_NOT_FOUND if there is no string; buffer
 *   is then "".
 * Since: 0.1 */
size_t bedrock_json_string(const char *json,
                           size_t len,
                           const char *pointer,
                           char *buffer,
                           size_t size);

/* Decodes a string of base64, for example an image, into buffer.
 *
 * Writes the first size bytes, without a NUL. White space in base64 is skipped, and padding is
 * optional.
 *
 * Returns: How many bytes the string encodes, which may be more than size.
 *   BEDROCK_JSON_NOT_FOUND if there is no string or it is not base64; the content of buffer is
 *   then undefined.
 * Since: 0.1 */
size_t bedrock_json_bytes(const char *json,
                          size_t len,
                          const char *pointer,
                          void *buffer,
                          size_t size);

/* Writes text as a JSON string, with its quotes, into buffer.
 *
 * text: Any text. It may hold every character.
 * Returns: The length of the string, as bedrock_json_string. BEDROCK_JSON_NOT_FOUND if text is
 *   NULL or not UTF-8; see bedrock_utf8_length.
 * Since: 0.1 */
size_t bedrock_json_quote(const char *text,
                          size_t len,
                          char *buffer,
                          size_t size);

/* Writes bytes as a JSON string of base64, with its quotes, into buffer.
 *
 * data: The bytes. May be NULL if len is 0. len is their number, and cannot be BEDROCK_STRLEN.
 * Returns: The length of the string, as bedrock_json_string. BEDROCK_JSON_NOT_FOUND if data is
 *   NULL and len is not 0, or if len is BEDROCK_STRLEN.
 * Since: 0.1 */
size_t bedrock_json_quote_bytes(const void *data,
                                size_t len,
                                char *buffer,
                                size_t size);

/* Gets how many bytes at the beginning of text are complete UTF-8 characters.
 *
 * To cut a text to at most 1,000 bytes, pass 1,000 as len and take as many bytes as the function
 * returns.
 *
 * text: Any bytes.
 * Returns: The number of bytes. It is the length of text exactly if text is UTF-8. 0 for NULL.
 * Since: 0.1 */
size_t bedrock_utf8_length(const char *text,
                           size_t len);


/* ---- The process -----------------------------------------------------------------------------
 * The library prints nothing, handles no signals, writes no environment variables and does nothing
 * at exit.
 *
 * Threads. Making models, requests and cancels starts no thread. A process that has done nothing
 * else can fork as if the library were not there. The first call, or bedrock_model_connect, starts
 * the worker. bedrock_stream_set_wakeup starts the thread that runs wakeups. bedrock_set_log starts
 * the thread that runs the log, bedrock_set_observer that of the observer. The first call with a
 * cancel starts the thread that waits for cancels. If one of them cannot start, the function
 * returns BEDROCK_E_RESOURCE. Other threads do single tasks: at most 8 look up names, at most 8
 * read files, at most 16 fetch credentials, at most 8 write recordings, and at most 2 check long
 * responses. They end after 10 seconds without work. A command that prints credentials
 * (credential_process) serves all calls that wait for it. It is killed after one minute, and by
 * bedrock_shutdown.
 *
 * Scheduling. The worker inherits CPU affinity, priority, scheduling policy and namespaces from the
 * thread that makes the first call. Unless a seccomp filter is in force, it asks Linux for a short
 * time slice (sched_setattr).
 *
 * Signals. No thread of the library blocks the signals of faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
 * SIGTRAP, SIGSYS, SIGABRT), so that crash reporters work there too. The threads that run wakeups,
 * the log and the observer block HUP, INT, QUIT, TERM, ALRM, VTALRM, CHLD, PIPE, USR1, USR2, IO,
 * TSTP and WINCH, and the signals that were blocked on the thread that set the first wakeup, the
 * log or the observer. The library's other threads block every signal except those of faults.
 *
 * Two copies of the library in one process are two libraries: a handle of one gives
 * BEDROCK_E_BAD_HANDLE in the other.
 */

enum {
  BEDROCK_LOG_OFF = 0,  /* No messages. */
  BEDROCK_LOG_ERROR = 1,
  BEDROCK_LOG_WARN = 2,
  BEDROCK_LOG_INFO = 3,
  BEDROCK_LOG_DEBUG = 4,
};

/* Receives one message at a time, on a library thread that does nothing else. target is a short
 * name for the topic of the message. target and message are NUL-terminated, and borrowed until
 * the function returns. len is the length of message. The function may call only
 * bedrock_cancel_fire, bedrock_stream_cancel and bedrock_json_...; others return BEDROCK_E_BUSY
 * or their neutral value. It must not throw. */
typedef void (*bedrock_log_fn)(int32_t level,
                               const char *target,
                               const char *message,
                               size_t len,
                               void *user);

/* Sends messages of this level, and more severe ones, to a function.
 *
 * The messages never hold credentials, tokens, prompts or responses, at any level. If log is too
 * slow, messages are dropped, and a message states how many. A program that cannot take
 * callbacks on threads of the library reads the messages from a feed (bedrock_feed_new).
 *
 * level: One of BEDROCK_LOG_... BEDROCK_LOG_OFF turns the log off, which is the default.
 * log: A new log replaces the old one, and gets the messages of its level that wait for it.
 *   NULL turns the log off: what waits for it is dropped. Call bedrock_shutdown before, which
 *   delivers it. Once this function has returned, the old log is not running and will not run.
 * Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if there is no such level.
 *   BEDROCK_E_RESOURCE if the thread that runs log cannot start; the old log then stays.
 * Ownership: release(user) runs once: inside the bedrock_set_log that replaces or turns off
 *   the log, or inside this one if it fails or sets no log.
 * Threads: Thread-safe. Blocks until an old log that is running has returned: hold no lock
 *   that it acquires. log runs on a library thread.
 * Since: 0.1 */
bedrock_status bedrock_set_log(int32_t level,
                               bedrock_log_fn log,
                               void *user,
                               bedrock_release_fn release);

/* Cancels all running calls, and waits for the library's threads to end.
 *
 * All handles stay valid. A stream that was running returns BEDROCK_E_CANCELLED. A thread that
 * waits for a waiting set without streams goes on waiting. The next call starts the library
 * again. Call this function before the library is unloaded, and before an interpreter ends that
 * has passed functions as callbacks. Other programs need not call it before they exit, unless
 * they record: it waits until cancelled calls are in the recording. If other threads go on
 * making calls meanwhile, BEDROCK_OK means that the calls that existed when the function was
 * called have ended, and every thread that serves no later call.
 *
 * timeout_ms: A negative value waits without a limit.
 * Returns: BEDROCK_OK. BEDROCK_AGAIN if some threads have not ended: call it again.
 *   BEDROCK_E_BUSY inside a callback.
 * Threads: Blocks for at most timeout_ms, also until a wakeup, log or observer that is running
 *   has returned: hold no lock that they acquire. Thread-safe.
 * Since: 0.1 */
bedrock_status bedrock_shutdown(int32_t timeout_ms);

/* Gets how many handles this process has made and not freed.
 *
 * bedrock_shutdown logs how many there are of each kind, at BEDROCK_LOG_DEBUG. Leak checkers do
 * not see handles.
 *
 * Returns: The number of handles: 0 at the end of a program that leaks none.
 * Since: 0.1 */
size_t bedrock_live_handles(void);

#ifdef __cplusplus
}
#endif
#endif
