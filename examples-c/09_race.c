/* 09_race.c - ask three models at once, and print each event as it arrives, on one thread.
 *
 *     cc 09_race.c $(pkg-config --cflags --libs bedrock) -o 09_race
 *     ./09_race "Why does C have no strings?" [MODEL...]
 *
 * A waiting set waits for any number of streams, without a descriptor or a thread for each. bedrock_waitset_wait
 * returns a stream that has something to read. Read it until BEDROCK_AGAIN; then the set returns it for the next event. */
#include <bedrock.h>

#include <stdio.h>
#include <string.h>

#include "example.h"

#define MODELS 3

static const char replies[] =
    "[{\"pace\": \"70ms\", \"text\": \"I take my time, and am heard all the same.\"},"
    " {\"pace\": \"30ms\", \"text\": \"I am quick, and the first to end: I need not wait for the others.\"},"
    " {\"pace\": \"45ms\", \"text\": \"Each model sends a word when it has one, and one thread reads them all.\"}]";

static const char *ids[MODELS] = {
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.amazon.nova-lite-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
};

/* Asks one model. A derived model shares connections and credentials with the one it is derived from. */
static bedrock_status ask(const bedrock_model *base, const char *id, const bedrock_request *request,
                          bedrock_stream **stream, bedrock_error **error)
{
    bedrock_model *model = NULL;
    char id_json[2304], members[2400];
    bedrock_status status;

    bedrock_json_quote(id, BEDROCK_STRLEN, id_json, sizeof id_json);
    snprintf(members, sizeof members, "{\"model\": %s}", id_json);
    status = bedrock_model_with(base, members, BEDROCK_STRLEN, &model, error);
    if (status >= 0)
        status = bedrock_stream_open(model, request, NULL, stream, error);
    bedrock_model_free(model); /* the stream keeps what it needs */
    return status;
}

/* Prints the events that have arrived, with the model's name if the last event was another's. Returns the status. */
static bedrock_status listen(bedrock_stream *stream, const char **id)
{
    static const char **speaker;
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;

    while ((status = bedrock_stream_next(stream, 0, &event, &error)) == BEDROCK_OK)
        if (event->type == BEDROCK_EVENT_TEXT) {
            if (speaker != id)
                printf("%s[%s] ", speaker != NULL ? "\n" : "", *id);
            fwrite(event->text, 1, event->text_len, stdout);
            speaker = id;
        }
    fflush(stdout);
    if (status < 0)
        fprintf(stderr, "\n[%s] %s\n", *id, bedrock_error_message(error));
    bedrock_error_free(error);
    return status;
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "Why does C have no strings?";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    bedrock_stream *stream = NULL;
    bedrock_waitset *set = bedrock_waitset_new();
    void *user;
    int i, open = 0, failed = 0;

    for (i = 0; i < MODELS && i + 2 < argc; i++)
        ids[i] = argv[i + 2];
    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) < 0)
        failed = 1;
    for (i = 0; i < MODELS && !failed; i++) {
        if (ask(model, ids[i], request, &stream, &error) < 0)
            failed = 1;
        else if (bedrock_waitset_add(set, stream, &ids[i]) >= 0) /* the set returns &ids[i] with the stream */
            open++;
        else
            bedrock_stream_free(stream);
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    while (open > 0 && bedrock_waitset_wait(set, -1, &stream, &user) == BEDROCK_OK) {
        bedrock_status status = listen(stream, user);

        if (status != BEDROCK_AGAIN) {
            failed |= status < 0;
            bedrock_stream_free(stream); /* also removes it from the set */
            open--;
        }
    }
    printf("\n");

    bedrock_error_free(error);
    bedrock_waitset_free(set);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(failed);
}
