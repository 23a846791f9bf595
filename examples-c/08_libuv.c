/* 08_libuv.c - a response in libuv's loop, beside a signal; any other handle of libuv works as well.
 *
 *     cc 08_libuv.c $(pkg-config --cflags --libs bedrock libuv) -o 08_libuv
 *     ./08_libuv "Why does C have no strings?"
 *
 * A stream's descriptor is readable while there is something to read. uv_poll_t never closes it, so it can be used
 * as it is; a loop that closes the descriptors that it polls needs a dup. Remove it from the loop before
 * bedrock_stream_free closes it. Ctrl-C stops the response. */
#define _POSIX_C_SOURCE 200809L /* uv.h needs it with -std=c99 */
#include <bedrock.h>

#include <signal.h>
#include <stdio.h>
#include <uv.h>

#include "example.h"

static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \""
    "I am read in a loop of another library. Each word of this made a descriptor readable, libuv called a function for it, and "
    "that function read until there was nothing more. No thread of yours was needed, and none ever waited.\"}]";

/* The state of the callbacks. Each handle's data points to it. */
struct reader {
    bedrock_stream *stream;
    uv_poll_t readable;
    uv_signal_t interrupt;
    int failed;
};

/* The stream has ended. Without open handles the loop has nothing left to do, and returns. */
static void end(struct reader *reader)
{
    uv_close((uv_handle_t *)&reader->readable, NULL);
    uv_close((uv_handle_t *)&reader->interrupt, NULL);
    bedrock_stream_free(reader->stream);
}

/* Timeout 0 does not wait. The descriptor stays readable until every event has been read. */
static void on_readable(uv_poll_t *handle, int uv_status, int events)
{
    struct reader *reader = handle->data;
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    (void)uv_status, (void)events;
    while ((status = bedrock_stream_next(reader->stream, 0, &event, &error)) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
    if (status != BEDROCK_AGAIN)
        printf("\n");
    fflush(stdout);
    if (status < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        reader->failed = status != BEDROCK_E_CANCELLED;
    }
    if (status != BEDROCK_AGAIN)
        end(reader);
}

/* Does not end the loop itself: the stream's next status is BEDROCK_E_CANCELLED, and that does. */
static void on_interrupt(uv_signal_t *handle, int number)
{
    struct reader *reader = handle->data;

    (void)number;
    bedrock_stream_cancel(reader->stream);
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Why does C have no strings?";
    struct reader reader = {0};
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    int fd;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0
        || bedrock_stream_open(model, request, NULL, &reader.stream, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        reader.failed = 1;
    } else if ((fd = bedrock_stream_fd(reader.stream)) < 0) {
        fprintf(stderr, "no descriptors are left\n");
        bedrock_stream_free(reader.stream);
        reader.failed = 1;
    } else {
        uv_poll_init(uv_default_loop(), &reader.readable, (int)fd);
        uv_signal_init(uv_default_loop(), &reader.interrupt);
        reader.readable.data = reader.interrupt.data = &reader;
        uv_poll_start(&reader.readable, UV_READABLE, on_readable);
        uv_signal_start(&reader.interrupt, on_interrupt, SIGINT);
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    }
    uv_loop_close(uv_default_loop());

    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(reader.failed);
}
