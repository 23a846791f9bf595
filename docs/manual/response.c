/* response.c - examples of the manual: what a response and a failure hold besides the text. */
#include <bedrock.h>

#include <stdio.h>

/* Prints a line for the log of a program: what AWS support asks for, and how the call went. */
static void print_log_line(const bedrock_response *response)
{
    printf("%s, request %s, attempts: %d, %s\n", bedrock_response_model(response), bedrock_response_request_id(response),
           (int)bedrock_response_attempts(response), bedrock_response_finish_reason(response));
    if (bedrock_response_service_tier(response)[0] != '\0')
        printf("service tier: %s\n", bedrock_response_service_tier(response));
}

/* Prints a response that may be the part which arrived before a stream failed or was stopped. */
static void print_text(const bedrock_response *response)
{
    printf("%s%s\n", bedrock_response_text(response, NULL), bedrock_response_complete(response) ? "" : " [incomplete]");
}

/* Prints how the model came to its response, if it shows that. */
static void print_reasoning(const bedrock_response *response)
{
    size_t len;
    const char *reasoning = bedrock_response_reasoning(response, &len);

    if (len > 0)
        printf("(%s)\n", reasoning);
}

/* Writes the assistant's message to a file of one JSON text a line. */
static int save(const bedrock_response *response, FILE *file)
{
    return fprintf(file, "%s\n", bedrock_response_message(response, NULL));
}

/* Prints which tools the service has run by itself. They need no result. */
static void print_searches(const bedrock_response *response)
{
    bedrock_tool_call call;
    size_t i;

    for (i = 0; bedrock_response_server_tool_call(response, i, &call, sizeof call) == BEDROCK_OK; i++)
        printf("[%s %s]\n", call.name, call.input_json);
}

/* Prints a failure as the service described it: the JSON may have members that no function returns. */
static void print_failure(const bedrock_error *error)
{
    size_t len;
    const char *json = bedrock_error_json(error, &len);

    if (len > 0)
        printf("%s\n", json);
}

int main(void)
{
    static const char config[] =
        "{\"model\": \"any\", \"retry\": {\"max_attempts\": 1}, \"transport\": {\"replies\": ["
        "{\"message\": {\"role\": \"assistant\", \"content\": ["
        "{\"reasoningContent\": {\"reasoningText\": {\"text\": \"I look it up.\"}}},"
        "{\"toolUse\": {\"toolUseId\": \"1\", \"name\": \"nova_grounding\", \"input\": {\"query\": \"C\"},"
        " \"type\": \"server_tool_use\"}}, {\"text\": \"C is a language.\"}]}, \"stopReason\": \"end_turn\"},"
        "{\"error\": {\"status\": 424, \"code\": \"ModelErrorException\", \"message\": \"The model failed.\"}}]}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "What is C?", BEDROCK_STRLEN, &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0;

    if (failed) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    } else {
        print_log_line(response);
        print_searches(response);
        print_reasoning(response);
        print_text(response);
        save(response, stdout);
        bedrock_response_free(response);
        response = NULL;
        if (bedrock_generate(model, request, NULL, &response, &error) < 0)
            print_failure(error);
    }

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
