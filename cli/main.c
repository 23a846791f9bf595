/* main.c - the command bedrock, on the public API of libbedrock alone.
 *
 * Each file has one subject, which is its name. Its header has the functions that others use. option_table.c lists all
 * commands and options. A command is a function that returns an exit status (exit_status.h). */
#include "ask.h"
#include "call.h"
#include "chat.h"
#include "completion.h"
#include "doctor.h"
#include "exit_status.h"
#include "help.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "terminal.h"

#include <bedrock.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

static int (*const commands[COMMANDS])(const struct options *options) = {ask, chat, call, doctor, completion};

static int run(const struct options *options, int argc, char **argv)
{
    int is_explicit = argc > 1 && strcmp(argv[1], command_table[options->command].name) == 0;

    if (options_has(options, OPTION_VERSION)) {
        help_print_version();
        return EXIT_COMPLETE;
    }
    if (options_has(options, OPTION_HELP)) {
        if (is_explicit)
            help_print(options->command);
        else
            help_print_all();
        return EXIT_COMPLETE;
    }
    if (argc == 1 && terminal_is(STDIN_FILENO)) {
        help_print_all();
        return EXIT_USAGE;
    }
    return commands[options->command](options);
}

/* Ends by a signal, as a program does that does not handle it: a shell then ends a loop around the command. */
static void end_by_signal(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

int main(int argc, char **argv)
{
    struct options options;
    size_t handles;
    int status, written;

    output_start();
    status = options_read(&options, argc, argv);
    if (status == EXIT_COMPLETE) {
        if (options_has(&options, OPTION_VERBOSE))
            log_start();
        status = run(&options, argc, argv);
        if (options_has(&options, OPTION_VERBOSE))
            log_end();
    }
    options_free(&options);
    written = output_finish();
    if (status == EXIT_COMPLETE || written > EXIT_SIGNAL)
        status = written;
    handles = bedrock_live_handles();
    if (handles != 0) {
        output_complain("%lu handles were not freed: this is a bug of the command, please report it",
                        (unsigned long)handles);
        status = EXIT_ERROR;
    }
    if (status > EXIT_SIGNAL)
        end_by_signal(status - EXIT_SIGNAL);
    return status;
}
