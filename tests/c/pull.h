/* pull.h - shared by the programs about streams by pull: opening, polling, and a service that sends on request.
 *
 * The service responds to "stream NAME" with the events of "one two three". It sends each of them, and the end, only
 * after a call "pass NAME". So no test has to wait for time to pass. */
#ifndef PULL_H
#define PULL_H

#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* messageStart, "one ", "two ", "three", contentBlockStop, messageStop, metadata. */
#define PULL_EVENTS 7
#define PULL_TEXT "one two three"

/* A reply that begins, and then sends nothing. */
#define PULL_SILENT "[{\"text\": \"never\", \"pace\": \"10000s\"}]"

static inline bedrock_stream *pull_open_with(bedrock_model *model, const char *text, bedrock_cancel *cancel)
{
    bedrock_request *request = check_request(text);
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;

    if (!CHECK_OK(bedrock_stream_open(model, request, cancel, &stream, &error), error))
        exit(1);
    bedrock_request_free(request);
    return stream;
}

static inline bedrock_stream *pull_open(bedrock_model *model, const char *text)
{
    return pull_open_with(model, text, NULL);
}

/* Makes the service send the next event of "stream NAME", or its end. */
static inline void pull_pass(bedrock_model *model, const char *name)
{
    char text[64];
    bedrock_request *request;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    snprintf(text, sizeof text, "pass %s", name);
    request = check_request(text);
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_request_free(request);
}

/* Calls bedrock_stream_next, checks its out parameters, and frees the error. Does not read the event: if another
 * thread may free the stream, the event may be invalid. */
static inline bedrock_status pull_unseen(bedrock_stream *stream, int32_t timeout_ms, const bedrock_event **event, int line)
{
    bedrock_error *error = (bedrock_error *)POISON;
    bedrock_status status;

    *event = (const bedrock_event *)POISON;
    status = bedrock_stream_next(stream, timeout_ms, event, &error);
    if ((status == BEDROCK_OK) != (*event != NULL))
        check_report(__FILE__, line, "*event is set on BEDROCK_OK, and NULL otherwise", bedrock_status_name(status));
    if ((status < 0) != (error != NULL) || bedrock_error_status(error) != (status < 0 ? status : BEDROCK_OK))
        check_report(__FILE__, line, "*err is set on failure, and NULL otherwise", bedrock_status_name(status));
    bedrock_error_free(error);
    return status;
}

/* The same, with the event. */
#define NEXT(stream, timeout_ms) pull_next((stream), (timeout_ms), NULL, __LINE__)
/* The same; the event's text is added to a text of 100 bytes. */
#define NEXT_TEXT(stream, timeout_ms, text) pull_next((stream), (timeout_ms), (text), __LINE__)

static inline bedrock_status pull_next(bedrock_stream *stream, int32_t timeout_ms, char *text, int line)
{
    const bedrock_event *event = NULL;
    bedrock_status status = pull_unseen(stream, timeout_ms, &event, line);

    if (status == BEDROCK_OK && event->size != sizeof *event)
        check_report(__FILE__, line, "an event has its size", "another");
    if (status == BEDROCK_OK && text != NULL && event->type == BEDROCK_EVENT_TEXT && strlen(text) + event->text_len < 100)
        strcat(text, event->text);
    return status;
}

/* Reads to the end, and returns the terminal status. */
static inline bedrock_status pull_all(bedrock_stream *stream, char *text)
{
    bedrock_status status;

    do
        status = NEXT_TEXT(stream, -1, text);
    while (status == BEDROCK_OK);
    return status;
}

/* Returns whether a descriptor becomes readable within this number of milliseconds; -1: without a limit. */
static inline int pull_readable(int fd, int timeout_ms)
{
    struct pollfd look = {(int)fd, POLLIN, 0};

    while (poll(&look, 1, timeout_ms) < 0)
        ;
    return (look.revents & POLLIN) != 0;
}

static inline int64_t pull_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Makes a thread handle this number of signals, one after the other. The handler counts them in handled. A signal that
 * was not handled is sent again, because ThreadSanitizer delays a signal that arrives just before the thread sleeps,
 * until the thread wakes. */
static inline void pull_interrupt(pthread_t thread, int number, int *handled, int times)
{
    int i, looks;

    for (i = 0; i < times; i++)
        for (looks = 0; __sync_fetch_and_add(handled, 0) <= i; looks++) {
            if (looks % 1000 == 0)
                pthread_kill(thread, number);
            sched_yield();
        }
}

/* A thread that calls bedrock_stream_next without a limit. */
struct pull_reader {
    bedrock_stream *stream;
    pthread_t thread;
    bedrock_status status;
    char text[100];
};

static inline void *pull_read(void *user)
{
    struct pull_reader *reader = (struct pull_reader *)user;

    /* BUSY while the other thread checks whether this one is inside its call. */
    do
        reader->status = NEXT_TEXT(reader->stream, -1, reader->text);
    while (reader->status == BEDROCK_E_BUSY);
    return NULL;
}

/* Returns when the thread is inside the call. */
static inline void pull_send_reader(struct pull_reader *reader, bedrock_stream *stream)
{
    reader->stream = stream;
    reader->text[0] = '\0';
    CHECK(pthread_create(&reader->thread, NULL, pull_read, reader) == 0);
    while (NEXT(stream, 0) == BEDROCK_AGAIN)
        sched_yield();
}

static inline bedrock_status pull_join(struct pull_reader *reader)
{
    pthread_join(reader->thread, NULL);
    return reader->status;
}

/* A child of fork(), and a pipe from it. */
struct pull_child {
    pid_t pid;
    int ends[2];
};

/* Forks. Returns whether this is the child, which ends with pull_child_end. */
static inline int pull_fork(struct pull_child *child)
{
    CHECK(pipe(child->ends) == 0);
    child->pid = fork();
    if (child->pid == 0)
        check_failures = 0;
    return child->pid == 0;
}

/* Informs the parent whether all checks of the child held. Does not return. */
static inline void pull_child_end(const struct pull_child *child)
{
    char good;

    CHECK_INT(bedrock_live_handles(), 0);
    good = check_failures == 0;
    CHECK(write(child->ends[1], &good, 1) == 1);
    /* Waits to be killed, because a leak checker would count memory of the parent's threads. */
    for (;;)
        pause();
}

/* Waits for the checks of the child. */
static inline void pull_child_wait(const struct pull_child *child)
{
    char good = 0;

    close(child->ends[1]);
    CHECK(read(child->ends[0], &good, 1) == 1 && good);
    close(child->ends[0]);
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
}

#endif
