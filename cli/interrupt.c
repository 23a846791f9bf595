/* interrupt.c - what signals end: the program, a call, or what a person waits for. */
#include "interrupt.h"

#include <stddef.h>
#include <string.h>
#include <sys/select.h>

enum { SIGNALS = 3 };

static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before_call[SIGNALS];
static sigset_t mask_before_call;
static struct sigaction before_block;
static bedrock_cancel *volatile running; /* written while no handler is set */
static volatile sig_atomic_t caught;

/* Sets a handler, unless the signal is ignored. */
static void handle(int number, void (*handler)(int), struct sigaction *before)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(number, NULL, before);
    if (before->sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

/* bedrock_cancel_fire is async-signal-safe: the only function of the library that a signal handler may call. */
static void on_signal(int number)
{
    int i;

    caught = number;
    for (i = 0; i < SIGNALS; i++)
        if (signals[i] == number)
            sigaction(number, &before_call[i], NULL);
    bedrock_cancel_fire(running);
}

void interrupt_begin(bedrock_cancel *cancel)
{
    int i;

    running = cancel;
    caught = 0;
    for (i = 0; i < SIGNALS; i++)
        handle(signals[i], on_signal, &before_call[i]);
    interrupt_allow(&mask_before_call);
}

int interrupt_end(void)
{
    int i;

    sigprocmask(SIG_SETMASK, &mask_before_call, NULL);
    for (i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before_call[i], NULL);
    running = NULL;
    return caught;
}

/* The handler does nothing: the signal has ended a system call with EINTR. */
static void on_interrupt(int number)
{
    (void)number;
}

static void only_interrupt(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
}

void interrupt_block(void)
{
    sigset_t interrupt;

    only_interrupt(&interrupt);
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    handle(SIGINT, on_interrupt, &before_block);
}

void interrupt_unblock(void)
{
    sigset_t before;

    interrupt_allow(&before); /* what is blocked goes to on_interrupt */
    sigaction(SIGINT, &before_block, NULL);
}

void interrupt_allow(sigset_t *before)
{
    sigset_t interrupt;

    only_interrupt(&interrupt);
    sigprocmask(SIG_UNBLOCK, &interrupt, before);
}

int interrupt_wait(int descriptor)
{
    fd_set readable;
    sigset_t allowed;

    sigprocmask(SIG_BLOCK, NULL, &allowed);
    sigdelset(&allowed, SIGINT);
    FD_ZERO(&readable);
    FD_SET(descriptor, &readable);
    return pselect(descriptor + 1, &readable, NULL, NULL, NULL, &allowed) < 0 ? -1 : 0;
}
