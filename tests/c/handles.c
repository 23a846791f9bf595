/* handles.c - a handle is a number. It is valid for its own type, until it is freed. For a freed, invented or foreign
 * handle every function returns a status or a neutral value.
 *
 *     handles CYCLES      the number of times to make and free handles */
#include "check.h"

#include <pthread.h>

#define LENGTH BEDROCK_STRLEN

static bedrock_model *model;
static bedrock_request *request;
static bedrock_response *response;
static bedrock_cancel *cancel;
static bedrock_error *failure;
static int releases;

static void release(void *user)
{
    (void)user;
    releases++;
}

static int32_t go_on(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

#define BAD(call) CHECK_FAILS(call, BEDROCK_E_BAD_HANDLE, &error, "", "handle")

static void no_error(const void *handle)
{
    const bedrock_error *bad = handle;

    CHECK_INT(bedrock_error_status(bad), BEDROCK_E_BAD_HANDLE);
    CHECK_TEXT(bedrock_error_message(bad), "");
    CHECK_TEXT(bedrock_error_code(bad), "");
    CHECK_TEXT(bedrock_error_path(bad), "");
    CHECK_TEXT(bedrock_error_request_id(bad), "");
    CHECK_INT(bedrock_error_http_status(bad), 0);
    CHECK_INT(bedrock_error_retryable(bad), 0);
    CHECK_INT(bedrock_error_attempts(bad), 0);
    CHECK_INT(bedrock_error_retry_after(bad), -1);
    CHECK_TEXT(bedrock_error_json(bad, NULL), "");
    bedrock_error_free((bedrock_error *)handle);
}

static void no_model(void *handle)
{
    bedrock_error *error = NULL;
    bedrock_model *out = POISON;
    bedrock_response *result = POISON;
    bedrock_usage usage = {0};
    size_t len = 99;

    CHECK_INT(bedrock_model_usage(handle, &usage, sizeof usage), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(usage.input_tokens, -1);
    CHECK_INT(usage.latency_ms, -1);
    BAD(bedrock_model_with(handle, "{}", LENGTH, &out, &error));
    CHECK(out == NULL);
    CHECK_TEXT(bedrock_model_id(handle, &len), "");
    CHECK_INT(len, 0);
    len = 99;
    CHECK(bedrock_model_settings(handle, &len, &error) == NULL && len == 0);
    BAD(bedrock_error_status(error));
    len = 99;
    CHECK(bedrock_request_body(request, handle, &len, &error) == NULL && len == 0);
    BAD(bedrock_error_status(error));
    BAD(bedrock_generate(handle, request, NULL, &result, &error));
    CHECK(result == NULL);
    result = POISON;
    BAD(bedrock_generate_stream(handle, request, NULL, go_on, NULL, &result, &error));
    CHECK(result == NULL);
    bedrock_model_free(handle);
}

static void no_request(void *handle)
{
    bedrock_error *error = NULL;
    bedrock_request *out = POISON;
    bedrock_response *result = POISON;
    size_t len = 99;

    BAD(bedrock_request_clone(handle, &out, &error));
    CHECK(out == NULL);
    BAD(bedrock_request_set(handle, "{}", LENGTH, &error));
    BAD(bedrock_request_add_text(handle, "user", "x", 1, &error));
    BAD(bedrock_request_add_message(handle, "{}", LENGTH, &error));
    BAD(bedrock_request_add_response(handle, response, &error));
    BAD(bedrock_request_add_tool_result(handle, "t", "x", 1, 0, &error));
    releases = 0;
    BAD(bedrock_request_attach(handle, "a", "x", 1, release, NULL, &error));
    BAD(bedrock_request_add_image(handle, "user", "png", "x", 1, release, NULL, &error));
    BAD(bedrock_request_add_document(handle, "user", "txt", "a", "x", 1, release, NULL, &error));
    CHECK_INT(releases, 3);
    BAD(bedrock_request_remove(handle, "system", &error));
    BAD(bedrock_request_remove_messages(handle, 0, 0, &error));
    BAD(bedrock_request_trim(handle, 1, NULL, &error));
    CHECK_INT(bedrock_request_message_count(handle), 0);
    CHECK(bedrock_request_body(handle, model, &len, &error) == NULL && len == 0);
    BAD(bedrock_error_status(error));
    CHECK(bedrock_request_diff(handle, handle, model, &len, &error) == NULL && len == 0);
    BAD(bedrock_error_status(error));
    len = 99;
    CHECK(bedrock_request_json(handle, BEDROCK_ATTACHMENTS_INLINE, &len, &error) == NULL && len == 0);
    BAD(bedrock_error_status(error));
    BAD(bedrock_generate(model, handle, NULL, &result, &error));
    CHECK(result == NULL);
    BAD(bedrock_generate_stream(model, handle, NULL, go_on, NULL, NULL, &error));
    bedrock_request_free(handle);
}

static void no_cancel(void *handle)
{
    bedrock_error *error = NULL;
    bedrock_response *result = POISON;

    bedrock_cancel_fire(handle);
    BAD(bedrock_generate(model, request, handle, &result, &error));
    CHECK(result == NULL);
    BAD(bedrock_generate_stream(model, request, handle, go_on, NULL, NULL, &error));
    bedrock_cancel_free(handle);
}

/* A getter that returns a borrowed text. */
static void no_text(const char *(*getter)(const bedrock_response *, size_t *), const void *handle)
{
    size_t len = 99;

    CHECK_TEXT(getter(handle, &len), "");
    CHECK_INT(len, 0);
}

static void no_response(void *handle)
{
    bedrock_error *error = NULL;
    bedrock_tool_call call;
    bedrock_usage usage;

    no_text(bedrock_response_text, handle);
    no_text(bedrock_response_reasoning, handle);
    no_text(bedrock_response_message, handle);
    no_text(bedrock_response_json, handle);
    CHECK_TEXT(bedrock_response_stop_reason(handle), "");
    CHECK_TEXT(bedrock_response_finish_reason(handle), "");
    CHECK_TEXT(bedrock_response_request_id(handle), "");
    CHECK_INT(bedrock_response_complete(handle), 0);
    CHECK_INT(bedrock_response_attempts(handle), 0);
    CHECK_INT(bedrock_response_tool_call_count(handle), 0);
    CHECK_INT(bedrock_response_tool_call(handle, 0, &call, sizeof call), BEDROCK_E_BAD_HANDLE);
    CHECK_TEXT(call.id, "");
    CHECK_TEXT(call.name, "");
    CHECK_TEXT(call.input_json, "");
    CHECK_INT(call.input_valid, 0);
    CHECK_INT(bedrock_response_usage(handle, &usage, sizeof usage), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(usage.input_tokens, -1);
    CHECK_INT(usage.latency_ms, -1);
    BAD(bedrock_request_add_response(request, handle, &error));
    bedrock_response_free(handle);
}

static void none_at_all(void *handle)
{
    no_error(handle);
    no_model(handle);
    no_request(handle);
    no_cancel(handle);
    no_response(handle);
}

/* One handle of each type. */
static void make(void)
{
    bedrock_error *error = NULL;

    model = check_scripted("[\"Hello.\"]");
    request = check_request("Hi.");
    cancel = bedrock_cancel_new();
    CHECK(cancel != NULL);
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    CHECK_INT(bedrock_request_set(request, "{", LENGTH, &failure), BEDROCK_E_REQUEST);
    CHECK_INT(bedrock_live_handles(), 5);
}

/* Handles of another type, numbers near a real handle, addresses, random numbers. */
static void wrong(void)
{
    void *const real[] = {model, request, cancel, response, failure};
    uintptr_t numbers[40];
    size_t i, count = 0;
    char here;

    for (i = 0; i < 5; i++) {
        uintptr_t number = (uintptr_t)real[i];

        CHECK(number >= (uint64_t)1 << 52 && number < (uint64_t)1 << 53);
        if (i != 0) no_model(real[i]);
        if (i != 1) no_request(real[i]);
        if (i != 2) no_cancel(real[i]);
        if (i != 3) no_response(real[i]);
        if (i != 4) no_error(real[i]);
        numbers[count++] = number + 1000;
        numbers[count++] = number ^ (uintptr_t)1 << 30;         /* another generation */
        numbers[count++] = number ^ (uintptr_t)1 << 52;
        numbers[count++] = number | (uintptr_t)1 << 60;
        numbers[count++] = ~number;
    }
    numbers[count++] = 1;
    numbers[count++] = UINTPTR_MAX;
    numbers[count++] = (uintptr_t)1 << 52;
    numbers[count++] = ((uintptr_t)1 << 53) - 1;
    numbers[count++] = (uintptr_t)&here;
    numbers[count++] = (uintptr_t)model + 8;
    for (i = 0; i < count; i++)
        none_at_all((void *)numbers[i]);
    CHECK_INT(bedrock_live_handles(), 5);
}

/* A freed handle whose slot is used again. */
static void stale(void)
{
    void *const old[] = {model, request, cancel, response, failure};
    size_t i;

    bedrock_model_free(model);
    bedrock_request_free(request);
    bedrock_cancel_free(cancel);
    bedrock_response_free(response);
    bedrock_error_free(failure);
    CHECK_INT(bedrock_live_handles(), 0);
    make();
    for (i = 0; i < 5; i++)
        none_at_all(old[i]);
    CHECK_INT(bedrock_live_handles(), 5);
}

/* Thousands of generations, without the same number twice in a row. */
static void cycles(long count)
{
    bedrock_error *error = NULL;
    void *last[3] = {NULL, NULL, NULL};
    long i;

    for (i = 0; i < count; i++) {
        bedrock_request *made = NULL;
        bedrock_cancel *latch = bedrock_cancel_new();

        CHECK_INT(bedrock_request_new(NULL, 0, &made, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_request_set(made, "[", 1, &error), BEDROCK_E_REQUEST);
        if (!CHECK(made != NULL && latch != NULL && made != last[0] && latch != last[1] && error != last[2]))
            break;
        bedrock_request_free(made);
        bedrock_cancel_free(latch);
        bedrock_error_free(error);
        bedrock_request_free(made);
        last[0] = made, last[1] = latch, last[2] = error;
    }
    CHECK_INT(bedrock_live_handles(), 5);
}

#define SHARED 8
#define THREADS 4

static bedrock_request *shared[SHARED];
static bedrock_cancel *latches[SHARED];
static long turns;

/* Uses handles that other threads free, and frees handles that they use. */
static void *worry(void *user)
{
    unsigned seed = (unsigned)(uintptr_t)user;
    long i;

    for (i = 0; i < turns; i++) {
        size_t at = (seed = seed * 1103515245 + 12345) >> 16 & (SHARED - 1);
        bedrock_request *victim = __atomic_load_n(&shared[at], __ATOMIC_SEQ_CST), *made = NULL;
        bedrock_cancel *latch = __atomic_load_n(&latches[at], __ATOMIC_SEQ_CST);
        bedrock_response *result = NULL;
        bedrock_status status;

        switch (seed >> 20 & 7) {
        case 0:
        case 1:
            bedrock_request_free(victim);
            bedrock_cancel_free(latch);
            if (bedrock_request_clone(request, &made, NULL) == BEDROCK_OK)
                bedrock_request_free(__atomic_exchange_n(&shared[at], made, __ATOMIC_SEQ_CST));
            bedrock_cancel_free(__atomic_exchange_n(&latches[at], bedrock_cancel_new(), __ATOMIC_SEQ_CST));
            continue;
        case 2:
            status = bedrock_request_clone(victim, &made, NULL);
            bedrock_request_free(made);
            break;
        case 3:
            status = bedrock_generate(model, victim, latch, &result, NULL);
            bedrock_response_free(result);
            break;
        case 4:
            bedrock_cancel_fire(latch);
            continue;
        default:
            status = bedrock_request_add_text(victim, "system", "x", 1, NULL);
        }
        CHECK(status == BEDROCK_OK || status == BEDROCK_E_BAD_HANDLE || status == BEDROCK_E_CANCELLED
              || (status == BEDROCK_E_INVALID_ARGUMENT && victim == NULL));
    }
    return NULL;
}

static void threads(void)
{
    pthread_t all[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&all[i], NULL, worry, (void *)(i * 7919 + 1)) == 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(all[i], NULL);
    for (i = 0; i < SHARED; i++) {
        bedrock_request_free(shared[i]);
        bedrock_cancel_free(latches[i]);
    }
    CHECK_INT(bedrock_live_handles(), 5);
}

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0;

    CHECK(count > 0);
    make();
    wrong();
    stale();
    cycles(count);
    turns = count / 10;
    threads();
    bedrock_model_free(model);
    bedrock_request_free(request);
    bedrock_cancel_free(cancel);
    bedrock_response_free(response);
    bedrock_error_free(failure);
    return check_end();
}
