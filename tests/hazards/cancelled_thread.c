/* cancelled_thread.c - pthread_cancel of a thread that is inside the library: no function is a cancellation point. The
 * thread ends where it next waits in the program's own code, and the process goes on. */
// tries: 200
// seconds: 60

#include "common.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static bedrock_model *model, *scripted;
static bedrock_request *request;
static bedrock_stream *waiting;
static bedrock_waitset *set;
static int inside;

static void use(const char *what, bedrock_status status)
{
    if (status < 0)
        fprintf(stderr, "%s: %s\n", what, bedrock_status_name(status));
}

static int32_t on_event(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

static void on_wakeup(void *user)
{
    (void)user;
}

/* Everything that reads or writes a descriptor, takes a lock, starts a thread or waits. */
static void generate(void)
{
    bedrock_response *response = NULL;

    use("generate", bedrock_generate(model, request, NULL, &response, NULL));
    bedrock_response_free(response);
}

static void generate_stream(void)
{
    bedrock_response *response = NULL;

    use("generate_stream", bedrock_generate_stream(model, request, NULL, on_event, NULL, &response, NULL));
    bedrock_response_free(response);
}

static void pull(void)
{
    const bedrock_event *event;
    bedrock_stream *stream = NULL;
    bedrock_status status;

    use("stream_open", bedrock_stream_open(model, request, NULL, &stream, NULL));
    CHECK(bedrock_stream_fd(stream) >= 0);
    while ((status = bedrock_stream_next(stream, 1, &event, NULL)) == BEDROCK_OK || status == BEDROCK_AGAIN)
        ;
    use("stream_next", status);
    bedrock_stream_free(stream);
}

static void wakeups(void)
{
    bedrock_stream *stream = NULL;

    use("stream_open", bedrock_stream_open(scripted, request, NULL, &stream, NULL));
    use("set_wakeup", bedrock_stream_set_wakeup(stream, on_wakeup, NULL, NULL));
    bedrock_stream_free(stream);
}

static void wait_for_set(void)
{
    bedrock_status status = bedrock_waitset_wait(set, 2, NULL, NULL);

    if (status != BEDROCK_E_BUSY)
        use("waitset_wait", status);
}

static void make_and_free(void)
{
    bedrock_request *own = check_request("Hi.");
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_error *error = NULL;

    CHECK(bedrock_request_set(own, "no JSON", 7, &error) < 0);
    CHECK(bedrock_error_message(error)[0] != '\0');
    bedrock_error_free(error);
    bedrock_cancel_fire(cancel);
    bedrock_cancel_free(cancel);
    bedrock_request_free(own);
    bedrock_stream_cancel(NULL);
}

struct work {
    void (*body)(void);
    int type;
};

static void *thread(void *of)
{
    const struct work *work = of;
    int old;

    __atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
    pthread_setcanceltype(work->type, &old);
    work->body();
    pthread_testcancel();
    for (;;)
        pause();
    return NULL;
}

int main(int argc, char **argv)
{
    static void (*const bodies[])(void) = {generate, generate_stream, pull, wakeups, wait_for_set, make_and_free};
    enum { KINDS = sizeof bodies / sizeof *bodies };
    int tries = argc > 1 ? atoi(argv[1]) : KINDS, seed = 1;

    model = service_model(argc > 2 ? argv[2] : "", 3, 1, "");
    scripted = check_scripted("[\"One two three.\"]");
    request = check_request("Hi.");
    set = bedrock_waitset_new();
    use("stream_open", bedrock_stream_open(model, request, NULL, &waiting, NULL));
    use("waitset_add", bedrock_waitset_add(set, waiting, NULL));
    for (int i = 0; i < tries * KINDS; i++) {
        /* Every other one is cancelled wherever it is, which leaks what it holds between two calls. */
        struct work work = {bodies[i % KINDS], i / KINDS % 2 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED};
        struct timespec moment = {0, (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % 4000000};
        pthread_t id;
        void *result;

        __atomic_store_n(&inside, 0, __ATOMIC_SEQ_CST);
        pthread_create(&id, NULL, thread, &work);
        while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
            usleep(10);
        nanosleep(&moment, NULL);
        pthread_cancel(id);
        pthread_join(id, &result);
        CHECK(result == PTHREAD_CANCELED);
    }
    return check_failures == 0 ? 0 : 1;
}
