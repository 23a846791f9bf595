/* config.h - the library's config, from the options and the environment. */
#ifndef CONFIG_H
#define CONFIG_H

#include "options.h"
#include "text.h"

#include <bedrock.h>

/* The model if nothing names another. */
#define CONFIG_MODEL "us.anthropic.claude-haiku-4-5-20251001-v1:0"

/* Composes the config. What an option gives takes precedence over --config, and --config over BEDROCK_MODEL and
 * BEDROCK_BASE_URL. Returns EXIT_COMPLETE, or EXIT_USAGE after it has printed why. */
int config_compose(const struct options *options, struct text *config);

/* Makes the model. Returns EXIT_COMPLETE, or another exit status after it has printed why. */
int config_model(const struct options *options, bedrock_model **model);

/* Waits until a recording is complete, also if its last call was interrupted. */
void config_finish(const struct options *options);

#endif
