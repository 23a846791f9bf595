/* exit_in_callback.c - pthread_exit inside a wakeup and inside a log function: it ends the library's thread and
 * nothing else. The next wakeup or message starts another thread, and no function waits for ever for the callback to
 * return. */
// tries: 200
// seconds: 60

#include "check.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t called;
static int messages;

static void leave(void *user)
{
    (void)user;
    sem_post(&called);
    pthread_exit(NULL);
}

static void leave_log(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len, (void)user;
    __atomic_add_fetch(&messages, 1, __ATOMIC_SEQ_CST);
    pthread_exit(NULL);
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");

    sem_init(&called, 0, 0);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, leave_log, NULL, NULL), BEDROCK_OK);
    for (int i = 0; i < tries; i++) {
        bedrock_stream *stream = NULL;

        CHECK_INT(bedrock_stream_open(model, request, NULL, &stream, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_set_wakeup(stream, leave, NULL, NULL), BEDROCK_OK);
        sem_wait(&called);
        bedrock_stream_free(stream);
        if (i % 10 == 0)
            CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    }
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK(messages >= tries / 2);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
