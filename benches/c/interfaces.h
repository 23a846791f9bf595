/* interfaces.h - the interfaces by which a C program can read streams. Each passes every event to consume. */
#ifndef INTERFACES_H
#define INTERFACES_H

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bedrock.h"

typedef int32_t (*consume_fn)(const bedrock_event *event, void *user);

static void must(bedrock_status status, bedrock_error *error, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, error != NULL ? bedrock_error_message(error) : bedrock_status_name(status));
        exit(1);
    }
}

/* Reads the available events. Returns whether the stream has ended. */
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

static void post(void *user) {
    sem_post(user);
}

static void by_descriptor(bedrock_stream *stream, consume_fn consume, void *user) {
    struct pollfd readable = {bedrock_stream_fd(stream), POLLIN, 0};
    do {
        poll(&readable, 1, -1);
    } while (!drain(stream, 0, consume, user));
}

static void by_wakeup(bedrock_stream *stream, consume_fn consume, void *user) {
    sem_t readable;
    sem_init(&readable, 0, 0);
    must(bedrock_stream_set_wakeup(stream, post, &readable, NULL), NULL, "wakeup");
    do {
        sem_wait(&readable);
    } while (!drain(stream, 0, consume, user));
    must(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), NULL, "wakeup");
    sem_destroy(&readable);
}

static void by_waitset(bedrock_stream *stream, consume_fn consume, void *user) {
    bedrock_waitset *set = bedrock_waitset_new();
    must(bedrock_waitset_add(set, stream, NULL), NULL, "waitset");
    do {
        bedrock_waitset_wait(set, -1, NULL, NULL);
    } while (!drain(stream, 0, consume, user));
    bedrock_waitset_free(set);
}

/* Reads one stream by an interface. Any name but those below means bedrock_stream_next, which blocks. */
static void stream_by(const char *interface, const bedrock_model *model, const bedrock_request *request,
                      consume_fn consume, void *user) {
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    must(bedrock_stream_open(model, request, NULL, &stream, &error), error, "open");
    if (strcmp(interface, "descriptor") == 0) {
        by_descriptor(stream, consume, user);
    } else if (strcmp(interface, "wakeup") == 0) {
        by_wakeup(stream, consume, user);
    } else if (strcmp(interface, "waitset") == 0) {
        by_waitset(stream, consume, user);
    } else {
        drain(stream, -1, consume, user);
    }
    bedrock_stream_free(stream);
}

/* A queue of the streams to read, which wakeups fill, as in an event loop. */
struct ready_queue {
    pthread_mutex_t lock;
    pthread_cond_t added;
    long *streams; /* each stream at most once: a wakeup is called once until the stream has been read */
    long first, count, capacity;
};

struct wakeup_target {
    struct ready_queue *queue;
    long stream;
};

static void enqueue(void *user) {
    struct wakeup_target *target = user;
    struct ready_queue *queue = target->queue;
    pthread_mutex_lock(&queue->lock);
    queue->streams[(queue->first + queue->count++) % queue->capacity] = target->stream;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_signal(&queue->added);
}

static long dequeue(struct ready_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0) {
        pthread_cond_wait(&queue->added, &queue->lock);
    }
    long stream = queue->streams[queue->first];
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    pthread_mutex_unlock(&queue->lock);
    return stream;
}

static void many_by_wakeup(bedrock_stream **streams, long count, consume_fn consume, void *user) {
    /* Twice the capacity, because a wakeup may still run when another is set. */
    struct ready_queue queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0, 2 * count};
    struct wakeup_target *targets = calloc((size_t)count, sizeof *targets);
    queue.streams = calloc((size_t)queue.capacity, sizeof *queue.streams);
    for (long i = 0; i < count; i++) {
        targets[i].queue = &queue;
        targets[i].stream = i;
        must(bedrock_stream_set_wakeup(streams[i], enqueue, &targets[i], NULL), NULL, "wakeup");
    }
    for (long open = count; open > 0;) {
        open -= drain(streams[dequeue(&queue)], 0, consume, user);
    }
    for (long i = 0; i < count; i++) {
        must(bedrock_stream_set_wakeup(streams[i], NULL, NULL, NULL), NULL, "wakeup");
    }
    free(queue.streams);
    free(targets);
}

static void many_by_descriptor(bedrock_stream **streams, long count, consume_fn consume, void *user) {
    struct epoll_event ready[64];
    int loop = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < count; i++) {
        struct epoll_event interest = {EPOLLIN, {.ptr = streams[i]}};
        if (epoll_ctl(loop, EPOLL_CTL_ADD, bedrock_stream_fd(streams[i]), &interest) != 0) {
            perror("epoll");
            exit(1);
        }
    }
    for (long open = count; open > 0;) {
        int found = epoll_wait(loop, ready, 64, -1);
        for (int i = 0; i < found; i++) {
            bedrock_stream *stream = ready[i].data.ptr;
            if (drain(stream, 0, consume, user)) {
                epoll_ctl(loop, EPOLL_CTL_DEL, bedrock_stream_fd(stream), NULL);
                open--;
            }
        }
    }
    close(loop);
}

static void many_by_waitset(bedrock_stream **streams, long count, consume_fn consume, void *user) {
    bedrock_waitset *set = bedrock_waitset_new();
    for (long i = 0; i < count; i++) {
        must(bedrock_waitset_add(set, streams[i], NULL), NULL, "waitset");
    }
    for (long open = count; open > 0;) {
        bedrock_stream *ready;
        must(bedrock_waitset_wait(set, -1, &ready, NULL), NULL, "wait");
        open -= drain(ready, 0, consume, user);
    }
    bedrock_waitset_free(set);
}

/* Opens count streams at once, and reads all of them in this thread. */
static void open_many(const char *interface, long count, const bedrock_model *model, const bedrock_request *request,
                      consume_fn consume, void *user) {
    bedrock_stream **streams = calloc((size_t)count, sizeof *streams);
    bedrock_error *error = NULL;
    for (long i = 0; i < count; i++) {
        must(bedrock_stream_open(model, request, NULL, &streams[i], &error), error, "open");
    }
    if (strcmp(interface, "wakeup") == 0) {
        many_by_wakeup(streams, count, consume, user);
    } else if (strcmp(interface, "descriptor") == 0) {
        many_by_descriptor(streams, count, consume, user);
    } else {
        many_by_waitset(streams, count, consume, user);
    }
    for (long i = 0; i < count; i++) {
        bedrock_stream_free(streams[i]);
    }
    free(streams);
}

#endif
