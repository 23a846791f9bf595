/* text.h - a text that grows. It may hold every byte, and a NUL follows it. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* All of it is 0 at the beginning. text_free makes it empty again. */
struct text {
    char *data;
    size_t length;
    size_t room;
};

/* Adds bytes. These functions end the program if there is no memory. */
void text_add(struct text *text, const char *data, size_t length);
void text_puts(struct text *text, const char *string);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void text_format(struct text *text, const char *format, ...);

/* Adds a JSON string. Returns -1, and adds nothing, if the bytes are not UTF-8. */
int text_quote(struct text *text, const char *data, size_t length);

/* Adds the decoded string at a JSON pointer. Returns -1, and adds nothing, if there is none. */
int text_unquote(struct text *text, const char *json, size_t length, const char *pointer);

/* Makes room for this many bytes behind the text, and returns where they begin. */
char *text_reserve(struct text *text, size_t more);

/* Returns the text, which is never NULL. */
const char *text_string(const struct text *text);

void text_free(struct text *text);

#endif
