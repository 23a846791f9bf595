/* doctor.c - "bedrock doctor".
 *
 * bedrock_model_settings has the settings and their sources, without using the network. bedrock_model_connect then
 * shows whether the endpoint can be reached, and whether credentials can be fetched. It does both at once. To tell one
 * from the other, the doctor first connects with a model of the same endpoint whose keys are placeholders: connecting
 * sends nothing. */
#include "doctor.h"

#include "checklist.h"
#include "config.h"
#include "exit_status.h"
#include "failure.h"
#include "interrupt.h"
#include "output.h"
#include "probe.h"
#include "settings.h"
#include "text.h"
#include "usage.h"

#include <string.h>

enum { CONNECT_MS = 20000 };

struct doctor {
    struct checklist list;
    bedrock_model *model;
    struct text config;
    struct settings settings;
    bedrock_cancel *cancel;
};

/* Gets a string of the settings. Free it. */
static struct text setting(const struct doctor *doctor, const char *pointer)
{
    return settings_text(&doctor->settings, pointer);
}

static int setting_is(const struct doctor *doctor, const char *pointer, const char *expected)
{
    return settings_is(&doctor->settings, pointer, expected);
}

static int32_t setting_type(const struct doctor *doctor, const char *pointer)
{
    return bedrock_json_type(doctor->settings.json, doctor->settings.length, pointer);
}

static int begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Adds a check for an error of the library, and frees it. */
static void add_error(struct doctor *doctor, const char *name, bedrock_status status, bedrock_error *error,
                      const char *advice)
{
    checklist_add(&doctor->list, CHECK_FAILED, name, failure_message(status, error), advice);
    bedrock_error_free(error);
}

/* Adds a check for a setting, or for the error that the library has in its place. Returns whether it is right. */
static int add_setting(struct doctor *doctor, const char *name, const char *pointer, const char *if_null,
                       const char *advice)
{
    struct text at = {0}, found = {0};
    int is_error;

    text_format(&at, "%s/error", pointer);
    is_error = text_unquote(&found, doctor->settings.json, doctor->settings.length, text_string(&at)) == 0;
    if (!is_error) {
        struct text source = {0};

        at.length = 0;
        text_format(&at, "%s/value", pointer);
        if (text_unquote(&found, doctor->settings.json, doctor->settings.length, text_string(&at)) != 0)
            text_puts(&found, if_null);
        at.length = 0;
        text_format(&at, "%s/source", pointer);
        if (text_unquote(&source, doctor->settings.json, doctor->settings.length, text_string(&at)) == 0)
            text_format(&found, " (%s)", text_string(&source));
        text_free(&source);
    }
    if (is_error)
        checklist_add(&doctor->list, CHECK_FAILED, name, failure_text(text_string(&found)), advice);
    else
        checklist_add(&doctor->list, CHECK_OK, name, text_string(&found), NULL);
    text_free(&at);
    text_free(&found);
    return !is_error;
}

/* A file of AWS that is missing is no failure, but may be the reason for one. */
static void add_file(struct doctor *doctor, const char *name, const char *member)
{
    struct text pointer = {0}, path, source, line = {0};
    int found;

    text_format(&pointer, "/%s/value", member);
    path = setting(doctor, text_string(&pointer));
    pointer.length = 0;
    text_format(&pointer, "/%s/source", member);
    source = setting(doctor, text_string(&pointer));
    pointer.length = 0;
    text_format(&pointer, "/%s/found", member);
    found = setting_type(doctor, text_string(&pointer)) == BEDROCK_JSON_TRUE;
    text_format(&line, "%s (%s)%s", text_string(&path), text_string(&source), found ? "" : ": no such file");
    checklist_add(&doctor->list, found || strcmp(text_string(&source), "default") == 0 ? CHECK_OK : CHECK_WARNING, name,
                  text_string(&line), NULL);
    text_free(&pointer);
    text_free(&path);
    text_free(&source);
    text_free(&line);
}

/* What to do without credentials. */
static const char GET_CREDENTIALS[] =
    "Four ways: aws configure (keys in a file), aws sso login (with --profile), the variables above, or an API key of "
    "the Bedrock console in AWS_BEARER_TOKEN_BEDROCK. Without an account: BEDROCK_EXAMPLE=scripted bedrock ask Hello";

/* Returns whether nothing names credentials, so that the metadata service of an EC2 instance is the last resort. */
static int is_last_resort(const struct doctor *doctor)
{
    return setting_is(doctor, "/credentials/provider", "instance_metadata")
        && setting_is(doctor, "/credentials/source", "default");
}

