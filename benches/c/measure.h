/* measure.h - what a client of the benchmark counts and prints, whatever it is written with. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct total {
    uint64_t events;
    uint64_t bytes;
    int leave;     /* end the program at the first piece of text */
    long to_begin; /* so many streams begin before what is measured does */
};

/* Where what is measured begins. */
static struct {
    uint64_t events;
    int64_t time;
    struct rusage usage;
} start;

/* How long events took from the server's write to the consumer, in nanoseconds. */
static struct {
    int64_t *took;
    size_t count, room;
} latency;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void begin(const struct total *total) {
    start.events = total->events;
    start.time = now_ns();
    getrusage(RUSAGE_SELF, &start.usage);
}

/* A stamp is all digits; other texts begin with a letter. */
static void take_time(const char *text) {
    if (text[0] < '0' || text[0] > '9') {
        return;
    }
    if (latency.count == latency.room) {
        latency.room = latency.room * 2 + 1024;
        latency.took = realloc(latency.took, latency.room * sizeof *latency.took);
    }
    latency.took[latency.count++] = now_ns() - strtoll(text, NULL, 10);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* So many thousandths of the events took at most this long; 0 where none was stamped. */
static long long percentile(size_t thousandths) {
    if (latency.count == 0) {
        return 0;
    }
    qsort(latency.took, latency.count, sizeof *latency.took, by_size);
    return latency.took[(latency.count - 1) * thousandths / 1000];
}

/* A piece of text, which ends in NUL. */
static void take_text(struct total *total, const char *text, size_t length) {
    total->events++;
    total->bytes += length;
    take_time(text);
    if (total->leave) {
        _exit(0); /* not exit: what a program does to end is no part of its start */
    }
}

/* A message begins. */
static void take_start(struct total *total) {
    if (total->to_begin > 0 && --total->to_begin == 0) {
        begin(total);
    }
}

static int64_t micros(struct timeval time) {
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* Prints what was measured since the beginning. */
static void tell(const struct total *total, long calls) {
    int64_t wall = (now_ns() - start.time) / 1000;
    const struct rusage *before = &start.usage;
    struct rusage after;
    getrusage(RUSAGE_SELF, &after);

    printf("calls=%ld events=%llu bytes=%llu wall_us=%lld user_us=%lld system_us=%lld switches=%ld p50_ns=%lld "
           "p99_ns=%lld\n",
           calls, (unsigned long long)(total->events - start.events), (unsigned long long)total->bytes, (long long)wall,
           (long long)(micros(after.ru_utime) - micros(before->ru_utime)),
           (long long)(micros(after.ru_stime) - micros(before->ru_stime)),
           after.ru_nvcsw + after.ru_nivcsw - before->ru_nvcsw - before->ru_nivcsw, percentile(500), percentile(990));
}

#endif
