/* interrupt.h - what signals end: the program, a call, or what a person waits for. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <bedrock.h>

#include <signal.h>

/* From now on SIGINT, SIGTERM and SIGHUP fire the cancel. A second one does what it did before this function. A signal
 * that the program was started to ignore stays ignored. */
void interrupt_begin(bedrock_cancel *cancel);

/* Handles the signals as before. Returns the number of the signal that came, or 0. */
int interrupt_end(void);

/* From now on Ctrl-C does not end the program. It is blocked, so that none is lost: it ends the call that runs or
 * begins, or the system call that interrupt_allow has allowed it to end. */
void interrupt_block(void);

/* Ctrl-C ends the program again. What is blocked now is forgotten. */
void interrupt_unblock(void);

/* Allows Ctrl-C to end a system call with EINTR, until sigprocmask sets the mask that before receives. */
void interrupt_allow(sigset_t *before);

/* Waits until a descriptor is readable. Returns 0, or -1 with errno set: EINTR for Ctrl-C. None that came before is
 * lost. */
int interrupt_wait(int descriptor);

#endif
