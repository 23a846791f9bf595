#include <bedrock.h>
#include <stdio.h>

int main(void)
{
    /* The first request is refused, as by a busy service. The library tries again. */
    const char *config =
        "{\"model\": \"any\", \"transport\": {\"replies\": ["
        "  {\"error\": {\"status\": 429, \"code\": \"ThrottlingException\","
        "             \"message\": \"Too many requests\"}},"
        "  \"Hello.\"]}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Say hello.", BEDROCK_STRLEN, &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0;

    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    else
        printf("%s (%d attempts)\n", bedrock_response_text(response, NULL),
               (int)bedrock_response_attempts(response));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
