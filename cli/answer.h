/* answer.h - a call whose answer is printed while it comes. */
#ifndef ANSWER_H
#define ANSWER_H

#include "options.h"

#include <bedrock.h>

/* How an answer came. Free response and error. */
struct answer {
    bedrock_status status; /* BEDROCK_DONE, or the failure that ended the call */
    bedrock_response *response; /* the part that came, or NULL */
    bedrock_error *error;
    int signal; /* the signal that ended the call, or 0 */
    int printed; /* whether a part of the answer was printed */
    double first; /* seconds to the first token; below 0 if none came */
    double total; /* seconds in all */
};

/* What to do with each event of a stream. Returns whether it was a token of the answer. */
typedef int (*answer_event_fn)(const bedrock_event *event, void *user);

/* Calls an operation, by default ConverseStream, and passes each event to on_event. A signal ends the call, and so does
 * a failure to write. */
void answer_get(const bedrock_model *model, const char *operation, const bedrock_request *request,
                answer_event_fn on_event, void *user, struct answer *answer);

/* Answers a conversation, and prints the answer as the options want it: text, JSON, reasoning, usage. */
void answer_print(const bedrock_model *model, const bedrock_request *request, const struct options *options,
                  struct answer *answer);

/* Prints what went wrong, if something did, and frees the answer. Returns the exit status. */
int answer_end(struct answer *answer);

#endif
