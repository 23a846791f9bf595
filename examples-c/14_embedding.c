/* 14_embedding.c - embeddings: which of some sentences is closest in meaning to a question. (InvokeModel)
 *
 *     cc 14_embedding.c $(pkg-config --cflags --libs bedrock) -lm -o 14_embedding
 *     ./14_embedding "Can I bring my dog?"
 *
 * Models without Converse have requests in their own form: "body" holds it, and is sent as it is. All calls are opened
 * first and run at the same time; then the program waits for each response. */
#include <bedrock.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "example.h"

#define EMBEDDER "amazon.titan-embed-text-v2:0"
#define DIMENSIONS 256
#define SENTENCES 3

/* The embeddings of the script have three dimensions. */
static const char replies[] =
    "[{\"json\": {\"embedding\": [0.1, 0.9, 0.1], \"inputTextTokenCount\": 7}},"
    " {\"json\": {\"embedding\": [0.8, 0.1, 0.3], \"inputTextTokenCount\": 6}},"
    " {\"json\": {\"embedding\": [0.2, 0.8, 0.2], \"inputTextTokenCount\": 5}},"
    " {\"json\": {\"embedding\": [0.3, 0.2, 0.9], \"inputTextTokenCount\": 6}}]";

static const char *const sentences[SENTENCES] = {
    "Breakfast is served from seven to ten.", "Pets are welcome in all rooms.", "The pool is open in summer."};

static bedrock_stream *open_embedding(const bedrock_model *model, const char *text, bedrock_error **error)
{
    bedrock_request *request = NULL;
    bedrock_stream *stream = NULL;
    char quoted[1024], json[1200];

    if (bedrock_json_quote(text, BEDROCK_STRLEN, quoted, sizeof quoted) >= sizeof quoted)
        return NULL;
    snprintf(json, sizeof json, "{\"modelId\": \"" EMBEDDER "\", \"body\": {\"inputText\": %s, \"dimensions\": %d}}", quoted,
             DIMENSIONS);
    if (bedrock_request_new(json, BEDROCK_STRLEN, &request, error) >= 0)
        bedrock_call_open(model, "InvokeModel", request, NULL, &stream, error);
    bedrock_request_free(request);
    return stream;
}

/* Waits for an embedding, and returns how many dimensions it has; 0 if it failed. */
static size_t read_embedding(bedrock_stream *stream, double *vector, bedrock_error **error)
{
    const bedrock_event *event;
    bedrock_response *response = NULL;
    const char *json;
    size_t length, count;

    if (stream == NULL || bedrock_stream_next(stream, -1, &event, error) != BEDROCK_DONE
        || bedrock_stream_response(stream, &response, error) < 0)
        return 0;
    json = bedrock_response_json(response, &length);
    count = bedrock_json_numbers(json, length, "/embedding", vector, DIMENSIONS);
    bedrock_response_free(response);
    return count <= DIMENSIONS ? count : 0;
}

static double cosine(const double *a, const double *b, size_t count)
{
    double product = 0, a_square = 0, b_square = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        product += a[i] * b[i];
        a_square += a[i] * a[i];
        b_square += b[i] * b[i];
    }
    return product / sqrt(a_square * b_square);
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Can I bring my dog?";
    bedrock_stream *streams[SENTENCES + 1] = {NULL};
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;
    double asked[DIMENSIONS], vector[DIMENSIONS];
    size_t count = 0;
    int i, good = bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) >= 0;

    for (i = 0; good && i <= SENTENCES; i++)
        good = (streams[i] = open_embedding(model, i == 0 ? question : sentences[i - 1], &error)) != NULL;
    if (good)
        good = (count = read_embedding(streams[0], asked, &error)) > 0;
    if (good)
        puts(question);
    for (i = 1; good && i <= SENTENCES; i++)
        if ((good = read_embedding(streams[i], vector, &error) == count) != 0)
            printf("  %.2f  %s\n", cosine(asked, vector, count), sentences[i - 1]);
    if (!good)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    for (i = 0; i <= SENTENCES; i++)
        bedrock_stream_free(streams[i]);
    bedrock_model_free(model);
    return example_end(!good);
}
