/* run.c - the loop that calls tools: bedrock_run_tools and bedrock_run_next, with tools that work, fail, take their time
 * and end the run, and a request that stays consistent whatever happens. */
#include "pull.h"

#define SCHEMA "{\"type\": \"object\"}"
#define CALL(id, name, input) "{\"toolUse\": {\"toolUseId\": \"" id "\", \"name\": \"" name "\", \"input\": " input "}}"
#define MESSAGE(content) "{\"message\": {\"role\": \"assistant\", \"content\": [" content "]}}"

/* Two calls of a working and a failing tool, then the end. */
static const char two_calls[] =
    "[" MESSAGE("{\"text\": \"Both.\"}, " CALL("1", "add", "{\"a\": 2, \"b\": 3}") ", " CALL("2", "fail", "{}"))
    ", \"It is 5.\"]";

/* What the functions of the program saw. */
struct seen {
    char text[400];
    int rounds[20]; /* events in each round */
    int stop_at;    /* the type of an event at which to stop, or 0 */
    bedrock_run *run;
    char id[20];
    pthread_t thread;
    struct pull_child child;
};

static void note(struct seen *seen, const char *what, const char *detail)
{
    size_t used = strlen(seen->text);

    snprintf(seen->text + used, sizeof seen->text - used, "%s(%s) ", what, detail);
}

static int32_t on_event(const bedrock_event *event, void *user)
{
    struct seen *seen = (struct seen *)user;

    CHECK_INT(event->size, sizeof *event);
    CHECK(event->round >= 1 && event->round < 20);
    seen->rounds[event->round]++;
    if (event->type == BEDROCK_EVENT_TOOL_CALL) {
        CHECK_INT(event->input_valid, 1);
        note(seen, "event", event->tool_id);
    }
    return event->type == seen->stop_at;
}

static int32_t add(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    bedrock_error *error = NULL;
    const bedrock_event *event = NULL;
    char text[32];

    note((struct seen *)user, call->name, call->input_json);
    snprintf(text, sizeof text, "%g",
             bedrock_json_number(call->input_json, call->input_json_len, "/a", 0)
                 + bedrock_json_number(call->input_json, call->input_json_len, "/b", 0));
    CHECK_FAILS(bedrock_run_next(run, 0, &event, &error), BEDROCK_E_BUSY, &error, "", "bedrock_run_tools");
    CHECK_INT(bedrock_run_fd(run), -1);
    CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
    CHECK_OK(bedrock_run_result(run, call->id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, &error), error);
    CHECK_FAILS(bedrock_run_result(run, call->id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, &error),
                BEDROCK_E_INVALID_ARGUMENT, &error, "", "waits for a result");
    return BEDROCK_TOOL_DONE;
}

static int32_t fail(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    note((struct seen *)user, call->name, call->input_json);
    CHECK_INT(bedrock_run_result(run, call->id, "It is broken.", BEDROCK_STRLEN, BEDROCK_RESULT_ERROR, NULL), 0);
    return BEDROCK_TOOL_DONE;
}

static int32_t forget(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    (void)run;
    note((struct seen *)user, call->name, call->input_json);
    return BEDROCK_TOOL_DONE;
}

static int32_t stop(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    forget(run, call, user);
    return BEDROCK_TOOL_STOP;
}

static int32_t cancel(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    forget(run, call, user);
    bedrock_run_cancel(run);
    return BEDROCK_TOOL_LATER;
}

static void *finish_later(void *user)
{
    struct seen *seen = (struct seen *)user;

    CHECK_INT(bedrock_run_result(seen->run, seen->id, "[1, 2]", BEDROCK_STRLEN, BEDROCK_RESULT_JSON, NULL), BEDROCK_OK);
    return NULL;
}

static int32_t later(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    struct seen *seen = (struct seen *)user;

    forget(run, call, user);
    seen->run = run;
    snprintf(seen->id, sizeof seen->id, "%s", call->id);
    CHECK(pthread_create(&seen->thread, NULL, finish_later, seen) == 0);
    return BEDROCK_TOOL_LATER;
}

