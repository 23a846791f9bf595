/* replay.c - makes the calls that it reads on stdin, and writes to stdout the result of every function of bedrock.h
 * for each.
 *
 *     a call     "generate", "stream" or an operation's name, the lengths of config and request, a newline; then config
 *                and request, as JSON
 *     a field    a name, the length of a text, a newline; then the text, and a newline
 *
 * A call gives fields. For each event: event (its type), block, text, tool_id, tool_name and json. Then status, and
 * what the getters of the error or of the response give, each field named for its getter. The last is end, empty.
 *
 * What the header promises of every call is checked here, and the program ends where it does not hold; so it does at
 * the end of stdin, where no handle may be left. */
#include "bedrock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    char interface[40];
    char *config, *request;
    size_t config_len, request_len;
};

static void fail(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fputs("replay: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(EXIT_FAILURE);
}

/* ---- Fields ---- */

/* A text borrowed from the library: never NULL, and NUL-terminated. */
static void put(const char *name, const char *text, size_t len)
{
    if (text == NULL || text[len] != '\0')
        fail("%s: %s", name, text == NULL ? "the text is NULL" : "no NUL ends the text");
    printf("%s %zu\n", name, len);
    fwrite(text, 1, len, stdout);
    putchar('\n');
}

static void put_text(const char *name, const char *text)
{
    put(name, text, text == NULL ? 0 : strlen(text));
}

static void put_number(const char *name, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRId64, number);
    put_text(name, digits);
}

static int32_t put_event(const bedrock_event *event, void *user)
{
    if (event->size != sizeof *event || user != stdout)
        fail("an event of %" PRIu32 " bytes, not %zu, or not with its user", event->size, sizeof *event);
    put_number("event", event->type);
    put_number("block", event->block);
    put("text", event->text, event->text_len);
    put("tool_id", event->tool_id, event->tool_id_len);
    put("tool_name", event->tool_name, event->tool_name_len);
    put("json", event->json, event->json_len);
    return 0;
}

static void put_error(const bedrock_error *error)
{
    put_text("code", bedrock_error_code(error));
    put_text("message", bedrock_error_message(error));
    put_text("path", bedrock_error_path(error));
    put_text("request_id", bedrock_error_request_id(error));
    put_number("http_status", bedrock_error_http_status(error));
    put_number("retryable", bedrock_error_retryable(error));
    put_number("attempts", bedrock_error_attempts(error));
}

static void put_tool_call(const bedrock_tool_call *call, int32_t kind)
{
    put_text("id", call->id);
    put_text("name", call->name);
    put("input_json", call->input_json, call->input_json_len);
    put_number("input_valid", call->input_valid);
    if (call->kind != kind)
        fail("a tool call is of kind %d, not %d", call->kind, kind);
}

static void put_tool_calls(const bedrock_response *response)
{
    size_t count = bedrock_response_tool_call_count(response), i;
    bedrock_tool_call call;

    put_number("tool_call_count", (int64_t)count);
    for (i = 0; i < count; i++) {
        if (bedrock_response_tool_call(response, i, &call, sizeof call) != BEDROCK_OK)
            fail("tool call %zu of %zu cannot be had", i, count);
        put_tool_call(&call, BEDROCK_TOOL_CALL_CLIENT);
    }
    if (bedrock_response_tool_call(response, count, &call, sizeof call) != BEDROCK_E_INVALID_ARGUMENT)
        fail("there is a tool call behind the last");

    for (count = 0; bedrock_response_server_tool_call(response, count, &call, sizeof call) == BEDROCK_OK; count++)
        ;
    put_number("server_tool_call_count", (int64_t)count);
    for (i = 0; i < count; i++) {
        bedrock_response_server_tool_call(response, i, &call, sizeof call);
        put_tool_call(&call, BEDROCK_TOOL_CALL_SERVER);
    }
}

static void put_usage(const bedrock_response *response)
{
    bedrock_usage usage;

    if (bedrock_response_usage(response, &usage, sizeof usage) != BEDROCK_OK)
        fail("usage cannot be had");
    put_number("input_tokens", usage.input_tokens);
    put_number("output_tokens", usage.output_tokens);
    put_number("total_tokens", usage.total_tokens);
    put_number("cache_read_tokens", usage.cache_read_tokens);
    put_number("cache_write_tokens", usage.cache_write_tokens);
    put_number("latency_ms", usage.latency_ms);
}

