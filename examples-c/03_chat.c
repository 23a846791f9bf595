/* 03_chat.c - a conversation at the terminal.
 *
 *     cc 03_chat.c $(pkg-config --cflags --libs bedrock) -o 03_chat
 *
 * The request is the history: each turn adds the question and the response to it. A turn is made on a copy, which
 * replaces the request if the turn succeeds; so a turn that fails or is stopped changes nothing. Ctrl-C stops a
 * response, or ends the program at the prompt, as the end of the input does. 16_save.c saves a conversation. */
#include <bedrock.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "example.h"

static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \"I am only a script, but I stream like a model. Ask me something else.\"},"
    " {\"pace\": \"30ms\", \"text\": \"I say the same few things to everybody. The whole history was sent, though.\"}]";

/* Members of every request in this conversation, as Converse JSON. */
static const char settings[] =
    "{\"system\": [{\"text\": \"You are talking to a C programmer at a terminal: be brief, and use no Markdown.\"}],"
    " \"inferenceConfig\": {\"maxTokens\": 1000}}";

/* More attempts than the default: a person prefers to wait while the service is busy. */
static const char call_settings[] = "{\"timeout\": \"2m\", \"retry\": {\"max_attempts\": 8, \"max_backoff\": \"30s\"}}";

static bedrock_cancel *cancel; /* of the response that is running */

/* bedrock_cancel_fire is async-signal-safe: the only function of the library that a signal handler may call. */
static void on_interrupt(int number)
{
    (void)number;
    bedrock_cancel_fire(cancel);
}

static int32_t on_event(const bedrock_event *event, void *user)
{
    (void)user;
    if (event->type == BEDROCK_EVENT_TEXT) {
        fwrite(event->text, 1, event->text_len, stdout);
        fflush(stdout);
    }
    return 0;
}

/* Streams the response to the request; Ctrl-C stops it. A cancel stays fired: hence a new one each time. */
static bedrock_status respond(const bedrock_model *model, const bedrock_request *request, bedrock_response **response,
                             bedrock_error **error)
{
    bedrock_status status;

    cancel = bedrock_cancel_new();
    signal(SIGINT, on_interrupt);
    status = bedrock_generate_stream(model, request, cancel, on_event, NULL, response, error);
    signal(SIGINT, SIG_DFL);
    bedrock_cancel_free(cancel);
    printf("\n");
    return status;
}

/* One turn: *history grows by the question and its response, or does not change. A clone is cheap: it shares the text. */
static bedrock_status turn(const bedrock_model *model, bedrock_request **history, const char *question,
                           bedrock_error **error)
{
    bedrock_request *next = NULL;
    bedrock_response *response = NULL;
    bedrock_status status = bedrock_request_clone(*history, &next, error);

    if (status >= 0)
        status = bedrock_request_add_text(next, "user", question, BEDROCK_STRLEN, error);
    if (status >= 0)
        status = respond(model, next, &response, error);
    if (status >= 0) /* accepts every response; an empty one adds nothing */
        status = bedrock_request_add_response(next, response, error);
    if (status >= 0) {
        bedrock_request_free(*history);
        *history = next;
    } else {
        bedrock_request_free(next);
    }
    bedrock_response_free(response);
    return status;
}

int main(void)
{
    bedrock_model *base = NULL, *model = NULL;
    bedrock_request *history = NULL;
    bedrock_error *error = NULL;
    static char line[1 << 16];
    int failed = 0;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &base, &error) < 0
        || bedrock_model_with(base, call_settings, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(settings, BEDROCK_STRLEN, &history, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        bedrock_model_free(model);
        bedrock_model_free(base);
        return example_end(1);
    }
    while (printf("you> ") > 0 && fflush(stdout) == 0 && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (turn(model, &history, line, &error) < 0) {
            /* The conversation goes on without this turn. Stopping a response is not a failure. */
            fprintf(stderr, "%s\n", bedrock_error_message(error));
            failed |= bedrock_error_status(error) != BEDROCK_E_CANCELLED;
            bedrock_error_free(error);
        }
    }
    printf("\n");

    bedrock_request_free(history);
    bedrock_model_free(model);
    bedrock_model_free(base);
    return example_end(failed);
}
