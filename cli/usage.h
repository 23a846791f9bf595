/* usage.h - the tokens and the times of calls. */
#ifndef USAGE_H
#define USAGE_H

#include <bedrock.h>

/* Returns the seconds of a clock that nobody sets. */
double usage_clock(void);

/* Prints the tokens of one call and its times in seconds to standard error. first is the time to the first token, below
 * 0 if none came. */
void usage_print(const bedrock_response *response, double first, double total);

/* Prints the tokens of all calls of a model. */
void usage_print_sum(const bedrock_model *model);

#endif
