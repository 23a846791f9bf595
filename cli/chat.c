/* chat.c - "bedrock chat": a conversation at the terminal.
 *
 * A turn is made on a copy of the conversation, which replaces it when the response is complete. So a turn that fails
 * or is stopped changes nothing. */
#include "chat.h"

#include "exchange.h"
#include "attach.h"
#include "config.h"
#include "conversation.h"
#include "exit_status.h"
#include "failure.h"
#include "history.h"
#include "line.h"
#include "output.h"
#include "request.h"
#include "text.h"
#include "usage.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct chat {
    const struct options *options;
    bedrock_model *base;  /* the model of the command line, which counts the usage of all */
    bedrock_model *model; /* the one in use, derived from it */
    struct conversation conversation;
    bedrock_request *pending; /* the conversation with the images and documents for the next message, or NULL */
    bedrock_request *asked;   /* the conversation with the last question, or NULL */
    int has_response;         /* whether the last question has its response */
    struct history history;
    int status; /* of the last turn that failed */
    int ended;
};

/* A command that is typed. */
struct chat_command {
    const char *name;
    const char *argument; /* NULL if it takes none */
    const char *help;
    void (*run)(struct chat *chat, const char *argument);
};

/* Reports a failure that ends nothing but a command. */
static void report(struct chat *chat, bedrock_status status, bedrock_error *error)
{
    if (status < 0)
        chat->status = failure_report(status, error, 0);
}

/* Keeps the conversation in its file. */
static void keep(struct chat *chat)
{
    int status = conversation_save(&chat->conversation);

    if (status != EXIT_COMPLETE)
        chat->status = status;
}

/* Replaces the conversation. What it was can be undone. */
static void advance(struct chat *chat, bedrock_request *next)
{
    history_push(&chat->history, chat->conversation.request);
    chat->conversation.request = next;
    bedrock_request_free(chat->pending);
    chat->pending = NULL;
    keep(chat);
}

/* Sends a question. Takes the request with it. */
static void send_question(struct chat *chat, bedrock_request *turn)
{
    bedrock_request *sent = NULL;
    bedrock_error *error = NULL;
    struct exchange exchange;
    bedrock_status result;
    int status = conversation_trim(turn, options_value(chat->options, OPTION_TRIM));

    bedrock_request_free(chat->asked);
    chat->asked = NULL;
    chat->has_response = 0;
    result = bedrock_request_clone(turn, &chat->asked, &error);
    if (result >= 0)
        result = bedrock_request_clone(turn, &sent, &error);
    if (result < 0)
        status = failure_report(result, error, 0);
    else if (status == EXIT_COMPLETE)
        status = request_set_options(sent, chat->options);
    if (status == EXIT_COMPLETE) {
        exchange_print(chat->model, sent, chat->options, &exchange);
        if (exchange.status == BEDROCK_DONE)
            exchange.status = bedrock_request_add_response(turn, exchange.response, &exchange.error);
        status = exchange_end(&exchange);
    }
    if (status == EXIT_COMPLETE) {
        chat->has_response = 1;
        advance(chat, turn);
    } else {
        bedrock_request_free(turn);
        chat->status = status;
    }
    bedrock_request_free(sent);
    if (status == EXIT_SIGNAL + SIGINT && line_is_typed())
        output_note("[stopped: this turn is not kept]");
    else if (status >= EXIT_SIGNAL || output_status() != EXIT_COMPLETE)
        chat->ended = 1;
}

/* Returns a copy of the conversation, with the images and documents for the next message, or NULL. */
static bedrock_request *begin_turn(struct chat *chat)
{
    bedrock_request *turn = NULL;
    bedrock_error *error = NULL;
    const bedrock_request *now = chat->pending != NULL ? chat->pending : chat->conversation.request;
    bedrock_status status = bedrock_request_clone(now, &turn, &error);

    report(chat, status, error);
    return turn;
}

static void say(struct chat *chat, const struct text *message)
{
    bedrock_request *turn = begin_turn(chat);
    bedrock_error *error = NULL;
    bedrock_status status;

    if (turn == NULL)
        return;
    status = bedrock_request_add_text(turn, "user", text_string(message), message->length, &error);
    if (status >= 0) {
        send_question(chat, turn);
    } else {
        report(chat, status, error);
        bedrock_request_free(turn);
    }
}

static void quit(struct chat *chat, const char *argument)
{
    (void)argument;
    chat->ended = 1;
}

static void print_usage(struct chat *chat, const char *argument)
{
    (void)argument;
    usage_print_sum(chat->base);
}

static void save(struct chat *chat, const char *argument)
{
    const char *path = argument[0] != '\0' ? argument : chat->conversation.path;
    int status;

    if (path == NULL) {
        output_complain("/save needs the name of a file");
        return;
    }
    status = path == argument ? conversation_save_as(chat->conversation.request, path)
                              : conversation_save(&chat->conversation);
    if (status == EXIT_COMPLETE)
        output_note("[%lu messages are in %s]",
                    (unsigned long)bedrock_request_message_count(chat->conversation.request), path);
    else
        chat->status = status;
}

/* Changes a copy of the conversation by the function, and takes the copy. */
static void change(struct chat *chat, bedrock_status (*by)(bedrock_request *, const char *, bedrock_error **),
                   const char *argument)
{
    bedrock_request *next = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_request_clone(chat->conversation.request, &next, &error);

    if (status >= 0)
        status = by(next, argument, &error);
    if (status >= 0)
        advance(chat, next);
    else
        bedrock_request_free(next);
    report(chat, status, error);
}

static void set_system(struct chat *chat, const char *argument)
{
    change(chat, request_set_system, argument);
}

