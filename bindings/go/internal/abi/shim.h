/*
 * The functions of bedrock.h as cgo likes them best: a handle is a number, and results come back by value. So no Go
 * pointer to a result is passed, which would put the result on Go's heap, and no number is ever a pointer in Go.
 */
#ifndef BEDROCK_GO_SHIM_H
#define BEDROCK_GO_SHIM_H

#include <bedrock.h>
#include <string.h>

#define MODEL(handle) ((bedrock_model *)(handle))
#define REQUEST(handle) ((bedrock_request *)(handle))
#define RESPONSE(handle) ((bedrock_response *)(handle))
#define STREAM(handle) ((bedrock_stream *)(handle))
#define RUN(handle) ((bedrock_run *)(handle))
#define WAITSET(handle) ((bedrock_waitset *)(handle))
#define FEED(handle) ((bedrock_feed *)(handle))
#define CANCEL(handle) ((bedrock_cancel *)(handle))
#define ERROR(handle) ((bedrock_error *)(handle))

typedef struct {
    uintptr_t out;
    uintptr_t err;
    int32_t status;
} go_result;

typedef struct {
    const bedrock_event *event;
    uintptr_t err;
    int32_t status;
} go_next;

typedef struct {
    const char *start;
    size_t len;
    uintptr_t err;
    int32_t status;
} go_text;

typedef struct {
    const char *message, *code, *path, *request_id, *json;
    size_t json_len;
    int64_t retry_after;
    int32_t http_status, retryable, attempts;
} go_error;

typedef struct {
    const bedrock_feed_item *item;
    int32_t status;
} go_feed_next_result;

#define RESULT(type, call)                            \
    go_result result = {0, 0, 0};                     \
    type *out = NULL;                                 \
    bedrock_error *err = NULL;                        \
    result.status = (call);                           \
    result.out = (uintptr_t)out;                      \
    result.err = (uintptr_t)err;                      \
    return result

#define CHANGE(call)                                  \
    go_result result = {0, 0, 0};                     \
    bedrock_error *err = NULL;                        \
    result.status = (call);                           \
    result.err = (uintptr_t)err;                      \
    return result

static inline go_text go_text_or_error(go_text text, bedrock_error *err)
{
    text.err = (uintptr_t)err;
    if (text.start == NULL)
        text.status = err != NULL ? bedrock_error_status(err) : BEDROCK_E_RESOURCE;
    return text;
}

static inline go_result go_model_new(const char *json, size_t len)
{
    RESULT(bedrock_model, bedrock_model_new(json, len, &out, &err));
}

static inline go_result go_model_with(uintptr_t model, const char *json, size_t len)
{
    RESULT(bedrock_model, bedrock_model_with(MODEL(model), json, len, &out, &err));
}

static inline go_result go_model_connect(uintptr_t model, uintptr_t cancel, int32_t timeout_ms)
{
    CHANGE(bedrock_model_connect(MODEL(model), CANCEL(cancel), timeout_ms, &err));
}

static inline go_result go_model_set_credentials(uintptr_t model, const char *json, size_t len)
{
    CHANGE(bedrock_model_set_credentials(MODEL(model), json, len, &err));
}

/* The length of the key comes back in out. */
static inline go_result go_model_api_key(uintptr_t model, int32_t seconds, uintptr_t cancel, char *buffer, size_t size)
{
    go_result result = {0, 0, 0};
    size_t len = 0;
    bedrock_error *err = NULL;
    result.status = bedrock_model_api_key(MODEL(model), seconds, CANCEL(cancel), buffer, size, &len, &err);
    result.out = len;
    result.err = (uintptr_t)err;
    return result;
}

static inline go_text go_model_id(uintptr_t model)
{
    go_text text = {NULL, 0, 0, 0};
    text.start = bedrock_model_id(MODEL(model), &text.len);
    return text;
}

static inline go_text go_model_settings(uintptr_t model)
{
    go_text text = {NULL, 0, 0, 0};
    bedrock_error *err = NULL;
    text.start = bedrock_model_settings(MODEL(model), &text.len, &err);
    return go_text_or_error(text, err);
}

