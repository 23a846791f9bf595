/* fork.c - in a child of fork() the parent's handles are invalid, and new ones work; the parent is not affected.
 * Meanwhile the parent has a stream in flight, and other threads of it are inside the library.
 *
 *     fork URL FORKS exit|kill      a service that streams, the number of forks, and how children end: killed, if a leak
 *                                   checker would count memory of the parent's threads */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPLY "one two three four five six seven eight nine ten"

static bedrock_model *scripted, *local;
static bedrock_request *request;
static bedrock_response *response;
static bedrock_cancel *cancel;
static bedrock_error *failure;
static const char *url;
static int exits, stopping, streams;

static int32_t count(const bedrock_event *event, void *user)
{
    *(int *)user += event->type == BEDROCK_EVENT_TEXT;
    return 0;
}

/* Reads a stream to its end. */
static void stream(const bedrock_model *model, const bedrock_request *with)
{
    bedrock_response *whole = NULL;
    bedrock_error *error = NULL;
    int texts = 0;

    CHECK_OK(bedrock_generate_stream(model, with, NULL, count, &texts, &whole, &error), error);
    CHECK_INT(texts, 10);
    CHECK_TEXT(bedrock_response_text(whole, NULL), REPLY);
    CHECK_INT(bedrock_response_complete(whole), 1);
    bedrock_response_free(whole);
    bedrock_error_free(error);
}

#define OLD(call) CHECK_FAILS(call, BEDROCK_E_FORKED, &error, "", "fork()")

/* Handles of the parent are detected, return no text, and may be freed without effect. */
static void old_handles(void)
{
    bedrock_error *error = NULL;
    bedrock_model *model = POISON;
    bedrock_request *copy = POISON;
    bedrock_response *result = POISON;
    bedrock_usage usage;
    int texts = 0;

    CHECK_INT(bedrock_live_handles(), 0);
    OLD(bedrock_model_with(scripted, "{}", BEDROCK_STRLEN, &model, &error));
    OLD(bedrock_request_clone(request, &copy, &error));
    CHECK(model == NULL && copy == NULL);
    OLD(bedrock_request_add_text(request, "user", "x", 1, &error));
    OLD(bedrock_generate(scripted, request, NULL, &result, &error));
    CHECK(result == NULL);
    OLD(bedrock_generate_stream(scripted, request, NULL, count, &texts, NULL, &error));
    CHECK(bedrock_request_body(request, scripted, NULL, &error) == NULL);
    OLD(bedrock_error_status(error));
    CHECK_TEXT(bedrock_model_id(scripted, NULL), "");
    CHECK_TEXT(bedrock_response_text(response, NULL), "");
    CHECK_INT(bedrock_response_usage(response, &usage, sizeof usage), BEDROCK_E_FORKED);
    CHECK_INT(bedrock_model_usage(scripted, &usage, sizeof usage), BEDROCK_E_FORKED);
    CHECK_TEXT(bedrock_error_message(failure), "");
    bedrock_cancel_fire(cancel);
    bedrock_model_free(scripted);
    bedrock_model_free(local);
    bedrock_request_free(request);
    bedrock_response_free(response);
    bedrock_cancel_free(cancel);
    bedrock_error_free(failure);
    CHECK_INT(bedrock_live_handles(), 0);
    OLD(bedrock_request_clone(request, &copy, &error));
}

