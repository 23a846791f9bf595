/* 15_glib.c - a response in GLib's main loop, beside a timer, as in any program for GTK or GNOME.
 *
 *     cc 15_glib.c $(pkg-config --cflags --libs bedrock glib-2.0) -o 15_glib
 *     ./15_glib "Why does C have no strings?"
 *
 * A stream's descriptor is readable while there is something to read: g_unix_fd_add calls a function, which reads
 * until BEDROCK_AGAIN. Remove the source from the loop before bedrock_stream_free closes the descriptor; a
 * function that returns G_SOURCE_REMOVE does that. Ctrl-C stops the response. */
#include <bedrock.h>

#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>

#include "example.h"

static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \""
    "I am read in a loop of another library. Each word of this made a descriptor readable, GLib called a function for it, "
    "and the clock went on ticking beside it. No thread of yours was needed, and none ever waited.\"}]";

/* The state of the callbacks. */
struct reader {
    bedrock_stream *stream;
    GMainLoop *loop;
    unsigned ticks;
    int failed;
};

/* Timeout 0 does not wait. The descriptor stays readable until every event has been read. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct reader *reader = data;
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    (void)fd, (void)condition;
    while ((status = bedrock_stream_next(reader->stream, 0, &event, &error)) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
    fflush(stdout);
    if (status == BEDROCK_AGAIN)
        return G_SOURCE_CONTINUE;
    printf("\n");
    if (status < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        reader->failed = status != BEDROCK_E_CANCELLED;
    }
    g_main_loop_quit(reader->loop);
    return G_SOURCE_REMOVE;
}

/* Does not end the loop: the stream's next status is BEDROCK_E_CANCELLED, and that does. */
static gboolean on_interrupt(gpointer data)
{
    struct reader *reader = data;

    bedrock_stream_cancel(reader->stream);
    return G_SOURCE_CONTINUE;
}

static gboolean on_tick(gpointer data)
{
    struct reader *reader = data;

    reader->ticks++;
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Why does C have no strings?";
    struct reader reader = {0};
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    guint tick, interrupt;
    gint fd;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0
        || bedrock_stream_open(model, request, NULL, &reader.stream, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        reader.failed = 1;
    } else if ((fd = (gint)bedrock_stream_fd(reader.stream)) < 0) {
        fprintf(stderr, "no descriptors are left\n");
        reader.failed = 1;
    } else {
        reader.loop = g_main_loop_new(NULL, FALSE);
        g_unix_fd_add(fd, G_IO_IN, on_readable, &reader);
        interrupt = g_unix_signal_add(SIGINT, on_interrupt, &reader);
        tick = g_timeout_add(100, on_tick, &reader);
        g_main_loop_run(reader.loop);
        g_source_remove(tick);
        g_source_remove(interrupt);
        g_main_loop_unref(reader.loop);
        fprintf(stderr, "[the loop ticked %u times meanwhile]\n", reader.ticks);
    }

    bedrock_stream_free(reader.stream);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(reader.failed);
}
