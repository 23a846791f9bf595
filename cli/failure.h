/* failure.h - what the command says about an error of the library. */
#ifndef FAILURE_H
#define FAILURE_H

#include <bedrock.h>

/* Returns what a message of the library says, without the "bedrock: " with which each begins. */
const char *failure_text(const char *message);

/* Returns what the error of a function says, or the name of the status if the library had no handle left for an
 * error. */
const char *failure_message(bedrock_status status, const bedrock_error *error);

/* Prints the error, and what the command knows beside it, and frees it. printed is not 0 if a part of the response was
 * printed. Returns the exit status. */
int failure_report(bedrock_status status, bedrock_error *error, int printed);

#endif