/* Returns whether the keys are temporary and lack their session token. */
static int lack_token(const struct doctor *doctor)
{
    struct text key = setting(doctor, "/credentials/access_key_id");
    int temporary = begins_with(text_string(&key), "ASIA");

    text_free(&key);
    return temporary && setting_type(doctor, "/credentials/session_token") == BEDROCK_JSON_FALSE;
}

/* Adds the check where credentials are from. Returns whether there are any. */
static int add_credentials(struct doctor *doctor)
{
    struct text line = setting(doctor, "/credentials/error");
    int found = line.length == 0;

    if (found)
        settings_describe_credentials(&doctor->settings, "/credentials", &line);
    if (!found)
        checklist_add(&doctor->list, CHECK_FAILED, "credentials", failure_text(text_string(&line)), GET_CREDENTIALS);
    else if (lack_token(doctor))
        checklist_add(&doctor->list, CHECK_FAILED, "credentials", text_string(&line),
                      "Keys that begin with ASIA are temporary and need their session token: set AWS_SESSION_TOKEN, or "
                      "aws_session_token in the profile");
    else if (is_last_resort(doctor))
        checklist_add(&doctor->list, CHECK_WARNING, "credentials", text_string(&line),
                      "Nothing names credentials. That is right on an EC2 instance that has a role");
    else
        checklist_add(&doctor->list, CHECK_OK, "credentials", text_string(&line), NULL);
    text_free(&line);
    return found;
}

/* Adds a warning of a model that the region is not known to have. */
static void advise_on_model(const char *id, const char *region, struct text *advice)
{
    /* The profiles of these prefixes are called in regions that begin so. */
    static const char *const places[][3] = {
        {"us.", "us-", "ca-"}, {"eu.", "eu-", "il-"}, {"apac.", "ap-", "me-"}, {"us-gov.", "us-gov-", "us-gov-"},
    };
    size_t i;

    for (i = 0; i < sizeof places / sizeof places[0]; i++)
        if (begins_with(id, places[i][0]) && !begins_with(region, places[i][1]) && !begins_with(region, places[i][2]))
            text_format(advice, "The inference profiles %s... are not called in %s: use one of that part of the "
                                "world, or global.", places[i][0], region);
    if (begins_with(id, "arn:") && strstr(id, region) == NULL)
        text_format(advice, "The ARN is of another region than %s, which is called", region);
}

static void add_model(struct doctor *doctor)
{
    const char *id = bedrock_model_id(doctor->model, NULL);
    struct text region = setting(doctor, "/region/value");
    struct text advice = {0};

    advise_on_model(id, text_string(&region), &advice);
    checklist_add(&doctor->list, advice.length > 0 ? CHECK_WARNING : CHECK_OK, "model", id,
                  advice.length > 0 ? text_string(&advice) : NULL);
    text_free(&advice);
    text_free(&region);
}

/* Adds the checks of the settings. Returns whether connecting makes sense. */
static int add_settings(struct doctor *doctor)
{
    bedrock_error *error = NULL;
    struct text offline = {0};
    int right = 1;

    doctor->settings.json = bedrock_model_settings(doctor->model, &doctor->settings.length, &error);
    if (doctor->settings.json == NULL) {
        add_error(doctor, "AWS's files", bedrock_error_status(error), error,
                  "Correct the file or the profile; nothing else can be checked before");
        return 0;
    }
    if (!setting_is(doctor, "/transport", "network") && !setting_is(doctor, "/transport", "record")) {
        struct text transport = setting(doctor, "/transport");

        text_format(&offline, "%s: no network, no credentials", text_string(&transport));
        checklist_add(&doctor->list, CHECK_OK, "transport", text_string(&offline), NULL);
        text_free(&transport);
        text_free(&offline);
        return 1;
    }
    add_file(doctor, "config file", "config_file");
    add_file(doctor, "keys file", "credentials_file");
    add_setting(doctor, "profile", "/profile", "none", NULL);
    right &= add_setting(doctor, "region", "/region", "", "Set --region or AWS_REGION to a name such as us-east-1");
    add_model(doctor);
    right &= add_setting(doctor, "endpoint", "/endpoint", "", "Correct or remove the setting that the message names");
    right &= add_setting(doctor, "proxy", "/proxy", "none", "Correct or unset the variable");
    right &= add_setting(doctor, "certificates", "/ca_file", "the system's", "Name a PEM file with the certificates");
    if (setting_is(doctor, "/ca_file/source", "ca_file in the config"))
        checklist_add(&doctor->list, CHECK_OK, "certificates", "those of ca_file", NULL);
    return right;
}