static void new_handles(void)
{
    bedrock_model *own[2];
    bedrock_request *own_request = check_request("Count to ten.");
    bedrock_cancel *own_cancel = bedrock_cancel_new();
    bedrock_response *result = NULL;
    bedrock_error *error = NULL;

    own[0] = check_scripted("[\"" REPLY "\"]");
    own[1] = check_local(url);
    stream(own[0], own_request);
    stream(own[1], own_request);
    /* A handle of the parent together with one of the child. */
    OLD(bedrock_generate(own[0], request, NULL, &result, &error));
    OLD(bedrock_generate(scripted, own_request, NULL, &result, &error));
    OLD(bedrock_generate(own[0], own_request, cancel, &result, &error));
    bedrock_cancel_fire(own_cancel);
    CHECK_FAILS(bedrock_generate(own[0], own_request, own_cancel, &result, &error), BEDROCK_E_CANCELLED, &error, "", NULL);
    bedrock_model_free(own[0]);
    bedrock_model_free(own[1]);
    bedrock_request_free(own_request);
    bedrock_cancel_free(own_cancel);
}

static void fork_once(int grandchild);

static void child(int report, int grandchild)
{
    char good;

    alarm(60);
    check_failures = 0;
    old_handles();
    new_handles();
    if (grandchild) {
        scripted = check_scripted("[\"" REPLY "\"]");
        fork_once(0);
        stream(scripted, request = check_request("Count."));
        bedrock_model_free(scripted);
        bedrock_request_free(request);
    }
    CHECK_INT(bedrock_live_handles(), 0);
    good = check_failures == 0;
    CHECK(write(report, &good, 1) == 1);
    if (exits)
        exit(0);
    for (;;)
        pause();
}

/* The child reports its result, then it exits or is killed. */
static void fork_once(int grandchild)
{
    int ends[2] = {-1, -1}, status = 0;
    char good = 0;
    pid_t pid;

    CHECK(pipe(ends) == 0);
    pid = fork();
    if (pid == 0)
        child(ends[1], grandchild);
    close(ends[1]);
    CHECK(read(ends[0], &good, 1) == 1 && good);
    close(ends[0]);
    if (!exits)
        kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(exits ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status));
}

/* Threads of the parent that are always inside a function of the library. */
static void *keep_streaming(void *model)
{
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        stream(model, request);
        __atomic_add_fetch(&streams, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void *keep_making(void *user)
{
    (void)user;
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        bedrock_model *derived = NULL;
        bedrock_request *copy = NULL;
        bedrock_cancel *latch = bedrock_cancel_new();

        CHECK_INT(bedrock_model_with(scripted, "{}", 2, &derived, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_request_clone(request, &copy, NULL), BEDROCK_OK);
        bedrock_cancel_fire(latch);
        bedrock_model_free(derived);
        bedrock_request_free(copy);
        bedrock_cancel_free(latch);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int forks = argc == 4 ? atoi(argv[2]) : 0, before, i;
    static const struct timespec moment = {0, 1000000};
    bedrock_error *error = NULL;
    pthread_t threads[3];

    if (!CHECK(forks > 0))
        return 2;
    url = argv[1];
    exits = strcmp(argv[3], "exit") == 0;
    scripted = check_scripted("[{\"text\": \"" REPLY "\", \"pace\": \"3ms\"}]");
    local = check_local(url);
    request = check_request("Count.");
    cancel = bedrock_cancel_new();
    CHECK_OK(bedrock_generate(local, request, NULL, &response, &error), error);
    CHECK_INT(bedrock_request_set(request, "{", 1, &failure), BEDROCK_E_REQUEST);

    pthread_create(&threads[0], NULL, keep_streaming, scripted);
    pthread_create(&threads[1], NULL, keep_streaming, local);
    pthread_create(&threads[2], NULL, keep_making, NULL);
    for (i = 0; i < forks; i++) {
        fork_once(i == 0);
        /* The parent's streams go on. */
        before = __atomic_load_n(&streams, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&streams, __ATOMIC_SEQ_CST) == before)
            nanosleep(&moment, NULL);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);

    CHECK_TEXT(bedrock_response_text(response, NULL), REPLY);
    bedrock_model_free(scripted);
    bedrock_model_free(local);
    bedrock_request_free(request);
    bedrock_response_free(response);
    bedrock_cancel_free(cancel);
    bedrock_error_free(failure);
    return check_end();
}
