/* settings.c - the settings of a model, as bedrock_model_settings returns them. */
#include "settings.h"

#include <bedrock.h>

#include <string.h>

struct text settings_text(const struct settings *settings, const char *pointer)
{
    struct text value = {0};

    text_unquote(&value, settings->json, settings->length, pointer);
    return value;
}

struct text settings_text_of(const struct settings *settings, const char *at, const char *member)
{
    struct text pointer = {0}, value;

    text_format(&pointer, "%s%s", at, member);
    value = settings_text(settings, text_string(&pointer));
    text_free(&pointer);
    return value;
}

int settings_is(const struct settings *settings, const char *pointer, const char *expected)
{
    struct text value = settings_text(settings, pointer);
    int equal = strcmp(text_string(&value), expected) == 0;

    text_free(&value);
    return equal;
}

void settings_describe_credentials(const struct settings *settings, const char *at, struct text *line)
{
    static const char *const providers[][2] = {
        {"access_keys", "the access key"}, {"bearer_token", "a Bedrock API key"},
        {"assume_role", "the role"}, {"web_identity", "a web identity token for the role"},
        {"sso", "SSO"}, {"login_session", "a console login (aws login)"},
        {"credential_process", "a command (credential_process)"}, {"container", "the agent of the container"},
        {"instance_metadata", "the metadata service of the EC2 instance"},
    };
    static const char *const details[] = {"access_key_id", "role_arn", "role_name", "account_id", "file", "url"};
    struct text pointer = {0}, value;
    size_t i;

    text_format(&pointer, "%s/provider", at);
    value = settings_text(settings, text_string(&pointer));
    for (i = 0; i < sizeof providers / sizeof providers[0]; i++)
        if (strcmp(providers[i][0], text_string(&value)) == 0)
            text_puts(line, providers[i][1]);
    text_free(&value);
    for (i = 0; i < sizeof details / sizeof details[0]; i++) {
        pointer.length = 0;
        text_format(&pointer, "%s/%s", at, details[i]);
        value = settings_text(settings, text_string(&pointer));
        if (value.length > 0)
            text_format(line, " %s", text_string(&value));
        text_free(&value);
    }
    pointer.length = 0;
    text_format(&pointer, "%s/session_token", at);
    if (bedrock_json_type(settings->json, settings->length, text_string(&pointer)) == BEDROCK_JSON_TRUE)
        text_puts(line, " with a session token");
    pointer.length = 0;
    text_format(&pointer, "%s/source", at);
    value = settings_text(settings, text_string(&pointer));
    text_format(line, " (%s)", text_string(&value));
    text_free(&value);
    pointer.length = 0;
    text_format(&pointer, "%s/assumed_with", at);
    if (bedrock_json_type(settings->json, settings->length, text_string(&pointer)) == BEDROCK_JSON_OBJECT) {
        text_puts(line, ", assumed with ");
        settings_describe_credentials(settings, text_string(&pointer), line);
    }
    text_free(&pointer);
}
