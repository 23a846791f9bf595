/* 02_stream.c - print a response while the model writes it.
 *
 *     cc 02_stream.c $(pkg-config --cflags --libs bedrock) -o 02_stream
 *     ./02_stream "Why does C have no strings?"
 *
 * bedrock_generate_stream calls your function for each event, on the thread that called it, so that no locks are
 * needed. After it has returned, your function is not called any more. */
#include <bedrock.h>

#include <inttypes.h>
#include <stdio.h>

#include "example.h"

/* The reply of the script, which is used if there are no AWS credentials: a word every 30 milliseconds. */
static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \""
    "C has no strings, only an agreement: bytes, one after the other, until one of them is zero. "
    "It costs a single byte, needs no type, and any address inside a string is a string as well.\\n\\n"
    "This text reaches you as a model's would: one event at a time, through the same framing, checksums and decoder, "
    "with a callback written in C at the end. Only the network was left out.\"}]";

/* A bedrock_event_fn. An event and its text are borrowed until this function returns: copy them to keep them. */
static int32_t on_event(const bedrock_event *event, void *user)
{
    FILE *out = user;

    if (event->type == BEDROCK_EVENT_TEXT) {
        fwrite(event->text, 1, event->text_len, out);
        fflush(out);
    }
    return ferror(out); /* nonzero stops the stream and closes its connection: the output is closed */
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Why does C have no strings?";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = 1;

    /* bedrock_request_add_text takes any text: there is nothing to escape, as there would be in JSON. */
    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0
        || bedrock_generate_stream(model, request, NULL, on_event, stdout, &response, &error) < 0) {
        /* A stream that breaks off is an error, never a short response. It may have begun a line: hence the first \n. */
        fprintf(stderr, "\n%s\n", bedrock_error_message(error));
    } else {
        bedrock_usage usage;

        /* The response is that of a call without streaming. Pass NULL if you do not need it. */
        printf("\n");
        if (bedrock_response_usage(response, &usage, sizeof usage) >= 0)
            fprintf(stderr, "[%s; %" PRId64 " tokens in, %" PRId64 " out]\n", bedrock_response_stop_reason(response),
                    usage.input_tokens, usage.output_tokens);
        failed = 0;
    }

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(failed);
}
