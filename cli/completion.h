/* completion.h - "bedrock completion": what a shell completes. */
#ifndef COMPLETION_H
#define COMPLETION_H

#include "options.h"

int completion(const struct options *options);

#endif
