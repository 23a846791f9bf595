/* wake.h - shared by the programs that race: a wakeup, a thread that waits for it, and their memory, which is freed with
 * the last of them. A wakeup that runs after its release is found. */
#ifndef WAKE_H
#define WAKE_H

#include "check.h"

#include <pthread.h>

/* What a wakeup writes to. The library's share of it is given back by wake_release. */
struct wake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wakeups, released, shares;
};

static inline struct wake *wake_new(void)
{
    struct wake *wake = (struct wake *)calloc(1, sizeof *wake);

    CHECK(wake != NULL);
    pthread_mutex_init(&wake->lock, NULL);
    pthread_cond_init(&wake->changed, NULL);
    wake->shares = 2;
    return wake;
}

static inline void wake_drop(struct wake *wake)
{
    int left;

    pthread_mutex_lock(&wake->lock);
    left = --wake->shares;
    pthread_mutex_unlock(&wake->lock);
    if (left == 0) {
        pthread_mutex_destroy(&wake->lock);
        pthread_cond_destroy(&wake->changed);
        free(wake);
    }
}

/* The wakeup. */
static inline void wake_up(void *user)
{
    struct wake *wake = (struct wake *)user;

    pthread_mutex_lock(&wake->lock);
    CHECK_INT(wake->released, 0);
    wake->wakeups++;
    pthread_cond_signal(&wake->changed);
    pthread_mutex_unlock(&wake->lock);
}

/* Its release function. */
static inline void wake_release(void *user)
{
    struct wake *wake = (struct wake *)user;

    pthread_mutex_lock(&wake->lock);
    CHECK_INT(wake->released++, 0);
    pthread_cond_signal(&wake->changed);
    pthread_mutex_unlock(&wake->lock);
    wake_drop(wake);
}

/* Waits for more wakeups than *heard, and counts them there, or for the release. Returns whether it is released. */
static inline int wake_wait(struct wake *wake, int *heard)
{
    int released;

    pthread_mutex_lock(&wake->lock);
    while (wake->wakeups == *heard && !wake->released)
        pthread_cond_wait(&wake->changed, &wake->lock);
    *heard = wake->wakeups;
    released = wake->released;
    pthread_mutex_unlock(&wake->lock);
    return released;
}

#endif
