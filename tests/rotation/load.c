/* load.c - calls at a fixed rate, whatever they return.
 *
 *     load CONFIG CALLS RATE MOST FILE
 *
 * CONFIG is the JSON of a model. Call number n starts n / RATE seconds after the first one, also if earlier calls have
 * not ended: a service that is slow for a moment gets them all. But no call starts while MOST of them run. One thread
 * starts them and waits for all of them.
 *
 * Writes a JSON object to stdout: the calls, how long they took, how late they started, the failures, and how often
 * the library has opened FILE, which is in $HOME/.aws. */
#define _GNU_SOURCE
#include <bedrock.h>

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, bedrock_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error != NULL ? bedrock_error_message(error) : "failed");
    exit(1);
}

/* Watches a folder in which the library opens files. */
static int watch(const char *home)
{
    char path[PATH_MAX];
    int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    snprintf(path, sizeof path, "%s/.aws", home);
    /* Two equal events that follow each other would become one: closing is between two times of opening. */
    if (watcher < 0 || inotify_add_watch(watcher, path, IN_OPEN | IN_CLOSE) < 0) {
        perror(path);
        exit(1);
    }
    return watcher;
}

/* Returns how often the file has been opened since the last time. */
static long count_opens(int watcher, const char *file)
{
    _Alignas(struct inotify_event) char buffer[64 << 10];
    ssize_t length;
    long opens = 0;

    while ((length = read(watcher, buffer, sizeof buffer)) > 0) {
        ssize_t at = 0;

        while (at < length) {
            const struct inotify_event *event = (const struct inotify_event *)(buffer + at);

            if (event->mask & IN_Q_OVERFLOW)
                fail("the events of the folder are too many", NULL);
            opens += (event->mask & IN_OPEN) && event->len > 0 && strcmp(event->name, file) == 0;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return opens;
}

struct load {
    bedrock_waitset *set;
    long ended, failed, most_running;
    char failure[512];
};

/* Takes the result of a stream that is readable. */
static void take(struct load *load, bedrock_stream *stream)
{
    const bedrock_event *event = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_stream_next(stream, 0, &event, &error);

    if (status == BEDROCK_AGAIN)
        return;
    load->ended++;
    if (status != BEDROCK_DONE) {
        if (load->failed++ == 0)
            snprintf(load->failure, sizeof load->failure, "%s", error != NULL ? bedrock_error_message(error) : "?");
        bedrock_error_free(error);
    }
    bedrock_stream_free(stream);
}

static void start(struct load *load, const bedrock_model *model, const bedrock_request *request)
{
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;

    if (bedrock_call_open(model, "Converse", request, NULL, &stream, &error) != BEDROCK_OK)
        fail("opening a call", error);
    if (bedrock_waitset_add(load->set, stream, NULL) != BEDROCK_OK)
        fail("adding a call to the set", NULL);
}

int main(int argc, char **argv)
{
    static const char body[] = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hello?\"}]}]}";
    struct load load = {0};
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    const char *home = getenv("HOME");
    double began, rate, most_late = 0, took;
    long calls, most, started = 0;
    int watcher;

    if (argc != 6 || home == NULL)
        return 2;
    calls = atol(argv[2]);
    rate = atof(argv[3]);
    most = atol(argv[4]);
    if (bedrock_model_new(argv[1], strlen(argv[1]), &model, &error) != BEDROCK_OK)
        fail("the config", error);
    if (bedrock_request_new(body, sizeof body - 1, &request, &error) != BEDROCK_OK)
        fail("the request", error);
    load.set = bedrock_waitset_new();
    watcher = watch(home);
    if (bedrock_model_connect(model, NULL, -1, &error) != BEDROCK_OK)
        fail("connecting", error);
    began = now();
    while (load.ended < calls) {
        double next = began + (double)started / rate;
        bedrock_stream *stream = NULL;
        int32_t wait;

        while (started < calls && started - load.ended < most && now() >= next) {
            double late = now() - next;

            if (late > most_late)
                most_late = late;
            start(&load, model, request);
            next = began + (double)++started / rate;
        }
        if (started - load.ended > load.most_running)
            load.most_running = started - load.ended;
        wait = -1;
        if (started < calls && started - load.ended < most) {
            /* Less than a millisecond remains: a look at the set, without a wait. */
            wait = (int32_t)((next - now()) * 1000);
            wait = wait < 0 ? 0 : wait;
        }
        if (bedrock_waitset_wait(load.set, wait, &stream, NULL) == BEDROCK_OK)
            take(&load, stream);
    }
    took = now() - began;
    printf("{\"calls\": %ld, \"seconds\": %.3f, \"rate\": %.1f, \"failed\": %ld, \"latest_start_ms\": %.1f, "
           "\"most_running\": %ld, \"lookups\": %ld}\n", calls, took, (double)calls / took, load.failed,
           most_late * 1000, load.most_running, count_opens(watcher, argv[5]));
    if (load.failed > 0)
        fprintf(stderr, "the first failure: %s\n", load.failure);
    bedrock_waitset_free(load.set);
    bedrock_request_free(request);
    bedrock_model_free(model);
    close(watcher);
    return 0;
}