/* Forks inside a tool. In the child the run ends as forked, and the parent goes on. */
static int32_t fork_inside(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    struct seen *seen = (struct seen *)user;

    forget(run, call, user);
    if (pull_fork(&seen->child))
        return BEDROCK_TOOL_DONE;
    pull_child_wait(&seen->child);
    CHECK_INT(bedrock_run_result(run, call->id, "done", BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, NULL), BEDROCK_OK);
    return BEDROCK_TOOL_DONE;
}

static bedrock_status run_with(bedrock_model *model, bedrock_request *request, struct seen *seen, const char *options,
                               bedrock_response **response, bedrock_error **error)
{
    bedrock_tool tools[] = {{"add", "Adds.", SCHEMA, add, NULL},       {"fail", NULL, SCHEMA, fail, NULL},
                            {"forget", NULL, SCHEMA, forget, NULL},    {"stop", NULL, SCHEMA, stop, NULL},
                            {"cancel", NULL, SCHEMA, cancel, NULL},    {"later", NULL, SCHEMA, later, NULL},
                            {"fork", NULL, SCHEMA, fork_inside, NULL}};
    size_t count = sizeof tools / sizeof *tools, i;

    for (i = 0; i < count; i++)
        tools[i].user = seen;
    return bedrock_run_tools(model, request, tools, count, sizeof *tools, options, BEDROCK_STRLEN, NULL, on_event, seen,
                             response, error);
}

