/* interrupt.h - signals that end a call. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <bedrock.h>

/* From now on SIGINT, SIGTERM and SIGHUP fire the cancel. A second one ends the program, as without this function. A
 * signal that the program was started to ignore stays ignored. */
void interrupt_begin(bedrock_cancel *cancel);

/* Handles the signals as before. Returns the number of the signal that came, or 0. */
int interrupt_end(void);

#endif
