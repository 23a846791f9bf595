/* race.h - shared by the programs that race: numbers that all threads use, chance, and a watch over threads that hang. */
#ifndef RACE_H
#define RACE_H

#include "check.h"

#include <time.h>

#define PATIENCE 60 /* seconds without a step after which a thread hangs */

#define GET(at) __atomic_load_n(&(at), __ATOMIC_SEQ_CST)
#define PUT(at, value) __atomic_store_n(&(at), (value), __ATOMIC_SEQ_CST)
#define ADD(at, value) __atomic_add_fetch(&(at), (value), __ATOMIC_SEQ_CST)

#define MOST_WATCHED 16

/* xorshift. */
static inline unsigned roll(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Looks four times a second whether every thread still gets on, until none of them is playing. A thread counts its steps,
 * and sets them to -1 at its end. interface_of returns at which interface it is. */
static inline void watch(long *steps, int threads, int *playing, int (*interface_of)(int thread))
{
    static const struct timespec moment = {0, 250000000};
    long seen[MOST_WATCHED] = {0}, now;
    int still[MOST_WATCHED] = {0}, i;

    CHECK(threads <= MOST_WATCHED);
    while (GET(*playing) > 0) {
        nanosleep(&moment, NULL);
        for (i = 0; i < threads; i++) {
            now = GET(steps[i]);
            still[i] = now == seen[i] ? still[i] + 1 : 0;
            seen[i] = now;
            if (now >= 0 && still[i] > PATIENCE * 4) {
                fprintf(stderr, "reader %d hangs, after %ld rounds of its own, at interface %d\n", i, now, interface_of(i));
                abort();
            }
        }
    }
}

#endif
