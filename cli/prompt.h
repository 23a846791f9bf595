/* prompt.h - what the user asks: the arguments and standard input. */
#ifndef PROMPT_H
#define PROMPT_H

#include "options.h"
#include "text.h"

/* Composes the prompt: the arguments with a space between them. If standard input is a pipe, a socket or a file, its
 * content comes before them, or is the prompt if there are none. Returns EXIT_COMPLETE, or EXIT_USAGE after it has
 * printed why. */
int prompt_read(const struct options *options, struct text *prompt);

#endif
