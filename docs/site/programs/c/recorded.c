#include <bedrock.h>
#include <stdio.h>

static int ask(const char *transport)
{
    char config[256];
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed;

    snprintf(config, sizeof config,
             "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\","
             " \"transport\": {\"%s\": \"sky.json\"}}",
             transport);
    failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Why is the sky blue?", BEDROCK_STRLEN,
                                    &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0;
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    else
        printf("%s: %s\n", transport, bedrock_response_text(response, NULL));
    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}

int main(void)
{
    return ask("record")     /* calls the service, and writes sky.json */
        || ask("replay");    /* needs no network: sky.json has the response */
}
