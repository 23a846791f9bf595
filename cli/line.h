/* line.h - lines that a person types. The terminal edits them. */
#ifndef LINE_H
#define LINE_H

#include "text.h"

/* Standard input, and what was read ahead of it. All of it is 0 at the beginning. */
struct line_reader {
    struct text ahead;
    int ended;
};

enum line_result {
    LINE_READ,
    LINE_ENDED,       /* the end of the input: Ctrl-D */
    LINE_INTERRUPTED, /* Ctrl-C: the terminal has discarded the line */
    LINE_FAILED       /* errno is set */
};

/* Reads a line, without its end. If a person types, prompt is printed, and Ctrl-C has to be blocked:
 * interrupt_block. */
enum line_result line_read(struct line_reader *reader, const char *prompt, struct text *line);

/* Reads a message, which may have several lines: a \ at the end of a line continues it, and lines between two lines of
 * """ are one message. */
enum line_result line_read_message(struct line_reader *reader, struct text *message);

/* Returns whether a person types. */
int line_is_typed(void);

void line_reader_free(struct line_reader *reader);

#endif
