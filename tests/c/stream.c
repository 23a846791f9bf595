/* stream.c - the promises of each function for streams by pull: out parameters, time limits, other threads, the end.
 *
 *     stream URL      the service of pull.h
 *
 * An alarm ends a wait that does not end. */
#include "pull.h"

#include <sched.h>
#include <signal.h>

#define TEN "a b c d e f g h i j"

static bedrock_model *local, *ten, *silent;
static bedrock_request *request;
static bedrock_error *error;

#define BAD(call, wanted) \
    do { \
        out = POISON, event = POISON, response = POISON; \
        CHECK_FAILS(call, wanted, &error, "", NULL); \
    } while (0)

static void bad_arguments(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi."), *gone = pull_open(silent, "Hi."), *out;
    bedrock_model *gone_model = check_scripted("[]");
    bedrock_cancel *gone_cancel = bedrock_cancel_new();
    bedrock_request *empty = NULL, *missing = check_request("Hi.");
    bedrock_response *response;
    const bedrock_event *event;
    size_t live;

    bedrock_stream_free(gone);
    bedrock_model_free(gone_model);
    bedrock_cancel_free(gone_cancel);
    live = bedrock_live_handles();

#define OPEN(m, r, c) bedrock_stream_open((m), (r), (c), &out, &error)
    BAD(OPEN(NULL, request, NULL), BEDROCK_E_INVALID_ARGUMENT);
    CHECK(out == NULL);
    BAD(OPEN(ten, NULL, NULL), BEDROCK_E_INVALID_ARGUMENT);
    CHECK(out == NULL);
    BAD(OPEN(gone_model, request, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK(out == NULL);
    BAD(OPEN((bedrock_model *)request, request, NULL), BEDROCK_E_BAD_HANDLE);
    BAD(OPEN(ten, (bedrock_request *)ten, NULL), BEDROCK_E_BAD_HANDLE);
    BAD(OPEN(ten, request, gone_cancel), BEDROCK_E_BAD_HANDLE);
    BAD(OPEN(ten, request, (bedrock_cancel *)stream), BEDROCK_E_BAD_HANDLE);
    CHECK(out == NULL);
    BAD(bedrock_stream_open(ten, request, NULL, NULL, &error), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_stream_open(NULL, NULL, NULL, NULL, NULL), BEDROCK_E_INVALID_ARGUMENT);

    /* Invalid arguments. */
    CHECK_OK(bedrock_request_new(NULL, 0, &empty, &error), error);
    out = POISON;
    CHECK_FAILS(OPEN(ten, empty, NULL), BEDROCK_E_REQUEST, &error, "/messages", NULL);
    CHECK(out == NULL);
    CHECK_OK(bedrock_request_add_message(missing, "{\"role\": \"user\", \"content\": [{\"image\": {\"format\": \"png\","
                                         " \"source\": {\"bytes\": \"@nowhere\"}}}]}", BEDROCK_STRLEN, &error), error);
    out = POISON;
    CHECK_FAILS(OPEN(ten, missing, NULL), BEDROCK_E_REQUEST, &error, NULL, "nowhere");
    CHECK(out == NULL);

    BAD(bedrock_stream_next(NULL, 0, &event, &error), BEDROCK_E_INVALID_ARGUMENT);
    CHECK(event == NULL);
    BAD(bedrock_stream_next(gone, -1, &event, &error), BEDROCK_E_BAD_HANDLE);
    CHECK(event == NULL);
    BAD(bedrock_stream_next((bedrock_stream *)ten, -1, &event, &error), BEDROCK_E_BAD_HANDLE);
    BAD(bedrock_stream_next(POISON, -1, &event, &error), BEDROCK_E_BAD_HANDLE);
    CHECK(event == NULL);
    BAD(bedrock_stream_next(stream, 0, NULL, &error), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_stream_next(gone, 0, NULL, NULL), BEDROCK_E_INVALID_ARGUMENT);

    BAD(bedrock_stream_response(NULL, &response, &error), BEDROCK_E_INVALID_ARGUMENT);
    CHECK(response == NULL);
    BAD(bedrock_stream_response(gone, &response, &error), BEDROCK_E_BAD_HANDLE);
    CHECK(response == NULL);
    BAD(bedrock_stream_response((bedrock_stream *)request, &response, &error), BEDROCK_E_BAD_HANDLE);
    BAD(bedrock_stream_response(stream, NULL, &error), BEDROCK_E_INVALID_ARGUMENT);

    CHECK_INT(bedrock_stream_fd(NULL), -1);
    CHECK_INT(bedrock_stream_fd(gone), -1);
    CHECK_INT(bedrock_stream_fd((bedrock_stream *)ten), -1);

    bedrock_stream_cancel(NULL);
    bedrock_stream_cancel(gone);
    bedrock_stream_cancel((bedrock_stream *)ten);
    bedrock_stream_free(NULL);
    bedrock_stream_free(gone);
    bedrock_stream_free((bedrock_stream *)ten);
    bedrock_model_free((bedrock_model *)stream);
    CHECK_INT(bedrock_live_handles(), live + 1); /* only the empty request */
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);

    bedrock_stream_free(stream);
    bedrock_request_free(empty);
    bedrock_request_free(missing);
}

/* The events of a blocking call, in one text. */
static int32_t note(const bedrock_event *event, void *user)
{
    char *notes = user, line[300];

    snprintf(line, sizeof line, "%d %d '%s' '%s' '%s' %s\n", (int)event->type, (int)event->block, event->text,
             event->tool_id, event->tool_name, event->json);
    CHECK_INT(event->text_len, strlen(event->text));
    CHECK_INT(event->json_len, strlen(event->json));
    if (strlen(notes) + strlen(line) < 8000)
        strcat(notes, line);
    return 0;
}

/* The same events in the same order as by callback. The response grows, and at the end it equals that of
 * bedrock_generate. */
static void same_as_generate(void)
{
    bedrock_model *model = check_scripted("[{\"message\": {\"role\": \"assistant\", \"content\": ["
        "{\"reasoningContent\": {\"reasoningText\": {\"text\": \"Hm.\", \"signature\": \"c2ln\"}}}, {\"text\": \"" TEN "\"},"
        "{\"toolUse\": {\"toolUseId\": \"t1\", \"name\": \"add\", \"input\": {\"a\": 1}}}]}}]");
    bedrock_response *whole = NULL, *first = NULL, *response = NULL;
    bedrock_stream *stream = pull_open(model, "Hi.");
    const bedrock_event *event;
    char pushed[8192] = "", pulled[8192] = "", text[100] = "";
    bedrock_status status;
    int i;

    CHECK_OK(bedrock_stream_response(stream, &first, &error), error);
    while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK) {
        note(event, pulled);
        if (event->type == BEDROCK_EVENT_TEXT)
            strcat(text, event->text);
        CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
        CHECK_TEXT(bedrock_response_text(response, NULL), text);
        CHECK_INT(bedrock_response_complete(response), 0); /* also after messageStop, because the stream has not returned BEDROCK_DONE yet */
        bedrock_response_free(response);
    }
    CHECK_OK(bedrock_generate_stream(model, request, NULL, note, pushed, NULL, &error), error);
    CHECK_TEXT(pulled, pushed);

    CHECK_OK(bedrock_generate(model, request, NULL, &whole, &error), error);
    for (i = 0; i < 3; i++) {
        CHECK_INT(status, BEDROCK_DONE);
        status = NEXT(stream, i - 1); /* every time, with every timeout */
        CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
        CHECK_INT(bedrock_response_complete(response), 1);
        CHECK_TEXT(bedrock_response_json(response, NULL), bedrock_response_json(whole, NULL));
        CHECK_TEXT(bedrock_response_message(response, NULL), bedrock_response_message(whole, NULL));
        CHECK_TEXT(bedrock_response_request_id(response), bedrock_response_request_id(whole));
        CHECK_TEXT(bedrock_response_stop_reason(response), "tool_use");
        CHECK_INT(bedrock_response_attempts(response), 1);
        CHECK_INT(bedrock_response_tool_call_count(response), 1);
        bedrock_response_free(response);
    }
    CHECK_TEXT(bedrock_response_text(first, NULL), "");
    CHECK_TEXT(bedrock_response_stop_reason(first), "");
    CHECK_INT(bedrock_response_complete(first), 0);

    bedrock_response_free(first);
    bedrock_response_free(whole);
    bedrock_stream_free(stream);
    bedrock_model_free(model);
}

