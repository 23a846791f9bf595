/* process.c - effects on the process: nothing is printed, no thread starts before the first call, which starts one,
 * and signals and environment do not change. A shutdown ends the threads, and the next call starts them again. */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The threads and descriptors before the first call: one thread, and three descriptors. With a sanitizer there are
 * more, which meet_sanitizer counts. */
#ifndef SANITIZED
#define SANITIZED 0
#endif
static int our_threads = 1, our_descriptors = 3;
static long sanitizers_thread;

extern char **environ;

static bedrock_error *error;

static void rest(int ms)
{
    struct timespec time;

    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&time, NULL);
}

/* Returns the number of threads of this process. Calls look with the id of each. */
static int count_threads(void (*look)(const char *id))
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.') {
            count++;
            if (look != NULL)
                look(entry->d_name);
        }
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* A thread may be listed for a short time after it was joined. */
static void wait_threads(int wanted)
{
    int patience = 500;

    while (count_threads(NULL) != wanted && patience-- > 0)
        rest(10);
    CHECK_INT(count_threads(NULL), wanted);
}

/* Checks that a thread of the library blocks the signals that a host might handle, and those that sockets raise. */
static void check_blocked(const char *id)
{
    char path[100], line[256];
    unsigned long long blocked = 0, wanted = 1ULL << (SIGPIPE - 1) | 1ULL << (SIGINT - 1) | 1ULL << (SIGTERM - 1)
        | 1ULL << (SIGALRM - 1) | 1ULL << (SIGCHLD - 1) | 1ULL << (SIGUSR1 - 1);
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%s/status", id);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "SigBlk: %llx", &blocked);
    if (file != NULL)
        fclose(file);
    if (atol(id) == (long)getpid())
        CHECK_INT(blocked, 0);
    else if (atol(id) != sanitizers_thread)
        CHECK((blocked & wanted) == wanted);
}

/* The signals and the environment of the process. */
struct state {
    struct sigaction actions[65];
    sigset_t mask;
    char environment[20000];
};

static void take(struct state *state)
{
    char **variable;
    int number;

    memset(state, 0, sizeof *state);
    for (number = 1; number < 65; number++)
        sigaction(number, NULL, &state->actions[number]);
    pthread_sigmask(SIG_SETMASK, NULL, &state->mask);
    for (variable = environ; *variable != NULL; variable++) {
        strncat(state->environment, *variable, sizeof state->environment / 2 - strlen(state->environment));
        strcat(state->environment, "\n");
    }
}

static void compare(const struct state *before)
{
    static struct state after;
    int number;

    take(&after);
    for (number = 1; number < 65; number++)
        CHECK(after.actions[number].sa_handler == before->actions[number].sa_handler
              && after.actions[number].sa_flags == before->actions[number].sa_flags);
    CHECK(memcmp(&after.mask, &before->mask, sizeof after.mask) == 0);
    CHECK_TEXT(after.environment, before->environment);
}

/* Functions that make no call start no thread. */
static void before_the_first_call(void)
{
    bedrock_request *request = check_request("Hi.");
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_model *model = POISON;
    char buffer[10];

    CHECK_INT(bedrock_version_number(), BEDROCK_VERSION_MAJOR << 16 | BEDROCK_VERSION_MINOR << 8 | BEDROCK_VERSION_PATCH);
    CHECK(strlen(bedrock_version()) >= 5);
    CHECK_FAILS(bedrock_model_new("{}", BEDROCK_STRLEN, &model, &error), BEDROCK_E_CONFIG, &error, "", NULL);
    bedrock_cancel_fire(cancel);
    bedrock_json_quote("x", 1, buffer, sizeof buffer);
    CHECK_INT(bedrock_shutdown(0), BEDROCK_OK);
    CHECK_INT(count_threads(NULL), our_threads);
    bedrock_request_free(request);
    bedrock_cancel_free(cancel);
}

/* The worker starts with the first call. If it cannot start, the call fails, and the model can still be used. */
static void without_descriptors(bedrock_model *model, bedrock_request *request)
{
    struct rlimit before, none;
    bedrock_response *response = POISON;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = our_descriptors;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK_FAILS(bedrock_generate(model, request, NULL, &response, &error), BEDROCK_E_RESOURCE, &error, "", "worker");
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(response == NULL);
    CHECK_INT(count_threads(NULL), our_threads);
}

static int32_t count(const bedrock_event *event, void *user)
{
    (void)event;
    __sync_fetch_and_add((int *)user, 1);
    return 0;
}

