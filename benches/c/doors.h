/* doors.h - the ways in which a C program can read streams. Each shows every event to consume, until the stream's end. */
#ifndef DOORS_H
#define DOORS_H

#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bedrock.h"

typedef int32_t (*consume_fn)(const bedrock_event *event, void *user);

static void must(bedrock_status status, bedrock_error *error, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, error != NULL ? bedrock_error_message(error) : bedrock_status_name(status));
        exit(1);
    }
}

/* Reads what there is. Whether the stream is over. */
static int drain(bedrock_stream *stream, int32_t timeout, consume_fn consume, void *user) {
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;
    while ((status = bedrock_stream_next(stream, timeout, &event, &error)) == BEDROCK_OK) {
        consume(event, user);
    }
    must(status, error, "stream");
    return status == BEDROCK_DONE;
}

static void ring(void *user) {
    sem_post(user);
}

/* Waits until the stream has something to read, and reads it. */
static void by_descriptor(bedrock_stream *stream, consume_fn consume, void *user) {
    struct pollfd readable = {(int)bedrock_stream_fd(stream), POLLIN, 0};
    do {
        poll(&readable, 1, -1);
    } while (!drain(stream, 0, consume, user));
}

static void by_wakeup(bedrock_stream *stream, consume_fn consume, void *user) {
    sem_t bell;
    sem_init(&bell, 0, 0);
    must(bedrock_stream_set_wakeup(stream, ring, &bell, NULL), NULL, "wakeup");
    do {
        sem_wait(&bell);
    } while (!drain(stream, 0, consume, user));
    must(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), NULL, "wakeup");
    sem_destroy(&bell);
}

static void by_waitset(bedrock_stream *stream, consume_fn consume, void *user) {
    bedrock_waitset *set = bedrock_waitset_new();
    must(bedrock_waitset_add(set, stream, NULL), NULL, "waitset");
    do {
        bedrock_waitset_wait(set, -1, NULL, NULL);
    } while (!drain(stream, 0, consume, user));
    bedrock_waitset_free(set);
}

/* One stream through a door, whose name has been checked. */
static void stream_by(const char *door, const bedrock_model *model, const bedrock_request *request, consume_fn consume,
                      void *user) {
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    must(bedrock_stream_open(model, request, NULL, &stream, &error), error, "open");
    if (strcmp(door, "descriptor") == 0) {
        by_descriptor(stream, consume, user);
    } else if (strcmp(door, "wakeup") == 0) {
        by_wakeup(stream, consume, user);
    } else if (strcmp(door, "waitset") == 0) {
        by_waitset(stream, consume, user);
    } else {
        drain(stream, -1, consume, user);
    }
    bedrock_stream_free(stream);
}

/* So many streams at once, served by this thread: each by a descriptor of its own, or all by a waiting set. */
static void open_many(const char *door, long count, const bedrock_model *model, const bedrock_request *request,
                      consume_fn consume, void *user) {
    bedrock_stream **streams = calloc((size_t)count, sizeof *streams);
    struct pollfd *readable = calloc((size_t)count, sizeof *readable);
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_error *error = NULL;
    int polled = strcmp(door, "descriptor") == 0;
    long open = count;

    for (long i = 0; i < count; i++) {
        must(bedrock_stream_open(model, request, NULL, &streams[i], &error), error, "open");
        if (polled) {
            readable[i].fd = (int)bedrock_stream_fd(streams[i]);
            readable[i].events = POLLIN;
        } else {
            must(bedrock_waitset_add(set, streams[i], NULL), NULL, "waitset");
        }
    }
    while (open > 0) {
        if (polled) {
            poll(readable, (nfds_t)count, -1);
            for (long i = 0; i < count; i++) {
                if (readable[i].revents != 0 && drain(streams[i], 0, consume, user)) {
                    readable[i].fd = -1; /* poll passes over it */
                    open--;
                }
            }
        } else {
            bedrock_stream *ready;
            must(bedrock_waitset_wait(set, -1, &ready, NULL), NULL, "wait");
            open -= drain(ready, 0, consume, user);
        }
    }
    for (long i = 0; i < count; i++) {
        bedrock_stream_free(streams[i]);
    }
    bedrock_waitset_free(set);
    free(streams);
    free(readable);
}

#endif
