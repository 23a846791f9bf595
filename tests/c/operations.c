/* operations.c - every operation of the service by its name, through every interface, and the errors of each.
 *
 *     operations URL      a service that responds to every operation, and rejects each request that contains "refused" */
#include "check.h"

#include <poll.h>
#include <pthread.h>

struct operation {
    const char *name;
    /* A request that succeeds, and one that the service rejects. */
    const char *good, *refused;
    /* The response, and the number of its events. */
    const char *response;
    int events;
};

#define CHUNK "{\"completion\": \"Hello\"}"
#define LAST_CHUNK \
    "{\"amazon-bedrock-invocationMetrics\": {\"inputTokenCount\": 3, \"outputTokenCount\": 2," \
    " \"invocationLatency\": 40, \"firstByteLatency\": 20}}"
#define MESSAGES(text) "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"" text "\"}]}]}"

static const struct operation operations[] = {
    {"ApplyGuardrail",
     "{\"guardrailIdentifier\": \"gr1\", \"guardrailVersion\": \"1\", \"source\": \"INPUT\", \"content\": []}",
     "{\"guardrailIdentifier\": \"refused\", \"guardrailVersion\": \"1\", \"source\": \"INPUT\", \"content\": []}",
     "{\"action\": \"NONE\"}", 0},
    {"CountTokens", MESSAGES("Hello"), MESSAGES("refused"), "{\"inputTokens\": 12}", 0},
    {"GetAsyncInvoke", "{\"invocationArn\": \"arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc\"}",
     "{\"invocationArn\": \"arn:aws:bedrock:us-east-1:123456789012:async-invoke/refused\"}",
     "{\"status\": \"Completed\"}", 0},
    {"InvokeGuardrailChecks",
     "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hi\"}]}], \"checks\": {\"promptAttack\": {}}}",
     "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"refused\"}]}], \"checks\": {}}",
     "{\"results\": {}}", 0},
    {"InvokeModel", "{\"body\": {\"inputText\": \"Hello\"}}", "{\"body\": {\"inputText\": \"refused\"}}",
     "{\"embedding\": [0.5, -1e-3]}", 0},
    {"InvokeModelWithResponseStream", "{\"body\": {\"prompt\": \"Hello\"}}", "{\"body\": {\"prompt\": \"refused\"}}",
     "[" CHUNK "," LAST_CHUNK "]", 2},
    {"ListAsyncInvokes", "{\"maxResults\": 2}", "{\"nextToken\": \"refused\"}",
     "{\"asyncInvokeSummaries\": []}", 0},
    {"StartAsyncInvoke", "{\"modelInput\": {\"seconds\": 6}, \"outputDataConfig\": {}}",
     "{\"modelInput\": {\"text\": \"refused\"}, \"outputDataConfig\": {}}",
     "{\"invocationArn\": \"arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc\"}", 0},
};

static bedrock_model *model;

static bedrock_request *request_of(const char *json)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;

    if (!CHECK_OK(bedrock_request_new(json, BEDROCK_STRLEN, &request, &error), error))
        exit(1);
    return request;
}

static bedrock_stream *open_call(const struct operation *operation, const char *json, bedrock_cancel *cancel)
{
    bedrock_request *request = request_of(json);
    bedrock_stream *stream = POISON;
    bedrock_error *error = NULL;

    if (!CHECK_OK(bedrock_call_open(model, operation->name, request, cancel, &stream, &error), error))
        exit(1);
    bedrock_request_free(request);
    return stream;
}

static void check_response(const struct operation *operation, bedrock_response *response)
{
    CHECK_TEXT(bedrock_response_json(response, NULL), operation->response);
    CHECK_INT(bedrock_response_complete(response), 1);
    CHECK_INT(bedrock_response_attempts(response), 1);
    CHECK_TEXT(bedrock_response_stop_reason(response), "");
    bedrock_response_free(response);
}

