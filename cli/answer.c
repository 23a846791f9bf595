/* answer.c - a call whose answer is printed while it comes. */
#include "answer.h"

#include "exit_status.h"
#include "failure.h"
#include "interrupt.h"
#include "output.h"
#include "usage.h"

#include <string.h>

void answer_get(const bedrock_model *model, const char *operation, const bedrock_request *request,
                answer_event_fn on_event, void *user, struct answer *answer)
{
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_stream *stream = NULL;
    const bedrock_event *event;
    double began = usage_clock();

    memset(answer, 0, sizeof *answer);
    answer->first = -1;
    interrupt_begin(cancel);
    answer->status = bedrock_call_open(model, operation, request, cancel, &stream, &answer->error);
    while (answer->status >= 0 && answer->status != BEDROCK_DONE) {
        answer->status = bedrock_stream_next(stream, -1, &event, &answer->error);
        if (answer->status == BEDROCK_OK && on_event(event, user)) {
            answer->printed = 1;
            if (answer->first < 0)
                answer->first = usage_clock() - began;
        }
        if (output_status() != EXIT_COMPLETE)
            bedrock_stream_cancel(stream);
    }
    answer->total = usage_clock() - began;
    answer->signal = interrupt_end();
    if (stream != NULL)
        bedrock_stream_response(stream, &answer->response, NULL);
    bedrock_stream_free(stream);
    bedrock_cancel_free(cancel);
}

/* How an answer is printed. */
struct printer {
    int text;
    int reasoning;
    int reasons_now; /* the last thing that was printed is reasoning, whose line has not ended */
};

static int print_event(const bedrock_event *event, void *user)
{
    struct printer *printer = user;

    switch (event->type) {
    case BEDROCK_EVENT_TEXT:
        if (printer->reasons_now)
            output_note("%s", "");
        printer->reasons_now = 0;
        if (printer->text)
            output_write(event->text, event->text_len);
        return 1;
    case BEDROCK_EVENT_REASONING:
        if (printer->reasoning) {
            output_aside(event->text, event->text_len);
            printer->reasons_now = 1;
        }
        return 1;
    case BEDROCK_EVENT_TOOL_INPUT:
        return 1;
    default:
        return 0;
    }
}

/* Prints a line if the answer ended in another way than by itself. */
static void print_stop_reason(const bedrock_response *response)
{
    const char *reason = bedrock_response_stop_reason(response);

    if (strcmp(reason, "max_tokens") == 0)
        output_note("[the answer reached the limit of tokens: --max-tokens]");
    else if (strcmp(reason, "tool_use") == 0)
        output_note("[the model calls tools, which bedrock ask does not run: --json prints the calls]");
    else if (reason[0] != '\0' && strcmp(reason, "end_turn") != 0 && strcmp(reason, "stop_sequence") != 0)
        output_note("[the answer ended: %s]", reason);
}

void answer_print(const bedrock_model *model, const bedrock_request *request, const struct options *options,
                  struct answer *answer)
{
    struct printer printer = {0};
    int json = options_has(options, OPTION_JSON), waits = options_has(options, OPTION_NO_STREAM);
    const char *text;
    size_t length;

    printer.text = !json;
    printer.reasoning = options_has(options, OPTION_REASONING);
    answer_get(model, waits ? "Converse" : "ConverseStream", request, print_event, &printer, answer);
    if (printer.reasons_now)
        output_note("%s", "");
    if (json)
        answer->printed = 0;
    if (answer->status == BEDROCK_DONE && json) {
        text = bedrock_response_json(answer->response, &length);
        output_write(text, length);
    } else if (answer->status == BEDROCK_DONE && waits) {
        text = bedrock_response_reasoning(answer->response, &length);
        if (printer.reasoning && length > 0) {
            output_aside(text, length);
            output_note("%s", "");
        }
        text = bedrock_response_text(answer->response, &length);
        output_write(text, length);
    }
    output_end_line();
    if (answer->status == BEDROCK_DONE && !json)
        print_stop_reason(answer->response);
    if (options_has(options, OPTION_USAGE))
        usage_print(answer->response, answer->first, answer->total);
}

int answer_end(struct answer *answer)
{
    int status = EXIT_COMPLETE;

    bedrock_response_free(answer->response);
    if (answer->signal != 0)
        status = EXIT_SIGNAL + answer->signal;
    else if (output_status() != EXIT_COMPLETE)
        status = output_status();
    if (status != EXIT_COMPLETE)
        bedrock_error_free(answer->error);
    else if (answer->status < 0)
        status = failure_report(answer->status, answer->error, answer->printed);
    return status;
}
