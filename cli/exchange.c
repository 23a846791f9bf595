/* exchange.c - a call whose response is printed while it comes. */
#include "exchange.h"

#include "exit_status.h"
#include "failure.h"
#include "interrupt.h"
#include "output.h"
#include "usage.h"

#include <string.h>

void exchange_run(const bedrock_model *model, const char *operation, const bedrock_request *request,
                  exchange_event_fn on_event, void *user, struct exchange *exchange)
{
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_stream *stream = NULL;
    const bedrock_event *event;
    double began = usage_clock();

    memset(exchange, 0, sizeof *exchange);
    exchange->first = -1;
    interrupt_begin(cancel);
    exchange->status = bedrock_call_open(model, operation, request, cancel, &stream, &exchange->error);
    while (exchange->status >= 0 && exchange->status != BEDROCK_DONE) {
        exchange->status = bedrock_stream_next(stream, -1, &event, &exchange->error);
        if (exchange->status == BEDROCK_OK && on_event(event, user)) {
            exchange->printed = 1;
            if (exchange->first < 0)
                exchange->first = usage_clock() - began;
        }
        if (output_status() != EXIT_COMPLETE)
            bedrock_stream_cancel(stream);
    }
    exchange->total = usage_clock() - began;
    exchange->signal = interrupt_end();
    if (stream != NULL)
        bedrock_stream_response(stream, &exchange->response, NULL);
    bedrock_stream_free(stream);
    bedrock_cancel_free(cancel);
}

/* How a response is printed. */
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

/* Prints a line if the response ended in another way than by itself. */
static void print_stop_reason(const bedrock_response *response)
{
    const char *reason = bedrock_response_stop_reason(response);

    if (strcmp(reason, "max_tokens") == 0)
        output_note("[the response reached the limit of tokens: --max-tokens]");
    else if (strcmp(reason, "tool_use") == 0)
        output_note("[the model calls tools, which bedrock ask does not run: --json prints the calls]");
    else if (reason[0] != '\0' && strcmp(reason, "end_turn") != 0 && strcmp(reason, "stop_sequence") != 0)
        output_note("[the response ended: %s]", reason);
}

void exchange_print(const bedrock_model *model, const bedrock_request *request, const struct options *options,
                    struct exchange *exchange)
{
    struct printer printer = {0};
    int json = options_has(options, OPTION_JSON), waits = options_has(options, OPTION_NO_STREAM);
    const char *text;
    size_t length;

    printer.text = !json;
    printer.reasoning = options_has(options, OPTION_REASONING);
    exchange_run(model, waits ? "Converse" : "ConverseStream", request, print_event, &printer, exchange);
    if (printer.reasons_now)
        output_note("%s", "");
    if (json)
        exchange->printed = 0;
    if (exchange->status == BEDROCK_DONE && json) {
        text = bedrock_response_json(exchange->response, &length);
        output_write(text, length);
    } else if (exchange->status == BEDROCK_DONE && waits) {
        text = bedrock_response_reasoning(exchange->response, &length);
        if (printer.reasoning && length > 0) {
            output_aside(text, length);
            output_note("%s", "");
        }
        text = bedrock_response_text(exchange->response, &length);
        output_write(text, length);
    }
    output_end_line();
    if (exchange->status == BEDROCK_DONE && !json)
        print_stop_reason(exchange->response);
    if (options_has(options, OPTION_USAGE))
        usage_print(exchange->response, exchange->first, exchange->total);
}

int exchange_end(struct exchange *exchange)
{
    int status = EXIT_COMPLETE;

    bedrock_response_free(exchange->response);
    if (exchange->signal != 0)
        status = EXIT_SIGNAL + exchange->signal;
    else if (output_status() != EXIT_COMPLETE)
        status = output_status();
    if (status != EXIT_COMPLETE)
        bedrock_error_free(exchange->error);
    else if (exchange->status < 0)
        status = failure_report(exchange->status, exchange->error, exchange->printed);
    return status;
}
