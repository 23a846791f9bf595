/* run.c - examples of the manual: runs, which call the tools of a program. */
#include <bedrock.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* A bedrock_tool_fn: adds two numbers. The model reads the result. */
static int32_t add(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    double a = bedrock_json_number(call->input_json, call->input_json_len, "/a", 0);
    double b = bedrock_json_number(call->input_json, call->input_json_len, "/b", 0);
    char text[32];

    (void)user;
    snprintf(text, sizeof text, "%g", a + b);
    bedrock_run_result(run, call->id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, NULL);
    return BEDROCK_TOOL_DONE;
}

/* Lets the model call a tool for as many rounds as it needs, at most 5. */
static bedrock_status run_with_a_tool(bedrock_model *model, bedrock_request *request, bedrock_response **response,
                                      bedrock_error **error)
{
    bedrock_tool tool = {0};

    tool.name = "add";
    tool.description = "Adds two numbers.";
    tool.input_schema_json = "{\"type\": \"object\", \"required\": [\"a\", \"b\"], \"properties\": {"
                             "\"a\": {\"type\": \"number\"}, \"b\": {\"type\": \"number\"}}}";
    tool.call = add;
    return bedrock_run_tools(model, request, &tool, 1, sizeof tool, "{\"max_rounds\": 5}", BEDROCK_STRLEN, NULL, NULL,
                             NULL, response, error);
}

/* Opens a run that the program reads, and that is over in two minutes. */
static bedrock_status open_run(bedrock_model *model, bedrock_request *request, bedrock_run **run, bedrock_error **error)
{
    static const char options[] =
        "{\"total\": \"2m\", \"tools\": [{\"name\": \"clock\", \"description\": \"The time of day.\","
        " \"input_schema\": {\"type\": \"object\"}}]}";

    return bedrock_run_open(model, request, options, BEDROCK_STRLEN, NULL, run, error);
}

