/* history.c - the turns of a conversation, so that they can be undone. */
#include "history.h"

#include <stdlib.h>

void history_push(struct history *history, bedrock_request *request)
{
    bedrock_request **requests = realloc(history->requests, (history->count + 1) * sizeof *requests);

    if (requests == NULL) { /* this turn cannot be undone */
        bedrock_request_free(request);
        return;
    }
    history->requests = requests;
    history->requests[history->count++] = request;
}

bedrock_request *history_pop(struct history *history)
{
    return history->count > 0 ? history->requests[--history->count] : NULL;
}

void history_free(struct history *history)
{
    while (history->count > 0)
        bedrock_request_free(history_pop(history));
    free(history->requests);
    history->requests = NULL;
}