static void parallel_calls_are_answered_in_one_message(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    struct seen seen = {0};
    const char *json;
    size_t len;

    CHECK_OK(run_with(model, request, &seen, NULL, &response, &error), error);
    CHECK_TEXT(seen.text, "event(1) add({\"a\": 2, \"b\": 3}) event(2) fail({}) ");
    CHECK(seen.rounds[1] > 5 && seen.rounds[2] > 3 && seen.rounds[3] == 0);
    CHECK_TEXT(bedrock_response_text(response, NULL), "It is 5.");
    CHECK_INT(bedrock_response_complete(response), 1);
    CHECK_INT(bedrock_request_message_count(request), 4);
    json = bedrock_request_json(request, BEDROCK_ATTACHMENTS_INLINE, &len, &error);
    CHECK_PART(json, "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"1\",\"content\":[{\"text\":\"5\"}]}},"
                     "{\"toolResult\":{\"toolUseId\":\"2\",\"content\":[{\"text\":\"It is broken.\"}],\"status\":\"error\"}}]}");
    CHECK_INT(bedrock_json_type(json, len, "/toolConfig"), BEDROCK_JSON_NONE);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

/* Runs a conversation in which the model calls one tool, and checks how many messages the request then has. */
static bedrock_status run_one(const char *tool, struct seen *seen, const char *options, size_t messages)
{
    char replies[300];
    bedrock_model *model;
    bedrock_request *request = check_request("Go.");
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;

    snprintf(replies, sizeof replies, "[" MESSAGE(CALL("7", "%s", "{}")) ", \"The end.\"]", tool);
    model = check_scripted(replies);
    status = run_with(model, request, seen, options, &response, &error);
    CHECK((status < 0) == (error != NULL));
    CHECK_INT(bedrock_request_message_count(request), messages);
    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return status;
}

static void a_round_is_in_the_request_as_a_whole_or_not_at_all(void)
{
    struct seen seen = {0}, stopped = {0}, started = {0};

    CHECK_INT(run_one("later", &seen, "{}", 4), BEDROCK_OK);
    pthread_join(seen.thread, NULL);
    CHECK_INT(run_one("forget", &seen, "{}", 4), BEDROCK_OK);
    CHECK_INT(run_one("unknown", &seen, "{}", 4), BEDROCK_OK);
    CHECK_INT(run_one("stop", &seen, "{}", 1), BEDROCK_STOPPED);
    CHECK_INT(run_one("cancel", &seen, "{}", 1), BEDROCK_E_CANCELLED);
    CHECK_INT(run_one("forget", &seen, "{\"max_rounds\": 1}", 3), BEDROCK_STOPPED);
    CHECK_INT(run_one("forget", &seen, "{\"max_round\": 1}", 1), BEDROCK_E_CONFIG);
    CHECK_INT(run_one("forget", &seen, "{\"tools\": []}", 1), BEDROCK_E_CONFIG);
    stopped.stop_at = BEDROCK_EVENT_TOOL_CALL;
    CHECK_INT(run_one("forget", &stopped, "{}", 1), BEDROCK_STOPPED);
    CHECK_TEXT(stopped.text, "event(7) ");
    started.stop_at = BEDROCK_EVENT_MESSAGE_START;
    CHECK_INT(run_one("forget", &started, "{}", 1), BEDROCK_STOPPED);
}

static void a_fork_inside_of_a_tool_ends_the_run_in_the_child_alone(void)
{
    struct seen seen = {0};
    pid_t parent = getpid();
    bedrock_model *model = check_scripted("[" MESSAGE(CALL("7", "fork", "{}")) ", \"The end.\"]");
    bedrock_request *request = check_request("Go.");
    bedrock_response *response = NULL;
    bedrock_status status = run_with(model, request, &seen, NULL, &response, NULL);

    if (getpid() != parent) {
        CHECK_INT(status, BEDROCK_E_FORKED);
        CHECK(response == NULL);
        pull_child_end(&seen.child);
    }
    CHECK_INT(status, BEDROCK_OK);
    CHECK_INT(bedrock_request_message_count(request), 4);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static bedrock_run *open_run(bedrock_model *model, bedrock_request *request, const char *options, bedrock_cancel *latch)
{
    bedrock_run *run = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_run_open(model, request, options, BEDROCK_STRLEN, latch, &run, &error), error);
    return run;
}

static const char add_tool[] = "{\"tools\": [{\"name\": \"add\", \"input_schema\": {\"type\": \"object\"}},"
                               "{\"toolSpec\": {\"name\": \"fail\", \"inputSchema\": {\"json\": {\"type\": \"object\"}}}}]}";

/* Polls the descriptor and reads without waiting, until a call or the end. Returns the status. */
static bedrock_status read_to_call(bedrock_run *run, int fd, const bedrock_event **event, bedrock_error **error)
{
    for (;;) {
        bedrock_status status = bedrock_run_next(run, 0, event, error);

        if (status == BEDROCK_AGAIN)
            CHECK(pull_readable(fd, -1));
        else if (status != BEDROCK_OK || (*event)->type == BEDROCK_EVENT_TOOL_CALL)
            return status;
        else
            CHECK((*event)->round >= 1);
    }
}

static void a_run_has_one_descriptor_for_all_rounds(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_run *run = open_run(model, request, add_tool, NULL);
    const bedrock_event *event = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int fd = bedrock_run_fd(run);

    CHECK_INT(read_to_call(run, fd, &event, &error), BEDROCK_OK);
    CHECK_TEXT(event->tool_name, "add");
    CHECK_TEXT(event->text, "{\"a\": 2, \"b\": 3}");
    CHECK_INT(pull_readable(fd, 0), 1);
    CHECK_INT(read_to_call(run, fd, &event, &error), BEDROCK_OK);
    CHECK_TEXT(event->tool_id, "2");
    CHECK_INT(pull_readable(fd, 0), 0);
    CHECK_INT(bedrock_run_next(run, 0, &event, &error), BEDROCK_AGAIN);
    CHECK_INT(bedrock_run_next(run, 1, &event, &error), BEDROCK_AGAIN);
    CHECK_FAILS(bedrock_run_result(run, "2", "{", BEDROCK_STRLEN, BEDROCK_RESULT_JSON, &error), BEDROCK_E_REQUEST, &error,
                "", "not valid");
    CHECK_FAILS(bedrock_run_result(run, "3", "x", BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, &error),
                BEDROCK_E_INVALID_ARGUMENT, &error, "", "\"3\"");
    CHECK_FAILS(bedrock_run_result(run, "2", "x", BEDROCK_STRLEN, 9, &error), BEDROCK_E_INVALID_ARGUMENT, &error, "", "9");
    CHECK_OK(bedrock_run_result(run, "2", "{\"sum\": 5}", BEDROCK_STRLEN, BEDROCK_RESULT_JSON, &error), error);
    CHECK_INT(pull_readable(fd, 0), 0);
    CHECK_OK(bedrock_run_result(run, "1", "[{\"text\": \"a\"}, {\"text\": \"b\"}]", BEDROCK_STRLEN, BEDROCK_RESULT_CONTENT,
                                &error), error);
    CHECK_INT(pull_readable(fd, 0), 1);
    CHECK_INT(read_to_call(run, fd, &event, &error), BEDROCK_DONE);
    CHECK_INT(bedrock_run_fd(run), fd);
    CHECK_INT(pull_readable(fd, 0), 1);
    CHECK_INT(bedrock_run_next(run, -1, &event, &error), BEDROCK_DONE);
    CHECK_OK(bedrock_run_response(run, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), "It is 5.");
    CHECK_PART(bedrock_request_json(request, 0, NULL, &error),
               "{\"toolUseId\":\"1\",\"content\":[{\"text\": \"a\"},{\"text\": \"b\"}]}},"
               "{\"toolResult\":{\"toolUseId\":\"2\",\"content\":[{\"json\":{\"sum\": 5}}]}");
    bedrock_response_free(response);
    bedrock_run_free(run);
    bedrock_run_free(run);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static void a_run_stays_in_its_waiting_set(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_run *run = open_run(model, request, add_tool, NULL);
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *stream = (bedrock_stream *)POISON;
    const bedrock_event *event;
    bedrock_status status = BEDROCK_AGAIN;
    void *user = NULL;
    int calls = 0;

    CHECK_INT(bedrock_waitset_add_run(set, run, &calls), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add_run(set, run, &calls), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_run_set_wakeup(run, NULL, NULL, NULL), BEDROCK_E_BUSY);
    while (status != BEDROCK_DONE && CHECK(status >= 0)) {
        CHECK_INT(bedrock_waitset_wait(set, -1, &stream, &user), BEDROCK_OK);
        CHECK(user == &calls && stream == NULL);
        while ((status = bedrock_run_next(run, 0, &event, NULL)) == BEDROCK_OK)
            if (event->type == BEDROCK_EVENT_TOOL_CALL) {
                calls++;
                CHECK_INT(bedrock_run_result(run, event->tool_id, "ok", 2, BEDROCK_RESULT_TEXT, NULL), BEDROCK_OK);
            }
    }
    CHECK_INT(calls, 2);
    bedrock_run_free(run);
    bedrock_waitset_free(set);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static void wake(void *user)
{
    ssize_t written = write(*(int *)user, "", 1);

    (void)written;
}

static void a_wakeup_serves_all_rounds(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_run *run = open_run(model, request, add_tool, NULL);
    const bedrock_event *event;
    bedrock_status status = BEDROCK_AGAIN;
    int ends[2], calls = 0;
    char byte;

    CHECK(pipe(ends) == 0);
    CHECK_INT(bedrock_run_set_wakeup(run, wake, &ends[1], NULL), BEDROCK_OK);
    while (status != BEDROCK_DONE && CHECK(status >= 0)) {
        CHECK(read(ends[0], &byte, 1) == 1);
        while ((status = bedrock_run_next(run, 0, &event, NULL)) == BEDROCK_OK)
            if (event->type == BEDROCK_EVENT_TOOL_CALL) {
                calls++;
                CHECK_INT(bedrock_run_result(run, event->tool_id, "ok", 2, BEDROCK_RESULT_TEXT, NULL), BEDROCK_OK);
            }
    }
    CHECK_INT(calls, 2);
    bedrock_run_free(run);
    close(ends[0]);
    close(ends[1]);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static void *fire(void *cancel)
{
    bedrock_cancel_fire((bedrock_cancel *)cancel);
    return NULL;
}

static void *shut_down(void *user)
{
    (void)user;
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return NULL;
}

static void *cancel_run(void *run)
{
    bedrock_run_cancel((bedrock_run *)run);
    return NULL;
}

static void *free_run(void *run)
{
    bedrock_run_free((bedrock_run *)run);
    return NULL;
}

/* A run that waits for results is ended by everything that ends a stream. */
static void the_wait_for_results_ends(void)
{
    void *(*endings[])(void *) = {fire, shut_down, cancel_run, free_run, NULL};
    size_t i, polled, calls;

    for (i = 0; i < sizeof endings / sizeof *endings; i++)
        for (polled = 0; polled < 2; polled++) {
            bedrock_model *model = check_scripted(two_calls);
            bedrock_request *request = check_request("What is 2 + 3?");
            bedrock_cancel *latch = bedrock_cancel_new();
            char options[300];
            bedrock_run *run;
            const bedrock_event *event = NULL;
            bedrock_error *error = NULL;
            pthread_t thread;
            int fd;

            snprintf(options, sizeof options, "{%s%s", endings[i] == NULL ? "\"total\": \"400ms\", " : "", add_tool + 1);
            run = open_run(model, request, options, latch);
            fd = bedrock_run_fd(run);
            for (calls = 0; calls < 2; calls++) {
                bedrock_status status = read_to_call(run, fd, &event, NULL);

                /* Under valgrind the time can be over before the calls come. */
                CHECK(status == BEDROCK_OK || (endings[i] == NULL && status == BEDROCK_E_TIMEOUT));
            }
            if (endings[i] != NULL)
                CHECK(pthread_create(&thread, NULL, endings[i], endings[i] == fire ? (void *)latch : (void *)run) == 0);
            if (polled && endings[i] != free_run)
                CHECK(pull_readable(fd, -1));
            if (endings[i] == NULL)
                CHECK_FAILS(bedrock_run_next(run, -1, &event, &error), BEDROCK_E_TIMEOUT, &error, "", "(total)");
            else {
                bedrock_status status = bedrock_run_next(run, -1, &event, NULL);

                CHECK(status == BEDROCK_E_CANCELLED || (endings[i] == free_run && status == BEDROCK_E_BAD_HANDLE));
                pthread_join(thread, NULL);
            }
            CHECK_INT(bedrock_run_result(run, "1", "late", 4, BEDROCK_RESULT_TEXT, NULL),
                      endings[i] == free_run ? BEDROCK_E_BAD_HANDLE : BEDROCK_E_INVALID_ARGUMENT);
            CHECK_INT(bedrock_request_message_count(request), 1);
            bedrock_run_free(run);
            bedrock_cancel_free(latch);
            bedrock_request_free(request);
            bedrock_model_free(model);
        }
}

static int32_t fire_at_call(const bedrock_event *event, void *latch)
{
    if (event->type == BEDROCK_EVENT_TOOL_CALL)
        bedrock_cancel_fire((bedrock_cancel *)latch);
    return 0;
}

static void no_tool_begins_after_its_event_fired_the_cancel(void)
{
    struct seen seen = {0};
    bedrock_tool tool = {"add", "Adds.", SCHEMA, forget, NULL};
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_cancel *latch = bedrock_cancel_new();

    tool.user = &seen;
    CHECK_INT(bedrock_run_tools(model, request, &tool, 1, sizeof tool, NULL, 0, latch, fire_at_call, latch, NULL, NULL),
              BEDROCK_E_CANCELLED);
    CHECK_TEXT(seen.text, "");
    bedrock_cancel_free(latch);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

/* Also for calls of a message that has arrived before. */
static void no_call_is_returned_after_a_cancel_was_fired(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_cancel *latch = bedrock_cancel_new();
    bedrock_run *run = open_run(model, request, add_tool, latch);
    const bedrock_event *event = NULL;

    CHECK_INT(read_to_call(run, bedrock_run_fd(run), &event, NULL), BEDROCK_OK);
    bedrock_cancel_fire(latch);
    CHECK_INT(bedrock_run_next(run, 0, &event, NULL), BEDROCK_E_CANCELLED);
    bedrock_run_free(run);
    bedrock_cancel_free(latch);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static void in_the_child_of_a_fork_a_run_is_the_parents(void)
{
    bedrock_model *model = check_scripted(two_calls);
    bedrock_request *request = check_request("What is 2 + 3?");
    bedrock_run *run = open_run(model, request, add_tool, NULL);
    const bedrock_event *event = NULL;
    struct pull_child child;

    if (pull_fork(&child)) {
        CHECK_INT(bedrock_run_next(run, -1, &event, NULL), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_run_result(run, "1", "x", 1, BEDROCK_RESULT_TEXT, NULL), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_run_fd(run), -1);
        bedrock_run_cancel(run);
        bedrock_run_free(run);
        pull_child_end(&child);
    }
    pull_child_wait(&child);
    CHECK_INT(read_to_call(run, bedrock_run_fd(run), &event, NULL), BEDROCK_OK);
    bedrock_run_free(run);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

static void wrong_tools_are_named(void)
{
    bedrock_model *model = check_scripted("[\"x\"]");
    bedrock_request *request = check_request("Go.");
    bedrock_error *error = NULL;
    bedrock_run *run = (bedrock_run *)POISON;
    bedrock_tool twice[] = {{"add", NULL, SCHEMA, add, NULL}, {"add", NULL, SCHEMA, add, NULL}};
    bedrock_tool none[] = {{"add", NULL, SCHEMA, NULL, NULL}};
    bedrock_tool broken[] = {{"add", NULL, "[", add, NULL}};
    bedrock_tool spaced[] = {{"a b", NULL, SCHEMA, add, NULL}};
    size_t size = sizeof *twice;

#define RUN(tools, count, size) \
    bedrock_run_tools(model, request, tools, count, size, NULL, 0, NULL, NULL, NULL, NULL, &error)
    CHECK_FAILS(RUN(twice, 2, size), BEDROCK_E_INVALID_ARGUMENT, &error, "", "\"add\"");
    CHECK_FAILS(RUN(none, 1, size), BEDROCK_E_INVALID_ARGUMENT, &error, "", "tools[0]");
    CHECK_FAILS(RUN(NULL, 1, size), BEDROCK_E_INVALID_ARGUMENT, &error, "", "tools is NULL");
    CHECK_FAILS(RUN(twice, 1, 8), BEDROCK_E_INVALID_ARGUMENT, &error, "", "sizeof(bedrock_tool)");
    CHECK_FAILS(RUN(broken, 1, size), BEDROCK_E_REQUEST, &error, "", "\"add\"");
    CHECK_FAILS(RUN(spaced, 1, size), BEDROCK_E_REQUEST, &error, NULL, "\"a b\"");
    CHECK_OK(RUN(NULL, 0, 0), error);
    CHECK_FAILS(bedrock_run_open(model, request, "{\"tools\": [{\"name\": 1}]}", BEDROCK_STRLEN, NULL, &run, &error),
                BEDROCK_E_REQUEST, &error, NULL, "tools of a run");
    CHECK(run == NULL);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

int main(void)
{
    parallel_calls_are_answered_in_one_message();
    a_round_is_in_the_request_as_a_whole_or_not_at_all();
    a_fork_inside_of_a_tool_ends_the_run_in_the_child_alone();
    a_run_has_one_descriptor_for_all_rounds();
    a_run_stays_in_its_waiting_set();
    a_wakeup_serves_all_rounds();
    the_wait_for_results_ends();
    no_tool_begins_after_its_event_fired_the_cancel();
    no_call_is_returned_after_a_cancel_was_fired();
    in_the_child_of_a_fork_a_run_is_the_parents();
    wrong_tools_are_named();
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return check_end();
}
