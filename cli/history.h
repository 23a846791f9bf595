/* history.h - the turns of a conversation, so that they can be undone. A clone of a request shares its texts: hundreds
 * of them cost little. */
#ifndef HISTORY_H
#define HISTORY_H

#include <bedrock.h>

#include <stddef.h>

/* The conversation before each turn. All of it is 0 at the beginning. */
struct history {
    bedrock_request **requests;
    size_t count;
};

/* Keeps a request, which the history then owns. */
void history_push(struct history *history, bedrock_request *request);

/* Returns the request that was kept last, which the caller then owns, or NULL. */
bedrock_request *history_pop(struct history *history);

void history_free(struct history *history);

#endif
