/* chat_command.c - the commands that a person types in bedrock chat. */
#include "chat_command.h"

#include "attach.h"
#include "exit_status.h"
#include "output.h"
#include "request.h"
#include "usage.h"

#include <string.h>

/* A command that is typed. */
struct chat_command {
    const char *name;
    const char *argument; /* NULL if it takes none */
    const char *help;
    void (*run)(struct chat *chat, const char *argument);
};

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
        turn_advance(chat, next);
    else
        bedrock_request_free(next);
    turn_report(chat, status, error);
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

    turn_report(chat, status, error);
    if (status < 0)
        return;
    if (conversation_trim(next, argument) != EXIT_COMPLETE) {
        bedrock_request_free(next);
        return;
    }
    turn_advance(chat, next);
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
    turn_keep(chat);
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
    turn_send(chat, turn);
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
        turn_report(chat, status, error);
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
    turn = turn_begin(chat);
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

void chat_command_run(struct chat *chat, const char *line)
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
