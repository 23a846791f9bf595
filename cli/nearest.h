/* nearest.h - the name that was probably meant. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* The best candidate so far. Set name to NULL before the first. */
struct nearest {
    const char *name;
    size_t distance;
};

/* Takes a candidate if it is so similar to the word that it was probably meant, and nearer than the best so far. */
void nearest_consider(struct nearest *best, const char *word, const char *candidate);

#endif
