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
 *   out parameter is always written too: NULL (0 for a number) where there is nothing to give. A function without
 *   err returns its status alone: bedrock_status_name gives the name of it.
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