/* What to do if an endpoint cannot be reached. */
static const char REACH_IT[] =
    "curl -v shows the same endpoint without this library. Behind a proxy set HTTPS_PROXY; if it opens TLS, name its "
    "certificate in AWS_CA_BUNDLE";

/* Connects, which shows that the name resolves, that the port accepts connections and that TLS works. */
static int add_connection(struct doctor *doctor)
{
    bedrock_error *error = NULL;
    struct text line = {0};
    double began = usage_clock();
    bedrock_status status = probe_connect(&doctor->config, &doctor->settings, "", doctor->cancel, CONNECT_MS, &error);

    if (status < 0) {
        add_error(doctor, "connection", status, error, REACH_IT);
    } else {
        text_format(&line, "connected in %.2f s", usage_clock() - began);
        checklist_add(&doctor->list, CHECK_OK, "connection", text_string(&line), NULL);
    }
    text_free(&line);
    return status >= 0;
}

/* Adds the check of a fallback, whose settings are at a JSON pointer: where it is, and whether it can be reached. */
static void add_fallback(struct doctor *doctor, const char *name, const char *at)
{
    const struct settings *settings = &doctor->settings;
    struct text model = settings_text_of(settings, at, "/model/value");
    struct text region = settings_text_of(settings, at, "/region/value");
    struct text endpoint = settings_text_of(settings, at, "/endpoint/value");
    struct text wrong = settings_text_of(settings, at, "/endpoint/error");
    struct text line = {0}, advice = {0};

    text_puts(&line, text_string(&model));
    advise_on_model(text_string(&model), text_string(&region), &advice);
    if (wrong.length > 0) {
        text_format(&line, ": %s", failure_text(text_string(&wrong)));
        checklist_add(&doctor->list, CHECK_FAILED, name, text_string(&line), "Correct its region or base_url");
    } else if (region.length == 0) {
        checklist_add(&doctor->list, CHECK_OK, name, text_string(&line), NULL); /* a script or a replay */
    } else {
        bedrock_error *error = NULL;
        double began = usage_clock();
        bedrock_status status = probe_connect(&doctor->config, settings, at, doctor->cancel, CONNECT_MS, &error);

        text_format(&line, " in %s at %s", text_string(&region), text_string(&endpoint));
        if (status < 0)
            text_format(&line, ": %s", failure_message(status, error));
        else
            text_format(&line, ": connected in %.2f s; the credentials are those of the model", usage_clock() - began);
        if (status < 0)
            checklist_add(&doctor->list, CHECK_FAILED, name, text_string(&line), REACH_IT);
        else
            checklist_add(&doctor->list, advice.length > 0 ? CHECK_WARNING : CHECK_OK, name, text_string(&line),
                          advice.length > 0 ? text_string(&advice) : NULL);
        bedrock_error_free(error);
    }
    text_free(&model);
    text_free(&region);
    text_free(&endpoint);
    text_free(&wrong);
    text_free(&line);
    text_free(&advice);
}

/* Adds the checks of the fallbacks, in the order in which they are called. */
static void add_fallbacks(struct doctor *doctor)
{
    struct text name = {0}, at = {0};
    int number;

    for (number = 0;; number++) {
        name.length = at.length = 0;
        text_format(&at, "/fallbacks/%d", number);
        if (setting_type(doctor, text_string(&at)) == BEDROCK_JSON_NONE)
            break;
        text_format(&name, "fallback %d", number + 1);
        add_fallback(doctor, text_string(&name), text_string(&at));
    }
    text_free(&name);
    text_free(&at);
}

/* Fetches credentials, if their source is a service, a command or a role. */
static int add_fetching(struct doctor *doctor)
{
    bedrock_error *error = NULL;
    bedrock_status status;

    if (setting_is(doctor, "/credentials/provider", "access_keys")
        || (setting_is(doctor, "/credentials/provider", "bearer_token")
            && setting_type(doctor, "/credentials/file") == BEDROCK_JSON_NONE)) {
        checklist_add(&doctor->list, CHECK_SKIPPED, "authorization",
                      "only a call shows whether the service accepts these: add --send", NULL);
        return 1;
    }
    status = bedrock_model_connect(doctor->model, doctor->cancel, CONNECT_MS, &error);
    if (status < 0)
        add_error(doctor, "authorization", status, error,
                  is_last_resort(doctor) ? GET_CREDENTIALS : "The message names the provider of the credentials");
    else
        checklist_add(&doctor->list, CHECK_OK, "authorization", "credentials were fetched", NULL);
    return status >= 0;
}

