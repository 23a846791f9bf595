/* runner.c - does the steps of a scenario in C, and prints the transcript. README.md describes both.
 *
 *     runner FILE */
#define _POSIX_C_SOURCE 200809L /* fork, open_memstream, nanosleep, threads */

#include <bedrock.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A value of the scenario: JSON text, borrowed from the file. */
struct json {
    const char *text;
    size_t len;
};

/* ---- The transcript -------------------------------------------------------------------------- */

static FILE *out;
/* What each line begins with: "child: " in the child of a fork. */
static const char *prefix = "";
/* Whether the current step prints the status of an error alone. */
static int status_only;

static void fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size + 1);

    if (memory == NULL)
        fail("out of memory");
    return memory;
}

/* Prints text as a JSON string, with the short escapes. */
static void print_text(const char *text, size_t len)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t index;

    if (len == BEDROCK_STRLEN)
        len = strlen(text);
    if (bedrock_utf8_length(text, len) != len)
        fail("the library returned a text that is not UTF-8");
    fputc('"', out);
    for (index = 0; index < len; index++) {
        unsigned char byte = (unsigned char)text[index];
        const char *escape = byte != '\0' ? strchr(escaped, byte) : NULL;

        if (escape != NULL)
            fprintf(out, "\\%c", letters[escape - escaped]);
        else if (byte < 0x20)
            fprintf(out, "\\u%04x", byte);
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static void print_member(const char *name, const char *text, size_t len)
{
    fprintf(out, " %s=", name);
    print_text(text, len);
}

static void print_raw_member(const char *name, const char *text, size_t len)
{
    fprintf(out, " %s=%.*s", name, (int)len, text);
}

static void print_error(bedrock_status status, bedrock_error *error)
{
    size_t json_len;
    const char *json = bedrock_error_json(error, &json_len);

    fprintf(out, "%serror %s", prefix, bedrock_status_name(status));
    if (!status_only) {
        if (bedrock_error_status(error) != status)
            fail("the function returned %d and its error has %d", (int)status, (int)bedrock_error_status(error));
        print_member("code", bedrock_error_code(error), BEDROCK_STRLEN);
        print_member("path", bedrock_error_path(error), BEDROCK_STRLEN);
        fprintf(out, " http=%d", (int)bedrock_error_http_status(error));
        print_member("request_id", bedrock_error_request_id(error), BEDROCK_STRLEN);
        fprintf(out, " retryable=%d retry_after=%lld attempts=%d", (int)bedrock_error_retryable(error),
                (long long)bedrock_error_retry_after(error), (int)bedrock_error_attempts(error));
        print_member("message", bedrock_error_message(error), BEDROCK_STRLEN);
        if (json_len > 0)
            print_raw_member("json", json, json_len);
    }
    fputc('\n', out);
    bedrock_error_free(error);
}

/* Prints the error if a function failed, or its status alone if it has no err. Returns whether it failed. error is passed
 * by its address, because it is set by the function, and C evaluates arguments in any order. */
static int failed(bedrock_status status, bedrock_error **error)
{
    if (status >= 0)
        return 0;
    if (error != NULL)
        print_error(status, *error);
    else
        fprintf(out, "%serror %s\n", prefix, bedrock_status_name(status));
    return 1;
}

static const char *const EVENT_TYPES[] = {
    NULL, "MESSAGE_START", "BLOCK_START", "TEXT", "REASONING", "TOOL_INPUT", "BLOCK_DELTA", "BLOCK_STOP",
    "MESSAGE_STOP", "METADATA", "OTHER", "CHUNK", "TOOL_CALL",
};
enum { EVENT_TYPE_COUNT = sizeof EVENT_TYPES / sizeof *EVENT_TYPES };

static void print_event(const bedrock_event *event, int with_json)
{
    int has_json = with_json || event->type == BEDROCK_EVENT_BLOCK_DELTA || event->type == BEDROCK_EVENT_METADATA
        || event->type == BEDROCK_EVENT_OTHER;

    fprintf(out, "%sevent ", prefix);
    if (event->type > 0 && event->type < EVENT_TYPE_COUNT)
        fputs(EVENT_TYPES[event->type], out);
    else
        fprintf(out, "%d", (int)event->type);
    if (event->block != -1)
        fprintf(out, " block=%d", (int)event->block);
    if (event->text_len > 0)
        print_member("text", event->text, event->text_len);
    if (event->tool_id_len > 0)
        print_member("tool_id", event->tool_id, event->tool_id_len);
    if (event->tool_name_len > 0)
        print_member("tool_name", event->tool_name, event->tool_name_len);
    if (event->type == BEDROCK_EVENT_BLOCK_STOP && event->tool_id_len > 0)
        fprintf(out, " input_valid=%d", (int)event->input_valid);
    if (has_json && event->json_len > 0)
        print_raw_member("json", event->json, event->json_len);
    if (event->payload_len > 0 && event->json_len == 0) {
        size_t size = bedrock_json_quote_bytes(event->payload, event->payload_len, NULL, 0);
        char *quoted = allocate(size);

        bedrock_json_quote_bytes(event->payload, event->payload_len, quoted, size + 1);
        fprintf(out, " payload=%s", quoted);
        free(quoted);
    }
    if (event->round != 0)
        fprintf(out, " round=%d", (int)event->round);
    fputc('\n', out);
}

static void print_usage(const char *name, const bedrock_usage *usage)
{
    fprintf(out, "%s%s input=%lld output=%lld total=%lld cache_read=%lld cache_write=%lld latency=%lld\n", prefix, name,
            (long long)usage->input_tokens, (long long)usage->output_tokens, (long long)usage->total_tokens,
            (long long)usage->cache_read_tokens, (long long)usage->cache_write_tokens, (long long)usage->latency_ms);
}

static void print_tool_call(const char *name, const bedrock_tool_call *call)
{
    fprintf(out, "%s  %s", prefix, name);
    print_member("id", call->id, BEDROCK_STRLEN);
    print_member("name", call->name, BEDROCK_STRLEN);
    fprintf(out, " input_valid=%d", (int)call->input_valid);
    if (call->input_valid)
        print_raw_member("input", call->input_json, call->input_json_len);
    else
        print_member("input", call->input_json, call->input_json_len);
    fputc('\n', out);
}

static void print_response(const bedrock_response *response)
{
    bedrock_tool_call call;
    bedrock_usage usage;
    size_t len, index;
    const char *text;

    fprintf(out, "%sresponse complete=%d", prefix, (int)bedrock_response_complete(response));
    print_member("stop_reason", bedrock_response_stop_reason(response), BEDROCK_STRLEN);
    print_member("finish_reason", bedrock_response_finish_reason(response), BEDROCK_STRLEN);
    fprintf(out, " attempts=%d", (int)bedrock_response_attempts(response));
    print_member("request_id", bedrock_response_request_id(response), BEDROCK_STRLEN);
    print_member("model", bedrock_response_model(response), BEDROCK_STRLEN);
    text = bedrock_response_text(response, &len);
    fprintf(out, "\n%s  text ", prefix);
    print_text(text, len);
    fputc('\n', out);
    text = bedrock_response_reasoning(response, &len);
    if (len > 0) {
        fprintf(out, "%s  reasoning ", prefix);
        print_text(text, len);
        fputc('\n', out);
    }
    for (index = 0; index < bedrock_response_tool_call_count(response); index++)
        if (bedrock_response_tool_call(response, index, &call, sizeof call) == BEDROCK_OK)
            print_tool_call("tool_call", &call);
    for (index = 0; bedrock_response_server_tool_call(response, index, &call, sizeof call) == BEDROCK_OK; index++)
        print_tool_call("server_tool_call", &call);
    bedrock_response_usage(response, &usage, sizeof usage);
    print_usage("  usage", &usage);
}

/* ---- Members of a step ----------------------------------------------------------------------- */

static int has(struct json step, const char *pointer)
{
    return bedrock_json_type(step.text, step.len, pointer) != BEDROCK_JSON_NONE;
}

/* Returns a text, owned by the caller, or NULL if there is none. */
static char *text_or_null(struct json step, const char *pointer, size_t *len)
{
    size_t size = bedrock_json_string(step.text, step.len, pointer, NULL, 0);
    char *text;

    if (size == BEDROCK_JSON_NOT_FOUND)
        return NULL;
    text = allocate(size);
    bedrock_json_string(step.text, step.len, pointer, text, size + 1);
    if (len != NULL)
        *len = size;
    return text;
}

static char *text_of(struct json step, const char *pointer, size_t *len)
{
    char *text = text_or_null(step, pointer, len);

    if (text == NULL)
        fail("a step has no text %s: %.*s", pointer, (int)step.len, step.text);
    return text;
}

static int number_of(struct json step, const char *pointer, int fallback)
{
    return (int)bedrock_json_integer(step.text, step.len, pointer, fallback);
}

static int is_true(struct json step, const char *pointer)
{
    return bedrock_json_type(step.text, step.len, pointer) == BEDROCK_JSON_TRUE;
}

static unsigned char *bytes_of(struct json step, const char *pointer, size_t *len)
{
    unsigned char *bytes;

    *len = bedrock_json_bytes(step.text, step.len, pointer, NULL, 0);
    if (*len == BEDROCK_JSON_NOT_FOUND)
        fail("a step has no base64 %s: %.*s", pointer, (int)step.len, step.text);
    bytes = allocate(*len);
    bedrock_json_bytes(step.text, step.len, pointer, bytes, *len);
    return bytes;
}

/* Returns JSON that is passed to the library: an object without white space between its tokens, or the text of a string. */
static char *json_of(struct json step, const char *pointer, size_t *len)
{
    char *json = text_or_null(step, pointer, len), *end;
    const char *raw;
    size_t raw_len, index;
    int in_string = 0;

    if (json != NULL)
        return json;
    raw = bedrock_json_raw(step.text, step.len, pointer, &raw_len);
    if (raw == NULL)
        fail("a step has no JSON %s: %.*s", pointer, (int)step.len, step.text);
    end = json = allocate(raw_len);
    for (index = 0; index < raw_len; index++) {
        if (raw[index] == '"')
            in_string = !in_string;
        else if (!in_string && strchr(" \t\r\n", raw[index]) != NULL)
            continue;
        *end++ = raw[index];
        if (in_string && raw[index] == '\\')
            *end++ = raw[++index];
    }
    *len = (size_t)(end - json);
    return json;
}

/* ---- Objects, by kind and name --------------------------------------------------------------- */

enum kind { MODEL, REQUEST, CANCEL, STREAM, RESPONSE, FEED, KIND_COUNT };

static const char *const KINDS[] = {"model", "request", "cancel", "stream", "response", "feed"};

struct object {
    enum kind kind;
    char *name;
    void *handle;
};

static struct object objects[64];
static size_t object_count;

/* What the observer has received and no step has read. Its address is the handle of a feed by callback. */
static struct observed {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    char *records[16];
    size_t received, read;
} observed = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {NULL}, 0, 0};

