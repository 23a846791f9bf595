/* conversation.h - a conversation that is kept in a file. */
#ifndef CONVERSATION_H
#define CONVERSATION_H

#include "file.h"

#include <bedrock.h>

/* A conversation, and the file that keeps it, if one does. */
struct conversation {
    bedrock_request *request;
    const char *path; /* NULL if it is not kept */
    struct file_state seen; /* the file when it was read or written last */
};

/* Reads the conversation in the file, or begins one if path is NULL, or if there is no file. Returns EXIT_COMPLETE, or
 * another exit status after it has printed why. */
int conversation_open(struct conversation *conversation, const char *path);

/* Writes the conversation to its file, which is complete at every moment. */
int conversation_save(struct conversation *conversation);

/* Writes a conversation to another file. */
int conversation_save_as(bedrock_request *request, const char *path);

/* Shortens a request to this many messages, which are given as text. Nothing happens if it is NULL. */
int conversation_trim(bedrock_request *request, const char *messages);

void conversation_close(struct conversation *conversation);

#endif