/* A text of a response, which may contain NULs. */
static void put_lent(const char *name, const char *(*getter)(const bedrock_response *, size_t *),
                     const bedrock_response *response)
{
    size_t len = 0;
    const char *text = getter(response, &len);

    put(name, text, len);
}

static void put_response(const bedrock_response *response)
{
    put_lent("text", bedrock_response_text, response);
    put_lent("reasoning", bedrock_response_reasoning, response);
    put_text("stop_reason", bedrock_response_stop_reason(response));
    put_text("finish_reason", bedrock_response_finish_reason(response));
    put_number("complete", bedrock_response_complete(response));
    put_tool_calls(response);
    put_usage(response);
    put_lent("message", bedrock_response_message, response);
    put_lent("json", bedrock_response_json, response);
    put_text("request_id", bedrock_response_request_id(response));
    put_number("attempts", bedrock_response_attempts(response));
}

/* ---- Calls ---- */

static char *read_bytes(size_t len)
{
    char *bytes = malloc(len + 1);

    if (bytes == NULL || fread(bytes, 1, len, stdin) != len)
        fail("cannot read %zu bytes of a call", len);
    bytes[len] = '\0';
    return bytes;
}

/* Returns 0 at the end of stdin. */
static int read_call(struct call *call)
{
    char line[120];

    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    if (sscanf(line, "%39s %zu %zu", call->interface, &call->config_len, &call->request_len) != 3)
        fail("no call: %s", line);
    call->config = read_bytes(call->config_len);
    call->request = read_bytes(call->request_len);
    return 1;
}

/* Calls any operation. One that streams is read by pull, to print its events. */
static bedrock_status call_operation(const char *name, const bedrock_model *model, const bedrock_request *request,
                                     bedrock_response **response, bedrock_error **error)
{
    bedrock_stream *stream = NULL;
    const bedrock_event *event = NULL;
    bedrock_status status;

    if (strcmp(name, "InvokeModelWithResponseStream") != 0)
        return bedrock_call(model, name, request, NULL, response, error);
    status = bedrock_call_open(model, name, request, NULL, &stream, error);
    while (status >= 0 && (status = bedrock_stream_next(stream, -1, &event, error)) == BEDROCK_OK)
        put_event(event, stdout);
    if (status == BEDROCK_DONE)
        status = bedrock_stream_response(stream, response, error);
    bedrock_stream_free(stream);
    return status;
}

static bedrock_status call_interface(const char *interface, const bedrock_model *model, const bedrock_request *request,
                                bedrock_response **response, bedrock_error **error)
{
    if (strcmp(interface, "generate") == 0)
        return bedrock_generate(model, request, NULL, response, error);
    if (strcmp(interface, "stream") == 0)
        return bedrock_generate_stream(model, request, NULL, put_event, stdout, response, error);
    return call_operation(interface, model, request, response, error);
}

static void make(const struct call *call)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_model_new(call->config, call->config_len, &model, &error);

    if (status >= 0)
        status = bedrock_request_new(call->request, call->request_len, &request, &error);
    if (status >= 0)
        status = call_interface(call->interface, model, request, &response, &error);

    put_text("status", bedrock_status_name(status));
    if ((error != NULL) != (status < 0) || bedrock_error_status(error) != (status < 0 ? status : BEDROCK_OK))
        fail("status and error do not agree");
    if (status >= 0 ? response == NULL : bedrock_response_complete(response) != 0)
        fail("status and response do not agree");
    if (error != NULL)
        put_error(error);
    if (status >= 0)
        put_response(response);
    put_text("end", "");

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

int main(void)
{
    struct call call;

    while (read_call(&call)) {
        make(&call);
        free(call.config);
        free(call.request);
        if (fflush(stdout) != 0)
            fail("cannot write");
    }
    if (bedrock_live_handles() != 0)
        fail("%zu handles are left", bedrock_live_handles());
    return EXIT_SUCCESS;
}
