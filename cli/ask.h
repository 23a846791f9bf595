/* ask.h - "bedrock ask": one prompt, one response. */
#ifndef ASK_H
#define ASK_H

#include "options.h"

int ask(const struct options *options);

#endif
