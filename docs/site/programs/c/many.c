#include <bedrock.h>
#include <stdio.h>

enum { STREAMS = 100 };

int main(void)
{
    const char *config =
        "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\", \"max_concurrency\": 10}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *streams[STREAMS] = {NULL};
    int i, open, complete = 0;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Why is the sky blue?", BEDROCK_STRLEN,
                                    &error) < 0;

    for (i = 0; i < STREAMS && !failed; i++) /* 100 calls, 10 at a time */
        failed = bedrock_stream_open(model, request, NULL, &streams[i], &error) < 0
            || bedrock_waitset_add(set, streams[i], &streams[i]) < 0;

    for (open = failed ? 0 : STREAMS; open > 0;) {
        const bedrock_event *event;
        bedrock_stream *stream;
        bedrock_status status;
        void *user;

        /* One thread waits for all streams. */
        if (bedrock_waitset_wait(set, -1, &stream, &user) < 0)
            break;
        do
            status = bedrock_stream_next(stream, 0, &event, NULL);
        while (status == BEDROCK_OK);
        if (status != BEDROCK_AGAIN) { /* this stream has ended */
            complete += status == BEDROCK_DONE;
            bedrock_stream_free(stream);
            *(bedrock_stream **)user = NULL;
            open--;
        }
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    printf("%d complete\n", complete);

    for (i = 0; i < STREAMS; i++)
        bedrock_stream_free(streams[i]);
    bedrock_waitset_free(set);
    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return complete != STREAMS;
}
