/* chat.h - "bedrock chat": a conversation at the terminal. */
#ifndef CHAT_H
#define CHAT_H

#include "options.h"

int chat(const struct options *options);

#endif
