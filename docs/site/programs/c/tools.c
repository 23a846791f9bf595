#include <bedrock.h>
#include <stdio.h>

static const char config[] = "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\"}";
static const char tools[] =
    "{\"toolConfig\": {\"tools\": [{\"toolSpec\": {\"name\": \"weather\","
    "  \"description\": \"Returns the weather in a city.\","
    "  \"inputSchema\": {\"json\": {\"type\": \"object\", \"required\": [\"city\"],"
    "    \"properties\": {\"city\": {\"type\": \"string\"}}}}}}]}}";

/* Runs a tool call of the model, and adds its result to the conversation. */
static bedrock_status run(bedrock_request *request, const bedrock_tool_call *call,
                          bedrock_error **error)
{
    const char *result = "Rain, 9 degrees.";
    char city[64];
    size_t length = bedrock_json_string(call->input_json, call->input_json_len, "/city",
                                        city, sizeof city);
    int failed = !call->input_valid || length >= sizeof city; /* cut off, missing or too long */

    if (failed)
        result = "The input is wrong.";
    else
        printf("%s: %s\n", call->name, city);
    return bedrock_request_add_tool_result(request, call->id, result, BEDROCK_STRLEN, failed, error);
}

int main(void)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    size_t calls = 1, i, round;
    bedrock_status status = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error);

    if (status >= 0)
        status = bedrock_request_new(tools, BEDROCK_STRLEN, &request, &error);
    if (status >= 0)
        status = bedrock_request_add_text(request, "user", "Do I need an umbrella in Oslo?",
                                          BEDROCK_STRLEN, &error);
    /* A model may call tools without an end: hence a limit. */
    for (round = 0; round < 8 && status >= 0 && calls > 0; round++) {
        bedrock_response *response = NULL;
        bedrock_tool_call call;

        status = bedrock_generate(model, request, NULL, &response, &error);
        if (status >= 0)
            status = bedrock_request_add_response(request, response, &error);
        calls = bedrock_response_tool_call_count(response);
        for (i = 0; status >= 0 && i < calls; i++) {
            status = bedrock_response_tool_call(response, i, &call, sizeof call);
            if (status >= 0)
                status = run(request, &call, &error);
        }
        if (status >= 0 && calls == 0)
            printf("%s\n", bedrock_response_text(response, NULL));
        bedrock_response_free(response);
    }
    if (status < 0)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return status < 0 || calls > 0;
}
