#include <bedrock.h>
#include <stdio.h>

static void explain(const bedrock_error *error)
{
    printf("%s\n", bedrock_error_message(error)); /* one line for people */

    if (bedrock_error_status(error) == BEDROCK_E_CONTEXT_OVERFLOW)
        printf("So: shorten the conversation.\n");
    else if (bedrock_error_retryable(error))
        printf("So: call again, after %d ms.\n", (int)bedrock_error_retry_after(error));
    else
        printf("So: correct the program. HTTP %d, %s.\n", (int)bedrock_error_http_status(error),
               bedrock_error_code(error));
}

int main(void)
{
    const char *config = "{\"model\": \"example.no-such-model-v1:0\"}";
    const char *question = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello.\"}]}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    if (bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(question, BEDROCK_STRLEN, &request, &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0)
        explain(error);

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return 0;
}