/* A failure is returned each time, each time with a new *err, after the events that arrived before it. */
static void fails(const char *replies, bedrock_status wanted, const char *text, const char *message)
{
    bedrock_model *model = check_scripted(replies);
    bedrock_stream *stream = pull_open(model, "Hi.");
    bedrock_response *response = NULL;
    bedrock_error *errors[3];
    const bedrock_event *event;
    char seen[100] = "";
    int i;

    CHECK_INT(pull_all(stream, seen), wanted);
    CHECK_TEXT(seen, text);
    for (i = 0; i < 3; i++) {
        event = POISON, errors[i] = POISON;
        CHECK_INT(bedrock_stream_next(stream, i - 1, &event, &errors[i]), wanted);
        CHECK(event == NULL);
        CHECK(i == 0 || errors[i] != errors[i - 1]);
        if (i > 0)
            bedrock_error_free(errors[i - 1]);
        CHECK_INT(bedrock_error_status(errors[i]), wanted);
        CHECK_PART(bedrock_error_message(errors[i]), message);
    }
    CHECK_INT(bedrock_stream_next(stream, 0, &event, NULL), wanted);
    bedrock_stream_cancel(stream);
    CHECK_INT(NEXT(stream, 0), wanted); /* a cancel after the end has no effect */
    CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), text);
    CHECK_INT(bedrock_response_complete(response), 0);
    bedrock_response_free(response);
    bedrock_stream_free(stream);
    CHECK_PART(bedrock_error_message(errors[2]), message); /* an error does not depend on the stream */
    bedrock_error_free(errors[2]);
    bedrock_model_free(model);
}