static const char *advice_for_call(bedrock_status status)
{
    switch (status) {
    case BEDROCK_E_ACCESS_DENIED:
        return "The keys must be valid, the identity needs the IAM permissions bedrock:InvokeModel and "
               "bedrock:InvokeModelWithResponseStream, and the account needs access to the model";
    case BEDROCK_E_CREDENTIALS:
        return "Get new credentials: aws sso login, aws login, or new keys and their session token";
    case BEDROCK_E_VALIDATION:
    case BEDROCK_E_NOT_FOUND:
        return "aws bedrock list-inference-profiles lists the ids that this region has: choose one with --model";
    default:
        return "It may pass: try again later. bedrock doctor --send --verbose logs each attempt";
    }
}

/* Sends a request that costs a few tokens. */
static void add_call(struct doctor *doctor)
{
    static const char json[] = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Say hello.\"}]}],"
                               " \"inferenceConfig\": {\"maxTokens\": 8}}";
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_usage usage;
    struct text line = {0};
    double began = usage_clock();
    bedrock_status status = bedrock_request_new(json, sizeof json - 1, &request, &error);

    if (status >= 0)
        status = bedrock_generate(doctor->model, request, doctor->cancel, &response, &error);
    if (status < 0) {
        add_error(doctor, "call", status, error, advice_for_call(status));
    } else {
        bedrock_response_usage(response, &usage, sizeof usage);
        text_format(&line, "the model responded in %.2f s", usage_clock() - began);
        if (usage.total_tokens >= 0)
            text_format(&line, ", %lld tokens", (long long)usage.total_tokens);
        checklist_add(&doctor->list, CHECK_OK, "call", text_string(&line), NULL);
    }
    text_free(&line);
    bedrock_response_free(response);
    bedrock_request_free(request);
}

static void examine(struct doctor *doctor, const struct options *options)
{
    int reachable, authorized;

    if (!add_settings(doctor))
        return;
    if (setting_type(doctor, "/region") == BEDROCK_JSON_NONE) {
        reachable = authorized = 1; /* a script or a replay */
    } else {
        authorized = add_credentials(doctor);
        reachable = add_connection(doctor);
        if (reachable && authorized)
            authorized = add_fetching(doctor);
        else
            checklist_add(&doctor->list, CHECK_SKIPPED, "authorization",
                          reachable ? "there are no credentials" : "the endpoint cannot be reached", NULL);
    }
    add_fallbacks(doctor);
    if (!options_has(options, OPTION_SEND))
        checklist_add(&doctor->list, CHECK_SKIPPED, "call", "nothing was sent; --send sends a request of a few tokens",
                      NULL);
    else if (!reachable || !authorized)
        checklist_add(&doctor->list, CHECK_SKIPPED, "call", "a check before it failed", NULL);
    else
        add_call(doctor);
}

int doctor(const struct options *options)
{
    struct doctor doctor = {0};
    struct text version = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status, signal;

    if (options->argument_count > 0) {
        output_complain("bedrock doctor takes no argument: %s", options->arguments[0]);
        return EXIT_USAGE;
    }
    doctor.list.is_json = options_has(options, OPTION_JSON);
    status = config_compose(options, &doctor.config);
    if (status == EXIT_COMPLETE) {
        doctor.cancel = bedrock_cancel_new();
        interrupt_begin(doctor.cancel);
        text_format(&version, "libbedrock %s", bedrock_version());
        checklist_add(&doctor.list, CHECK_OK, "library", text_string(&version), NULL);
        result = bedrock_model_new(text_string(&doctor.config), doctor.config.length, &doctor.model, &error);
        if (result < 0) {
            add_error(&doctor, "config", result, error, "Correct the option, or the member of --config that it names");
        } else {
            checklist_add(&doctor.list, CHECK_OK, "config", "valid", NULL);
            examine(&doctor, options);
        }
        status = checklist_end(&doctor.list);
        signal = interrupt_end();
        if (signal != 0)
            status = EXIT_SIGNAL + signal;
    }
    bedrock_cancel_free(doctor.cancel);
    bedrock_model_free(doctor.model);
    text_free(&doctor.config);
    text_free(&version);
    return status;
}
