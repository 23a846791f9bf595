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