#define HELLO "{\"messageStart\": {\"role\": \"assistant\"}}, " \
              "{\"contentBlockDelta\": {\"contentBlockIndex\": 0, \"delta\": {\"text\": \"Hel\"}}}"

static void failures(void)
{
    bedrock_model *model = check_model_of("{\"model\": \"m\", \"timeouts\": {\"first_event\": \"30ms\", \"idle\": \"30ms\"},"
                                          " \"transport\": {\"replies\": " PULL_SILENT "}}");
    bedrock_stream *stream = pull_open(model, "Hi.");

    fails("[{\"events\": [" HELLO ", {\"exception\": \"throttlingException\", \"message\": \"Slow.\"}]}]",
          BEDROCK_E_THROTTLED, "Hel", "Slow.");
    fails("[{\"events\": [" HELLO "]}]", BEDROCK_E_TRUNCATED, "Hel", "messageStop");
    fails("[{\"error\": {\"status\": 403, \"code\": \"AccessDeniedException\", \"message\": \"No.\"}}]",
          BEDROCK_E_ACCESS_DENIED, "", "No.");

    /* The timers end a wait without a limit. */
    CHECK_INT(pull_all(stream, NULL), BEDROCK_E_TIMEOUT);
    bedrock_stream_free(stream);
    bedrock_model_free(model);
}

static void timeouts(void)
{
    bedrock_stream *stream = pull_open(local, "stream T");
    char text[100] = "";
    int64_t began;
    int i;

    for (i = 0; i < 3; i++)
        CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    began = pull_now_ms();
    CHECK_INT(NEXT(stream, 50), BEDROCK_AGAIN);
    CHECK(pull_now_ms() - began >= 50);
    /* All events are still read, in order, by waits of every kind. */
    for (i = 0; i < PULL_EVENTS; i++) {
        static const int32_t waits[] = {-1, INT32_MAX, 60000, INT32_MIN};

        CHECK_INT(NEXT(stream, i % 2), BEDROCK_AGAIN);
        pull_pass(local, "T");
        CHECK_INT(NEXT_TEXT(stream, waits[i % 4], text), BEDROCK_OK);
    }
    CHECK_INT(NEXT(stream, 1), BEDROCK_AGAIN); /* between metadata and the end */
    pull_pass(local, "T");
    CHECK_INT(NEXT(stream, -1), BEDROCK_DONE);
    CHECK_TEXT(text, PULL_TEXT);
    bedrock_stream_free(stream);
}

