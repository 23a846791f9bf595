/* dying_threads.c - threads that end in the middle of a stream, by pthread_exit in a loop by pull and inside on_event:
 * the handles can be freed by another thread, and the next call works. */
// tries: 400
// seconds: 60

#include "common.h"

#include <pthread.h>

static bedrock_model *model;
static bedrock_request *request;
static bedrock_stream *left;

static int32_t leave(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    pthread_exit(NULL);
}

static void *show(void *nothing)
{
    bedrock_generate_stream(model, request, NULL, leave, NULL, NULL, NULL);
    return nothing;
}

static void *pull(void *nothing)
{
    const bedrock_event *event;

    (void)nothing;
    CHECK_INT(bedrock_stream_open(model, request, NULL, &left, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_next(left, -1, &event, NULL), BEDROCK_OK);
    pthread_exit(NULL);
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    model = service_model(argv[2], 100000, 1, "");
    request = hello();
    for (int i = 0; i < tries; i++) {
        pthread_t thread;

        left = NULL;
        pthread_create(&thread, NULL, i % 2 == 0 ? pull : show, NULL);
        pthread_join(thread, NULL);
        bedrock_stream_free(left);
    }
    bedrock_request_free(request);
    bedrock_model_free(model);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    return check_end();
}