/* Reads a call to its end. Waits by `wait`, or in bedrock_stream_next if it is NULL. */
static void read_to_the_end(const struct operation *operation, bedrock_stream *stream,
                            void (*wait)(bedrock_stream *stream, void *user), void *user)
{
    const bedrock_event *event;
    bedrock_response *response = POISON;
    bedrock_error *error = NULL;
    bedrock_status status;
    int events = 0;

    while ((status = bedrock_stream_next(stream, wait != NULL ? 0 : -1, &event, &error)) == BEDROCK_OK
           || status == BEDROCK_AGAIN) {
        if (status == BEDROCK_AGAIN) {
            if (!CHECK(wait != NULL))
                exit(1);
            wait(stream, user);
            continue;
        }
        CHECK_INT(event->type, BEDROCK_EVENT_CHUNK);
        CHECK_INT(event->block, -1);
        CHECK_TEXT(event->text, events == 0 ? CHUNK : LAST_CHUNK);
        CHECK_PART(event->json, "\"bytes\"");
        events++;
    }
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_INT(events, operation->events);
    CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
    check_response(operation, response);
    bedrock_stream_free(stream);
}

static void wait_in_poll(bedrock_stream *stream, void *user)
{
    struct pollfd poll_fd = {bedrock_stream_fd(stream), POLLIN, 0};

    (void)user;
    CHECK_INT(poll(&poll_fd, 1, 60000), 1);
}

struct counter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int wakeups;
};

static void on_wakeup(void *user)
{
    struct counter *counter = user;

    pthread_mutex_lock(&counter->mutex);
    counter->wakeups++;
    pthread_cond_signal(&counter->changed);
    pthread_mutex_unlock(&counter->mutex);
}

static void wait_for_a_wakeup(bedrock_stream *stream, void *user)
{
    struct counter *counter = user;

    (void)stream;
    pthread_mutex_lock(&counter->mutex);
    while (counter->wakeups == 0)
        pthread_cond_wait(&counter->changed, &counter->mutex);
    counter->wakeups--;
    pthread_mutex_unlock(&counter->mutex);
}

static void wait_in_set(bedrock_stream *stream, void *user)
{
    bedrock_stream *readable = NULL;

    CHECK_INT(bedrock_waitset_wait(user, 60000, &readable, NULL), BEDROCK_OK);
    CHECK(readable == stream);
}

static void every_interface_returns_the_response(const struct operation *operation)
{
    bedrock_request *request = request_of(operation->good);
    bedrock_response *response = POISON;
    bedrock_error *error = NULL;
    bedrock_stream *stream;
    bedrock_waitset *set = bedrock_waitset_new();
    struct counter counter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

    CHECK_OK(bedrock_call(model, operation->name, request, NULL, &response, &error), error);
    check_response(operation, response);
    bedrock_request_free(request);

    read_to_the_end(operation, open_call(operation, operation->good, NULL), NULL, NULL);
    read_to_the_end(operation, open_call(operation, operation->good, NULL), wait_in_poll, NULL);

    stream = open_call(operation, operation->good, NULL);
    CHECK_INT(bedrock_stream_set_wakeup(stream, on_wakeup, &counter, NULL), BEDROCK_OK);
    read_to_the_end(operation, stream, wait_for_a_wakeup, &counter);

    stream = open_call(operation, operation->good, NULL);
    CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_OK);
    read_to_the_end(operation, stream, wait_in_set, set);
    bedrock_waitset_free(set);
}

/* Checks the error of a rejected call, which is the same through every interface. */
static void check_error(const struct operation *operation, bedrock_status status, bedrock_error *error)
{
    CHECK_TEXT(bedrock_error_code(error), "ValidationException");
    CHECK_INT(bedrock_error_http_status(error), 400);
    CHECK_INT(bedrock_error_attempts(error), 1);
    CHECK(bedrock_error_request_id(error)[0] != '\0');
    CHECK_PART(bedrock_error_message(error), operation->name);
    CHECK_FAILS(status, BEDROCK_E_VALIDATION, &error, "", "This is refused");
}

