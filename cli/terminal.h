/* terminal.h - what a terminal may be sent. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "text.h"

/* Adds text with its control characters made visible: "^[" in place of ESC. A model, a file that it has read or a
 * server could otherwise move the cursor, set the title or write into the clipboard. Newlines and tabs stay. */
void terminal_add(struct text *out, const char *data, size_t length);

/* Returns whether a descriptor is a terminal, and whether it may be sent colours (TERM, NO_COLOR). */
int terminal_is(int descriptor);
int terminal_has_styles(int descriptor);

#endif
