/* call.c - "bedrock call": any operation by its name.
 *
 * An operation that streams prints a line of JSON for each event, {"messageStart": {"role": "assistant"}}: the form in
 * which "transport": {"replies": [{"events": [...]}]} plays them. Every other operation prints its response. */
#include "call.h"

#include "attach.h"
#include "config.h"
#include "descriptor.h"
#include "exchange.h"
#include "exit_status.h"
#include "failure.h"
#include "file.h"
#include "members.h"
#include "nearest.h"
#include "output.h"
#include "text.h"
#include "usage.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *event_name(const bedrock_event *event)
{
    switch (event->type) {
    case BEDROCK_EVENT_MESSAGE_START:
        return "messageStart";
    case BEDROCK_EVENT_BLOCK_START:
        return "contentBlockStart";
    case BEDROCK_EVENT_TEXT:
    case BEDROCK_EVENT_REASONING:
    case BEDROCK_EVENT_TOOL_INPUT:
    case BEDROCK_EVENT_BLOCK_DELTA:
        return "contentBlockDelta";
    case BEDROCK_EVENT_BLOCK_STOP:
        return "contentBlockStop";
    case BEDROCK_EVENT_MESSAGE_STOP:
        return "messageStop";
    case BEDROCK_EVENT_METADATA:
        return "metadata";
    case BEDROCK_EVENT_CHUNK:
        return "chunk";
    default:
        return event->text;
    }
}

/* Prints an event in one line. A line break outside of a string is white space in JSON. */
static int print_event(const bedrock_event *event, void *user)
{
    const int *waits = user;
    int is_chunk = event->type == BEDROCK_EVENT_CHUNK;
    const char *json = is_chunk ? event->text : event->json;
    size_t length = is_chunk ? event->text_len : event->json_len, i;
    struct text line = {0};

    if (*waits || length == 0)
        return 0;
    members_begin(&line);
    members_add(&line, event_name(event), json, length);
    members_end(&line);
    for (i = 0; i < line.length; i++)
        if (line.data[i] == '\n' || line.data[i] == '\r')
            line.data[i] = ' ';
    text_puts(&line, "\n");
    output_write(text_string(&line), line.length);
    text_free(&line);
    return is_chunk || event->type == BEDROCK_EVENT_TEXT || event->type == BEDROCK_EVENT_REASONING
        || event->type == BEDROCK_EVENT_TOOL_INPUT;
}

/* Reads the request: a text, a file, or standard input. It is {} if there is none. */
static int read_body(const struct options *options, struct text *body)
{
    const char *argument = options_value(options, OPTION_BODY);

    if (argument == NULL)
        argument = "{}";
    if (strcmp(argument, "-") != 0)
        return file_read_argument("--json", argument, body);
    if (descriptor_read(STDIN_FILENO, body) == 0)
        return EXIT_COMPLETE;
    output_complain("standard input cannot be read: %s", strerror(errno));
    return EXIT_USAGE;
}

static int streams(const char *operation)
{
    return strstr(operation, "Stream") != NULL;
}

static int perform(const struct options *options, const char *operation, const bedrock_model *model,
                   const bedrock_request *request)
{
    int waits = options_has(options, OPTION_NO_STREAM) || !streams(operation);
    struct exchange exchange;
    size_t length;
    const char *json;

    exchange_run(model, operation, request, print_event, &waits, &exchange);
    if (exchange.status == BEDROCK_DONE && waits) {
        json = bedrock_response_json(exchange.response, &length);
        output_write(json, length);
        output_end_line();
    }
    if (exchange.status == BEDROCK_E_INVALID_ARGUMENT) {
        struct nearest best = {0};
        const char *const *name;

        for (name = operation_names; *name != NULL; name++)
            nearest_consider(&best, operation, *name);
        if (best.name != NULL)
            output_complain("there is no operation %s. Did you mean %s?", operation, best.name);
    }
    if (options_has(options, OPTION_USAGE))
        usage_print(exchange.response, exchange.first, exchange.total);
    return exchange_end(&exchange);
}

int call(const struct options *options)
{
    struct text body = {0};
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    bedrock_status result;
    int status;

    if (options->argument_count != 1) {
        output_complain("bedrock call wants the name of one operation, such as InvokeModel. See bedrock call --help");
        return EXIT_USAGE;
    }
    status = read_body(options, &body);
    if (status == EXIT_COMPLETE)
        status = config_model(options, &model);
    if (status == EXIT_COMPLETE) {
        result = bedrock_request_new(text_string(&body), body.length, &request, &error);
        if (result < 0)
            status = failure_report(result, error, 0);
    }
    if (status == EXIT_COMPLETE)
        status = attach_named(request, options);
    if (status == EXIT_COMPLETE)
        status = perform(options, options->arguments[0], model, request);
    bedrock_request_free(request);
    bedrock_model_free(model);
    config_finish(options);
    text_free(&body);
    return status;
}