static bedrock_status remove_messages(bedrock_request *request, const char *argument, bedrock_error **error)
{
    (void)argument;
    return bedrock_request_remove_messages(request, 0, bedrock_request_message_count(request), error);
}

static void clear(struct chat *chat, const char *argument)
{
    change(chat, remove_messages, argument);
}

static void trim(struct chat *chat, const char *argument)
{
    bedrock_request *next = NULL;
    bedrock_error *error = NULL;
    bedrock_status status = bedrock_request_clone(chat->conversation.request, &next, &error);

    report(chat, status, error);
    if (status < 0)
        return;
    if (conversation_trim(next, argument) != EXIT_COMPLETE) {
        bedrock_request_free(next);
        return;
    }
    advance(chat, next);
    output_note("[%lu messages]", (unsigned long)bedrock_request_message_count(next));
}

static void undo(struct chat *chat, const char *argument)
{
    bedrock_request *before = history_pop(&chat->history);

    (void)argument;
    if (before == NULL) {
        output_complain("there is nothing to undo");
        return;
    }
    bedrock_request_free(chat->conversation.request);
    chat->conversation.request = before;
    keep(chat);
    bedrock_request_free(chat->asked);
    chat->asked = NULL;
    output_note("[%lu messages]", (unsigned long)bedrock_request_message_count(before));
}

static void retry(struct chat *chat, const char *argument)
{
    bedrock_request *turn = chat->asked, *before;

    (void)argument;
    if (turn == NULL) {
        output_complain("there is no question to ask again");
        return;
    }
    chat->asked = NULL;
    before = chat->has_response ? history_pop(&chat->history) : NULL;
    if (before != NULL) {
        bedrock_request_free(chat->conversation.request);
        chat->conversation.request = before;
    }
    send_question(chat, turn);
}

static void set_model(struct chat *chat, const char *argument)
{
    bedrock_model *next = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;
    struct text change = {0};

    if (argument[0] == '\0') {
        output_note("[%s]", bedrock_model_id(chat->model, NULL));
        return;
    }
    text_puts(&change, "{\"model\": ");
    if (text_quote(&change, argument, strlen(argument)) == 0) {
        text_puts(&change, "}");
        status = bedrock_model_with(chat->base, text_string(&change), change.length, &next, &error);
        report(chat, status, error);
        if (status >= 0) {
            bedrock_model_free(chat->model);
            chat->model = next;
        }
    }
    text_free(&change);
}

/* Adds a file to the next message. */
static void attach(struct chat *chat, int (*by)(bedrock_request *, const char *), const char *path)
{
    bedrock_request *turn;

    if (path[0] == '\0') {
        output_complain("name a file");
        return;
    }
    turn = begin_turn(chat);
    if (turn == NULL)
        return;
    if (by(turn, path) != EXIT_COMPLETE) {
        bedrock_request_free(turn);
        return;
    }
    bedrock_request_free(chat->pending);
    chat->pending = turn;
    output_note("[%s is sent with the next message]", path);
}

static void add_image(struct chat *chat, const char *argument)
{
    attach(chat, attach_image, argument);
}

static void add_document(struct chat *chat, const char *argument)
{
    attach(chat, attach_document, argument);
}

static void print_help(struct chat *chat, const char *argument);

static const struct chat_command commands[] = {
    {"/help", NULL, "list the commands", print_help},
    {"/image", "FILE", "send an image with the next message", add_image},
    {"/document", "FILE", "send a document with the next message", add_document},
    {"/system", "TEXT", "replace the system prompt", set_system},
    {"/model", "ID", "print the model, or change it", set_model},
    {"/retry", NULL, "ask the last question again", retry},
    {"/undo", NULL, "take the last change back", undo},
    {"/trim", "NUMBER", "keep at most this many messages", trim},
    {"/clear", NULL, "begin again, with the same system prompt", clear},
    {"/save", "FILE", "write the conversation into a file", save},
    {"/usage", NULL, "print the tokens of all calls so far", print_usage},
    {"/quit", NULL, "end; Ctrl-D does so too", quit},
};

enum { CHAT_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(struct chat *chat, const char *argument)
{
    int i;

    (void)chat;
    (void)argument;
    for (i = 0; i < CHAT_COMMANDS; i++)
        output_note("  %-10s %-7s %s", commands[i].name, commands[i].argument != NULL ? commands[i].argument : "",
                    commands[i].help);
    output_note("A \\ at the end of a line continues it; lines between two lines of \"\"\" are one message.\n"
                "Ctrl-C stops a response. A message that begins with // begins with one /.");
}

static void run_command(struct chat *chat, const char *line)
{
    size_t length = strcspn(line, " \t\n"), i;
    const char *argument = line + length + strspn(line + length, " \t\n");

    for (i = 0; i < CHAT_COMMANDS; i++)
        if (strncmp(line, commands[i].name, length) == 0 && commands[i].name[length] == '\0') {
            commands[i].run(chat, argument);
            return;
        }
    output_complain("there is no command %.*s: /help lists them", (int)(length < 40 ? length : 40), line);
}

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
            say(chat, &message);
        } else if (result == LINE_READ && text_string(&message)[0] == '/')
            run_command(chat, text_string(&message));
        else if (result == LINE_READ && strspn(text_string(&message), " \t\n") < message.length)
            say(chat, &message);
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
        chat->pending = begin_turn(chat);
        return chat->pending != NULL ? attach_all(chat->pending, chat->options) : EXIT_ERROR;
    }
    return EXIT_COMPLETE;
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
        talk(&chat);
        /* A person has seen each failure. A script wants to know whether there was one. */
        if (!line_is_typed() || chat.status > EXIT_SIGNAL)
            status = chat.status == EXIT_SIGNAL + SIGINT && line_is_typed() ? EXIT_COMPLETE : chat.status;
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
