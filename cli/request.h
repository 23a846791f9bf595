/* request.h - members of a request that options give. */
#ifndef REQUEST_H
#define REQUEST_H

#include "options.h"

#include <bedrock.h>

/* Replaces the system prompt. */
bedrock_status request_set_system(bedrock_request *request, const char *system, bedrock_error **error);

/* Sets the members that hold for one call and are not a part of the conversation: --request, --max-tokens, --schema and
 * so on. Returns EXIT_COMPLETE, or another exit status after it has printed why. */
int request_set_options(bedrock_request *request, const struct options *options);

#endif
