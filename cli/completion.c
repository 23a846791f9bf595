/* completion.c - "bedrock completion": what a shell completes, from the table of options. */
#include "completion.h"

#include "exit_status.h"
#include "output.h"
#include "text.h"

#include <string.h>

static int takes_file(const struct option *option)
{
    return option->value != NULL && strstr(option->value, "FILE") != NULL;
}

static void add_list(struct text *text, const char *const *names)
{
    for (; *names != NULL; names++)
        text_format(text, "%s%s", *names, names[1] != NULL ? " " : "");
}

/* Adds "--name", and "-n" if the option has a letter. */
static void add_spellings(struct text *text, const struct option *option, const char *between)
{
    if (option->letter != '\0')
        text_format(text, "-%c%s", option->letter, between);
    text_format(text, "--%s", option->name);
}

/* Adds a text between single quotes. An apostrophe in the text becomes '\'', in zsh and in fish. */
static void add_quoted(struct text *text, const char *string)
{
    text_puts(text, "'");
    for (; *string != '\0'; string++)
        if (*string == '\'')
            text_puts(text, "'\\''");
        else
            text_add(text, string, 1);
    text_puts(text, "'");
}

static void add_commands(struct text *text, const char *between)
{
    int i;

    for (i = 0; i < COMMANDS; i++)
        text_format(text, "%s%s", i > 0 ? between : "", command_table[i].name);
}

/* Adds a case of the values that are files, or that are anything else, of all commands. */
static void add_bash_values(struct text *text, int files)
{
    int count = 0;
    size_t i;

    text_puts(text, "    ");
    for (i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct text spellings = {0};

        if (option->value == NULL || takes_file(option) != files)
            continue;
        add_spellings(&spellings, option, "|");
        /* --json has a value in one command alone. */
        if (option->id != OPTION_BODY)
            text_format(text, "%s%s", count++ > 0 ? "|" : "", text_string(&spellings));
        text_free(&spellings);
    }
    text_puts(text, ")\n");
}

static void add_bash(struct text *text)
{
    enum command command;
    size_t i;

    text_puts(text, "# bash completion of bedrock. Written by \"bedrock completion bash\".\n\n"
                    "_bedrock()\n{\n"
                    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                    "    local command=ask options=\n\n"
                    "    COMPREPLY=()\n"
                    "    case ${COMP_WORDS[1]} in\n"
                    "    ");
    add_commands(text, "|");
    text_puts(text, ") [ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]} ;;\n    esac\n"
                    "    case $before in\n");
    add_bash_values(text, 1);
    text_puts(text, "        case $word in\n"
                    "        @*) COMPREPLY=($(compgen -P @ -f -- \"${word#@}\")) ;;\n"
                    "        *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
                    "        esac\n        return ;;\n");
    add_bash_values(text, 0);
    text_puts(text, "        return ;;\n    esac\n    case $command in\n");
    for (command = 0; command < COMMANDS; command++) {
        int count = 0;

        text_format(text, "    %s) options=\"", command_table[command].name);
        for (i = 0; i < option_count; i++)
            if (option_is_of(&option_table[i], command)) {
                if (count++ > 0)
                    text_puts(text, " ");
                add_spellings(text, &option_table[i], " ");
            }
        text_puts(text, "\" ;;\n");
    }
    text_puts(text, "    esac\n"
                    "    if [[ $word == -* ]]; then\n"
                    "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                    "    elif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                    "        COMPREPLY=($(compgen -W \"");
    add_commands(text, " ");
    text_puts(text, "\" -- \"$word\"))\n"
                    "    elif [ \"$command\" = call ]; then\n"
                    "        COMPREPLY=($(compgen -W \"");
    add_list(text, operation_names);
    text_puts(text, "\" -- \"$word\"))\n"
                    "    elif [ \"$command\" = completion ]; then\n"
                    "        COMPREPLY=($(compgen -W \"");
    add_list(text, shell_names);
    text_puts(text, "\" -- \"$word\"))\n    fi\n}\n\ncomplete -o filenames -F _bedrock bedrock\n");
}

/* Adds "{-m,--model}'[help]:ID:'" for _arguments. */
static void add_zsh_option(struct text *text, const struct option *option)
{
    struct text rest = {0};

    text_format(&rest, "[%s]", option->help);
    if (option->value != NULL)
        text_format(&rest, ":%s:%s", option->value, takes_file(option) ? "_files" : "");
    text_puts(text, " \\\n        ");
    if (option->letter != '\0')
        text_format(text, "{-%c,--%s}", option->letter, option->name);
    else
        text_format(text, "--%s", option->name);
    add_quoted(text, text_string(&rest));
    text_free(&rest);
}

