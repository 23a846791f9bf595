/* model.c - examples of the manual: a model, and the library that it comes from. */
#include <bedrock.h>

#include <inttypes.h>
#include <stdio.h>

/* While the major version is 0, another minor version may have another API. */
static int is_as_compiled(void)
{
    uint32_t compiled = BEDROCK_VERSION_MAJOR << 8 | BEDROCK_VERSION_MINOR;

    if (bedrock_version_number() >> 8 == compiled)
        return 1;
    fprintf(stderr, "compiled for libbedrock %d.%d, but %s was loaded\n", BEDROCK_VERSION_MAJOR, BEDROCK_VERSION_MINOR,
            bedrock_version());
    return 0;
}

/* Connects while the program prepares its request. A failure is no reason to give up: the call connects again. */
static void connect_ahead(const bedrock_model *model)
{
    bedrock_error *error = NULL;

    if (bedrock_model_connect(model, NULL, 5000, &error) < 0)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
}

/* Replaces the credentials while calls run, for example with a Bedrock API key that is about to expire. */
static int use_token(const bedrock_model *model, const char *token, bedrock_error **error)
{
    char quoted[4096], json[4096 + 32];

    if (bedrock_json_quote(token, BEDROCK_STRLEN, quoted, sizeof quoted) >= sizeof quoted)
        return 0;
    snprintf(json, sizeof json, "{\"bearer_token\": %s}", quoted);
    return bedrock_model_set_credentials(model, json, BEDROCK_STRLEN, error) >= 0;
}

/* Makes a Bedrock API key for another program, which can call the service for an hour. */
static int print_api_key(const bedrock_model *model, bedrock_error **error)
{
    char key[4096];
    size_t len;

    if (bedrock_model_api_key(model, 3600, NULL, key, sizeof key, &len, error) < 0 || len >= sizeof key)
        return 0;
    printf("%.16s..., for AWS_BEARER_TOKEN_BEDROCK\n", key);
    return 1;
}

/* Prints what a person needs who looks for a mistake in a configuration. */
static void print_settings(const bedrock_model *model)
{
    bedrock_error *error = NULL;
    const char *settings = bedrock_model_settings(model, NULL, &error);

    printf("Calls of %s: %s\n", bedrock_model_id(model, NULL), settings != NULL ? settings : bedrock_error_message(error));
    bedrock_error_free(error);
}

/* Prints what all calls of a model have used so far. */
static void print_total(const bedrock_model *model)
{
    bedrock_usage usage;

    if (bedrock_model_usage(model, &usage, sizeof usage) >= 0)
        printf("%" PRId64 " tokens in, %" PRId64 " out\n", usage.input_tokens, usage.output_tokens);
}

/* Prints how the calls of a model run and wait. */
static void print_stats(const bedrock_model *model)
{
    bedrock_stats stats;

    if (bedrock_model_stats(model, &stats, sizeof stats) >= 0)
        printf("%" PRId64 " calls run, %" PRId64 " wait\n", stats.running, stats.waiting);
}

/* Returns how many tokens a request would have as input, or -1. The service charges nothing for this call. */
static int64_t count_tokens(const bedrock_model *model, const bedrock_request *request, bedrock_error **error)
{
    bedrock_response *response = NULL;
    int64_t tokens = -1;

    if (bedrock_call(model, "CountTokens", request, NULL, &response, error) >= 0) {
        size_t len;
        const char *json = bedrock_response_json(response, &len);

        tokens = bedrock_json_integer(json, len, "/inputTokens", -1);
    }
    bedrock_response_free(response);
    return tokens;
}

int main(void)
{
    static const char config[] =
        "{\"model\": \"any\", \"transport\": {\"replies\": [{\"json\": {\"inputTokens\": 7}}, {\"message\":"
        " {\"role\": \"assistant\", \"content\": [{\"text\": \"Hello.\"}]},"
        " \"usage\": {\"inputTokens\": 7, \"outputTokens\": 3, \"totalTokens\": 10}}]}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = !is_as_compiled() || bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Say hello.", BEDROCK_STRLEN, &error) < 0;

    if (!failed) {
        connect_ahead(model);
        print_settings(model);
        printf("%" PRId64 " tokens\n", count_tokens(model, request, &error));
        failed = bedrock_generate(model, request, NULL, &response, &error) < 0;
        print_total(model);
        print_stats(model);
        failed = failed || !print_api_key(model, &error) || !use_token(model, "bedrock-api-key-1", &error);
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
