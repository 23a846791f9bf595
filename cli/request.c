/* request.c - members of a request that options give. */
#include "request.h"

#include "exit_status.h"
#include "failure.h"
#include "file.h"
#include "members.h"
#include "output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bedrock_status request_set_system(bedrock_request *request, const char *system, bedrock_error **error)
{
    bedrock_status status = bedrock_request_remove(request, "system", error);

    return status < 0 ? status : bedrock_request_add_text(request, "system", system, BEDROCK_STRLEN, error);
}

/* Adds a number. The library and the service know which numbers are allowed. */
static int add_number(const struct options *options, enum option_id id, const char *name, const char *key,
                      struct text *members)
{
    const char *value = options_value(options, id);
    struct text number = {0};
    double parsed;
    char *end;

    if (value == NULL)
        return EXIT_COMPLETE;
    parsed = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(parsed)) {
        output_complain("--%s wants a number, not %s", name, value);
        return EXIT_USAGE;
    }
    text_format(&number, "%.15g", parsed);
    members_add(members, key, text_string(&number), number.length);
    text_free(&number);
    return EXIT_COMPLETE;
}

static int add_stops(const struct options *options, struct text *members)
{
    struct text stops = {0};
    int status = EXIT_COMPLETE;
    size_t i;

    for (i = 0; status == EXIT_COMPLETE && i < options->given_count; i++) {
        if (options->given[i].id != OPTION_STOP)
            continue;
        text_puts(&stops, stops.length == 0 ? "[" : ", ");
        if (text_quote(&stops, options->given[i].value, strlen(options->given[i].value)) != 0) {
            output_complain("--stop is not UTF-8");
            status = EXIT_USAGE;
        }
    }
    if (status == EXIT_COMPLETE && stops.length > 0) {
        text_puts(&stops, "]");
        members_add(members, "stop", text_string(&stops), stops.length);
    }
    text_free(&stops);
    return status;
}

static int add_schema(const struct options *options, struct text *members)
{
    const char *path = options_value(options, OPTION_SCHEMA);
    struct text argument = {0}, schema = {0}, format = {0};
    int status;

    if (path == NULL)
        return EXIT_COMPLETE;
    text_format(&argument, "@%s", path);
    status = file_read_argument("--schema", text_string(&argument), &schema);
    if (status == EXIT_COMPLETE && bedrock_json_type(text_string(&schema), schema.length, "") != BEDROCK_JSON_OBJECT) {
        output_complain("--schema names the file %s, which is not a JSON object", path);
        status = EXIT_USAGE;
    }
    if (status == EXIT_COMPLETE) {
        text_puts(&format, "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"response\", \"schema\": ");
        text_add(&format, text_string(&schema), schema.length);
        text_puts(&format, "}}");
        members_add(members, "response_format", text_string(&format), format.length);
    }
    text_free(&argument);
    text_free(&schema);
    text_free(&format);
    return status;
}

int request_set_options(bedrock_request *request, const struct options *options)
{
    const char *argument = options_value(options, OPTION_REQUEST);
    struct text given = {0}, members = {0};
    bedrock_error *error = NULL;
    bedrock_status result = BEDROCK_OK;
    int status = EXIT_COMPLETE;

    if (argument != NULL) {
        status = file_read_argument("--request", argument, &given);
        if (status == EXIT_COMPLETE)
            result = bedrock_request_set(request, text_string(&given), given.length, &error);
    }
    members_begin(&members);
    if (status == EXIT_COMPLETE)
        status = add_number(options, OPTION_MAX_TOKENS, "max-tokens", "max_tokens", &members);
    if (status == EXIT_COMPLETE)
        status = add_number(options, OPTION_TEMPERATURE, "temperature", "temperature", &members);
    if (status == EXIT_COMPLETE)
        status = add_number(options, OPTION_TOP_P, "top-p", "top_p", &members);
    if (status == EXIT_COMPLETE)
        status = add_stops(options, &members);
    if (status == EXIT_COMPLETE)
        status = add_schema(options, &members);
    members_end(&members);
    if (status == EXIT_COMPLETE && result >= 0)
        result = bedrock_request_set(request, text_string(&members), members.length, &error);
    if (result < 0)
        status = failure_report(result, error, 0);
    text_free(&given);
    text_free(&members);
    return status;
}
