/* burst.c - reads a long stream, as burst.cc does. tests/cpp/instructions compares the instructions of both loops. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char request_json[] = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hi.\"}]}]}";

/* Not inlined, so that callgrind finds it. */
__attribute__((noinline)) size_t consume(bedrock_stream *stream, bedrock_error **error)
{
    const bedrock_event *event;
    size_t bytes = 0;

    while (bedrock_stream_next(stream, -1, &event, error) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT)
            bytes += event->text_len;
    return bytes;
}

int main(int argc, char **argv)
{
    size_t words = argc > 1 ? (size_t)atol(argv[1]) : 1000, i;
    char *config = malloc(words * 5 + 200), *end = config;
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    size_t bytes = 0;

    end += sprintf(end, "{\"model\": \"test\", \"read_ahead\": \"1GiB\", \"transport\": {\"replies\": [\"");
    for (i = 0; i < words; i++)
        end += sprintf(end, "word ");
    sprintf(end, "\"]}}");
    if (bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) >= 0
        && bedrock_request_new(request_json, BEDROCK_STRLEN, &request, &error) >= 0
        && bedrock_stream_open(model, request, NULL, &stream, &error) >= 0)
        bytes = consume(stream, &error);
    if (bytes != words * 5)
        fprintf(stderr, "%lu bytes, not %lu: %s\n", (unsigned long)bytes, (unsigned long)words * 5,
                bedrock_error_message(error));
    bedrock_error_free(error);
    bedrock_stream_free(stream);
    bedrock_request_free(request);
    bedrock_model_free(model);
    free(config);
    return bytes != words * 5;
}
