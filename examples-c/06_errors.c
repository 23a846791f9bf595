/* 06_errors.c - what an error holds, and what to do about it.
 *
 *     cc 06_errors.c $(pkg-config --cflags --libs bedrock) -o 06_errors
 *
 * An error is one line for people, and getters for programs. It is owned by the caller. */
#include <bedrock.h>

#include <stdio.h>

#include "example.h"

/* What to do, decided by the status alone. The message holds the details. */
static const char *advice(const bedrock_error *error)
{
    switch (bedrock_error_status(error)) {
    case BEDROCK_E_INVALID_ARGUMENT:
    case BEDROCK_E_BAD_HANDLE:
    case BEDROCK_E_CONFIG:
    case BEDROCK_E_REQUEST:
        return "correct the program or its configuration: nothing was sent";
    case BEDROCK_E_CREDENTIALS:
    case BEDROCK_E_ACCESS_DENIED:
    case BEDROCK_E_NOT_FOUND:
    case BEDROCK_E_VALIDATION:
        return "correct the account, the model id or the request";
    case BEDROCK_E_CONTEXT_OVERFLOW:
        return "shorten the conversation, and call again";
    default:
        return bedrock_error_retryable(error) ? "call again later" : "report it, with its request id";
    }
}

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

/* Prints all parts of an error. Parts that do not apply are "", 0 or -1, never NULL. */
static void print_error(const bedrock_error *error)
{
    printf("  message     %s\n", bedrock_error_message(error));
    printf("  status      %d, %s\n", (int)bedrock_error_status(error),
           bedrock_status_name(bedrock_error_status(error)));
    printf("  code        %s\n", or_none(bedrock_error_code(error)));
    printf("  path        %s\n", or_none(bedrock_error_path(error)));
    printf("  http status %d\n", (int)bedrock_error_http_status(error));
    printf("  attempts    %d\n", (int)bedrock_error_attempts(error));
    printf("  retry after %ld ms\n", (long)bedrock_error_retry_after(error));
    printf("  request id  %s\n", or_none(bedrock_error_request_id(error)));
    printf("  retryable   %s\n", bedrock_error_retryable(error) ? "yes" : "no");
    printf("  so          %s\n\n", advice(error));
}

/* Makes a call that has to fail. Returns 1 if it did not. */
static int attempt(const char *title, const char *config, const char *request_json)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int succeeded = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) >= 0
        && bedrock_request_new(request_json, BEDROCK_STRLEN, &request, &error) >= 0
        && bedrock_generate(model, request, NULL, &response, &error) >= 0;

    printf("%s\n", title);
    if (succeeded)
        printf("  no error!\n\n");
    else
        print_error(error);

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return succeeded;
}

/* A service does not fail on demand, so the script is used, also if there are credentials. */
static const char throttled[] =
    "{\"model\": \"any\", \"retry\": {\"max_attempts\": 2, \"max_backoff\": \"100ms\"}, \"transport\":"
    " {\"repeat\": true, \"replies\": [{\"error\": {\"status\": 429, \"code\": \"ThrottlingException\","
    "     \"message\": \"Too many requests, please wait.\", \"headers\": {\"Retry-After\": \"7\"}}}]}}";

static const char too_long[] =
    "{\"model\": \"any\", \"retry\": {\"max_attempts\": 1}, \"transport\":"
    " {\"replies\": [{\"error\": {\"status\": 400, \"code\": \"ValidationException\","
    "                         \"message\": \"Input is too long for requested model.\"}}]}}";

/* The real service returns this error too. */
static const char no_such_model[] =
    "[{\"error\": {\"status\": 400, \"code\": \"ValidationException\","
    "            \"message\": \"The provided model identifier is invalid.\"}}]";

static const char hello[] = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hello!\"}]}]}";

int main(void)
{
    const char *config = example_config(no_such_model);
    int unexpected = 0;

    unexpected += attempt("A key of the configuration is misspelt:",
                          "{\"model\": \"any\", \"tiemout\": \"10s\"}", hello);

    unexpected += attempt("The request is not JSON:", config, "{\"messages\": [}");

    unexpected += attempt("The request holds what the service would refuse:", config,
                          "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \" \"}]}]}");

    unexpected += attempt("There is no such model:", config,
                          "{\"modelId\": \"example.no-such-model-v1:0\","
                          " \"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hello!\"}]}]}");

    unexpected += attempt("Too many calls, and the library's own retries did not help:", throttled, hello);

    unexpected += attempt("The conversation is too long for the model:", too_long, hello);

    return example_end(unexpected);
}
