/* 16_save.c - a conversation in a file: saved, loaded, and shortened when it grows too long.
 *
 *     cc 16_save.c $(pkg-config --cflags --libs bedrock) -o 16_save
 *     ./16_save talk.json "My name is Ada."
 *     ./16_save talk.json "What is my name?"
 *     ./16_save talk.json              # removes the last turn
 *
 * bedrock_request_json returns the request itself, and bedrock_request_new makes the same request of it, byte for byte,
 * so that the service finds it in its prompt cache. The system prompt belongs to the program and not to the file: it is
 * in the model's defaults. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"

static const char replies[] = "[\"I am only a script. But ask me again: our conversation is in the file.\"]";

static const char defaults[] = "{\"system\": [{\"text\": \"Be brief.\"}], \"inferenceConfig\": {\"maxTokens\": 1000}}";

enum { MAX_MESSAGES = 40 };

/* Returns the conversation in the file, or a new one if there is no file. */
static bedrock_status load(const char *path, bedrock_request **request, bedrock_error **error)
{
    size_t size = 0;
    char *json = (char *)example_read_file(path, &size);
    bedrock_status status = bedrock_request_new(json, size, request, error);

    free(json);
    return status;
}

/* Writes a new file and then replaces the old one with it: so the file is never incomplete. */
static bedrock_status save(const char *path, bedrock_request *request, bedrock_error **error)
{
    size_t size = 0;
    const char *json = bedrock_request_json(request, BEDROCK_ATTACHMENTS_INLINE, &size, error);
    char part[1024];
    FILE *file;

    if (json == NULL)
        return bedrock_error_status(*error);
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part || (file = fopen(part, "wb")) == NULL
        || (fwrite(json, 1, size, file) != size) | (fclose(file) != 0) || rename(part, path) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return BEDROCK_OK;
}

/* Asks the model. If the conversation is too long for it, removes the older half, until it fits or cannot be shorter. */
static bedrock_status ask(const bedrock_model *model, bedrock_request *request, bedrock_response **response,
                          bedrock_error **error)
{
    for (;;) {
        bedrock_status status = bedrock_generate(model, request, NULL, response, error);
        size_t count = bedrock_request_message_count(request);

        if (status != BEDROCK_E_CONTEXT_OVERFLOW)
            return status;
        if (bedrock_request_trim(request, count / 2, NULL, NULL) < 0 || bedrock_request_message_count(request) == count)
            return status;
        fprintf(stderr, "[the conversation was too long: %lu of %lu messages are left]\n",
                (unsigned long)bedrock_request_message_count(request), (unsigned long)count);
        bedrock_error_free(*error);
    }
}

/* Removes the last question and its response. */
static bedrock_status take_back(bedrock_request *request, bedrock_error **error)
{
    size_t count = bedrock_request_message_count(request), turn = count < 2 ? count : 2;

    printf("%lu messages removed.\n", (unsigned long)turn);
    return bedrock_request_remove_messages(request, count - turn, turn, error);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "talk.json";
    bedrock_model *base = NULL, *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &base, &error);

    if (status >= 0)
        status = bedrock_model_with(base, defaults, BEDROCK_STRLEN, &model, &error);
    if (status >= 0)
        status = load(path, &request, &error);
    if (status >= 0 && argc < 3)
        status = take_back(request, &error);
    if (status >= 0 && argc > 2) {
        status = bedrock_request_add_text(request, "user", argv[2], BEDROCK_STRLEN, &error);
        if (status >= 0)
            status = bedrock_request_trim(request, MAX_MESSAGES, NULL, &error);
        if (status >= 0)
            status = ask(model, request, &response, &error);
        if (status >= 0)
            status = bedrock_request_add_response(request, response, &error);
        if (status >= 0)
            printf("%s\n", bedrock_response_text(response, NULL));
    }
    if (status >= 0)
        status = save(path, request, &error);
    if (status < 0)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_model_free(base);
    return example_end(status < 0);
}