static void add_zsh(struct text *text)
{
    enum command command;
    size_t i;

    text_puts(text, "#compdef bedrock\n# zsh completion of bedrock. Written by \"bedrock completion zsh\".\n\n"
                    "_bedrock()\n{\n    local command=ask\n    local -a names\n\n    names=(\n");
    for (command = 0; command < COMMANDS; command++) {
        struct text entry = {0};

        text_format(&entry, "%s:%s", command_table[command].name, command_table[command].help);
        text_puts(text, "        ");
        add_quoted(text, text_string(&entry));
        text_puts(text, "\n");
        text_free(&entry);
    }
    text_puts(text, "    )\n"
                    "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                    "        _describe command names\n        return\n    fi\n"
                    "    if (( ${+names[(r)${words[2]}:*]} )); then\n"
                    "        command=$words[2]\n        shift words\n        (( CURRENT-- ))\n    fi\n"
                    "    case $command in\n");
    for (command = 0; command < COMMANDS; command++) {
        text_format(text, "    %s)\n        _arguments -s", command_table[command].name);
        for (i = 0; i < option_count; i++)
            if (option_is_of(&option_table[i], command))
                add_zsh_option(text, &option_table[i]);
        if (command == COMMAND_CALL || command == COMMAND_COMPLETION) {
            text_format(text, " \\\n        '1:%s:(", command == COMMAND_CALL ? "operation" : "shell");
            add_list(text, command == COMMAND_CALL ? operation_names : shell_names);
            text_puts(text, ")'");
        }
        text_puts(text, " ;;\n");
    }
    text_puts(text, "    esac\n}\n\n"
                    "if [ \"$funcstack[1]\" = _bedrock ]; then\n    _bedrock \"$@\"\n"
                    "else\n    compdef _bedrock bedrock\nfi\n");
}

/* Adds the condition under which fish offers what belongs to a command. ask is meant if no command is given. */
static void add_fish_condition(struct text *text, enum command command)
{
    if (command == COMMAND_ASK) {
        text_puts(text, " -n 'not __fish_seen_subcommand_from");
        for (command = 0; command < COMMANDS; command++)
            if (command != COMMAND_ASK)
                text_format(text, " %s", command_table[command].name);
        text_puts(text, "'");
    } else {
        text_format(text, " -n '__fish_seen_subcommand_from %s'", command_table[command].name);
    }
}

static void add_fish(struct text *text)
{
    enum command command;
    size_t i;

    text_puts(text, "# fish completion of bedrock. Written by \"bedrock completion fish\".\n\n"
                    "complete -c bedrock -f\n");
    for (command = 0; command < COMMANDS; command++) {
        text_format(text, "complete -c bedrock -n __fish_use_subcommand -a %s -d ", command_table[command].name);
        add_quoted(text, command_table[command].help);
        text_puts(text, "\n");
    }
    for (command = 0; command < COMMANDS; command++) {
        for (i = 0; i < option_count; i++) {
            const struct option *option = &option_table[i];

            if (!option_is_of(option, command))
                continue;
            text_puts(text, "complete -c bedrock");
            add_fish_condition(text, command);
            if (option->letter != '\0')
                text_format(text, " -s %c", option->letter);
            text_format(text, " -l %s%s -d ", option->name,
                        takes_file(option) ? " -r -F" : option->value != NULL ? " -x" : "");
            add_quoted(text, option->help);
            text_puts(text, "\n");
        }
        if (command == COMMAND_CALL || command == COMMAND_COMPLETION) {
            text_puts(text, "complete -c bedrock");
            add_fish_condition(text, command);
            text_puts(text, " -a '");
            add_list(text, command == COMMAND_CALL ? operation_names : shell_names);
            text_puts(text, "'\n");
        }
    }
}

int completion(const struct options *options)
{
    static void (*const writers[])(struct text *) = {add_bash, add_zsh, add_fish};
    struct text text = {0};
    int i;

    for (i = 0; options->argument_count == 1 && shell_names[i] != NULL; i++)
        if (strcmp(options->arguments[0], shell_names[i]) == 0) {
            writers[i](&text);
            output_write(text_string(&text), text.length);
            text_free(&text);
            return EXIT_COMPLETE;
        }
    output_complain("bedrock completion wants bash, zsh or fish");
    return EXIT_USAGE;
}
