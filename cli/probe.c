/* probe.c - connecting to a target of a model, without its credentials. */
#include "probe.h"

#include "members.h"

#include <string.h>

/* The members of the config that choose credentials and targets, or need those that do. */
static const char *const replaced[] = {"api_key", "secret_key", "session_token", "bearer_token", "bearer_token_file",
                                       "auth", "profile", "role_arn", "role_session_name", "external_id", "options",
                                       "region", "base_url", "allow_http", "retry", "fallbacks", "fallback_on",
                                       "cooldown", "hedge", NULL};

static bedrock_status make_model(const struct text *config, const struct settings *settings, const char *at,
                                 bedrock_model **model, bedrock_error **error)
{
    struct text own = {0}, region = settings_text_of(settings, at, "/region/value");
    struct text endpoint = settings_text_of(settings, at, "/endpoint/value");
    struct text source = settings_text_of(settings, at, "/endpoint/source");
    struct text ca_file = settings_text(settings, "/ca_file/value");
    bedrock_status status;

    members_begin(&own);
    members_copy(&own, text_string(config), config->length, replaced);
    members_add_string(&own, "region", text_string(&region));
    if (strcmp(text_string(&source), "the region") != 0)
        members_add_string(&own, "base_url", text_string(&endpoint));
    if (text_string(&ca_file)[0] == '/')
        members_add_string(&own, "ca_file", text_string(&ca_file));
    members_add(&own, "allow_http", "true", 4);
    members_add_string(&own, "api_key", "placeholder");
    members_add_string(&own, "secret_key", "placeholder");
    members_add(&own, "retry", "{\"max_attempts\": 1}", 19);
    members_end(&own);
    status = bedrock_model_new(text_string(&own), own.length, model, error);
    text_free(&own);
    text_free(&region);
    text_free(&endpoint);
    text_free(&source);
    text_free(&ca_file);
    return status;
}

bedrock_status probe_connect(const struct text *config, const struct settings *settings, const char *at,
                             bedrock_cancel *cancel, int timeout_ms, bedrock_error **error)
{
    bedrock_model *model = NULL;
    bedrock_status status = make_model(config, settings, at, &model, error);

    if (status >= 0)
        status = bedrock_model_connect(model, cancel, timeout_ms, error);
    bedrock_model_free(model);
    return status;
}
