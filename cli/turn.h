/* turn.h - one question of bedrock chat and its response.
 *
 * A turn is made on a copy of the conversation, which replaces it when the response is complete. So a turn that fails
 * or is stopped changes nothing. */
#ifndef TURN_H
#define TURN_H

#include "conversation.h"
#include "history.h"
#include "options.h"
#include "text.h"

#include <bedrock.h>

/* What bedrock chat knows. */
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

/* Sends a message. */
void turn_say(struct chat *chat, const struct text *message);

/* Returns a copy of the conversation, with the images and documents for the next message, or NULL. */
bedrock_request *turn_begin(struct chat *chat);

/* Sends the question that a copy ends with. Takes the copy. */
void turn_send(struct chat *chat, bedrock_request *turn);

/* Replaces the conversation, and keeps it in its file. What it was can be undone. */
void turn_advance(struct chat *chat, bedrock_request *next);

/* Keeps the conversation in its file. */
void turn_keep(struct chat *chat);

/* Reports a failure that ends nothing but a turn or a command. */
void turn_report(struct chat *chat, bedrock_status status, bedrock_error *error);

#endif