static void every_interface_returns_the_error(const struct operation *operation)
{
    bedrock_request *request = request_of(operation->refused);
    bedrock_response *response = POISON;
    bedrock_error *error = NULL;
    bedrock_stream *stream;
    const bedrock_event *event;
    bedrock_status status = bedrock_call(model, operation->name, request, NULL, &response, &error);

    CHECK(response == NULL);
    check_error(operation, status, error);
    bedrock_request_free(request);

    stream = open_call(operation, operation->refused, NULL);
    status = bedrock_stream_next(stream, -1, &event, &error);
    check_error(operation, status, error);
    status = bedrock_stream_next(stream, 0, &event, &error);
    check_error(operation, status, error);
    bedrock_stream_free(stream);
}

static void a_fired_cancel_ends_the_call(const struct operation *operation)
{
    bedrock_request *request = request_of(operation->good);
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_response *response = POISON;
    bedrock_error *error = NULL;
    bedrock_stream *stream;
    const bedrock_event *event;

    bedrock_cancel_fire(cancel);
    CHECK_FAILS(bedrock_call(model, operation->name, request, cancel, &response, &error), BEDROCK_E_CANCELLED, &error,
                "", NULL);
    CHECK(response == NULL);
    stream = open_call(operation, operation->good, cancel);
    CHECK_FAILS(bedrock_stream_next(stream, -1, &event, &error), BEDROCK_E_CANCELLED, &error, "", NULL);
    bedrock_stream_free(stream);
    bedrock_cancel_free(cancel);
    bedrock_request_free(request);
}

static void bad_arguments(void)
{
    bedrock_request *request = check_request("Hello?");
    bedrock_response *response = POISON;
    bedrock_stream *stream = POISON;
    bedrock_error *error = NULL;

    CHECK_FAILS(bedrock_call(model, "converse", request, NULL, &response, &error), BEDROCK_E_INVALID_ARGUMENT, &error,
                "", "\"converse\"");
    CHECK(response == NULL);
    CHECK_FAILS(bedrock_call_open(model, "InvokeModelWithBidirectionalStream", request, NULL, &stream, &error),
                BEDROCK_E_INVALID_ARGUMENT, &error, "", "it has ApplyGuardrail, Converse");
    CHECK(stream == NULL);
    CHECK_FAILS(bedrock_call(model, NULL, request, NULL, &response, &error), BEDROCK_E_INVALID_ARGUMENT, &error, "",
                "operation is NULL");
    CHECK_FAILS(bedrock_call(model, "Converse", request, NULL, NULL, &error), BEDROCK_E_INVALID_ARGUMENT, &error, "",
                "out is NULL");
    CHECK_FAILS(bedrock_call(NULL, "Converse", request, NULL, &response, &error), BEDROCK_E_INVALID_ARGUMENT, &error, "",
                NULL);
    CHECK_FAILS(bedrock_call(model, "InvokeModel", request, NULL, &response, &error), BEDROCK_E_REQUEST, &error,
                "/body", "needs body");
    bedrock_request_free(request);
}

/* Operations with their own functions can also be called by name. */
static void converse_by_name(void)
{
    bedrock_request *request = check_request("Hello?");
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_call(model, "Converse", request, NULL, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), "Hello.");
    bedrock_response_free(response);
    CHECK_OK(bedrock_call(model, "ConverseStream", request, NULL, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), "Hello.");
    CHECK_TEXT(bedrock_response_stop_reason(response), "end_turn");
    bedrock_response_free(response);
    bedrock_request_free(request);
}

int main(int argc, char **argv)
{
    size_t i;

    if (argc != 2)
        return 2;
    model = check_local(argv[1]);
    for (i = 0; i < sizeof operations / sizeof *operations; i++) {
        every_interface_returns_the_response(&operations[i]);
        every_interface_returns_the_error(&operations[i]);
        a_fired_cancel_ends_the_call(&operations[i]);
    }
    converse_by_name();
    bad_arguments();
    bedrock_model_free(model);
    return check_end();
}