static void free_feed(void *handle)
{
    if (handle == &observed)
        bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL);
    else
        bedrock_feed_free(handle);
}

static void free_handle(enum kind kind, void *handle)
{
    switch (kind) {
    case MODEL:
        bedrock_model_free(handle);
        break;
    case REQUEST:
        bedrock_request_free(handle);
        break;
    case CANCEL:
        bedrock_cancel_free(handle);
        break;
    case STREAM:
        bedrock_stream_free(handle);
        break;
    case RESPONSE:
        bedrock_response_free(handle);
        break;
    case FEED:
        free_feed(handle);
        break;
    default:
        break;
    }
}

static struct object *find(enum kind kind, const char *name)
{
    size_t index;

    for (index = 0; index < object_count; index++)
        if (objects[index].kind == kind && strcmp(objects[index].name, name) == 0)
            return &objects[index];
    return NULL;
}

/* Keeps an object under the name in "as", or that of its kind. */
static void keep(struct json step, enum kind kind, void *handle)
{
    char *name = text_or_null(step, "/as", NULL);
    struct object *object = find(kind, name != NULL ? name : KINDS[kind]);

    if (object != NULL) {
        free_handle(kind, object->handle);
        object->handle = handle;
        free(name);
        return;
    }
    if (object_count == sizeof objects / sizeof *objects)
        fail("too many objects");
    if (name == NULL)
        strcpy(name = allocate(strlen(KINDS[kind])), KINDS[kind]);
    object = &objects[object_count++];
    object->kind = kind;
    object->name = name;
    object->handle = handle;
}

