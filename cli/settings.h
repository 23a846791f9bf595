/* settings.h - the settings of a model, as bedrock_model_settings returns them. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "text.h"

/* JSON, borrowed from the model. */
struct settings {
    const char *json;
    size_t length;
};

/* Gets a string at a JSON pointer, which is empty if there is none. Free it. */
struct text settings_text(const struct settings *settings, const char *pointer);

/* Gets a string of the object at a JSON pointer. Free it. */
struct text settings_text_of(const struct settings *settings, const char *at, const char *member);

/* Returns whether the string at a JSON pointer is the expected one. */
int settings_is(const struct settings *settings, const char *pointer, const char *expected);

/* Adds where the credentials at a JSON pointer are from: "the access key AKIA************MPLE (AWS_ACCESS_KEY_ID)". */
void settings_describe_credentials(const struct settings *settings, const char *at, struct text *line);

#endif
