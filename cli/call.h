/* call.h - "bedrock call": any operation by its name. */
#ifndef CALL_H
#define CALL_H

#include "options.h"

int call(const struct options *options);

#endif
