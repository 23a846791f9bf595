/* terminal.c - what a terminal may be sent. */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns how many bytes at data are a control character, or a character that changes the direction of a line: 0 if
 * none are. *code receives its number. */
static size_t control(const unsigned char *data, size_t length, unsigned *code)
{
    *code = data[0];
    if (data[0] == '\n' || data[0] == '\t')
        return 0;
    if (data[0] < 0x20 || data[0] == 0x7f)
        return 1;
    if (length >= 2 && data[0] == 0xc2 && data[1] >= 0x80 && data[1] < 0xa0) { /* the C1 set: U+0080 to U+009F */
        *code = data[1];
        return 2;
    }
    if (length >= 3 && data[0] == 0xe2) {
        *code = 0x2000u + (unsigned)(data[1] - 0x80) * 0x40u + (unsigned)(data[2] - 0x80);
        if ((*code >= 0x202a && *code <= 0x202e) || (*code >= 0x2066 && *code <= 0x2069))
            return 3;
    }
    return 0;
}

void terminal_add(struct text *out, const char *data, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t first = 0, at = 0;
    unsigned code;

    while (at < length) {
        size_t size = control(bytes + at, length - at, &code);

        if (size == 0) {
            at++;
            continue;
        }
        text_add(out, data + first, at - first);
        if (code == '\r' && at + 1 < length && data[at + 1] == '\n')
            ; /* the end of a line */
        else if (code < 0x80)
            text_format(out, "^%c", (int)(code ^ 0x40));
        else
            text_format(out, "<U+%04X>", code);
        at += size;
        first = at;
    }
    text_add(out, data + first, length - first);
}

int terminal_is(int descriptor)
{
    return isatty(descriptor) == 1;
}

int terminal_has_styles(int descriptor)
{
    const char *name = getenv("TERM"), *plain = getenv("NO_COLOR");

    return terminal_is(descriptor) && name != NULL && name[0] != '\0' && strcmp(name, "dumb") != 0
        && (plain == NULL || plain[0] == '\0');
}
