/* line.c - lines that a person types. */
#include "line.h"

#include "interrupt.h"
#include "output.h"
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char FENCE[] = "\"\"\"";

int line_is_typed(void)
{
    return terminal_is(STDIN_FILENO);
}

/* Reads what there is. Ctrl-C ends the wait for a person. */
static ssize_t read_some(char *data, size_t size)
{
    sigset_t blocked;
    ssize_t got;
    int error;

    if (!line_is_typed())
        return read(STDIN_FILENO, data, size);
    if (interrupt_wait(STDIN_FILENO) < 0)
        return -1;
    /* The terminal may have discarded by now what it had: then this is the wait. */
    interrupt_allow(&blocked);
    got = read(STDIN_FILENO, data, size);
    error = errno;
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    errno = error;
    return got;
}

static enum line_result read_line(struct line_reader *reader, struct text *line)
{
    enum { BLOCK = 4096 };
    struct text *ahead = &reader->ahead;

    for (;;) {
        char *end = ahead->length > 0 ? memchr(ahead->data, '\n', ahead->length) : NULL;
        size_t length = end != NULL ? (size_t)(end - ahead->data) : ahead->length;
        ssize_t got;

        if (end != NULL || (reader->ended && length > 0)) {
            size_t used = end != NULL ? length + 1 : length;

            text_add(line, ahead->data, length > 0 && ahead->data[length - 1] == '\r' ? length - 1 : length);
            memmove(ahead->data, ahead->data + used, ahead->length - used);
            ahead->length -= used;
            return LINE_READ;
        }
        if (reader->ended)
            return LINE_ENDED;
        got = read_some(text_reserve(ahead, BLOCK), BLOCK);
        if (got < 0 && errno == EINTR) {
            ahead->length = 0;
            return LINE_INTERRUPTED;
        }
        if (got < 0)
            return LINE_FAILED;
        if (got == 0)
            reader->ended = 1;
        if (got > 0)
            ahead->length += (size_t)got;
    }
}

enum line_result line_read(struct line_reader *reader, const char *prompt, struct text *line)
{
    if (line_is_typed())
        output_aside(prompt, strlen(prompt));
    return read_line(reader, line);
}

/* Reads the lines until the closing fence. */
static enum line_result read_fenced(struct line_reader *reader, struct text *message)
{
    for (;;) {
        struct text line = {0};
        enum line_result result = line_read(reader, "... ", &line);
        int closed = result != LINE_READ || strcmp(text_string(&line), FENCE) == 0;

        if (!closed) {
            text_add(message, text_string(&line), line.length);
            text_puts(message, "\n");
        }
        text_free(&line);
        if (closed)
            return result == LINE_ENDED && message->length > 0 ? LINE_READ : result;
    }
}

enum line_result line_read_message(struct line_reader *reader, struct text *message)
{
    enum line_result result = line_read(reader, "> ", message);

    if (result == LINE_READ && strcmp(text_string(message), FENCE) == 0) {
        message->length = 0;
        return read_fenced(reader, message);
    }
    while (result == LINE_READ && message->length > 0 && message->data[message->length - 1] == '\\') {
        message->data[message->length - 1] = '\n';
        result = line_read(reader, "... ", message);
    }
    return result;
}

void line_reader_free(struct line_reader *reader)
{
    text_free(&reader->ahead);
}
