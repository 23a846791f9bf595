/* help.h - what --help and --version print. */
#ifndef HELP_H
#define HELP_H

#include "options.h"

/* Prints the help of all commands, or of one. */
void help_print_all(void);
void help_print(enum command command);
void help_print_version(void);

#endif
