#include <bedrock.h>
#include <stdio.h>

int main(void)
{
    const char *config = "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\"}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error);

    if (status >= 0)
        status = bedrock_request_new(NULL, 0, &request, &error);
    if (status >= 0)
        status = bedrock_request_add_text(request, "user", "Why is the sky blue?",
                                          BEDROCK_STRLEN, &error);
    if (status >= 0)
        status = bedrock_generate(model, request, NULL, &response, &error);
    if (status >= 0)
        printf("%s\n", bedrock_response_text(response, NULL));
    else
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return status < 0;
}
