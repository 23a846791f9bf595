/* exit_in_callback.c - pthread_exit inside of a wakeup and of a log (G-B6): it ends the library's thread and nothing else. The next
 * wakeup or message starts another, and what waits for a callback does not wait for ever. */
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
        bedrock_stream *one = NULL, *two = NULL;

        CHECK_INT(bedrock_stream_open(model, request, NULL, &one, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_open(model, request, NULL, &two, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_set_wakeup(one, leave, NULL, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_set_wakeup(two, leave, NULL, NULL), BEDROCK_OK);
        sem_wait(&called);
        sem_wait(&called);
        bedrock_stream_free(one);
        bedrock_stream_free(two);
        if (i % 10 == 0)
            CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    }
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK(messages >= tries);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