static inline bedrock_usage go_model_usage(uintptr_t model)
{
    bedrock_usage usage;
    bedrock_model_usage(MODEL(model), &usage, sizeof usage);
    return usage;
}

static inline bedrock_stats go_model_stats(uintptr_t model)
{
    bedrock_stats stats;
    bedrock_model_stats(MODEL(model), &stats, sizeof stats);
    return stats;
}

static inline go_result go_request_new(const char *json, size_t len)
{
    RESULT(bedrock_request, bedrock_request_new(json, len, &out, &err));
}

static inline go_result go_request_clone(uintptr_t request)
{
    RESULT(bedrock_request, bedrock_request_clone(REQUEST(request), &out, &err));
}

static inline go_result go_request_set(uintptr_t request, const char *json, size_t len)
{
    CHANGE(bedrock_request_set(REQUEST(request), json, len, &err));
}

static inline go_result go_request_remove(uintptr_t request, const char *member)
{
    CHANGE(bedrock_request_remove(REQUEST(request), member, &err));
}

static inline go_result go_request_set_traceparent(uintptr_t request, const char *traceparent)
{
    CHANGE(bedrock_request_set_traceparent(REQUEST(request), *traceparent != '\0' ? traceparent : NULL, &err));
}

static inline go_result go_request_add_text(uintptr_t request, const char *role, const char *text, size_t len)
{
    CHANGE(bedrock_request_add_text(REQUEST(request), role, text, len, &err));
}

static inline go_result go_request_add_message(uintptr_t request, const char *json, size_t len)
{
    CHANGE(bedrock_request_add_message(REQUEST(request), json, len, &err));
}

static inline go_result go_request_add_response(uintptr_t request, uintptr_t response)
{
    CHANGE(bedrock_request_add_response(REQUEST(request), RESPONSE(response), &err));
}

static inline go_result go_request_add_tool_result(uintptr_t request, const char *id, const char *content, size_t len,
                                                   int32_t is_error)
{
    CHANGE(bedrock_request_add_tool_result(REQUEST(request), id, content, len, is_error, &err));
}

static inline go_result go_request_remove_messages(uintptr_t request, size_t first, size_t count)
{
    CHANGE(bedrock_request_remove_messages(REQUEST(request), first, count, &err));
}

static inline go_result go_request_trim(uintptr_t request, size_t max_messages)
{
    RESULT(bedrock_request, bedrock_request_trim(REQUEST(request), max_messages, &out, &err));
}

static inline size_t go_request_message_count(uintptr_t request)
{
    return bedrock_request_message_count(REQUEST(request));
}

/* An empty format or name is passed as NULL: the library finds it itself. */
static inline go_result go_request_add_image(uintptr_t request, const char *role, const char *format, const void *data,
                                             size_t len)
{
    CHANGE(bedrock_request_add_image(REQUEST(request), role, *format ? format : NULL, data, len, NULL, NULL, &err));
}

static inline go_result go_request_add_document(uintptr_t request, const char *role, const char *format,
                                                const char *name, const void *data, size_t len)
{
    CHANGE(bedrock_request_add_document(REQUEST(request), role, *format ? format : NULL, *name ? name : NULL, data, len,
                                        NULL, NULL, &err));
}

static inline go_result go_request_attach(uintptr_t request, const char *name, const void *data, size_t len)
{
    CHANGE(bedrock_request_attach(REQUEST(request), name, data, len, NULL, NULL, &err));
}

static inline go_text go_request_json(uintptr_t request, int32_t attachments)
{
    go_text text = {NULL, 0, 0, 0};
    bedrock_error *err = NULL;
    text.start = bedrock_request_json(REQUEST(request), attachments, &text.len, &err);
    return go_text_or_error(text, err);
}

static inline go_text go_request_body(uintptr_t request, uintptr_t model)
{
    go_text text = {NULL, 0, 0, 0};
    bedrock_error *err = NULL;
    text.start = bedrock_request_body(REQUEST(request), MODEL(model), &text.len, &err);
    return go_text_or_error(text, err);
}

