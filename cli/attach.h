/* attach.h - images, documents and other bytes that are sent with a request. */
#ifndef ATTACH_H
#define ATTACH_H

#include "options.h"

#include <bedrock.h>

/* Adds an image or a document to the user's next message. Returns EXIT_COMPLETE, or another exit status after it has
 * printed why. */
int attach_image(bedrock_request *request, const char *path);
int attach_document(bedrock_request *request, const char *path);

/* Adds everything that --image and --document name, in the order of the command line. */
int attach_all(bedrock_request *request, const struct options *options);

/* Gives the request the bytes that --attach names. */
int attach_named(bedrock_request *request, const struct options *options);

#endif
