/* 04_tools.c - let the model call functions of this program.
 *
 *     cc 04_tools.c $(pkg-config --cflags --libs bedrock) -o 04_tools
 *
 * bedrock_run_tools is the whole loop: ask, call the tools, add their results to the request, and ask again, until the
 * model stops. bedrock_json_* reads the input of a tool: no JSON library is needed. */
#include "example.h"

#include <inttypes.h>

#define CALL(id, part) "{\"toolUse\": {\"toolUseId\": \"" id "\", \"name\": \"reserve\", \"input\": " \
                       "{\"part\": \"" part "\", \"quantity\": 40}}}"
static const char replies[] =
    "[{\"message\": {\"role\": \"assistant\", \"content\": [" CALL("1", "M8 bolt") ", " CALL("2", "M8 nut") "]}},"
    " \"The 40 bolts are reserved. There are only 12 nuts, so I did not reserve any: shall I take those 12?\"]";
static const char input_schema[] = "{\"type\": \"object\", \"required\": [\"part\", \"quantity\"], \"properties\": {"
    "\"part\": {\"type\": \"string\", \"enum\": [\"M8 bolt\", \"M8 nut\"]}, \"quantity\": {\"type\": \"integer\"}}}";

static struct item { const char *part; int64_t count; } stock[] = {{"M8 bolt", 100}, {"M8 nut", 12}};

/* Does a call. Members of the input may be missing, or be of another type: the model reads what is wrong. */
static int32_t reserve(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    struct item *item = stock, *end = stock + sizeof stock / sizeof stock[0];
    char part[32] = "", result[128];
    int64_t quantity = bedrock_json_integer(call->input_json, call->input_json_len, "/quantity", 0);
    int32_t kind = BEDROCK_RESULT_ERROR;

    /* A name that is longer than the array is cut off, so it is no part. */
    bedrock_json_string(call->input_json, call->input_json_len, "/part", part, sizeof part);
    while (item < end && strcmp(item->part, part) != 0)
        item++;
    if (item == end || quantity < 1) {
        snprintf(result, sizeof result, "There is no such part, or quantity is not a positive integer.");
    } else if (item->count < quantity) {
        snprintf(result, sizeof result, "There are only %" PRId64 " of %s.", item->count, item->part);
    } else {
        item->count -= quantity;
        kind = BEDROCK_RESULT_TEXT;
        snprintf(result, sizeof result, "Reserved. %" PRId64 " of %s are left.", item->count, item->part);
    }
    fprintf(user, "%s %" PRId64 " %s\n", call->name, quantity, part);
    bedrock_run_result(run, call->id, result, BEDROCK_STRLEN, kind, NULL);
    return BEDROCK_TOOL_DONE;
}

int main(void)
{
    /* More attempts than the default: an agent can wait while the service is busy. */
    static const char settings[] = "{\"timeout\": \"5m\", \"retry\": {\"max_attempts\": 8, \"max_backoff\": \"30s\"}}";
    const bedrock_tool tools[] = {{"reserve", "Reserves parts in the stockroom.", input_schema, reserve, stdout}};
    bedrock_model *base = NULL, *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &base, &error) < 0
        || bedrock_model_with(base, settings, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Reserve 40 M8 bolts and 40 M8 nuts.", BEDROCK_STRLEN, &error) < 0
        || bedrock_run_tools(model, request, tools, 1, sizeof *tools, NULL, 0, NULL, NULL, NULL, &response, &error) < 0;

    puts(error != NULL ? bedrock_error_message(error) : bedrock_response_text(response, NULL));
    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_model_free(base);
    return example_end(failed);
}
