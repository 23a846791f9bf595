/* 15_glib.c - an answer in GLib's main loop, beside a timer, as in any program for GTK or GNOME.
 *
 *     cc 15_glib.c $(pkg-config --cflags --libs bedrock glib-2.0) -o 15_glib
 *     ./15_glib "Why does C have no strings?"
 *
 * A stream's descriptor is readable while there is something to read: g_unix_fd_add calls a function, which reads
 * until BEDROCK_AGAIN. Remove the source from the loop before bedrock_stream_free closes the descriptor; a
 * function that returns G_SOURCE_REMOVE does that. Ctrl-C stops the answer. */
#include <bedrock.h>

#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>

#include "example.h"

static const char replies[] =
    "[{\"pace\": \"30ms\", \"text\": \""
    "I live in a loop that is not mine. Each word of this made a descriptor readable, GLib called a function for it, "
    "and the clock went on ticking beside it. No thread of yours was needed, and none ever waited.\"}]";

/* What the callbacks need. */
struct answer {
    bedrock_stream *stream;
    GMainLoop *loop;
    unsigned ticks;
    int failed;
};

/* Timeout 0: what is there, and not a moment longer. The descriptor stays readable until all has been read. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct answer *answer = data;
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    (void)fd, (void)condition;
    while ((status = bedrock_stream_next(answer->stream, 0, &event, &error)) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
    fflush(stdout);
    if (status == BEDROCK_AGAIN)
        return G_SOURCE_CONTINUE;
    printf("\n");
    if (status < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        answer->failed = status != BEDROCK_E_CANCELLED;
    }
    g_main_loop_quit(answer->loop);
    return G_SOURCE_REMOVE;
}

/* Does not end the loop: the stream's next status is BEDROCK_E_CANCELLED, and that does. */
static gboolean on_interrupt(gpointer data)
{
    struct answer *answer = data;

    bedrock_stream_cancel(answer->stream);
    return G_SOURCE_CONTINUE;
}

static gboolean on_tick(gpointer data)
{
    struct answer *answer = data;

    answer->ticks++;
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Why does C have no strings?";
    struct answer answer = {0};
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    guint tick, interrupt;
    gint fd;

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0
        || bedrock_stream_open(model, request, NULL, &answer.stream, &error) < 0) {
        fprintf(stderr, "%s\n", bedrock_error_message(error));
        bedrock_error_free(error);
        answer.failed = 1;
    } else if ((fd = (gint)bedrock_stream_fd(answer.stream)) < 0) {
        fprintf(stderr, "no descriptors are left\n");
        answer.failed = 1;
    } else {
        answer.loop = g_main_loop_new(NULL, FALSE);
        g_unix_fd_add(fd, G_IO_IN, on_readable, &answer);
        interrupt = g_unix_signal_add(SIGINT, on_interrupt, &answer);
        tick = g_timeout_add(100, on_tick, &answer);
        g_main_loop_run(answer.loop);
        g_source_remove(tick);
        g_source_remove(interrupt);
        g_main_loop_unref(answer.loop);
        fprintf(stderr, "[the loop ticked %u times meanwhile]\n", answer.ticks);
    }

    bedrock_stream_free(answer.stream);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(answer.failed);
}