static void *named(enum kind kind, const char *name)
{
    struct object *object = find(kind, name);

    if (object == NULL)
        fail("no %s was made under the name %s", KINDS[kind], name);
    return object->handle;
}

/* Returns the object that a step uses: the one in the member of its kind, or the one with the default name. */
static void *used(struct json step, enum kind kind)
{
    char pointer[16], *name;
    void *handle;

    snprintf(pointer, sizeof pointer, "/%s", KINDS[kind]);
    name = text_or_null(step, pointer, NULL);
    handle = named(kind, name != NULL ? name : KINDS[kind]);
    free(name);
    return handle;
}

static bedrock_cancel *cancel_of(struct json step)
{
    return has(step, "/cancel") ? used(step, CANCEL) : NULL;
}

/* Gets the request of a call. *own receives it if it belongs to the call alone. Returns whether there is one. */
static int request_of(struct json step, bedrock_request **request, bedrock_request **own)
{
    bedrock_error *error = NULL;
    bedrock_status status;
    char *text;
    size_t len;

    *own = NULL;
    if (has(step, "/text")) {
        text = text_of(step, "/text", &len);
        status = bedrock_request_new(NULL, 0, own, &error);
        if (status >= 0)
            status = bedrock_request_add_text(*own, "user", text, len, &error);
        free(text);
    } else if (has(step, "/json")) {
        text = json_of(step, "/json", &len);
        status = bedrock_request_new(text, len, own, &error);
        free(text);
    } else {
        *request = used(step, REQUEST);
        return 1;
    }
    *request = *own;
    if (!failed(status, &error))
        return 1;
    bedrock_request_free(*own);
    return 0;
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* What a program does while it reads events. */
struct reader {
    int leave_after, pause_after, pause_ms, cancel_at, with_json;
    bedrock_cancel *cancel;
    int count;
};

static struct reader reader_of(struct json step)
{
    struct reader reader = {0};

    reader.leave_after = number_of(step, "/leave_after", 0);
    reader.pause_after = number_of(step, "/pause_after", 0);
    reader.pause_ms = number_of(step, "/pause_ms", 0);
    reader.cancel_at = number_of(step, "/cancel_at", 0);
    reader.with_json = is_true(step, "/json_of_events");
    reader.cancel = cancel_of(step);
    return reader;
}

static void sleep_ms(int ms)
{
    struct timespec pause;

    pause.tv_sec = ms / 1000;
    pause.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&pause, NULL);
}

/* Takes an event. Returns whether the program leaves the loop. */
static int take(struct reader *reader, const bedrock_event *event)
{
    print_event(event, reader->with_json);
    reader->count++;
    if (reader->count == reader->cancel_at)
        bedrock_cancel_fire(reader->cancel);
    if (reader->count == reader->pause_after)
        sleep_ms(reader->pause_ms);
    return reader->count == reader->leave_after;
}

static int32_t on_event(const bedrock_event *event, void *user)
{
    return take(user, event);
}

/* Reads to the end of a stream, or until the program leaves, and prints the ending. */
static bedrock_status read_stream(bedrock_stream *stream, struct reader *reader)
{
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
        if (take(reader, event)) {
            fprintf(out, "%sleft\n", prefix);
            return BEDROCK_STOPPED;
        }
    if (!failed(status, &error))
        fprintf(out, "%sdone\n", prefix);
    return status;
}

