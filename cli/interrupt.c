/* interrupt.c - signals that end a call. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

enum { SIGNALS = 3 };

static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[SIGNALS];
static bedrock_cancel *volatile running; /* written while no handler is set */
static volatile sig_atomic_t caught;

/* bedrock_cancel_fire is async-signal-safe: the only function of the library that a signal handler may call. */
static void on_signal(int number)
{
    caught = number;
    bedrock_cancel_fire(running);
}

void interrupt_begin(bedrock_cancel *cancel)
{
    struct sigaction action;
    int i;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    running = cancel;
    caught = 0;
    for (i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

int interrupt_end(void)
{
    int i;

    for (i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    running = NULL;
    return caught;
}