static int signals;

static void on_signal(int number)
{
    (void)number;
    __sync_fetch_and_add(&signals, 1);
}

/* A signal does not end a wait, though its handler was set without SA_RESTART. */
static void interrupted(void)
{
    bedrock_stream *stream = pull_open(local, "stream S");
    struct pull_reader reader;
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    pull_send_reader(&reader, stream);
    pull_interrupt(reader.thread, SIGUSR1, &signals, 20);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_BUSY); /* the stream is still valid */
    pull_pass(local, "S");
    CHECK_INT(pull_join(&reader), BEDROCK_OK);
    bedrock_stream_free(stream);
}

/* While one thread is in next, another may only cancel and free the stream. */
static void other_threads(void)
{
    bedrock_stream *stream;
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_response *response = POISON;
    struct pull_reader reader;
    int turn;

    for (turn = 0; turn < 2; turn++) {
        stream = pull_open(silent, "Hi.");
        CHECK_INT(NEXT(stream, -1), BEDROCK_OK); /* messageStart */
        pull_send_reader(&reader, stream);
        CHECK_INT(NEXT(stream, 0), BEDROCK_E_BUSY);
        CHECK_INT(NEXT(stream, -1), BEDROCK_E_BUSY);
        CHECK_FAILS(bedrock_stream_response(stream, &response, &error), BEDROCK_E_BUSY, &error, "", "thread");
        CHECK(response == NULL);
        CHECK_INT(bedrock_stream_fd(stream), -1);
        CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), BEDROCK_E_BUSY);
        CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_E_BUSY);
        if (turn == 0)
            bedrock_stream_cancel(stream);
        else
            bedrock_stream_free(stream);
        CHECK_INT(pull_join(&reader), BEDROCK_E_CANCELLED);
        CHECK_INT(NEXT(stream, -1), turn == 0 ? BEDROCK_E_CANCELLED : BEDROCK_E_BAD_HANDLE);
        bedrock_stream_cancel(stream); /* freed or not */
        bedrock_stream_free(stream);
    }
    bedrock_waitset_free(set);
}

static void *cancel_it(void *stream)
{
    bedrock_stream_cancel(stream);
    return NULL;
}

static void cancels(void)
{
    bedrock_cancel *fired = bedrock_cancel_new(), *later = bedrock_cancel_new(), *freed = bedrock_cancel_new();
    bedrock_stream *stream = pull_open_with(ten, "Hi.", fired);
    bedrock_response *response = NULL;
    const bedrock_event *event;
    pthread_t thread;
    char text[100] = "";

    bedrock_cancel_fire(fired);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    /* Opening a stream with a fired cancel handle succeeds. */
    stream = pull_open_with(ten, "Hi.", fired);
    CHECK_FAILS(bedrock_stream_next(stream, -1, &event, &error), BEDROCK_E_CANCELLED, &error, "", "before it began");
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);

    /* A cancel discards events that were not read. The response keeps those that were read. */
    stream = pull_open_with(ten, "Hi.", later);
    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    bedrock_cancel_fire(later);
    CHECK_INT(NEXT(stream, -1), BEDROCK_E_CANCELLED);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), "a ");
    CHECK_INT(bedrock_response_complete(response), 0);
    bedrock_response_free(response);
    bedrock_stream_free(stream);

    /* The same for bedrock_stream_cancel, from another thread while this one waits. */
    stream = pull_open(ten, "Hi.");
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    bedrock_stream_cancel(stream);
    bedrock_stream_cancel(stream);
    CHECK_INT(NEXT(stream, -1), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    stream = pull_open(silent, "Hi.");
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK(pthread_create(&thread, NULL, cancel_it, stream) == 0);
    CHECK_INT(NEXT(stream, -1), BEDROCK_E_CANCELLED);
    pthread_join(thread, NULL);
    bedrock_stream_free(stream);

    /* A cancel after BEDROCK_DONE has no effect. Neither has a freed cancel handle. */
    stream = pull_open_with(ten, "Hi.", freed);
    bedrock_cancel_free(freed);
    text[0] = '\0';
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    bedrock_stream_cancel(stream);
    bedrock_cancel_fire(freed);
    CHECK_INT(NEXT(stream, -1), BEDROCK_DONE);
    bedrock_stream_free(stream);
    bedrock_stream_cancel(stream);

    bedrock_cancel_free(fired);
    bedrock_cancel_free(later);
}