static inline go_text go_request_diff(uintptr_t request, uintptr_t other, uintptr_t model)
{
    go_text text = {NULL, 0, 0, 0};
    bedrock_error *err = NULL;
    text.start = bedrock_request_diff(REQUEST(request), REQUEST(other), MODEL(model), &text.len, &err);
    return go_text_or_error(text, err);
}

static inline go_text go_response_structured(uintptr_t response)
{
    go_text text = {NULL, 0, 0, 0};
    bedrock_error *err = NULL;
    text.start = bedrock_response_structured(RESPONSE(response), &text.len, &err);
    return go_text_or_error(text, err);
}

static inline uintptr_t go_cancel_new(void)
{
    return (uintptr_t)bedrock_cancel_new();
}

static inline void go_cancel_fire(uintptr_t cancel)
{
    bedrock_cancel_fire(CANCEL(cancel));
}

static inline go_result go_call_open(uintptr_t model, const char *operation, uintptr_t request)
{
    RESULT(bedrock_stream, bedrock_call_open(MODEL(model), operation, REQUEST(request), NULL, &out, &err));
}

static inline go_next go_stream_next(uintptr_t stream)
{
    go_next next = {NULL, 0, 0};
    bedrock_error *err = NULL;
    next.status = bedrock_stream_next(STREAM(stream), 0, &next.event, &err);
    next.err = (uintptr_t)err;
    return next;
}

static inline go_result go_stream_response(uintptr_t stream)
{
    RESULT(bedrock_response, bedrock_stream_response(STREAM(stream), &out, &err));
}

static inline void go_stream_cancel(uintptr_t stream)
{
    bedrock_stream_cancel(STREAM(stream));
}

static inline go_result go_run_open(uintptr_t model, uintptr_t request, const char *options, size_t len)
{
    RESULT(bedrock_run, bedrock_run_open(MODEL(model), REQUEST(request), options, len, NULL, &out, &err));
}

static inline go_next go_run_next(uintptr_t run)
{
    go_next next = {NULL, 0, 0};
    bedrock_error *err = NULL;
    next.status = bedrock_run_next(RUN(run), 0, &next.event, &err);
    next.err = (uintptr_t)err;
    return next;
}

static inline go_result go_run_result(uintptr_t run, const char *id, const char *content, size_t len, int32_t kind)
{
    CHANGE(bedrock_run_result(RUN(run), id, content, len, kind, &err));
}

static inline go_result go_run_response(uintptr_t run)
{
    RESULT(bedrock_response, bedrock_run_response(RUN(run), &out, &err));
}

static inline void go_run_cancel(uintptr_t run)
{
    bedrock_run_cancel(RUN(run));
}

static inline uintptr_t go_waitset_new(void)
{
    return (uintptr_t)bedrock_waitset_new();
}

static inline int32_t go_waitset_add(uintptr_t set, uintptr_t stream)
{
    return bedrock_waitset_add(WAITSET(set), STREAM(stream), STREAM(stream));
}

static inline int32_t go_waitset_add_run(uintptr_t set, uintptr_t run)
{
    return bedrock_waitset_add_run(WAITSET(set), RUN(run), RUN(run));
}

static inline int go_waitset_fd(uintptr_t set)
{
    return bedrock_waitset_fd(WAITSET(set));
}

/* Takes up to max streams and runs that are readable, in one call. Only the wait for the first one has a time limit. */
static inline go_result go_waitset_take(uintptr_t set, int32_t timeout_ms, uintptr_t *streams, size_t max)
{
    go_result result = {0, 0, BEDROCK_OK};
    while (result.out < max) {
        void *stream = NULL;
        result.status = bedrock_waitset_wait(WAITSET(set), result.out == 0 ? timeout_ms : 0, NULL, &stream);
        if (result.status != BEDROCK_OK)
            break;
        streams[result.out++] = (uintptr_t)stream;
    }
    return result;
}

