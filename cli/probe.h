/* probe.h - connecting to a target of a model, without its credentials. */
#ifndef PROBE_H
#define PROBE_H

#include "settings.h"

#include <bedrock.h>

/* Connects to the target whose settings are at a JSON pointer: "" is the model's own, "/fallbacks/0" the next. It has
 * proxy and certificates of the model with this config, and keys that are placeholders: connecting sends nothing. */
bedrock_status probe_connect(const struct text *config, const struct settings *settings, const char *at,
                             bedrock_cancel *cancel, int timeout_ms, bedrock_error **error);

#endif
