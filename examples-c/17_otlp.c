/* 17_otlp.c - OpenTelemetry: each call is a span, in the JSON that every collector accepts over HTTP (OTLP).
 *
 *     cc 17_otlp.c $(pkg-config --cflags --libs bedrock) -o 17_otlp
 *     ./17_otlp | curl -H "Content-Type: application/json" --data-binary @- localhost:4318/v1/traces
 *
 * A record has the names of OpenTelemetry's conventions already. What is left is the form of OTLP: each value states
 * its type. The attempts of a call become events of its span, and the call is part of the trace of your program. */
#include <bedrock.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "example.h"

static const char traceparent[] = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"; /* your program's span */
static const char replies[] = "[\"It scatters.\", {\"error\": {\"status\": 400, \"code\": \"ValidationException\"}}]";

static void print_value(int32_t kind, const char *value, size_t len);
/* Prints the elements of an array, or the members of an object with their keys. */
static void print_values(const char *json, size_t len, const char *pointer)
{
    bedrock_json_item item = {0};
    int32_t kind;

    putchar('[');
    while ((kind = bedrock_json_next(json, len, pointer, &item, sizeof item)) != BEDROCK_JSON_NONE) {
        printf("%s", item.index > 0 ? ", " : "");
        if (item.key != NULL)
            printf("{\"key\": %.*s, \"value\": ", (int)item.key_len, item.key);
        print_value(kind, item.value, item.value_len);
        printf("%s", item.key != NULL ? "}" : "");
    }
    putchar(']');
}

static int is_whole(const char *number, size_t len)
{
    return !memchr(number, '.', len) && !memchr(number, 'e', len) && !memchr(number, 'E', len);
}

/* Prints a value with its type. A whole number is a string in OTLP. */
static void print_value(int32_t kind, const char *value, size_t len)
{
    if (kind == BEDROCK_JSON_STRING)
        printf("{\"stringValue\": %.*s}", (int)len, value);
    else if (kind == BEDROCK_JSON_NUMBER)
        printf(is_whole(value, len) ? "{\"intValue\": \"%.*s\"}" : "{\"doubleValue\": %.*s}", (int)len, value);
    else if (kind == BEDROCK_JSON_TRUE || kind == BEDROCK_JSON_FALSE)
        printf("{\"boolValue\": %.*s}", (int)len, value);
    else {
        printf("{\"%s\": {\"values\": ", kind == BEDROCK_JSON_ARRAY ? "arrayValue" : "kvlistValue");
        print_values(value, len, "");
        printf("}}");
    }
}

static void print_text(const char *name, const char *json, size_t len, const char *pointer)
{
    size_t size;
    const char *text = bedrock_json_raw(json, len, pointer, &size);

    if (text != NULL)
        printf("\"%s\": %.*s, ", name, (int)size, text);
}

/* Prints the span of a record. */
static void print_span(const char *json, size_t len)
{
    int64_t start = bedrock_json_integer(json, len, "/start_unix_nano", 0);
    int64_t end = bedrock_json_integer(json, len, "/end_unix_nano", 0);
    bedrock_json_item item = {0};

    putchar('{');
    print_text("traceId", json, len, "/trace_id");
    print_text("spanId", json, len, "/span_id");
    print_text("parentSpanId", json, len, "/parent_span_id");
    print_text("name", json, len, "/name");
    printf("\"kind\": 3, \"startTimeUnixNano\": \"%" PRId64 "\", \"endTimeUnixNano\": \"%" PRId64 "\", ", start, end);
    printf("\"status\": {\"code\": %d}, \"attributes\": ", bedrock_json_integer(json, len, "/status", 0) < 0 ? 2 : 0);
    print_values(json, len, "/attributes");
    printf(", \"events\": [");
    while (bedrock_json_next(json, len, "/attempts", &item, sizeof item) != BEDROCK_JSON_NONE) {
        printf("%s{\"name\": \"attempt\", \"attributes\": ", item.index > 0 ? ", " : "");
        print_values(item.value, item.value_len, "");
        printf(", \"timeUnixNano\": \"%" PRId64 "\"}",
               start + (int64_t)(bedrock_json_number(item.value, item.value_len, "/start", 0) * 1e9));
    }
    printf("]}");
}

int main(void)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_feed *feed = NULL;
    bedrock_error *error = NULL;
    const bedrock_feed_item *item;
    int i, failed = bedrock_feed_new("{\"records\": true}", BEDROCK_STRLEN, &feed, &error) < 0
        || bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new("{\"temperature\": 1}", BEDROCK_STRLEN, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Why is the sky blue?", BEDROCK_STRLEN, &error) < 0
        || bedrock_request_set_traceparent(request, traceparent, &error) < 0;

    for (i = 0; !failed && i < 2; i++) {
        bedrock_generate(model, request, NULL, &response, NULL);
        bedrock_response_free(response);
    }
    bedrock_shutdown(-1); /* Now all records are there. */
    printf("{\"resourceSpans\": [{\"resource\": {\"attributes\": [{\"key\": \"service.name\", \"value\": ");
    printf("{\"stringValue\": \"17_otlp\"}}]}, \"scopeSpans\": [{\"scope\": {\"name\": \"libbedrock\"}, \"spans\": [");
    for (i = 0; bedrock_feed_next(feed, 0, &item, NULL) == BEDROCK_OK;) {
        if (item->type != BEDROCK_FEED_RECORD)
            continue; /* The number of records that found no room. */
        printf("%s", i++ > 0 ? ", " : "");
        print_span(item->text, item->text_len);
    }
    printf("]}]}]}\n");
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_feed_free(feed);
    return example_end(failed);
}
