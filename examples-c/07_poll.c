/* 07_poll.c - a response and the keyboard in one poll loop, without a thread.
 *
 *     cc 07_poll.c $(pkg-config --cflags --libs bedrock) -o 07_poll
 *     ./07_poll "Why does C have no strings?"
 *
 * While the response arrives, type: an empty line stops it, any other stops it and is asked instead.
 *
 * bedrock_stream_open does not wait, and bedrock_stream_fd returns a descriptor that is readable while there is
 * something to read: an event, the end, a failure. Poll it beside your own, with poll, select, epoll or kqueue. */
#define _POSIX_C_SOURCE 200809L
#include <bedrock.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "example.h"

static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \""
    "No thread waits for me here. Between two words your loop looks at the keyboard, at its sockets and at its timers, and "
    "comes back when my descriptor is readable.\"},"
    " {\"pace\": \"30ms\", \"text\": \"You interrupted me, and I did not mind: one stream ended, and this is another.\"}]";

static bedrock_stream *ask(const bedrock_model *model, const char *question)
{
    bedrock_request *request = NULL;
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;

    if (bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0
        || bedrock_stream_open(model, request, NULL, &stream, &error) < 0)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
    bedrock_request_free(request); /* the stream keeps what it needs */
    return stream;
}

/* Prints the events that have arrived. Returns BEDROCK_AGAIN, or the terminal status of the stream. */
static bedrock_status print_what_came(bedrock_stream *stream)
{
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    while ((status = bedrock_stream_next(stream, 0, &event, &error)) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
    if (status != BEDROCK_AGAIN)
        printf("\n");
    fflush(stdout);
    if (status < 0 && status != BEDROCK_E_CANCELLED)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
    return status;
}

int main(int argc, char **argv)
{
    bedrock_model *model = NULL;
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {-1, POLLIN, 0}};
    char line[4096];
    int failed = 0;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        return example_end(1);
    }
    stream = ask(model, argc > 1 ? argv[1] : "Why does C have no strings?");
    failed = stream == NULL;
    while (stream != NULL) {
        /* poll ignores a descriptor below 0 (the process has none left). */
        fds[1].fd = bedrock_stream_fd(stream);
        if (poll(fds, 2, -1) < 0)
            break;
        if (fds[1].revents != 0) {
            bedrock_status status = print_what_came(stream);

            if (status != BEDROCK_AGAIN) {
                failed = status < 0 && status != BEDROCK_E_CANCELLED;
                bedrock_stream_free(stream); /* closes the descriptor */
                stream = NULL;
            }
        }
        if (stream != NULL && fds[0].revents != 0) {
            ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);

            if (length <= 0) {
                fds[0].fd = -1; /* the input has ended; the response goes on */
                continue;
            }
            line[length] = '\0';
            line[strcspn(line, "\r\n")] = '\0';
            bedrock_stream_free(stream); /* ends it, and its connection */
            printf("\n");
            stream = line[0] == '\0' ? NULL : ask(model, line);
            failed = line[0] != '\0' && stream == NULL;
        }
    }

    bedrock_stream_free(stream);
    bedrock_model_free(model);
    return example_end(failed);
}
