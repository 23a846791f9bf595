/* line.c - lines that a person types. */
#include "line.h"

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

/* The handler does nothing: the signal has ended read() with EINTR. */
static void on_interrupt(int number)
{
    (void)number;
}

/* Reads what there is. At a terminal Ctrl-C ends the wait and not the program. */
static ssize_t read_some(char *data, size_t size)
{
    struct sigaction interrupt, before;
    ssize_t got;
    int error;

    memset(&interrupt, 0, sizeof interrupt);
    interrupt.sa_handler = on_interrupt;
    sigemptyset(&interrupt.sa_mask);
    if (line_is_typed())
        sigaction(SIGINT, &interrupt, &before);
    got = read(STDIN_FILENO, data, size);
    error = errno;
    if (line_is_typed())
        sigaction(SIGINT, &before, NULL);
    errno = error;
    return got;
}

enum line_result line_read(struct line_reader *reader, const char *prompt, struct text *line)
{
    enum { BLOCK = 4096 };
    struct text *ahead = &reader->ahead;

    if (line_is_typed())
        output_aside(prompt, strlen(prompt));
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
        if (got < 0 && errno == EINTR && line_is_typed()) {
            ahead->length = 0;
            return LINE_INTERRUPTED;
        }
        if (got < 0 && errno != EINTR)
            return LINE_FAILED;
        if (got == 0)
            reader->ended = 1;
        if (got > 0)
            ahead->length += (size_t)got;
    }
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
