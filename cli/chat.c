/* chat.c - "bedrock chat": a conversation at the terminal. */
#include "chat.h"

#include "attach.h"
#include "chat_command.h"
#include "config.h"
#include "exit_status.h"
#include "failure.h"
#include "interrupt.h"
#include "line.h"
#include "output.h"
#include "request.h"
#include "turn.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* Ctrl-C ends a command that waits, such as /image with a pipe. */
static void run_command(struct chat *chat, const char *line)
{
    sigset_t blocked;

    interrupt_allow(&blocked);
    chat_command_run(chat, line);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* Reads messages and commands until the end. */
static void talk(struct chat *chat)
{
    struct line_reader reader = {0};

    while (!chat->ended) {
        struct text message = {0};
        enum line_result result = line_read_message(&reader, &message);

        if (result == LINE_INTERRUPTED)
            output_note("%s", "");
        else if (result == LINE_FAILED)
            output_complain("standard input cannot be read: %s", strerror(errno));
        if (result == LINE_ENDED || result == LINE_FAILED)
            chat->ended = 1;
        else if (result == LINE_READ && strncmp(text_string(&message), "//", 2) == 0) {
            memmove(message.data, message.data + 1, message.length--);
            turn_say(chat, &message);
        } else if (result == LINE_READ && text_string(&message)[0] == '/')
            run_command(chat, text_string(&message));
        else if (result == LINE_READ && strspn(text_string(&message), " \t\n") < message.length)
            turn_say(chat, &message);
        if (result == LINE_ENDED && line_is_typed())
            output_note("%s", "");
        text_free(&message);
    }
    line_reader_free(&reader);
}

/* Does what the options of the conversation want before the first message. */
static int begin(struct chat *chat)
{
    const char *system = options_value(chat->options, OPTION_SYSTEM);
    bedrock_error *error = NULL;
    bedrock_status result = BEDROCK_OK;

    if (chat->options->argument_count > 0) {
        output_complain("bedrock chat takes no prompt: start it and type, or use bedrock ask");
        return EXIT_USAGE;
    }
    if (system != NULL)
        result = request_set_system(chat->conversation.request, system, &error);
    if (result < 0)
        return failure_report(result, error, 0);
    if (options_has(chat->options, OPTION_IMAGE) || options_has(chat->options, OPTION_DOCUMENT)) {
        chat->pending = turn_begin(chat);
        return chat->pending != NULL ? attach_all(chat->pending, chat->options) : EXIT_ERROR;
    }
    return EXIT_COMPLETE;
}

/* A person has seen each failure, and Ctrl-C has ended responses alone. A script wants to know. */
static int end_status(const struct chat *chat)
{
    if (!line_is_typed())
        return chat->status;
    return chat->status > EXIT_SIGNAL && chat->status != EXIT_SIGNAL + SIGINT ? chat->status : EXIT_COMPLETE;
}

int chat(const struct options *options)
{
    struct chat chat = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status;

    chat.options = options;
    status = config_model(options, &chat.base);
    if (status == EXIT_COMPLETE) {
        result = bedrock_model_with(chat.base, "{}", BEDROCK_STRLEN, &chat.model, &error);
        if (result < 0)
            status = failure_report(result, error, 0);
    }
    if (status == EXIT_COMPLETE)
        status = conversation_open(&chat.conversation, options_value(options, OPTION_CONVERSATION));
    if (status == EXIT_COMPLETE)
        status = begin(&chat);
    if (status == EXIT_COMPLETE) {
        if (line_is_typed())
            output_note("[%s; /help lists the commands, Ctrl-D ends]", bedrock_model_id(chat.model, NULL));
        if (line_is_typed())
            interrupt_block();
        talk(&chat);
        if (line_is_typed())
            interrupt_unblock();
        status = end_status(&chat);
    }
    history_free(&chat.history);
    bedrock_request_free(chat.asked);
    bedrock_request_free(chat.pending);
    conversation_close(&chat.conversation);
    bedrock_model_free(chat.model);
    bedrock_model_free(chat.base);
    config_finish(options);
    return status;
}
