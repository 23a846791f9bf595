/* 12_cache.c - prompt caching: a part that is the same in every call is read once, and costs less after that.
 *
 *     cc 12_cache.c $(pkg-config --cflags --libs bedrock) -o 12_cache
 *     ./12_cache handbook.txt
 *
 * The model marks the end of the part that stays the same: "cache" adds a cache point to each request. The service finds
 * its cache by the bytes before it, and the library always sends the same bytes for the same request. (Most models cache
 * from some 1,000 tokens on.) */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

#include "example.h"

/* The script replies as a service that has the handbook in its cache from the second call on. */
#define REPLY(text, usage) \
    "{\"events\": [{\"messageStart\": {\"role\": \"assistant\"}}, {\"contentBlockDelta\": {\"contentBlockIndex\": 0," \
    " \"delta\": {\"text\": \"" text "\"}}}, {\"contentBlockStop\": {\"contentBlockIndex\": 0}}, {\"messageStop\":" \
    " {\"stopReason\": \"end_turn\"}}, {\"metadata\": {\"usage\": {" usage "}, \"metrics\": {\"latencyMs\": 300}}}]}"
static const char replies[] =
    "[" REPLY("At nine.", "\"inputTokens\": 12, \"outputTokens\": 4, \"totalTokens\": 2064, \"cacheReadInputTokens\": 0,"
               " \"cacheWriteInputTokens\": 2048")
    "," REPLY("On Sundays.", "\"inputTokens\": 13, \"outputTokens\": 4, \"totalTokens\": 2065, \"cacheReadInputTokens\": 2048,"
               " \"cacheWriteInputTokens\": 0") "]";

static const char *const questions[] = {"When does the shop open?", "When is it closed?"};

/* Asks one question after the handbook, and prints how many tokens came from the cache. */
static int ask(const bedrock_model *model, const bedrock_request *handbook, const char *question, bedrock_error **error)
{
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_usage usage;
    int good;

    /* A clone is cheap: it shares the text. */
    good = bedrock_request_clone(handbook, &request, error) >= 0
        && bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, error) >= 0
        && bedrock_generate(model, request, NULL, &response, error) >= 0;
    if (good) {
        bedrock_response_usage(response, &usage, sizeof usage);
        printf("%s %s\n", question, bedrock_response_text(response, NULL));
        printf("[tokens: %ld new, %ld written to the cache, %ld read from it]\n", (long)usage.input_tokens,
               (long)usage.cache_write_tokens, (long)usage.cache_read_tokens);
    }
    bedrock_response_free(response);
    bedrock_request_free(request);
    return good;
}

int main(int argc, char **argv)
{
    static char text[1 << 16] = "The shop opens at nine. It is closed on Sundays.";
    bedrock_model *base = NULL, *model = NULL;
    bedrock_request *handbook = NULL;
    bedrock_error *error = NULL;
    FILE *file;
    size_t i, length;
    int good;

    if (argc > 1) {
        file = fopen(argv[1], "r");
        length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
        text[length] = '\0';
        if (file != NULL)
            fclose(file);
    }
    good = bedrock_request_new(NULL, 0, &handbook, &error) >= 0
        && bedrock_request_add_text(handbook, "system", text, BEDROCK_STRLEN, &error) >= 0
        && bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &base, &error) >= 0
        && bedrock_model_with(base, "{\"cache\": {\"points\": [\"system\"]}}", BEDROCK_STRLEN, &model, &error) >= 0;
    for (i = 0; good && i < sizeof questions / sizeof *questions; i++)
        good = ask(model, handbook, questions[i], &error);
    if (!good)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_request_free(handbook);
    bedrock_model_free(model);
    bedrock_model_free(base);
    return example_end(!good);
}
