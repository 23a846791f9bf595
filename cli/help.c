/* help.c - what --help and --version print, from the table of options. */
#include "help.h"

#include "output.h"
#include "text.h"

#include <bedrock.h>

#include <ctype.h>
#include <string.h>

enum { COLUMN = 33, WIDTH = 90 };

static void print(struct text *text)
{
    output_write(text_string(text), text->length);
    text_free(text);
}

static void add_option(struct text *text, const struct option *option)
{
    size_t start = text->length;

    text_puts(text, "  ");
    if (option->letter != '\0')
        text_format(text, "-%c, ", option->letter);
    else
        text_puts(text, "    ");
    text_format(text, "--%s", option->name);
    if (option->value != NULL)
        text_format(text, " %s", option->value);
    do
        text_puts(text, " ");
    while (text->length - start < COLUMN);
    text_format(text, "%s\n", option->help);
}

void help_print(enum command command)
{
    const struct command_text *about = &command_table[command];
    struct text text = {0};
    size_t i;

    text_format(&text, "Usage: bedrock %s %s\n\n%c%s.\n\n", about->name, about->arguments,
                toupper((unsigned char)about->help[0]), about->help + 1);
    for (i = 0; i < option_count; i++)
        if (option_is_of(&option_table[i], command))
            add_option(&text, &option_table[i]);
    if (command == COMMAND_ASK)
        text_puts(&text, "\nA pipe or a file as standard input is the prompt, or the material for the prompt.\n"
                         "Exit status: 0 complete, 1 failed, 2 usage, 3 cut off, 4 not written, 130 interrupted.\n");
    if (command == COMMAND_CALL) {
        const char *const *name;
        size_t start = text.length + 1;

        text_puts(&text, "\nOperations:");
        for (name = operation_names; *name != NULL; name++) {
            if (text.length - start + strlen(*name) > WIDTH) {
                start = text.length + 1;
                text_puts(&text, "\n           ");
            }
            text_format(&text, " %s", *name);
        }
        text_puts(&text, "\n");
    }
    text_puts(&text, "\nThe manual: man bedrock\n");
    print(&text);
}

void help_print_all(void)
{
    struct text text = {0};
    int i;

    text_puts(&text, "Usage: bedrock [OPTION...] PROMPT...\n"
                     "       bedrock COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
    for (i = 0; i < COMMANDS; i++)
        text_format(&text, "  %-12s%s\n", command_table[i].name, command_table[i].help);
    text_puts(&text, "\n"
                     "  bedrock \"Why is the sky blue?\"\n"
                     "  git diff | bedrock \"Write a commit message.\"\n"
                     "  bedrock -c talk.json \"And at sunset?\"\n"
                     "\n"
                     "Without a command, bedrock asks. bedrock COMMAND --help lists the options of a command.\n"
                     "Without an AWS account: BEDROCK_EXAMPLE=scripted bedrock \"Hello?\"\n"
                     "The manual: man bedrock\n");
    print(&text);
}

void help_print_version(void)
{
    struct text text = {0};

    text_format(&text, "bedrock %d.%d.%d (libbedrock %s)\n", BEDROCK_VERSION_MAJOR, BEDROCK_VERSION_MINOR,
                BEDROCK_VERSION_PATCH, bedrock_version());
    print(&text);
}