/* Reads what has come, without waiting, and does the calls. A slow tool would give its result later, on any thread. */
static bedrock_status read_run(bedrock_run *run, bedrock_error **error)
{
    const bedrock_event *event;
    bedrock_status status;

    while ((status = bedrock_run_next(run, 0, &event, error)) == BEDROCK_OK) {
        if (event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
        else if (event->type == BEDROCK_EVENT_TOOL_CALL)
            bedrock_run_result(run, event->tool_id, "{\"hour\": 9}", BEDROCK_STRLEN, BEDROCK_RESULT_JSON, NULL);
    }
    return status;
}

/* Sleeps while there is nothing to read. The descriptor is the same for all rounds. */
static bedrock_status read_to_the_end(bedrock_run *run, bedrock_error **error)
{
    struct pollfd ready = {0, POLLIN, 0};
    bedrock_status status;

    ready.fd = bedrock_run_fd(run);
    while ((status = read_run(run, error)) == BEDROCK_AGAIN)
        if (poll(&ready, 1, -1) < 0)
            bedrock_run_cancel(run);
    return status;
}

/* A bedrock_wakeup_fn: writes to the pipe that the loop of the program polls. */
static void wake(void *user)
{
    const int *pipe = user;
    ssize_t written = write(pipe[1], "", 1);

    (void)written;
}

/* Reads a run each time a wakeup arrives. */
static bedrock_status read_when_woken(bedrock_run *run, int pipe[2], bedrock_error **error)
{
    bedrock_status status = bedrock_run_set_wakeup(run, wake, pipe, NULL);
    char byte;

    while (status >= 0 && (status = read_run(run, error)) == BEDROCK_AGAIN)
        if (read(pipe[0], &byte, 1) < 0)
            break;
    return status;
}

/* Reads the runs of a waiting set until the first has ended. */
static bedrock_status read_the_first(bedrock_waitset *set, bedrock_run *run, bedrock_error **error)
{
    bedrock_status status = bedrock_waitset_add_run(set, run, run);
    void *user;

    while (status >= 0 && status != BEDROCK_DONE && status != BEDROCK_STOPPED) {
        status = bedrock_waitset_wait(set, -1, NULL, &user);
        if (status == BEDROCK_OK)
            status = read_run(user, error);
    }
    return status;
}

/* Does by hand what a run does: adds the message of the model, and a result for each of its calls. */
static bedrock_status add_results(bedrock_request *request, const bedrock_response *response, bedrock_error **error)
{
    bedrock_status status = bedrock_request_add_response(request, response, error);
    size_t i, count = bedrock_response_tool_call_count(response);

    for (i = 0; i < count && status >= 0; i++) {
        bedrock_tool_call call;

        status = bedrock_response_tool_call(response, i, &call, sizeof call);
        if (status >= 0) {
            const char *result = call.input_valid ? "9:00" : "The input was cut off.";

            status = bedrock_request_add_tool_result(request, call.id, result, BEDROCK_STRLEN, !call.input_valid,
                                                     error);
        }
    }
    return status;
}

/* Frees a run, and returns the tokens of all of its rounds. It may have failed. */
static long end_run(bedrock_run *run)
{
    bedrock_response *response = NULL;
    bedrock_usage usage = {0};

    if (bedrock_run_response(run, &response, NULL) == BEDROCK_OK)
        bedrock_response_usage(response, &usage, sizeof usage);
    bedrock_response_free(response);
    bedrock_run_free(run);
    return (long)usage.total_tokens;
}

int main(void)
{
#define CALL(name, input) "{\"message\": {\"role\": \"assistant\", \"content\": [{\"toolUse\": " \
                          "{\"toolUseId\": \"1\", \"name\": \"" name "\", \"input\": " input "}}]}}"
    static const char config[] =
        "{\"model\": \"any\", \"transport\": {\"replies\": [" CALL("add", "{\"a\": 2, \"b\": 3}") ", \"It is 5.\","
        CALL("clock", "{}") ", \"It is nine.\"," CALL("clock", "{}") ", \"Still nine.\", \"Nine.\","
        CALL("clock", "{}") "]}}";
    static const char tools[] =
        "{\"toolConfig\": {\"tools\": [{\"toolSpec\": {\"name\": \"clock\", \"inputSchema\": {\"json\": {}}}}]}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL, *by_hand = NULL;
    bedrock_run *runs[3] = {NULL, NULL, NULL};
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_error *error = NULL;
    int ends[2];
    int failed = pipe(ends) < 0 || bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Add 2 and 3.", BEDROCK_STRLEN, &error) < 0
        || run_with_a_tool(model, request, &response, &error) < 0
        || bedrock_request_add_text(request, "user", "What time is it?", BEDROCK_STRLEN, &error) < 0
        || open_run(model, request, &runs[0], &error) < 0 || read_to_the_end(runs[0], &error) < 0
        || bedrock_request_add_text(request, "user", "And now?", BEDROCK_STRLEN, &error) < 0
        || open_run(model, request, &runs[1], &error) < 0 || read_when_woken(runs[1], ends, &error) < 0
        || bedrock_request_add_text(request, "user", "And now?", BEDROCK_STRLEN, &error) < 0
        || open_run(model, request, &runs[2], &error) < 0 || read_the_first(set, runs[2], &error) < 0
        || bedrock_request_add_text(request, "user", "And now?", BEDROCK_STRLEN, &error) < 0
        || bedrock_request_set(request, tools, BEDROCK_STRLEN, &error) < 0
        || bedrock_generate(model, request, NULL, &by_hand, &error) < 0
        || add_results(request, by_hand, &error) < 0;
    long tokens = end_run(runs[0]) + end_run(runs[1]) + end_run(runs[2]);

    if (!failed)
        printf("\n%ld tokens\n", tokens);
    else
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_waitset_free(set);
    bedrock_response_free(by_hand);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
