/* 04_tools.c - let the model call functions of this program.
 *
 *     cc 04_tools.c $(pkg-config --cflags --libs bedrock) -o 04_tools
 *
 * The loop of every such program: ask; add the response to the request; if it calls tools, run them, add their
 * results, and ask again. bedrock_json_* reads the input of a tool: no JSON library is needed. */
#include <bedrock.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "example.h"

/* The script: a response that calls the tool twice, the second time for too many parts, and a last response. */
static const char replies[] =
    "[{\"message\": {\"role\": \"assistant\", \"content\": [{\"text\": \"I will reserve both.\"},"
    "    {\"toolUse\": {\"toolUseId\": \"call-1\", \"name\": \"reserve\","
    "                   \"input\": {\"part\": \"M8 bolt\", \"quantity\": 40}}},"
    "    {\"toolUse\": {\"toolUseId\": \"call-2\", \"name\": \"reserve\","
    "                   \"input\": {\"part\": \"M8 nut\", \"quantity\": 40}}}]}},"
    " \"The 40 bolts are reserved. There are only 12 nuts, so I did not reserve any: shall I take those 12?\"]";

/* The tool, as the model sees it: its name, what it is for, and a JSON schema of its input. */
static const char request_json[] =
    "{\"toolConfig\": {\"tools\": [{\"toolSpec\": {"
    "    \"name\": \"reserve\","
    "    \"description\": \"Reserves parts in the stockroom. Fails where there are too few.\","
    "    \"inputSchema\": {\"json\": {\"type\": \"object\", \"required\": [\"part\", \"quantity\"], \"properties\": {"
    "        \"part\": {\"type\": \"string\", \"enum\": [\"M8 bolt\", \"M8 nut\"]},"
    "        \"quantity\": {\"type\": \"integer\", \"minimum\": 1}}}}}}]}}";

/* More attempts than the default: an agent can wait while the service is busy. */
static const char call_settings[] = "{\"timeout\": \"5m\", \"retry\": {\"max_attempts\": 8, \"max_backoff\": \"30s\"}}";

static struct item { const char *part; int64_t count; } stock[] = {{"M8 bolt", 100}, {"M8 nut", 12}};

/* Runs a tool call. Writes its result as text, and returns 1 if it failed: the model reads both. Treat the input as
 * you would any input from outside: members may be missing, or be of another type. */
static int32_t run_tool(const bedrock_tool_call *call, char *result, size_t size)
{
    struct item *item = stock, *end = stock + sizeof stock / sizeof stock[0];
    char part[32] = "";
    size_t length = bedrock_json_string(call->input_json, call->input_json_len, "/part", part, sizeof part);
    int64_t quantity = bedrock_json_integer(call->input_json, call->input_json_len, "/quantity", 0);

    while (item < end && strcmp(item->part, part) != 0)
        item++;
    if (!call->input_valid) {
        snprintf(result, size, "The input was cut off. Call again, with a shorter one.");
    } else if (strcmp(call->name, "reserve") != 0) {
        snprintf(result, size, "There is no such tool.");
    } else if (length >= sizeof part || quantity < 1) { /* missing, of another type, or too long */
        snprintf(result, size, "part must be a string, and quantity a positive integer.");
    } else if (item == end) {
        snprintf(result, size, "There is no part of that name.");
    } else if (item->count < quantity) {
        snprintf(result, size, "There are only %" PRId64 " of %s.", item->count, item->part);
    } else {
        item->count -= quantity;
        snprintf(result, size, "Reserved. %" PRId64 " of %s are left.", item->count, item->part);
        return 0;
    }
    return 1;
}

/* Adds a result for every tool call of the response, as the service demands. */
static bedrock_status run_tools(bedrock_request *request, const bedrock_response *response, bedrock_error **error)
{
    bedrock_status status = BEDROCK_OK;
    bedrock_tool_call call;
    size_t i;

    for (i = 0; status >= 0 && bedrock_response_tool_call(response, i, &call, sizeof call) >= 0; i++) {
        char result[128];
        int32_t failed = run_tool(&call, result, sizeof result);
        printf("  %s %s -> %s\n", call.name, call.input_json, result);
        status = bedrock_request_add_tool_result(request, call.id, result, BEDROCK_STRLEN, failed, error);
    }
    return status;
}

int main(void)
{
    bedrock_model *base = NULL, *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &base, &error);
    const char *task = "Reserve 40 M8 bolts and 40 M8 nuts for me, please.";
    size_t calls = 1, round;

    if (status >= 0)
        status = bedrock_model_with(base, call_settings, BEDROCK_STRLEN, &model, &error);
    if (status >= 0)
        status = bedrock_request_new(request_json, BEDROCK_STRLEN, &request, &error);
    if (status >= 0)
        status = bedrock_request_add_text(request, "user", task, BEDROCK_STRLEN, &error);
    /* A model may call tools without an end: hence a limit. */
    for (round = 0; round < 8 && status >= 0 && calls > 0; round++) {
        bedrock_response *response = NULL;

        status = bedrock_generate(model, request, NULL, &response, &error);
        if (status >= 0) {
            printf("%s\n", bedrock_response_text(response, NULL));
            calls = bedrock_response_tool_call_count(response);
            status = bedrock_request_add_response(request, response, &error);
        }
        if (status >= 0)
            status = run_tools(request, response, &error);
        bedrock_response_free(response); /* ends call.id, call.name and call.input_json */
    }
    if (status < 0)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_model_free(base);
    return example_end(status < 0 || calls > 0);
}