static bedrock_status open_stream(struct json step, bedrock_stream **stream, bedrock_error **error)
{
    char *operation = text_or_null(step, "/operation", NULL);
    bedrock_model *model = used(step, MODEL);
    bedrock_request *request, *own;
    bedrock_status status;

    *stream = NULL;
    if (!request_of(step, &request, &own)) {
        free(operation);
        return BEDROCK_STOPPED;
    }
    if (operation != NULL)
        status = bedrock_call_open(model, operation, request, cancel_of(step), stream, error);
    else
        status = bedrock_stream_open(model, request, cancel_of(step), stream, error);
    bedrock_request_free(own);
    free(operation);
    return status;
}

static void do_open(struct json step)
{
    bedrock_stream *stream;
    bedrock_error *error = NULL;
    bedrock_status status = open_stream(step, &stream, &error);

    if (!failed(status, &error) && stream != NULL)
        keep(step, STREAM, stream);
}

static void stream_by_pull(struct json step, struct reader *reader)
{
    bedrock_stream *stream;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = open_stream(step, &stream, &error);

    if (failed(status, &error) || stream == NULL)
        return;
    status = read_stream(stream, reader);
    if (status == BEDROCK_DONE || reader->count > 0) {
        if (!failed(bedrock_stream_response(stream, &response, &error), &error)) {
            print_response(response);
            keep(step, RESPONSE, response);
        }
    }
    bedrock_stream_free(stream);
}

static void stream_by_callback(struct json step, struct reader *reader)
{
    bedrock_model *model = used(step, MODEL);
    bedrock_request *request, *own;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;

    if (!request_of(step, &request, &own))
        return;
    status = bedrock_generate_stream(model, request, cancel_of(step), on_event, reader, &response, &error);
    bedrock_request_free(own);
    if (!failed(status, &error))
        fprintf(out, "%s%s\n", prefix, status == BEDROCK_STOPPED ? "left" : "done");
    if (response != NULL) {
        print_response(response);
        keep(step, RESPONSE, response);
    }
}

static int is_by_callback(struct json step)
{
    char *by = text_or_null(step, "/by", NULL);
    int is = by != NULL && strcmp(by, "callback") == 0;

    free(by);
    return is;
}

static void do_stream(struct json step)
{
    struct reader reader = reader_of(step);

    if (is_by_callback(step))
        stream_by_callback(step, &reader);
    else
        stream_by_pull(step, &reader);
}

