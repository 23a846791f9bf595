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
 * Parameters. These mean the same everywhere. err receives the error and may be NULL. out receives
 *   the result and must not be NULL, unless its function documents otherwise. len is the length of
 *   a text or of bytes that you pass, or a pointer that receives the length of a returned text and
 *   may be NULL. size is sizeof of the struct that you pass: members that the library does not fill
 *   become 0, or -1 in bedrock_usage. cancel ends the call when it is fired, and may be NULL.
 *   timeout_ms is in milliseconds. user is your own pointer, which the library passes to your
 *   function and never reads. release frees user, and may be NULL.
 *
 * Handles. A handle is an opaque ID, not a pointer. Each bedrock_<type>_new, and every other
 *   function that makes an object, returns one, owned by the caller. Free each handle once with
 *   bedrock_<type>_free, on any thread, at any time: running calls keep the object alive. Freeing
 *   NULL, or a handle that was freed before, does nothing. A stale, freed, foreign or wrong handle
 *   is never undefined behaviour: a function returns BEDROCK_E_BAD_HANDLE for it, and a getter
 *   returns its neutral value ("", 0 or -1). On 64-bit systems a handle is a number from 2^52 to
 *   2^53, so that a double holds it exactly.
 *
 * Strings passed in. A text is a pointer and a length, if the function has a parameter for the
 *   length. The length BEDROCK_STRLEN means "NUL-terminated". Short names (role, name, tool_use_id,
 *   pointer, ...) have no length and are NUL-terminated. Text has to be valid UTF-8. The library
 *   copies everything that is passed in before the call returns, except attachments passed with a
 *   release function.
 *
 * Strings returned. A returned text is borrowed and NUL-terminated. It is "" if there is none, and
 *   never NULL, with two exceptions: bedrock_request_json and bedrock_request_body return NULL when
 *   they fail, and the bedrock_json_... functions return NULL if there is no value, and texts that
 *   no NUL ends. A text lives as long as its handle, unless its function documents a shorter time.
 *   The text of an event lives until the callback returns, or until the next bedrock_stream_next or
 *   bedrock_stream_free on its stream. Using borrowed text later is undefined behaviour. The
 *   library cannot detect it, but valgrind and AddressSanitizer can.
 *
 * Errors. A function that can fail returns a bedrock_status: a value below 0 is a failure, 0 and
 *   above is not. If err is not NULL, *err receives an error owned by the caller if the status is
 *   below 0, and NULL otherwise. *err is overwritten, never freed: in a chain of calls, stop at the
 *   first that fails, or free the error between them. All other out parameters are always written
 *   too: with NULL, 0 or -1 if there is no value. If a function has no err, bedrock_status_name
 *   gives the name of its status. Besides the statuses that its comment names, every function may
 *   return BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_BUSY, BEDROCK_E_FORKED,
 *   BEDROCK_E_RESOURCE and BEDROCK_E_INTERNAL.
 *
 * Endings. A call ends once, with one terminal status. BEDROCK_AGAIN is none: the call goes on.
 *   BEDROCK_OK of a blocking call, and BEDROCK_DONE of a stream, mean that the response is
 *   complete. A stream whose connection ends before that is BEDROCK_E_TRUNCATED, never a short
 *   response. A call ends by itself, by a timer, by a cancel, by bedrock_stream_cancel, by freeing
 *   its stream, or by bedrock_shutdown.
 *
 * Threads. Models, requests, responses, errors, cancels and waiting sets are thread-safe. Functions
 *   that use one request are serialized, but calls are not: a call copies the request when it
 *   begins, so that any number of calls with it run at the same time. A stream may be used by any
 *   thread, but by one at a time (a second one gets BEDROCK_E_BUSY); bedrock_stream_cancel and
 *   bedrock_stream_free work on any thread. Only bedrock_cancel_fire is async-signal-safe. A
 *   function whose comment has no line "Threads" does not block.
 *
 * Callbacks. on_event runs on the thread that made the call. It may call every function except
 *   bedrock_shutdown (BEDROCK_E_BUSY). wakeup and log run on library threads that do no I/O. They
 *   may call only bedrock_cancel_fire and bedrock_stream_cancel; others return BEDROCK_E_BUSY or
 *   their neutral value. release(user) runs exactly once, even if the call that it was passed to
 *   fails, always on an application thread inside a library call.
 *
 * Callbacks in other languages. The runtime of your language does not know the threads on which
 *   wakeup and log run. C, C++, Rust, Go and Java support that. Python, Node, LuaJIT, PHP, Ruby,
 *   Perl, Lisp and Mono do not, or not until the process ends: poll a descriptor, or use a waiting
 *   set.
 *
 * Locks. bedrock_stream_free, bedrock_stream_set_wakeup and bedrock_set_log block until a callback
 *   that is running has returned. Hold no lock that the callback acquires. The global lock of an
 *   interpreter is such a lock: declare the three functions as blocking. Do not call them on the
 *   thread to which your FFI forwards callbacks.
 *
 * Exceptions. No callback may throw, longjmp or end its thread. If an exception or pthread_exit
 *   leaves on_event, the call is cancelled during unwinding. If longjmp leaves it, the next call to
 *   the service that this thread makes or opens, or its next bedrock_shutdown, cancels it. That
 *   call has to come from the function that longjmp returned to, or from one of its callers. The
 *   memory of the last events is then not freed. If a coroutine that shares the stack of its thread
 *   is suspended inside on_event, that looks the same: read streams by pull there. If wakeup or log
 *   ends its thread, the library starts another. An exception that leaves wakeup, log or release
 *   ends the process.
 *
 * Stack. 16 KiB are enough for every function, besides the stack that on_event needs.
 *
 * pthread_cancel. No function is a cancellation point: a thread that is cancelled inside a call
 *   ends at its next cancellation point after the call, or inside on_event, which cancels the call.
 *   Fire a bedrock_cancel to end a call.
 *
 * Memory. BEDROCK_E_RESOURCE documents which refused allocations are an error. Every other
 *   allocation that fails aborts the process.
 *
 * Timers. Every wait of a call ends by its timer, by a cancel and by bedrock_shutdown, also while a
 *   debugger has stopped the library's threads. If a process was stopped for longer than a timer,
 *   data that arrived meanwhile is read before the timer counts as expired.
 *
 * Fork. In the child every handle made before fork() gives BEDROCK_E_FORKED, and freeing it does
 *   nothing. New handles work, also if the child closed all descriptors that it inherited. The same
 *   holds for _Fork() and clone(), if no other thread was inside the library. While the library
 *   works, fork() waits for it, for at most a second. In a handler of pthread_atfork a function
 *   returns BEDROCK_E_BUSY, with *err NULL, or its neutral value. If fork() is called inside a
 *   wakeup or a log, the child may call every function there, and ends when the callback returns.
 *
 * Descriptors. Do not close descriptors that you did not open, except in the child of a fork. If
 *   the library's are closed, its calls fail with BEDROCK_E_RESOURCE or BEDROCK_E_NETWORK, and the
 *   next call starts it again. But files that your program then opens under the same numbers may be
 *   closed or read by the library.
 *
 * Environment. The library reads the variables and files of every AWS SDK and writes none:
 *   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION,
 *   AWS_BEARER_TOKEN_BEDROCK, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_CA_BUNDLE, HTTPS_PROXY,
 *   NO_PROXY, ~/.aws/config, ~/.aws/credentials and more. Variables are read in bedrock_model_new,
 *   on your thread; files are read with the first call of a model. Only the variables of the C
 *   library's resolver and of "aws login" are read later, on a library thread: set those before the
 *   first call. A program that has more rights than its user (AT_SECURE: setuid, setgid, file
 *   capabilities) takes nothing from the user's variables and files.
 */
#ifndef BEDROCK_H
#define BEDROCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
