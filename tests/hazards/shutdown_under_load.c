/* shutdown_under_load.c - bedrock_shutdown while other threads go on using wakeups, cancels and a log: it returns when
 * what ran has ended, although the others start the library again. */
// tries: 100
// seconds: 60

#include "check.h"

#include <pthread.h>
#include <time.h>

static bedrock_model *model;
static bedrock_request *request;
static int ended;

static void on_wakeup(void *user)
{
    (void)user;
}

static void on_log(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len, (void)user;
}

static void *go_on(void *unused)
{
    while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST)) {
        bedrock_cancel *cancel = bedrock_cancel_new();
        bedrock_stream *stream = NULL;

        CHECK_INT(bedrock_stream_open(model, request, cancel, &stream, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_set_wakeup(stream, on_wakeup, NULL, NULL), BEDROCK_OK);
        bedrock_stream_free(stream);
        bedrock_cancel_free(cancel);
    }
    return unused;
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t threads[3];

    model = check_scripted("[\"One two three.\"]");
    request = check_request("Hi.");
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, NULL, NULL), BEDROCK_OK);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, go_on, NULL);
    for (int i = 0; i < tries; i++)
        CHECK_INT(bedrock_shutdown(i % 2 ? -1 : 10000), BEDROCK_OK);
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