static void do_next(struct json step)
{
    int left = number_of(step, "/events", 1);
    bedrock_stream *stream = used(step, STREAM);
    bedrock_status status = BEDROCK_OK;
    bedrock_error *error = NULL;
    const bedrock_event *event;

    while (left-- > 0 && (status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
        print_event(event, is_true(step, "/json_of_events"));
    if (!failed(status, &error) && status == BEDROCK_DONE)
        fprintf(out, "%sdone\n", prefix);
}

static void do_read(struct json step)
{
    struct reader reader = reader_of(step);

    read_stream(used(step, STREAM), &reader);
}

struct part {
    char *name, *text;
    size_t size;
    FILE *lines;
};

/* Reads what a stream has. Returns whether it has ended. */
static int drain(bedrock_stream *stream, struct part *part)
{
    FILE *transcript = out;
    bedrock_error *error = NULL;
    const bedrock_event *event;
    bedrock_status status;

    out = part->lines;
    while ((status = bedrock_stream_next(stream, 0, &event, &error)) == BEDROCK_OK)
        print_event(event, 0);
    if (!failed(status, &error) && status == BEDROCK_DONE)
        fprintf(out, "%sdone\n", prefix);
    out = transcript;
    return status != BEDROCK_AGAIN;
}

static void do_read_together(struct json step)
{
    size_t count = bedrock_json_count(step.text, step.len, "/streams"), left = 0, index;
    struct part *parts = allocate(count * sizeof *parts);
    bedrock_waitset *set = bedrock_waitset_new();

    for (index = 0; index < count; index++) {
        char pointer[32];

        snprintf(pointer, sizeof pointer, "/streams/%lu", (unsigned long)index);
        parts[index].name = text_of(step, pointer, NULL);
        parts[index].lines = open_memstream(&parts[index].text, &parts[index].size);
        if (parts[index].lines == NULL)
            fail("out of memory");
        if (!failed(bedrock_waitset_add(set, named(STREAM, parts[index].name), &parts[index]), NULL))
            left++;
    }
    while (left > 0) {
        bedrock_stream *stream;
        void *user;

        if (failed(bedrock_waitset_wait(set, -1, &stream, &user), NULL))
            break;
        left -= (size_t)drain(stream, user);
    }
    bedrock_waitset_free(set);
    for (index = 0; index < count; index++) {
        fclose(parts[index].lines);
        fprintf(out, "%sstream %s\n%s", prefix, parts[index].name, parts[index].text);
        free(parts[index].text);
        free(parts[index].name);
    }
    free(parts);
}

static void do_stream_cancel(struct json step)
{
    bedrock_stream_cancel(used(step, STREAM));
}

static void do_stream_response(struct json step)
{
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    if (failed(bedrock_stream_response(used(step, STREAM), &response, &error), &error))
        return;
    print_response(response);
    keep(step, RESPONSE, response);
}

/* Gives the result that the step has for a call, if it has one. */
static void give_result(struct json step, bedrock_run *run, const bedrock_event *call)
{
    char pointer[80];
    bedrock_error *error = NULL;
    size_t len;
    char *text;

    snprintf(pointer, sizeof pointer, "/results/%s/text", call->tool_id);
    if ((text = text_or_null(step, pointer, &len)) != NULL)
        failed(bedrock_run_result(run, call->tool_id, text, len, BEDROCK_RESULT_TEXT, &error), &error);
    free(text);
    snprintf(pointer, sizeof pointer, "/results/%s/error", call->tool_id);
    if ((text = text_or_null(step, pointer, &len)) != NULL)
        failed(bedrock_run_result(run, call->tool_id, text, len, BEDROCK_RESULT_ERROR, &error), &error);
    free(text);
}

static bedrock_status read_run(struct json step, bedrock_run *run, struct reader *reader)
{
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    while ((status = bedrock_run_next(run, -1, &event, &error)) == BEDROCK_OK) {
        if (take(reader, event)) {
            fprintf(out, "%sleft\n", prefix);
            return BEDROCK_STOPPED;
        }
        if (event->type == BEDROCK_EVENT_TOOL_CALL)
            give_result(step, run, event);
    }
    if (!failed(status, &error))
        fprintf(out, "%sdone\n", prefix);
    return status;
}

static void do_run(struct json step)
{
    struct reader reader = reader_of(step);
    bedrock_request *request, *own;
    bedrock_run *run = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;
    size_t len;
    char *options = json_of(step, "/options", &len);

    if (request_of(step, &request, &own)) {
        status = bedrock_run_open(used(step, MODEL), request, options, len, cancel_of(step), &run, &error);
        bedrock_request_free(own);
        if (!failed(status, &error)) {
            status = read_run(step, run, &reader);
            if ((status >= 0 || reader.count > 0) && !failed(bedrock_run_response(run, &response, &error), &error)) {
                print_response(response);
                keep(step, RESPONSE, response);
            }
        }
        bedrock_run_free(run);
    }
    free(options);
}

/* ---- The other actions ----------------------------------------------------------------------- */

static void do_model(struct json step)
{
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;
    size_t len;
    char *config = json_of(step, "/config", &len);

    if (!failed(bedrock_model_new(config, len, &model, &error), &error))
        keep(step, MODEL, model);
    free(config);
}

static void do_with(struct json step)
{
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;
    size_t len;
    char *defaults = json_of(step, "/defaults", &len);

    if (!failed(bedrock_model_with(used(step, MODEL), defaults, len, &model, &error), &error))
        keep(step, MODEL, model);
    free(defaults);
}

static void do_model_id(struct json step)
{
    size_t len;
    const char *id = bedrock_model_id(used(step, MODEL), &len);

    fprintf(out, "%smodel id ", prefix);
    print_text(id, len);
    fputc('\n', out);
}

static void do_model_usage(struct json step)
{
    bedrock_usage usage;

    if (!failed(bedrock_model_usage(used(step, MODEL), &usage, sizeof usage), NULL))
        print_usage("model usage", &usage);
}

static void do_set_credentials(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *json = json_of(step, "/json", &len);

    failed(bedrock_model_set_credentials(used(step, MODEL), json, len, &error), &error);
    free(json);
}

static void do_api_key(struct json step)
{
    bedrock_error *error = NULL;
    char key[4096];
    int32_t seconds = number_of(step, "/seconds", 0);
    size_t len;

    if (!failed(bedrock_model_api_key(used(step, MODEL), seconds, cancel_of(step), key, sizeof key, &len, &error), &error))
        fprintf(out, "%sapi key %.16s...\n", prefix, key);
}

static void do_connect(struct json step)
{
    bedrock_error *error = NULL;

    failed(bedrock_model_connect(used(step, MODEL), cancel_of(step), -1, &error), &error);
}

static void do_request(struct json step)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    size_t len = 0;
    char *json = has(step, "/json") ? json_of(step, "/json", &len) : NULL;

    if (!failed(bedrock_request_new(json, len, &request, &error), &error))
        keep(step, REQUEST, request);
    free(json);
}

static void do_clone(struct json step)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;

    if (!failed(bedrock_request_clone(used(step, REQUEST), &request, &error), &error))
        keep(step, REQUEST, request);
}

/* Returns the JSON of a request, or NULL if it cannot be made. */
static const char *request_json(struct json step, size_t *len)
{
    char *attachments = text_or_null(step, "/attachments", NULL);
    int by_name = attachments != NULL && strcmp(attachments, "by_name") == 0;
    bedrock_error *error = NULL;
    const char *json = bedrock_request_json(
        used(step, REQUEST), by_name ? BEDROCK_ATTACHMENTS_BY_NAME : BEDROCK_ATTACHMENTS_INLINE, len, &error);

    free(attachments);
    if (json == NULL)
        print_error(bedrock_error_status(error), error);
    return json;
}

static void do_request_json(struct json step)
{
    size_t len;
    const char *json = request_json(step, &len);

    if (json != NULL)
        fprintf(out, "%srequest json %.*s\n", prefix, (int)len, json);
}

