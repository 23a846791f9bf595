/* prompt.c - what the user asks: the arguments and standard input. */
#include "prompt.h"

#include "descriptor.h"
#include "exit_status.h"
#include "output.h"

#include <bedrock.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A terminal is not read, and no device either: a job of cron has /dev/null there. */
static int has_material(void)
{
    struct stat status;

    return fstat(STDIN_FILENO, &status) == 0
        && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode));
}

static int check(const char *what, const struct text *text)
{
    size_t valid = bedrock_utf8_length(text_string(text), text->length);

    if (valid == text->length)
        return EXIT_COMPLETE;
    output_complain("%s is not text in UTF-8, from byte %lu on. Send other files with --document or --image", what,
                    (unsigned long)valid + 1);
    return EXIT_USAGE;
}

int prompt_read(const struct options *options, struct text *prompt)
{
    struct text words = {0};
    int status = EXIT_COMPLETE;
    size_t i;

    for (i = 0; i < options->argument_count; i++) {
        if (i > 0)
            text_puts(&words, " ");
        text_puts(&words, options->arguments[i]);
    }
    status = check("the prompt", &words);
    if (status == EXIT_COMPLETE && has_material()) {
        if (descriptor_read(STDIN_FILENO, prompt) != 0) {
            output_complain("standard input cannot be read: %s", strerror(errno));
            status = EXIT_USAGE;
        } else {
            status = check("standard input", prompt);
        }
    }
    if (status == EXIT_COMPLETE && words.length > 0) {
        if (prompt->length > 0)
            text_puts(prompt, prompt->data[prompt->length - 1] == '\n' ? "\n" : "\n\n");
        text_add(prompt, text_string(&words), words.length);
    }
    text_free(&words);
    return status;
}
