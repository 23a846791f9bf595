/* measure.h - the counters that each C program of the benchmark prints. */
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
    int exit_at_text; /* exit at the first text event */
    long to_begin;    /* streams that must begin before the measurement does */
};

/* The counters at the beginning of the measurement. */
static struct {
    uint64_t events;
    int64_t time;
    struct rusage usage;
} start;

/* Latencies from the server's write to the consumer, in nanoseconds. */
static struct {
    int64_t *values;
    size_t count, capacity;
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

/* A time stamp consists of digits. Other texts begin with a letter. */
static void count_latency(const char *text) {
    if (text[0] < '0' || text[0] > '9') {
        return;
    }
    if (latency.count == latency.capacity) {
        latency.capacity = latency.capacity * 2 + 1024;
        latency.values = realloc(latency.values, latency.capacity * sizeof *latency.values);
    }
    latency.values[latency.count++] = now_ns() - strtoll(text, NULL, 10);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Returns a percentile of the latencies, given in thousandths, or 0 if no event had a time stamp. */
static long long percentile(size_t thousandths) {
    if (latency.count == 0) {
        return 0;
    }
    qsort(latency.values, latency.count, sizeof *latency.values, by_size);
    return latency.values[(latency.count - 1) * thousandths / 1000];
}

/* Counts a text event. The text ends in NUL. */
static void count_text(struct total *total, const char *text, size_t length) {
    total->events++;
    total->bytes += length;
    count_latency(text);
    if (total->exit_at_text) {
        _exit(0); /* not exit: the end of the program is not measured */
    }
}

/* Counts the beginning of a message. */
static void count_start(struct total *total) {
    if (total->to_begin > 0 && --total->to_begin == 0) {
        begin(total);
    }
}

static int64_t micros(struct timeval time) {
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* Prints the results since begin. */
static void print_results(const struct total *total, long calls) {
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
