/* 11_structured.c - structured output: the response is JSON that follows a schema, read without a JSON library.
 *
 *     cc 11_structured.c $(pkg-config --cflags --libs bedrock) -o 11_structured
 *     ./11_structured "Two kilos of apples at 3.20, and a melon for 4 euros"
 *
 * The schema is a part of the model here: the members that are passed to bedrock_model_with are in all requests of the
 * derived model. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

#include "example.h"

static const char replies[] =
    "[\"{\\\"items\\\":[{\\\"name\\\":\\\"apples\\\",\\\"price\\\":6.4},{\\\"name\\\":\\\"melon\\\",\\\"price\\\":4}],"
    "\\\"currency\\\":\\\"EUR\\\"}\"]";

static const char bill[] =
    "{\"temperature\": 0, \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"bill\", \"schema\": {"
    "\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"items\", \"currency\"], \"properties\": {"
    "\"items\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"additionalProperties\": false,"
    " \"required\": [\"name\", \"price\"], \"properties\": {\"name\": {\"type\": \"string\"}, \"price\": {\"type\": \"number\"}}}},"
    "\"currency\": {\"type\": \"string\"}}}}}}";

static void print_bill(const char *json, size_t length)
{
    bedrock_json_item item = {0};
    char name[100];
    double sum = 0, price;

    while (bedrock_json_next(json, length, "/items", &item, sizeof item) != BEDROCK_JSON_NONE) {
        bedrock_json_string(item.value, item.value_len, "/name", name, sizeof name);
        price = bedrock_json_number(item.value, item.value_len, "/price", 0);
        printf("%-20s %8.2f\n", name, price);
        sum += price;
    }
    bedrock_json_string(json, length, "/currency", name, sizeof name);
    printf("%-20s %8.2f %s\n", "sum", sum, name);
}

int main(int argc, char **argv)
{
    const char *order = argc > 1 ? argv[1] : "Two kilos of apples at 3.20, and a melon for 4 euros";
    bedrock_model *model = NULL, *clerk = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    const char *json;
    size_t length;
    int failed = 1;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) >= 0
        && bedrock_model_with(model, bill, BEDROCK_STRLEN, &clerk, &error) >= 0
        && bedrock_request_new(NULL, 0, &request, &error) >= 0
        && bedrock_request_add_text(request, "system", "Write the bill for the order.", BEDROCK_STRLEN, &error) >= 0
        && bedrock_request_add_text(request, "user", order, BEDROCK_STRLEN, &error) >= 0
        && bedrock_generate(clerk, request, NULL, &response, &error) >= 0
        && (json = bedrock_response_structured(response, &length, &error)) != NULL) {
        print_bill(json, length);
        failed = 0;
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(clerk);
    bedrock_model_free(model);
    return example_end(failed);
}
