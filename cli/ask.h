/* ask.h - "bedrock ask": one prompt, one answer. */
#ifndef ASK_H
#define ASK_H

#include "options.h"

int ask(const struct options *options);

#endif
