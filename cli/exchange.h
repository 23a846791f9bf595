/* exchange.h - a call whose response is printed while it comes. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "options.h"

#include <bedrock.h>

/* How a response came. Free response and error. */
struct exchange {
    bedrock_status status; /* BEDROCK_DONE, or the failure that ended the call */
    bedrock_response *response; /* the part that came, or NULL */
    bedrock_error *error;
    int signal; /* the signal that ended the call, or 0 */
    int printed; /* whether a part of the response was printed */
    double first; /* seconds to the first token; below 0 if none came */
    double total; /* seconds in all */
};

/* What to do with each event of a stream. Returns whether it was a token of the response. */
typedef int (*exchange_event_fn)(const bedrock_event *event, void *user);

/* Calls an operation, by default ConverseStream, and passes each event to on_event. A signal ends the call, and so does
 * a failure to write. */
void exchange_run(const bedrock_model *model, const char *operation, const bedrock_request *request,
                  exchange_event_fn on_event, void *user, struct exchange *exchange);

/* Sends a conversation, and prints the response as the options want it: text, JSON, reasoning, usage. */
void exchange_print(const bedrock_model *model, const bedrock_request *request, const struct options *options,
                    struct exchange *exchange);

/* Prints what went wrong, if something did, and frees the response. Returns the exit status. */
int exchange_end(struct exchange *exchange);

#endif
