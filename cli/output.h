/* output.h - what the command writes: responses to standard output, notes to standard error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stddef.h>

/* Prepares for writing. A reader that ends (head -1) is then an error of write, and no signal. */
void output_start(void);

/* Writes to standard output at once, so that a response appears while it is written. Does nothing after a failure. */
void output_write(const char *data, size_t length);
void output_puts(const char *string);

/* Ends a line that has begun. */
void output_end_line(void);

/* Returns the exit status for a failure to write, and 0 if there was none. Closes nothing. */
int output_status(void);

/* Closes standard output, because some failures show only then. Returns what output_status returns, and prints the
 * reason of a failure. If the reader has ended, there is nothing to say. */
int output_finish(void);

/* Writes a line to standard error: "bedrock: " and the text. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void output_complain(const char *format, ...);

/* Writes to standard error, dimmed if it is a terminal. */
void output_aside(const char *data, size_t length);

/* Writes a line to standard error as it is. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void output_note(const char *format, ...);

#endif
