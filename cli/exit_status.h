/* exit_status.h - the exit statuses of the command. bedrock(1) documents them. */
#ifndef EXIT_STATUS_H
#define EXIT_STATUS_H

enum {
    EXIT_COMPLETE = 0, /* the response is complete, or every check passed */
    EXIT_ERROR = 1,    /* a call failed before any of its response was printed */
    EXIT_USAGE = 2,    /* the command line, the config or the request is wrong; nothing was sent */
    EXIT_CUT = 3,      /* the response broke off: what was printed is a part of it */
    EXIT_OUTPUT = 4,   /* the output or a file could not be written */
    EXIT_SIGNAL = 128  /* plus the number of the signal that ended the command */
};

#endif
