/* conversation.c - a conversation that is kept in a file: the JSON of bedrock_request_json. */
#include "conversation.h"

#include "exit_status.h"
#include "failure.h"
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int conversation_open(struct conversation *conversation, const char *path)
{
    struct text json = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status = EXIT_COMPLETE;

    memset(conversation, 0, sizeof *conversation);
    conversation->path = path;
    if (path != NULL) {
        file_look(path, &conversation->seen);
        if (file_read(path, &json) != 0 && errno != ENOENT) {
            output_complain("the conversation %s cannot be read: %s", path, strerror(errno));
            status = EXIT_USAGE;
        }
    }
    if (status == EXIT_COMPLETE) {
        /* An empty file, as mktemp makes it, is the beginning of a conversation. */
        result = bedrock_request_new(json.length > 0 ? json.data : NULL, json.length, &conversation->request, &error);
        if (result < 0) {
            output_note("The conversation %s:", path);
            status = failure_report(result, error, 0);
        }
    }
    text_free(&json);
    return status;
}

static int write_to(bedrock_request *request, const char *path, const struct file_state *seen)
{
    bedrock_error *error = NULL;
    size_t length;
    const char *json = bedrock_request_json(request, BEDROCK_ATTACHMENTS_INLINE, &length, &error);

    if (json == NULL)
        return failure_report(bedrock_error_status(error), error, 1);
    return file_replace(path, json, length, seen);
}

int conversation_save(struct conversation *conversation)
{
    int status;

    if (conversation->path == NULL)
        return EXIT_COMPLETE;
    status = write_to(conversation->request, conversation->path, &conversation->seen);
    if (status == EXIT_COMPLETE)
        file_look(conversation->path, &conversation->seen);
    return status;
}

int conversation_save_as(bedrock_request *request, const char *path)
{
    struct file_state seen;

    file_look(path, &seen);
    return write_to(request, path, &seen);
}

int conversation_trim(bedrock_request *request, const char *messages)
{
    bedrock_error *error = NULL;
    bedrock_status result;
    unsigned long number;
    char *end;

    if (messages == NULL)
        return EXIT_COMPLETE;
    errno = 0;
    number = strtoul(messages, &end, 10);
    if (messages[0] < '0' || messages[0] > '9' || *end != '\0' || errno != 0 || number == 0) {
        output_complain("trimming wants a number of messages, not %s", messages);
        return EXIT_USAGE;
    }
    result = bedrock_request_trim(request, (size_t)number, NULL, &error);
    return result < 0 ? failure_report(result, error, 0) : EXIT_COMPLETE;
}

void conversation_close(struct conversation *conversation)
{
    bedrock_request_free(conversation->request);
    conversation->request = NULL;
}
