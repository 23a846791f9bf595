/* config.c - the library's config, from the options and the environment. */
#include "config.h"

#include "exit_status.h"
#include "failure.h"
#include "file.h"
#include "members.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* A key of the config that an option or an environment variable gives. */
struct key {
    const char *name;
    enum option_id option;
    const char *variable;
    const char *fallback;
};

static const struct key keys[] = {
    {"model", OPTION_MODEL, "BEDROCK_MODEL", CONFIG_MODEL},
    {"region", OPTION_REGION, NULL, NULL},
    {"profile", OPTION_PROFILE, NULL, NULL},
    {"base_url", OPTION_BASE_URL, "BEDROCK_BASE_URL", NULL},
    {"timeout", OPTION_TIMEOUT, NULL, NULL},
};

enum { KEYS = sizeof keys / sizeof keys[0] };

/* The replies of BEDROCK_EXAMPLE=scripted: everything but the network is real. */
static const char script[] =
    "{\"repeat\": true, \"replies\": ["
    "{\"pace\": \"30ms\", \"text\": \"I am only a script, but I stream like a model. Ask me something else.\"},"
    "{\"pace\": \"30ms\", \"text\": \"I say the same few things to everybody. The whole request was "
    "checked and signed, though.\"}]}";

static const char *variable(const char *name)
{
    const char *value = name != NULL ? getenv(name) : NULL;

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Adds the member "transport", unless --config has it and no option gives another. */
static int add_transport(const struct options *options, int in_config, struct text *config)
{
    const char *record = options_value(options, OPTION_RECORD), *replay = options_value(options, OPTION_REPLAY);
    const char *example = variable("BEDROCK_EXAMPLE");
    struct text transport = {0};
    int result = 0;

    members_begin(&transport);
    if (record != NULL)
        result = members_add_string(&transport, "record", record);
    else if (replay != NULL)
        result = members_add_string(&transport, "replay", replay);
    members_end(&transport);
    if (result != 0) {
        output_complain("--%s is not UTF-8", record != NULL ? "record" : "replay");
    } else if (record != NULL || replay != NULL) {
        members_add(config, "transport", text_string(&transport), transport.length);
    } else if (!in_config && example != NULL && strcmp(example, "scripted") == 0) {
        output_note("[a script responds, no AWS account is used: BEDROCK_EXAMPLE is set]");
        members_add(config, "transport", script, sizeof script - 1);
    }
    text_free(&transport);
    return result != 0 ? EXIT_USAGE : EXIT_COMPLETE;
}

/* Composes the config of a valid --config, or of "{}". */
static int merge(const struct options *options, const struct text *given, struct text *config)
{
    const char *overridden[KEYS + 2] = {0};
    int in_config[KEYS], transport_in_config, status, i, count = 0;
    const char *json = text_string(given);

    for (i = 0; i < KEYS; i++) {
        char pointer[32] = "/";

        in_config[i] = bedrock_json_type(json, given->length, strcat(pointer, keys[i].name)) != BEDROCK_JSON_NONE;
        if (options_has(options, keys[i].option))
            overridden[count++] = keys[i].name;
    }
    transport_in_config = bedrock_json_type(json, given->length, "/transport") != BEDROCK_JSON_NONE;
    if (options_has(options, OPTION_RECORD) || options_has(options, OPTION_REPLAY))
        overridden[count++] = "transport";

    members_begin(config);
    members_copy(config, json, given->length, overridden);
    for (i = 0; i < KEYS; i++) {
        const char *value = options_value(options, keys[i].option);

        if (value == NULL && !in_config[i])
            value = variable(keys[i].variable);
        if (value == NULL && !in_config[i])
            value = keys[i].fallback;
        if (value != NULL && members_add_string(config, keys[i].name, value) != 0) {
            output_complain("the %s is not UTF-8", keys[i].name);
            return EXIT_USAGE;
        }
    }
    status = add_transport(options, transport_in_config, config);
    members_end(config);
    return status;
}

int config_compose(const struct options *options, struct text *config)
{
    const char *argument = options_value(options, OPTION_CONFIG);
    struct text given = {0};
    int status = EXIT_COMPLETE;

    if (options_has(options, OPTION_RECORD) && options_has(options, OPTION_REPLAY)) {
        output_complain("--record and --replay exclude each other: give one of them");
        return EXIT_USAGE;
    }
    if (argument != NULL)
        status = file_read_argument("--config", argument, &given);
    if (status == EXIT_COMPLETE && argument == NULL)
        text_puts(&given, "{}");
    /* What is not an object goes to the library as it is, because its message names the position. */
    if (status == EXIT_COMPLETE && bedrock_json_type(text_string(&given), given.length, "") == BEDROCK_JSON_OBJECT)
        status = merge(options, &given, config);
    else if (status == EXIT_COMPLETE)
        text_add(config, text_string(&given), given.length);
    text_free(&given);
    return status;
}

int config_model(const struct options *options, bedrock_model **model)
{
    struct text config = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status = config_compose(options, &config);

    *model = NULL;
    if (status == EXIT_COMPLETE) {
        result = bedrock_model_new(text_string(&config), config.length, model, &error);
        if (result < 0)
            status = failure_report(result, error, 0);
    }
    text_free(&config);
    return status;
}

void config_finish(const struct options *options)
{
    enum { LONGEST_MS = 10000 };

    if (options_has(options, OPTION_RECORD))
        bedrock_shutdown(LONGEST_MS);
}