static inline go_text go_response_text(uintptr_t handle, int32_t which)
{
    const bedrock_response *response = RESPONSE(handle);
    go_text text = {"", 0, 0, 0};
    switch (which) {
    case 0: text.start = bedrock_response_text(response, &text.len); return text;
    case 1: text.start = bedrock_response_reasoning(response, &text.len); return text;
    case 2: text.start = bedrock_response_message(response, &text.len); return text;
    case 3: text.start = bedrock_response_json(response, &text.len); return text;
    case 4: text.start = bedrock_response_stop_reason(response); break;
    case 5: text.start = bedrock_response_finish_reason(response); break;
    case 6: text.start = bedrock_response_request_id(response); break;
    case 7: text.start = bedrock_response_model(response); break;
    case 8: text.start = bedrock_response_service_tier(response); break;
    }
    text.len = strlen(text.start);
    return text;
}

static inline int32_t go_response_complete(uintptr_t response)
{
    return bedrock_response_complete(RESPONSE(response));
}

static inline int32_t go_response_attempts(uintptr_t response)
{
    return bedrock_response_attempts(RESPONSE(response));
}

static inline bedrock_usage go_response_usage(uintptr_t response)
{
    bedrock_usage usage;
    bedrock_response_usage(RESPONSE(response), &usage, sizeof usage);
    return usage;
}

typedef struct {
    bedrock_tool_call call;
    int32_t status;
} go_tool_call;

static inline go_tool_call go_response_tool_call(uintptr_t response, size_t index)
{
    go_tool_call result;
    result.status = bedrock_response_tool_call(RESPONSE(response), index, &result.call, sizeof result.call);
    return result;
}

static inline go_tool_call go_response_server_tool_call(uintptr_t response, size_t index)
{
    go_tool_call result;
    result.status = bedrock_response_server_tool_call(RESPONSE(response), index, &result.call, sizeof result.call);
    return result;
}

static inline go_error go_error_view(uintptr_t handle)
{
    const bedrock_error *error = ERROR(handle);
    go_error view;
    view.message = bedrock_error_message(error);
    view.code = bedrock_error_code(error);
    view.path = bedrock_error_path(error);
    view.request_id = bedrock_error_request_id(error);
    view.json = bedrock_error_json(error, &view.json_len);
    view.retry_after = bedrock_error_retry_after(error);
    view.http_status = bedrock_error_http_status(error);
    view.retryable = bedrock_error_retryable(error);
    view.attempts = bedrock_error_attempts(error);
    return view;
}

static inline go_result go_feed_new(const char *options, size_t len)
{
    RESULT(bedrock_feed, bedrock_feed_new(options, len, &out, &err));
}

static inline go_feed_next_result go_feed_next(uintptr_t feed)
{
    go_feed_next_result next = {NULL, 0};
    next.status = bedrock_feed_next(FEED(feed), 0, &next.item, NULL);
    return next;
}

static inline int go_feed_fd(uintptr_t feed)
{
    return bedrock_feed_fd(FEED(feed));
}

static inline void go_model_free(uintptr_t handle) { bedrock_model_free(MODEL(handle)); }
static inline void go_request_free(uintptr_t handle) { bedrock_request_free(REQUEST(handle)); }
static inline void go_response_free(uintptr_t handle) { bedrock_response_free(RESPONSE(handle)); }
static inline void go_stream_free(uintptr_t handle) { bedrock_stream_free(STREAM(handle)); }
static inline void go_run_free(uintptr_t handle) { bedrock_run_free(RUN(handle)); }
static inline void go_waitset_free(uintptr_t handle) { bedrock_waitset_free(WAITSET(handle)); }
static inline void go_feed_free(uintptr_t handle) { bedrock_feed_free(FEED(handle)); }
static inline void go_cancel_free(uintptr_t handle) { bedrock_cancel_free(CANCEL(handle)); }
static inline void go_error_free(uintptr_t handle) { bedrock_error_free(ERROR(handle)); }

#endif
