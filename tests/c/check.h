/* check.h - shared by the test programs: checks that print where they failed, and models that need no AWS account.
 *
 * A check that fails prints its file, its line and the value, and the program goes on; check_end() is the exit status.
 * It is C99 and C++11. */
#ifndef CHECK_H
#define CHECK_H

/* Threads, fork, signals and the like, where a program uses them. Include this file first. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MODEL "test.model-v1:0"

/* Checks a condition. */
#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
/* Checks a number or a text. */
#define CHECK_INT(actual, wanted) check_int((long long)(actual), (long long)(wanted), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, wanted) check_text((actual), (wanted), #actual, __FILE__, __LINE__)
/* Checks that a text contains another one. */
#define CHECK_PART(text, part) check_part((text), (part), #text, __FILE__, __LINE__)
/* Checks that a call succeeded: *error is NULL. */
#define CHECK_OK(call, error) check_ok((call), (error), #call, __FILE__, __LINE__)
/* Checks that a call failed with this status and an error with it, at this path and with this part in its message
 * (NULL: any). Frees the error. */
#define CHECK_FAILS(call, wanted, error, path, part) \
    check_fails((call), (wanted), (error), (path), (part), #call, __FILE__, __LINE__)

/* The value of out parameters before a call, to check that the call writes them. */
#define POISON ((void *)&check_failures)

static int check_failures;

static inline void check_report(const char *file, int line, const char *what, const char *saw)
{
    __sync_fetch_and_add(&check_failures, 1);
    fprintf(stderr, "%s:%d: %s: %.2000s\n", file, line, what, saw);
}

static inline int check_that(int holds, const char *what, const char *file, int line)
{
    if (!holds)
        check_report(file, line, what, "does not hold");
    return holds;
}

static inline void check_int(long long actual, long long wanted, const char *what, const char *file, int line)
{
    char saw[64];

    snprintf(saw, sizeof saw, "%lld, not %lld", actual, wanted);
    if (actual != wanted)
        check_report(file, line, what, saw);
}

static inline void check_text(const char *actual, const char *wanted, const char *what, const char *file, int line)
{
    if (actual == NULL || strcmp(actual, wanted) != 0) {
        check_report(file, line, what, actual != NULL ? actual : "NULL");
        check_report(file, line, "    wanted", wanted);
    }
}

static inline void check_part(const char *text, const char *part, const char *what, const char *file, int line)
{
    if (text == NULL || strstr(text, part) == NULL) {
        check_report(file, line, what, text != NULL ? text : "NULL");
        check_report(file, line, "    wanted in it", part);
    }
}

static inline int check_ok(bedrock_status status, bedrock_error *error, const char *what, const char *file, int line)
{
    if (status < 0)
        check_report(file, line, what, error != NULL ? bedrock_error_message(error) : bedrock_status_name(status));
    else if (error != NULL)
        check_report(file, line, what, "it worked, and *err was not set to NULL");
    return status >= 0;
}

static inline void check_fails(bedrock_status status, bedrock_status wanted, bedrock_error **error, const char *path,
                               const char *part, const char *what, const char *file, int line)
{
    const char *message = bedrock_error_message(*error);

    if (status != wanted) {
        check_report(file, line, what, status == BEDROCK_OK ? "BEDROCK_OK" : bedrock_status_name(status));
        check_report(file, line, "    wanted", bedrock_status_name(wanted));
    }
    if (bedrock_error_status(*error) != status)
        check_report(file, line, what, "the error does not have the status that the call returned");
    if (strncmp(message, "bedrock: ", 9) != 0 || strlen(message) < 20 || strpbrk(message, "\r\n") != NULL)
        check_report(file, line, "no line for people", message);
    if (strlen(message) > 1000)
        check_report(file, line, "the message is too long", message);
    if (path != NULL)
        check_text(bedrock_error_path(*error), path, "the error's path", file, line);
    if (part != NULL)
        check_part(message, part, "the error's message", file, line);
    bedrock_error_free(*error);
    *error = NULL;
}

/* Returns a model with this config, which must be valid. */
static inline bedrock_model *check_model_of(const char *config)
{
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;

    if (!CHECK_OK(bedrock_model_new(config, BEDROCK_STRLEN, &model, &error), error))
        exit(1);
    return model;
}

/* Returns a model with these scripted replies, a JSON array, which are repeated. */
static inline bedrock_model *check_scripted(const char *replies)
{
    size_t size = strlen(replies) + 200;
    char *config = (char *)malloc(size);
    bedrock_model *model;

    snprintf(config, size, "{\"model\": \"%s\", \"transport\": {\"replies\": %s, \"repeat\": true}}", CHECK_MODEL,
             replies);
    model = check_model_of(config);
    free(config);
    return model;
}

/* Returns a model for a service at this URL on this machine. */
static inline bedrock_model *check_local(const char *url)
{
    char config[500];

    snprintf(config, sizeof config,
             "{\"model\": \"%s\", \"base_url\": \"%s\", \"region\": \"us-east-1\", \"api_key\": \"AKIDTEST\","
             " \"secret_key\": \"the-secret-key\", \"retry\": {\"max_attempts\": 1}}",
             CHECK_MODEL, url);
    return check_model_of(config);
}

/* Returns a request with one message of the user. */
static inline bedrock_request *check_request(const char *text)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;

    if (!CHECK_OK(bedrock_request_new(NULL, 0, &request, &error), error)
        || !CHECK_OK(bedrock_request_add_text(request, "user", text, BEDROCK_STRLEN, &error), error))
        exit(1);
    return request;
}

/* Returns the exit status of the program, and checks that no handle is left. */
static inline int check_end(void)
{
    CHECK(bedrock_live_handles() == 0);
    return check_failures == 0 ? 0 : 1;
}

#endif
