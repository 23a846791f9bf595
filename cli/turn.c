/* turn.c - one question of bedrock chat and its response. */
#include "turn.h"

#include "exchange.h"
#include "exit_status.h"
#include "failure.h"
#include "line.h"
#include "output.h"
#include "request.h"

#include <signal.h>

void turn_report(struct chat *chat, bedrock_status status, bedrock_error *error)
{
    if (status < 0)
        chat->status = failure_report(status, error, 0);
}

void turn_keep(struct chat *chat)
{
    int status = conversation_save(&chat->conversation);

    if (status != EXIT_COMPLETE)
        chat->status = status;
}

void turn_advance(struct chat *chat, bedrock_request *next)
{
    history_push(&chat->history, chat->conversation.request);
    chat->conversation.request = next;
    bedrock_request_free(chat->pending);
    chat->pending = NULL;
    turn_keep(chat);
}

void turn_send(struct chat *chat, bedrock_request *turn)
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
        turn_advance(chat, turn);
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

bedrock_request *turn_begin(struct chat *chat)
{
    bedrock_request *turn = NULL;
    bedrock_error *error = NULL;
    const bedrock_request *now = chat->pending != NULL ? chat->pending : chat->conversation.request;
    bedrock_status status = bedrock_request_clone(now, &turn, &error);

    turn_report(chat, status, error);
    return turn;
}

void turn_say(struct chat *chat, const struct text *message)
{
    bedrock_request *turn = turn_begin(chat);
    bedrock_error *error = NULL;
    bedrock_status status;

    if (turn == NULL)
        return;
    status = bedrock_request_add_text(turn, "user", text_string(message), message->length, &error);
    if (status >= 0) {
        turn_send(chat, turn);
    } else {
        turn_report(chat, status, error);
        bedrock_request_free(turn);
    }
}
