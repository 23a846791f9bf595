/* 01_hello.c - one question, one response.
 *
 *     cc 01_hello.c $(pkg-config --cflags --libs bedrock) -o 01_hello
 *
 * The four steps of every program: a model from its configuration, a request, a call, and the response. */
#include <bedrock.h>

#include <inttypes.h>
#include <stdio.h>

#include "example.h"

/* The reply of the script, which is used if there are no AWS credentials. */
static const char replies[] = "[\"Hello, C programmer: may your pointers be valid and your strings end in NUL.\"]";

/* A request is the JSON of Amazon Bedrock's Converse API, and is sent as it is written here. */
static const char question[] =
    "{"
    "  \"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Greet a C programmer in one sentence.\"}]}],"
    "  \"inferenceConfig\": {\"maxTokens\": 200}"
    "}";

int main(void)
{
    /* Each object that a function makes is owned by the caller. Begin with NULL: freeing NULL does nothing. */
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = 1;

    /* A function that can fail returns a status. Below 0 is a failure, and error holds the reason. Text has a length
     * after it; BEDROCK_STRLEN means "up to the NUL". The NULL in bedrock_generate is for a bedrock_cancel. */
    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(question, BEDROCK_STRLEN, &request, &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    } else {
        bedrock_usage usage;

        /* Text from the library is never NULL, is NUL-terminated, and lives as long as its object. */
        printf("%s\n", bedrock_response_text(response, NULL));

        if (bedrock_response_usage(response, &usage, sizeof usage) >= 0)
            printf("(%s; %" PRId64 " tokens in, %" PRId64 " out)\n", bedrock_response_stop_reason(response),
                   usage.input_tokens, usage.output_tokens);
        failed = 0;
    }

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(failed);
}
