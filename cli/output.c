/* output.c - what the command writes. */
#include "output.h"

#include "descriptor.h"
#include "exit_status.h"
#include "terminal.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failure;        /* errno of the first failure on standard output */
static int line_has_begun; /* on standard output */

/* Writes what a terminal may be sent. Returns 0, or errno. */
static int write_visible(int descriptor, const char *data, size_t length)
{
    struct text visible = {0};
    int error = 0;

    if (terminal_is(descriptor)) {
        terminal_add(&visible, data, length);
        data = text_string(&visible);
        length = visible.length;
    }
    if (descriptor_write(descriptor, data, length) != 0)
        error = errno;
    text_free(&visible);
    return error;
}

void output_start(void)
{
    int descriptor;

    /* If one of the three is closed, the next file or socket would get its number, and would be read or written in its
     * place. /dev/null is opened so that reading finds nothing and writing fails. */
    for (descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
                _exit(EXIT_OUTPUT);
    signal(SIGPIPE, SIG_IGN);
}

void output_write(const char *data, size_t length)
{
    if (failure != 0 || length == 0)
        return;
    failure = write_visible(STDOUT_FILENO, data, length);
    line_has_begun = data[length - 1] != '\n';
}

void output_puts(const char *string)
{
    output_write(string, strlen(string));
}

void output_end_line(void)
{
    if (line_has_begun)
        output_puts("\n");
}

int output_status(void)
{
    if (failure == EPIPE)
        return EXIT_SIGNAL + SIGPIPE;
    return failure != 0 ? EXIT_OUTPUT : EXIT_COMPLETE;
}

int output_finish(void)
{
    if (close(STDOUT_FILENO) != 0 && failure == 0)
        failure = errno;
    if (failure != 0 && failure != EPIPE)
        output_complain("the output could not be written: %s", strerror(failure));
    return output_status();
}

static void write_line(const char *prefix, const char *format, va_list arguments)
{
    struct text line = {0};
    va_list again;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    text_puts(&line, prefix);
    if (length > 0) {
        vsnprintf(text_reserve(&line, (size_t)length), (size_t)length + 1, format, arguments);
        line.length += (size_t)length;
    }
    text_puts(&line, "\n");
    write_visible(STDERR_FILENO, text_string(&line), line.length);
    text_free(&line);
}

void output_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("bedrock: ", format, arguments);
    va_end(arguments);
}

void output_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("", format, arguments);
    va_end(arguments);
}

void output_aside(const char *data, size_t length)
{
    static const char dim[] = "\033[2m", normal[] = "\033[0m";
    int styled = terminal_has_styles(STDERR_FILENO);

    if (styled)
        descriptor_write(STDERR_FILENO, dim, sizeof dim - 1);
    write_visible(STDERR_FILENO, data, length);
    if (styled)
        descriptor_write(STDERR_FILENO, normal, sizeof normal - 1);
}
