/* options.c - reads a command line. Options and arguments may be mixed; "--" ends the options. */
#include "options.h"

#include "exit_status.h"
#include "nearest.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int option_is_of(const struct option *option, enum command command)
{
    return (option->commands & 1u << command) != 0;
}

static const struct option *by_name(enum command command, const char *name, size_t length)
{
    size_t i;

    for (i = 0; i < option_count; i++)
        if (option_is_of(&option_table[i], command) && strncmp(option_table[i].name, name, length) == 0
            && option_table[i].name[length] == '\0')
            return &option_table[i];
    return NULL;
}

static const struct option *by_letter(enum command command, char letter)
{
    size_t i;

    for (i = 0; i < option_count; i++)
        if (option_is_of(&option_table[i], command) && letter != '\0' && option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

/* Prints that there is no such option, and which may have been meant. */
static int unknown(enum command command, const char *argument, size_t length)
{
    struct nearest best = {0};
    char name[64];
    size_t i;

    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), argument);
    if (strncmp(name, "--", 2) == 0) {
        for (i = 0; i < option_count; i++)
            if (option_is_of(&option_table[i], command))
                nearest_consider(&best, name + 2, option_table[i].name);
        for (i = 0; best.name == NULL && i < option_count; i++)
            if (strcmp(option_table[i].name, name + 2) == 0) {
                output_complain("%s is not an option of bedrock %s. See bedrock %s --help", name,
                                command_table[command].name, command_table[command].name);
                return EXIT_USAGE;
            }
    }
    if (best.name != NULL)
        output_complain("there is no option %s. Did you mean --%s?", name, best.name);
    else
        output_complain("there is no option %s. See bedrock %s --help", name, command_table[command].name);
    return EXIT_USAGE;
}

static void add(struct options *options, const struct option *option, const char *value)
{
    struct given *given = &options->given[options->given_count++];

    given->id = option->id;
    given->value = value;
}

/* Reads "--name", "--name=value" or "--name value". *next is the argument after it. */
static int read_long(struct options *options, const char *argument, int *next, int argc, char **argv)
{
    size_t length = strcspn(argument + 2, "=");
    const struct option *option = by_name(options->command, argument + 2, length);
    const char *value = argument[2 + length] == '=' ? argument + 2 + length + 1 : NULL;

    if (option == NULL)
        return unknown(options->command, argument, 2 + length);
    if (option->value == NULL && value != NULL) {
        output_complain("--%s takes no value", option->name);
        return EXIT_USAGE;
    }
    if (option->value != NULL && value == NULL) {
        if (*next >= argc) {
            output_complain("--%s needs a value: --%s %s", option->name, option->name, option->value);
            return EXIT_USAGE;
        }
        value = argv[(*next)++];
    }
    add(options, option, value);
    return EXIT_COMPLETE;
}

/* Reads letters: "-u", "-ju", "-m ID" or "-mID". */
static int read_letters(struct options *options, const char *argument, int *next, int argc, char **argv)
{
    const char *letter;

    for (letter = argument + 1; *letter != '\0'; letter++) {
        const struct option *option = by_letter(options->command, *letter);

        if (option == NULL) {
            char name[3] = {'-', *letter, '\0'};

            return unknown(options->command, name, sizeof name - 1);
        }
        if (option->value == NULL) {
            add(options, option, NULL);
            continue;
        }
        if (letter[1] == '\0' && *next >= argc) {
            output_complain("-%c needs a value: -%c %s", *letter, *letter, option->value);
            return EXIT_USAGE;
        }
        add(options, option, letter[1] != '\0' ? letter + 1 : argv[(*next)++]);
        break;
    }
    return EXIT_COMPLETE;
}

/* Returns whether the first argument is the name of a command, and which. */
static int command_of(const char *word, enum command *command)
{
    int i;

    for (i = 0; i < COMMANDS; i++)
        if (strcmp(word, command_table[i].name) == 0) {
            *command = (enum command)i;
            return 1;
        }
    return 0;
}

/* Prints an error if a single word, which would be a prompt, nearly is the name of a command, or is that of an option:
 * "bedrock help". */
static int is_misspelled_command(const char *word)
{
    const struct option *option = by_name(COMMAND_ASK, word, strlen(word));
    struct nearest best = {0};
    int i;

    for (i = 0; i < COMMANDS; i++)
        nearest_consider(&best, word, command_table[i].name);
    if (option != NULL && option->value != NULL)
        option = NULL;
    if (option != NULL)
        best.name = option->name;
    if (best.name != NULL)
        output_complain("there is no command %s. Did you mean bedrock %s%s? A prompt: bedrock ask %s", word,
                        option != NULL ? "--" : "", best.name, word);
    return best.name != NULL;
}

int options_read(struct options *options, int argc, char **argv)
{
    int next = 1, only_arguments = 0, status = EXIT_COMPLETE;

    memset(options, 0, sizeof *options);
    options->command = COMMAND_ASK;
    /* Each argument has at most as many options as letters. */
    {
        size_t letters = 0;
        int i;

        for (i = 1; i < argc; i++)
            letters += strlen(argv[i]);
        options->given = calloc(letters + 1, sizeof *options->given);
        options->arguments = calloc((size_t)argc + 1, sizeof *options->arguments);
    }
    if (options->given == NULL || options->arguments == NULL) {
        output_complain("out of memory");
        return EXIT_ERROR;
    }
    if (argc > 1 && command_of(argv[1], &options->command))
        next = 2;
    else if (argc == 2 && argv[1][0] != '-' && is_misspelled_command(argv[1]))
        return EXIT_USAGE;
    while (status == EXIT_COMPLETE && next < argc) {
        const char *argument = argv[next++];

        if (only_arguments || argument[0] != '-' || argument[1] == '\0')
            options->arguments[options->argument_count++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_arguments = 1;
        else if (argument[1] == '-')
            status = read_long(options, argument, &next, argc, argv);
        else
            status = read_letters(options, argument, &next, argc, argv);
    }
    return status;
}

void options_free(struct options *options)
{
    free(options->given);
    free((void *)options->arguments);
}

int options_has(const struct options *options, enum option_id id)
{
    size_t i;

    for (i = 0; i < options->given_count; i++)
        if (options->given[i].id == id)
            return 1;
    return 0;
}

const char *options_value(const struct options *options, enum option_id id)
{
    const char *value = NULL;
    size_t i;

    for (i = 0; i < options->given_count; i++)
        if (options->given[i].id == id)
            value = options->given[i].value;
    return value;
}