static void stream(bedrock_model *model, bedrock_request *request)
{
    int events = 0;

    CHECK_OK(bedrock_generate_stream(model, request, NULL, count, &events, NULL, &error), error);
    CHECK_INT(events, 7);
}

struct call {
    bedrock_model *model;
    bedrock_request *request;
    int events, ended;
};

static void *endless(void *user)
{
    struct call *call = user;
    bedrock_response *response = POISON;
    bedrock_error *mine = NULL;

    CHECK_FAILS(bedrock_generate_stream(call->model, call->request, NULL, count, &call->events, &response, &mine),
                BEDROCK_E_CANCELLED, &mine, "", NULL);
    CHECK(response != NULL && bedrock_response_complete(response) == 0);
    bedrock_response_free(response);
    return NULL;
}

static void *waiting(void *user)
{
    struct call *call = user;
    bedrock_response *response = POISON;
    bedrock_error *mine = NULL;

    CHECK_FAILS(bedrock_generate(call->model, call->request, NULL, &response, &mine), BEDROCK_E_CANCELLED, &mine, "", NULL);
    CHECK(response == NULL);
    __atomic_store_n(&call->ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Calls on other threads end at once, as cancelled. */
static void shutdown_during_calls(bedrock_request *request)
{
    struct call call = {NULL, request, 0, 0};
    pthread_t streaming[2], unary;
    time_t begun = time(NULL);
    int i;

    call.model = check_scripted("[{\"events\": [{\"messageStart\": {\"role\": \"assistant\"}}, {\"wait\": \"100s\"}, "
                                 "{\"messageStop\": {\"stopReason\": \"end_turn\"}}]}]");
    for (i = 0; i < 2; i++)
        pthread_create(&streaming[i], NULL, endless, &call);
    while (__atomic_load_n(&call.events, __ATOMIC_SEQ_CST) < 2)
        rest(1);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    for (i = 0; i < 2; i++)
        pthread_join(streaming[i], NULL);
    wait_threads(our_threads);

    /* Nothing shows when a unary call begins: a shutdown may come before it. */
    pthread_create(&unary, NULL, waiting, &call);
    do {
        CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
        rest(1);
    } while (!__atomic_load_n(&call.ended, __ATOMIC_SEQ_CST));
    pthread_join(unary, NULL);
    /* A call that begins during a shutdown may start a worker, and be ended without it. */
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    CHECK(time(NULL) - begun < 60);
    bedrock_model_free(call.model);
}

/* ThreadSanitizer starts its own thread with the first thread of the program. */
static void *nothing(void *user)
{
    return user;
}

static void remember_other(const char *id)
{
    if (atol(id) != (long)getpid())
        sanitizers_thread = atol(id);
}

static void meet_sanitizer(void)
{
    pthread_t first;

    CHECK(pthread_create(&first, NULL, nothing, NULL) == 0);
    pthread_join(first, NULL);
    rest(200); /* until the thread is not listed any more */
    our_threads = count_threads(remember_other);
    CHECK(our_threads == 1 || our_threads == 2);
    our_descriptors = dup(0);
    close(our_descriptors);
}

int main(void)
{
    static struct state before;
    bedrock_model *model;
    bedrock_request *request;
    int i, fd;

    if (SANITIZED)
        meet_sanitizer();
    take(&before);
    CHECK_INT(count_threads(NULL), our_threads);
    before_the_first_call();
    compare(&before);

    model = check_scripted("[\"a b c\"]");
    request = check_request("Hi.");
    CHECK_INT(count_threads(NULL), our_threads);
    compare(&before);
    without_descriptors(model, request);
    for (i = 0; i < 20; i++)
        stream(model, request);
    CHECK_INT(count_threads(check_blocked), our_threads + 1);
    compare(&before);

    for (i = 0; i < 5; i++) {
        CHECK_INT(bedrock_shutdown(i == 0 ? -1 : 10000), BEDROCK_OK);
        wait_threads(our_threads);
        CHECK_INT(bedrock_shutdown(0), BEDROCK_OK);
        /* Models and requests are still valid. */
        stream(model, request);
        CHECK_INT(count_threads(NULL), our_threads + 1);
    }
    shutdown_during_calls(request);
    wait_threads(our_threads);
    stream(model, request);
    bedrock_model_free(model);
    bedrock_request_free(request);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    wait_threads(our_threads);
    compare(&before);

    /* All descriptors are closed, except for the pair of sockets that signal handlers may use at any time. */
    fd = dup(0);
    CHECK(fd >= our_descriptors && fd <= our_descriptors + 2);
    close(fd);
    return check_end();
}