static void do_reload(struct json step)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    size_t len;
    const char *json = request_json(step, &len);

    if (json != NULL && !failed(bedrock_request_new(json, len, &request, &error), &error))
        keep(step, REQUEST, request);
}

static void do_request_body(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    const char *body = bedrock_request_body(used(step, REQUEST), used(step, MODEL), &len, &error);

    if (body != NULL)
        fprintf(out, "%srequest body %.*s\n", prefix, (int)len, body);
    else
        print_error(bedrock_error_status(error), error);
}

static void do_set(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *json = json_of(step, "/json", &len);

    failed(bedrock_request_set(used(step, REQUEST), json, len, &error), &error);
    free(json);
}

static void do_remove(struct json step)
{
    bedrock_error *error = NULL;
    char *member = text_of(step, "/member", NULL);

    failed(bedrock_request_remove(used(step, REQUEST), member, &error), &error);
    free(member);
}

static void do_set_traceparent(struct json step)
{
    bedrock_error *error = NULL;
    char *traceparent = text_of(step, "/traceparent", NULL);

    failed(bedrock_request_set_traceparent(used(step, REQUEST), traceparent, &error), &error);
    free(traceparent);
}

static void do_add_text(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *text = text_of(step, "/text", &len), *role = text_or_null(step, "/role", NULL);

    failed(bedrock_request_add_text(used(step, REQUEST), role != NULL ? role : "user", text, len, &error), &error);
    free(role);
    free(text);
}

static void do_add_message(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *json = json_of(step, "/json", &len);

    failed(bedrock_request_add_message(used(step, REQUEST), json, len, &error), &error);
    free(json);
}

static void do_add_response(struct json step)
{
    bedrock_error *error = NULL;

    failed(bedrock_request_add_response(used(step, REQUEST), used(step, RESPONSE), &error), &error);
}

static void do_add_tool_result(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *text = text_of(step, "/text", &len), *id = text_of(step, "/id", NULL);

    failed(bedrock_request_add_tool_result(used(step, REQUEST), id, text, len, is_true(step, "/is_error"), &error),
           &error);
    free(id);
    free(text);
}

static void do_add_image(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    unsigned char *bytes = bytes_of(step, "/base64", &len);
    char *role = text_or_null(step, "/role", NULL), *format = text_or_null(step, "/format", NULL);

    failed(bedrock_request_add_image(used(step, REQUEST), role != NULL ? role : "user", format, bytes, len, NULL, NULL,
                                     &error), &error);
    free(format);
    free(role);
    free(bytes);
}

static void do_add_document(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    unsigned char *bytes = bytes_of(step, "/base64", &len);
    char *role = text_or_null(step, "/role", NULL), *format = text_or_null(step, "/format", NULL);
    char *name = text_or_null(step, "/name", NULL);

    failed(bedrock_request_add_document(used(step, REQUEST), role != NULL ? role : "user", format, name, bytes, len,
                                        NULL, NULL, &error), &error);
    free(name);
    free(format);
    free(role);
    free(bytes);
}

static void do_attach(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    unsigned char *bytes = bytes_of(step, "/base64", &len);
    char *name = text_of(step, "/name", NULL);

    failed(bedrock_request_attach(used(step, REQUEST), name, bytes, len, NULL, NULL, &error), &error);
    free(name);
    free(bytes);
}

static void do_message_count(struct json step)
{
    fprintf(out, "%smessages %lu\n", prefix, (unsigned long)bedrock_request_message_count(used(step, REQUEST)));
}

static void do_remove_messages(struct json step)
{
    bedrock_error *error = NULL;
    size_t first = (size_t)number_of(step, "/first", 0), count = (size_t)number_of(step, "/count", 0);

    failed(bedrock_request_remove_messages(used(step, REQUEST), first, count, &error), &error);
}

static void do_trim(struct json step)
{
    bedrock_request *removed = NULL;
    bedrock_error *error = NULL;
    char *name = text_or_null(step, "/as", NULL);

    if (failed(bedrock_request_trim(used(step, REQUEST), (size_t)number_of(step, "/max", 0), &removed, &error), &error)) {
        free(name);
        return;
    }
    fprintf(out, "%sremoved %lu\n", prefix, (unsigned long)bedrock_request_message_count(removed));
    if (name != NULL && removed != NULL)
        keep(step, REQUEST, removed);
    else
        bedrock_request_free(removed);
    free(name);
}

static void do_diff(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    char *a = text_of(step, "/a", NULL), *b = text_of(step, "/b", NULL);
    const char *diff = bedrock_request_diff(named(REQUEST, a), named(REQUEST, b), used(step, MODEL), &len, &error);

    if (diff != NULL)
        fprintf(out, "%sdiff %s\n", prefix, len > 0 ? diff : "none");
    else
        print_error(bedrock_error_status(error), error);
    free(a);
    free(b);
}

static void do_cancel(struct json step)
{
    bedrock_cancel *cancel = bedrock_cancel_new();

    if (cancel == NULL)
        fail("there is no handle for a cancel");
    keep(step, CANCEL, cancel);
}

/* A cancel that another thread fires. */
struct late {
    bedrock_cancel *cancel;
    int ms;
    pthread_t thread;
};

static struct late lates[16];
static size_t late_count;