/* A stream continues after the model and the request are freed. */
static void keeps_what_it_needs(void)
{
    bedrock_model *model = check_scripted("[\"" TEN "\"]");
    bedrock_request *own = check_request("Hi.");
    bedrock_stream *changed = NULL, *freed = NULL;
    char text[100] = "";

    CHECK_OK(bedrock_stream_open(model, own, NULL, &changed, &error), error);
    CHECK_OK(bedrock_request_set(own, "{\"messages\": []}", BEDROCK_STRLEN, &error), error);
    CHECK_OK(bedrock_request_add_text(own, "user", "Bye.", BEDROCK_STRLEN, &error), error);
    CHECK_OK(bedrock_stream_open(model, own, NULL, &freed, &error), error);
    bedrock_request_free(own);
    bedrock_model_free(model);
    CHECK_INT(pull_all(changed, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    bedrock_stream_free(changed);
    CHECK_INT(pull_all(freed, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN TEN);
    bedrock_stream_free(freed);
}

/* An event is valid until the next bedrock_stream_next. Other calls do not invalidate it. */
static void borrowed(void)
{
    bedrock_stream *stream = pull_open(ten, "Hi."), *other = pull_open(ten, "Hi.");
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_response *response = NULL;
    const bedrock_event *event = NULL;
    char json[100], text[100] = "";

    do
        CHECK_INT(bedrock_stream_next(stream, -1, &event, &error), BEDROCK_OK);
    while (event->type != BEDROCK_EVENT_TEXT);
    snprintf(json, sizeof json, "%s", event->json);
    CHECK_OK(bedrock_stream_response(stream, &response, &error), error);
    bedrock_response_free(response);
    CHECK(bedrock_stream_fd(stream) >= 0);
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_OK);
    bedrock_waitset_free(set);
    CHECK_INT(pull_all(other, text), BEDROCK_DONE);
    bedrock_stream_free(other);
    bedrock_stream_cancel(stream);
    CHECK_TEXT(event->text, "a ");
    CHECK_INT(event->text_len, 2);
    CHECK_TEXT(event->json, json);
    CHECK_INT(event->json_len, strlen(json));
    CHECK_TEXT(event->tool_id, "");
    CHECK_TEXT(event->tool_name, "");
    bedrock_stream_free(stream);
}

/* on_event may open, read and free streams. */
static int32_t in_on_event(const bedrock_event *event, void *user)
{
    bedrock_stream **outside = user, *inside;
    char text[100] = "";

    if (event->type == BEDROCK_EVENT_TEXT) {
        inside = pull_open(ten, "Hi.");
        CHECK_INT(pull_all(inside, text), BEDROCK_DONE);
        CHECK_TEXT(text, TEN);
        bedrock_stream_free(inside);
        bedrock_stream_cancel(*outside);
        bedrock_stream_free(*outside);
        CHECK_INT(NEXT(*outside, 0), BEDROCK_E_BAD_HANDLE);
        *outside = pull_open(silent, "Hi.");
    }
    return 0;
}

static void inside_callbacks(void)
{
    bedrock_stream *outside = pull_open(ten, "Hi.");

    CHECK_OK(bedrock_generate_stream(ten, request, NULL, in_on_event, &outside, NULL, &error), error);
    bedrock_stream_free(outside);
}

/* A shutdown ends the running streams. The next call starts the library again. */
static void shut_down(void)
{
    bedrock_stream *open = pull_open(silent, "Hi."), *waited_for = pull_open(silent, "Hi."), *ended = pull_open(ten, "Hi.");
    bedrock_response *response = NULL;
    struct pull_reader reader;
    char text[100] = "";
    bedrock_status status;

    CHECK_INT(NEXT(open, -1), BEDROCK_OK);
    CHECK_INT(NEXT(waited_for, -1), BEDROCK_OK);
    CHECK_INT(pull_all(ended, text), BEDROCK_DONE);
    pull_send_reader(&reader, waited_for);
    while ((status = bedrock_shutdown(10)) == BEDROCK_AGAIN)
        ;
    CHECK_INT(status, BEDROCK_OK);
    CHECK_INT(pull_join(&reader), BEDROCK_E_CANCELLED);
    CHECK_INT(NEXT(open, -1), BEDROCK_E_CANCELLED);
    CHECK_INT(NEXT(open, 0), BEDROCK_E_CANCELLED);
    CHECK_INT(NEXT(ended, 0), BEDROCK_DONE);
    CHECK_OK(bedrock_stream_response(ended, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), TEN);
    bedrock_response_free(response);
    bedrock_stream_free(open);
    bedrock_stream_free(waited_for);
    bedrock_stream_free(ended);

    ended = pull_open(ten, "Hi.");
    CHECK_INT(pull_all(ended, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN TEN);
    bedrock_stream_free(ended);
}

/* In the child of a fork the parent's streams are invalid, and new ones work. The parent is not affected. */
static void forked(void)
{
    bedrock_stream *stream = pull_open(ten, "Hi."), *own, *out = POISON;
    bedrock_response *response = POISON;
    struct pull_child child;
    char text[100] = "";

    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    CHECK(bedrock_stream_fd(stream) >= 0);
    if (pull_fork(&child)) {
        bedrock_model *model;

        CHECK_INT(NEXT(stream, 0), BEDROCK_E_FORKED);
        CHECK_FAILS(bedrock_stream_response(stream, &response, &error), BEDROCK_E_FORKED, &error, "", "fork()");
        CHECK(response == NULL);
        CHECK_FAILS(bedrock_stream_open(ten, request, NULL, &out, &error), BEDROCK_E_FORKED, &error, "", "fork()");
        CHECK(out == NULL);
        CHECK_INT(bedrock_stream_fd(stream), -1);
        CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), BEDROCK_E_FORKED);
        bedrock_stream_cancel(stream);
        bedrock_stream_free(stream);
        CHECK_INT(NEXT(stream, 0), BEDROCK_E_FORKED);
        model = check_scripted("[\"" TEN "\"]");
        own = pull_open(model, "Hi.");
        CHECK(pull_readable(bedrock_stream_fd(own), -1));
        CHECK_INT(pull_all(own, text), BEDROCK_DONE);
        CHECK_TEXT(text, TEN);
        bedrock_stream_free(own);
        bedrock_model_free(model);
        pull_child_end(&child);
    }
    pull_child_wait(&child);
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    bedrock_stream_free(stream);
}

int main(int argc, char **argv)
{
    if (!CHECK(argc == 2))
        return 2;
    alarm(100);
    local = check_local(argv[1]);
    ten = check_scripted("[\"" TEN "\"]");
    silent = check_scripted(PULL_SILENT);
    request = check_request("Hi.");
    bad_arguments();
    same_as_generate();
    failures();
    timeouts();
    interrupted();
    other_threads();
    cancels();
    keeps_what_it_needs();
    borrowed();
    inside_callbacks();
    forked();
    shut_down();
    forked();
    bedrock_model_free(local);
    bedrock_model_free(ten);
    bedrock_model_free(silent);
    bedrock_request_free(request);
    return check_end();
}
