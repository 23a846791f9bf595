/* failure.h - what the command says about an error of the library. */
#ifndef FAILURE_H
#define FAILURE_H

#include <bedrock.h>

/* Prints the error, and what the command knows beside it, and frees it. printed is not 0 if a part of the response was
 * printed. Returns the exit status. */
int failure_report(bedrock_status status, bedrock_error *error, int printed);

#endif