static void *fire_later(void *late)
{
    sleep_ms(((struct late *)late)->ms);
    bedrock_cancel_fire(((struct late *)late)->cancel);
    return NULL;
}

static void do_fire(struct json step)
{
    struct late *late = &lates[late_count];

    if (!has(step, "/after_ms")) {
        bedrock_cancel_fire(used(step, CANCEL));
        return;
    }
    if (late_count == sizeof lates / sizeof *lates)
        fail("too many cancels are fired later");
    late->cancel = used(step, CANCEL);
    late->ms = number_of(step, "/after_ms", 0);
    if (pthread_create(&late->thread, NULL, fire_later, late) != 0)
        fail("a thread cannot start");
    late_count++;
}

static void do_ask(struct json step)
{
    bedrock_model *model = used(step, MODEL);
    bedrock_request *request, *own;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    if (!request_of(step, &request, &own))
        return;
    if (!failed(bedrock_generate(model, request, cancel_of(step), &response, &error), &error)) {
        print_response(response);
        keep(step, RESPONSE, response);
    }
    bedrock_request_free(own);
}

static void do_call(struct json step)
{
    bedrock_model *model = used(step, MODEL);
    char *operation = text_of(step, "/operation", NULL);
    bedrock_request *request, *own;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    if (request_of(step, &request, &own)) {
        if (failed(bedrock_call(model, operation, request, cancel_of(step), &response, &error), &error)) {
            bedrock_response_free(response);
        } else {
            print_response(response);
            keep(step, RESPONSE, response);
        }
        bedrock_request_free(own);
    }
    free(operation);
}

static void do_response(struct json step)
{
    print_response(used(step, RESPONSE));
}

static void do_response_message(struct json step)
{
    size_t len;
    const char *message = bedrock_response_message(used(step, RESPONSE), &len);

    fprintf(out, "%smessage %.*s\n", prefix, (int)len, message);
}

static void do_response_json(struct json step)
{
    size_t len;
    const char *json = bedrock_response_json(used(step, RESPONSE), &len);

    fprintf(out, "%sjson %.*s\n", prefix, (int)len, json);
}

static void do_structured(struct json step)
{
    bedrock_error *error = NULL;
    size_t len;
    const char *json = bedrock_response_structured(used(step, RESPONSE), &len, &error);

    if (json != NULL)
        fprintf(out, "%sstructured %.*s\n", prefix, (int)len, json);
    else
        print_error(bedrock_error_status(error), error);
}

static void do_close(struct json step)
{
    int kind;

    for (kind = 0; kind < KIND_COUNT; kind++) {
        char pointer[16];

        snprintf(pointer, sizeof pointer, "/%s", KINDS[kind]);
        if (has(step, pointer)) {
            free_handle((enum kind)kind, used(step, (enum kind)kind));
            return;
        }
    }
    fail("close names no object");
}

/* ---- Records ---------------------------------------------------------------------------------- */

static char *copied(const char *text, size_t len)
{
    return memcpy(allocate(len), text, len);
}

static void observe(const char *record, size_t len, int64_t lost, void *user)
{
    struct observed *to = user;

    pthread_mutex_lock(&to->mutex);
    if (lost > 0 || to->received == sizeof to->records / sizeof *to->records)
        fail("records were lost");
    to->records[to->received++] = copied(record, len);
    pthread_cond_signal(&to->came);
    pthread_mutex_unlock(&to->mutex);
}

static void do_feed(struct json step)
{
    const char *content = is_true(step, "/content") ? "true" : "false";
    char options[64];
    bedrock_feed *feed = NULL;
    bedrock_error *error = NULL;

    if (!is_by_callback(step)) {
        snprintf(options, sizeof options, "{\"records\":true,\"content\":%s}", content);
        if (!failed(bedrock_feed_new(options, BEDROCK_STRLEN, &feed, &error), &error))
            keep(step, FEED, feed);
    } else {
        snprintf(options, sizeof options, "{\"content\":%s}", content);
        if (!failed(bedrock_set_observer(options, BEDROCK_STRLEN, observe, &observed, NULL, &error), &error))
            keep(step, FEED, &observed);
    }
}

/* Waits for the next record of a feed. Returns it, owned by the caller, or NULL after a failure. */
static char *next_record(void *feed)
{
    const bedrock_feed_item *item;
    bedrock_error *error = NULL;
    char *record;

    if (feed != &observed) {
        if (failed(bedrock_feed_next(feed, -1, &item, &error), &error))
            return NULL;
        if (item->type != BEDROCK_FEED_RECORD)
            fail("the feed has no record but %d", (int)item->type);
        return copied(item->text, item->text_len);
    }
    pthread_mutex_lock(&observed.mutex);
    while (observed.read == observed.received)
        pthread_cond_wait(&observed.came, &observed.mutex);
    record = observed.records[observed.read++];
    pthread_mutex_unlock(&observed.mutex);
    return record;
}

static void do_record(struct json step)
{
    char *record = next_record(used(step, FEED));
    bedrock_json_item member = {0};

    if (record == NULL)
        return;
    while (bedrock_json_next(step.text, step.len, "/members", &member, sizeof member) != BEDROCK_JSON_NONE) {
        struct json element = {member.value, member.value_len};
        char *pointer = text_of(element, "", NULL);
        size_t len;
        const char *value = bedrock_json_raw(record, BEDROCK_STRLEN, pointer, &len);

        fprintf(out, "%s  %s %.*s\n", prefix, pointer, value != NULL ? (int)len : 4, value != NULL ? value : "none");
        free(pointer);
    }
    free(record);
}

