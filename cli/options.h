/* options.h - the options of all commands: one table, from which the command line is read, and help and completions are
 * written. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stddef.h>

enum command { COMMAND_ASK, COMMAND_CHAT, COMMAND_CALL, COMMAND_DOCTOR, COMMAND_COMPLETION, COMMANDS };

enum option_id {
    OPTION_SYSTEM,
    OPTION_IMAGE,
    OPTION_DOCUMENT,
    OPTION_CONVERSATION,
    OPTION_TRIM,
    OPTION_MAX_TOKENS,
    OPTION_TEMPERATURE,
    OPTION_TOP_P,
    OPTION_STOP,
    OPTION_SCHEMA,
    OPTION_REQUEST,
    OPTION_BODY,
    OPTION_ATTACH,
    OPTION_JSON,
    OPTION_NO_STREAM,
    OPTION_USAGE,
    OPTION_REASONING,
    OPTION_SEND,
    OPTION_MODEL,
    OPTION_REGION,
    OPTION_PROFILE,
    OPTION_BASE_URL,
    OPTION_TIMEOUT,
    OPTION_CONFIG,
    OPTION_RECORD,
    OPTION_REPLAY,
    OPTION_VERBOSE,
    OPTION_HELP,
    OPTION_VERSION
};

/* An option. */
struct option {
    enum option_id id;
    const char *name; /* without the "--" */
    char letter;      /* '\0' if it has none */
    const char *value; /* the name of its value, NULL if it takes none. "FILE" in it means that files complete it */
    unsigned commands; /* a bit for each command that has it: 1 << COMMAND_ASK */
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

/* Returns whether a command has an option. */
int option_is_of(const struct option *option, enum command command);

/* A command. */
struct command_text {
    const char *name;
    const char *arguments;
    const char *help;
};

extern const struct command_text command_table[COMMANDS];

/* The operations that "bedrock call" completes. The library knows more than this list if it is newer. NULL ends it. */
extern const char *const operation_names[];

/* The shells that "bedrock completion" knows. NULL ends it. */
extern const char *const shell_names[];

/* An option that was given. */
struct given {
    enum option_id id;
    const char *value; /* NULL if the option takes none */
};

/* A command line. Its texts are those of argv. */
struct options {
    enum command command;
    struct given *given;
    size_t given_count;
    const char **arguments;
    size_t argument_count;
};

/* Reads a command line. Returns EXIT_COMPLETE, or EXIT_USAGE after it has printed why. Call options_free in both
 * cases. */
int options_read(struct options *options, int argc, char **argv);
void options_free(struct options *options);

/* Returns whether an option was given, and the value that was given last, or NULL. */
int options_has(const struct options *options, enum option_id id);
const char *options_value(const struct options *options, enum option_id id);

#endif
