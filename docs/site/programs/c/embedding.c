#include <bedrock.h>
#include <stdio.h>

int main(void)
{
    const char *config = "{\"model\": \"amazon.titan-embed-text-v2:0\"}";
    const char *body = "{\"body\": {\"inputText\": \"Hello\"}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(body, BEDROCK_STRLEN, &request, &error) < 0
        || bedrock_call(model, "InvokeModel", request, NULL, &response, &error) < 0;

    if (failed) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    } else {
        double vector[1024];
        size_t len, count, i;
        const char *json = bedrock_response_json(response, &len);

        count = bedrock_json_numbers(json, len, "/embedding", vector, 1024);
        if (count == BEDROCK_JSON_NOT_FOUND) /* the model responds in its own form, so check it */
            count = 0;
        for (i = 0; i < count && i < 1024; i++)
            printf("%.2f\n", vector[i]);
    }

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