/* ---- The process ------------------------------------------------------------------------------ */

static void do_statuses(struct json step)
{
    bedrock_status status;

    (void)step;
    for (status = 1000; status >= -1000; status--)
        if (*bedrock_status_name(status) != '\0')
            fprintf(out, "%sstatus %d %s\n", prefix, (int)status, bedrock_status_name(status));
}

static void do_event_types(struct json step)
{
    int type;

    (void)step;
    for (type = 1; type < EVENT_TYPE_COUNT; type++)
        fprintf(out, "%sevent type %d %s\n", prefix, type, EVENT_TYPES[type]);
}

static void do_shutdown(struct json step)
{
    (void)step;
    fprintf(out, "%sshutdown %s\n", prefix, bedrock_status_name(bedrock_shutdown(10000)));
}

static void do_steps(struct json scenario);

static void do_fork(struct json step)
{
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    if (child < 0)
        fail("fork failed");
    if (child == 0) {
        prefix = "child: ";
        do_steps(step);
        fflush(stdout);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        fail("the child did not exit");
    fprintf(out, "%schild exited %d\n", prefix, WEXITSTATUS(status));
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(struct json step);
} ACTIONS[] = {
    {"model", do_model},
    {"with", do_with},
    {"model_id", do_model_id},
    {"model_usage", do_model_usage},
    {"set_credentials", do_set_credentials},
    {"api_key", do_api_key},
    {"connect", do_connect},
    {"request", do_request},
    {"clone", do_clone},
    {"reload", do_reload},
    {"set", do_set},
    {"remove", do_remove},
    {"set_traceparent", do_set_traceparent},
    {"add_text", do_add_text},
    {"add_message", do_add_message},
    {"add_response", do_add_response},
    {"add_tool_result", do_add_tool_result},
    {"add_image", do_add_image},
    {"add_document", do_add_document},
    {"attach", do_attach},
    {"message_count", do_message_count},
    {"remove_messages", do_remove_messages},
    {"trim", do_trim},
    {"request_json", do_request_json},
    {"request_body", do_request_body},
    {"diff", do_diff},
    {"cancel", do_cancel},
    {"fire", do_fire},
    {"ask", do_ask},
    {"call", do_call},
    {"stream", do_stream},
    {"open", do_open},
    {"next", do_next},
    {"read", do_read},
    {"read_together", do_read_together},
    {"stream_cancel", do_stream_cancel},
    {"stream_response", do_stream_response},
    {"run", do_run},
    {"response", do_response},
    {"response_message", do_response_message},
    {"response_json", do_response_json},
    {"structured", do_structured},
    {"close", do_close},
    {"feed", do_feed},
    {"record", do_record},
    {"statuses", do_statuses},
    {"event_types", do_event_types},
    {"fork", do_fork},
    {"shutdown", do_shutdown},
};

static void do_step(const char *name, struct json step)
{
    size_t index;

    fprintf(out, "%s> %s\n", prefix, name);
    status_only = has(step, "/error");
    for (index = 0; index < sizeof ACTIONS / sizeof *ACTIONS; index++)
        if (strcmp(ACTIONS[index].name, name) == 0) {
            ACTIONS[index].run(step);
            return;
        }
    fail("there is no action %s", name);
}

static void do_steps(struct json scenario)
{
    bedrock_json_item item = {0};

    while (bedrock_json_next(scenario.text, scenario.len, "/steps", &item, sizeof item) != BEDROCK_JSON_NONE) {
        struct json step;
        char *name;

        step.text = item.value;
        step.len = item.value_len;
        name = text_of(step, "/do", NULL);
        do_step(name, step);
        free(name);
    }
}

/* Reads a file. The text is owned by the caller. */
static struct json read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct json json = {NULL, 0};
    size_t size = 1 << 16;
    char *text = NULL;

    if (file == NULL)
        fail("%s cannot be read", path);
    do {
        size *= 2;
        text = realloc(text, size);
        if (text == NULL)
            fail("out of memory");
        json.len += fread(text + json.len, 1, size - json.len, file);
    } while (json.len == size);
    fclose(file);
    json.text = text;
    if (bedrock_json_type(json.text, json.len, "/steps") != BEDROCK_JSON_ARRAY)
        fail("%s is no scenario", path);
    return json;
}

int main(int argc, char **argv)
{
    struct json scenario;
    size_t index;

    if (argc != 2)
        fail("usage: runner FILE");
    out = stdout;
    scenario = read_file(argv[1]);
    if (has(scenario, "/config"))
        do_step("model", scenario);
    do_steps(scenario);
    for (index = 0; index < late_count; index++)
        pthread_join(lates[index].thread, NULL);
    for (index = 0; index < object_count; index++) {
        free_handle(objects[index].kind, objects[index].handle);
        free(objects[index].name);
    }
    fprintf(out, "live handles: %lu\n", (unsigned long)bedrock_live_handles());
    free((char *)scenario.text);
    return fflush(stdout) == 0 ? 0 : 1;
}
