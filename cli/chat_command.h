/* chat_command.h - the commands that a person types in bedrock chat: /help, /undo and so on. */
#ifndef CHAT_COMMAND_H
#define CHAT_COMMAND_H

#include "turn.h"

/* Runs the command of a line that begins with "/". */
void chat_command_run(struct chat *chat, const char *line);

#endif
