/* text.c - a text that grows. */
#include "text.h"

#include "exit_status.h"

#include <bedrock.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_reserve(struct text *text, size_t more)
{
    size_t needed = text->length + more + 1;

    if (needed > text->room) {
        size_t room = needed > text->room * 2 ? needed : text->room * 2;
        char *data = more > SIZE_MAX / 4 ? NULL : realloc(text->data, room);

        if (data == NULL) {
            fprintf(stderr, "bedrock: out of memory\n");
            exit(EXIT_ERROR);
        }
        text->data = data;
        text->room = room;
        text->data[text->length] = '\0';
    }
    return text->data + text->length;
}

void text_add(struct text *text, const char *data, size_t length)
{
    char *end = text_reserve(text, length);

    if (length > 0)
        memcpy(end, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    text_reserve(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

int text_quote(struct text *text, const char *data, size_t length)
{
    size_t quoted = bedrock_json_quote(data, length, NULL, 0);

    if (quoted == BEDROCK_JSON_NOT_FOUND)
        return -1;
    bedrock_json_quote(data, length, text_reserve(text, quoted), quoted + 1);
    text->length += quoted;
    return 0;
}

int text_unquote(struct text *text, const char *json, size_t length, const char *pointer)
{
    size_t size = bedrock_json_string(json, length, pointer, NULL, 0);

    if (size == BEDROCK_JSON_NOT_FOUND)
        return -1;
    bedrock_json_string(json, length, pointer, text_reserve(text, size), size + 1);
    text->length += size;
    return 0;
}

const char *text_string(const struct text *text)
{
    return text->data != NULL ? text->data : "";
}

void text_free(struct text *text)
{
    static const struct text empty;

    free(text->data);
    *text = empty;
}
