#include <bedrock.h>
#include <stdio.h>

/* A script takes the place of the service. It says nothing for a minute. */
static const char config[] =
    "{\"model\": \"any\", \"retry\": {\"max_attempts\": 5}, \"timeouts\": {\"connect\": \"2s\"},"
    " \"defaults\": {\"system\": \"Be brief.\", \"inferenceConfig\": {\"maxTokens\": 200}},"
    " \"transport\": {\"replies\": [{\"pace\": \"60s\", \"text\": \"A late response.\"}]}}";
static const char deadline[] = "{\"timeouts\": {\"total\": \"100ms\"}}";

int main(void)
{
    bedrock_model *model = NULL, *quick = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    /* A derived model shares connections and credentials, and has a deadline of its own. */
    if (bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_model_with(model, deadline, BEDROCK_STRLEN, &quick, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Hello.", BEDROCK_STRLEN, &error) < 0
        || bedrock_generate(quick, request, NULL, &response, &error) < 0)
        printf("%s\n", bedrock_status_name(bedrock_error_status(error)));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(quick);
    bedrock_model_free(model);
    return 0;
}
