/* stopped_worker.c - every wait of the library ends by its timer, by its cancel and by a shutdown, although the worker
 * does nothing: a debugger has stopped its thread, and no other. The waits are those of this table. Add every new wait
 * to it.
 *
 *     bedrock_generate           Converse, until the response    timeout
 *     bedrock_generate_stream    the first event, the next one   timeouts.first_event, timeouts.idle
 *     bedrock_stream_next        the same, by pull               the same, or timeout_ms
 *     bedrock_call               any operation                   timeout
 *     bedrock_model_connect      a connection                    timeouts.first_event, or timeout_ms
 *     max_concurrency            a permit                        timeouts.queue
 *     bedrock_waitset_wait       a stream that is readable       timeout_ms; the streams' cancel ends it
 *     bedrock_shutdown           the threads' end                timeout_ms
 * */
// tries: 1
// seconds: 90

#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/ptrace.h>

/* How much later than its timer a wait may end, and how much later than its cancel. In seconds. A wait that needs the
 * worker never ends. */
#define LATE 10.0
#define TIMER 0.4
/* The timer of a wait that something else ends. */
#define FAR_OFF 60.0

enum leave { BY_TIMER, BY_CANCEL, BY_SHUTDOWN };

static const char *url;
static int stop_fd, stopped_fd;
static bedrock_cancel *cancel;
static bedrock_model *model, *queued;
static bedrock_request *request;
static double timer;

/* The debugger: stops each thread of a process that is a worker and runs. */
static void stop_workers(pid_t process)
{
    char path[300], name[32] = "";
    struct dirent *thread;
    DIR *threads;

    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    threads = opendir(path);
    while ((thread = readdir(threads)) != NULL) {
        pid_t number = atoi(thread->d_name);
        FILE *file;

        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)process, thread->d_name);
        file = fopen(path, "r");
        if (file == NULL || fgets(name, sizeof name, file) == NULL)
            name[0] = '\0';
        if (file != NULL)
            fclose(file);
        if (strcmp(name, "bedrock-worker\n") == 0 && ptrace(PTRACE_SEIZE, number, NULL, NULL) == 0) {
            ptrace(PTRACE_INTERRUPT, number, NULL, NULL);
            waitpid(number, NULL, __WALL);
        }
    }
    closedir(threads);
}

/* In the process that is debugged: the worker runs, and then stands. */
static void stop_worker(void)
{
    bedrock_model *ready = service_model(url, 1, 0, "");
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    char byte = 's';

    CHECK_OK(bedrock_generate(ready, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_model_free(ready);
    CHECK_INT(write(stop_fd, &byte, 1), 1);
    CHECK_INT(read(stopped_fd, &byte, 1), 1);
}

static int32_t pass(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

static bedrock_status generate(void)
{
    bedrock_response *response = NULL;

    return bedrock_generate(model, request, cancel, &response, NULL);
}

static bedrock_status stream(void)
{
    return bedrock_generate_stream(model, request, cancel, pass, NULL, NULL, NULL);
}

static bedrock_status pull(void)
{
    bedrock_stream *pulled = NULL;
    const bedrock_event *event;
    bedrock_status status = bedrock_stream_open(model, request, cancel, &pulled, NULL);

    if (status == BEDROCK_OK)
        status = bedrock_stream_next(pulled, -1, &event, NULL);
    bedrock_stream_free(pulled);
    return status;
}

static bedrock_status call(void)
{
    bedrock_response *response = NULL;

    return bedrock_call(model, "Converse", request, cancel, &response, NULL);
}

static bedrock_status ready(void)
{
    return bedrock_model_connect(model, cancel, -1, NULL);
}

static bedrock_status queue(void)
{
    bedrock_response *response = NULL;

    return bedrock_generate(queued, request, cancel, &response, NULL);
}

/* By a set: its stream ends, and is readable then. */
static bedrock_status set(void)
{
    bedrock_waitset *waitset = bedrock_waitset_new();
    bedrock_stream *pulled = NULL, *found = NULL;
    const bedrock_event *event;
    bedrock_status status;

    CHECK_INT(bedrock_stream_open(model, request, cancel, &pulled, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(waitset, pulled, NULL), BEDROCK_OK);
    status = bedrock_waitset_wait(waitset, (int)(timer * 1000), &found, NULL);
    if (status == BEDROCK_AGAIN)
        status = BEDROCK_E_TIMEOUT;
    else if (status == BEDROCK_OK)
        status = bedrock_stream_next(found, 0, &event, NULL);
    bedrock_stream_free(pulled);
    bedrock_waitset_free(waitset);
    return status;
}

static const struct wait {
    const char *name;
    bedrock_status (*wait)(void);
} waits[] = {{"generate", generate}, {"stream", stream}, {"pull", pull}, {"call", call},
             {"connect", ready}, {"queue", queue}, {"set", set}};

struct leaver {
    enum leave leave;
    double left;
};

/* Waits until the program's first thread, which waits for a call, has slept for a tenth of a second: a shutdown ends
 * only calls that have begun. */
static void wait_until_it_waits(void)
{
    char thread[20];

    snprintf(thread, sizeof thread, "%d", (int)getpid());
    for (int looks = 0; looks < 10; usleep(10000))
        looks = sleeps(thread) ? looks + 1 : 0;
}

static void *leave(void *user)
{
    struct leaver *leaver = user;
    double began;

    wait_until_it_waits();
    leaver->left = now();
    if (leaver->leave == BY_CANCEL)
        bedrock_cancel_fire(cancel);
    if (leaver->leave == BY_SHUTDOWN) {
        began = now();
        CHECK_INT(bedrock_shutdown(300), BEDROCK_AGAIN);
        CHECK(now() - began < 0.3 + LATE);
    }
    return NULL;
}

static void check(const struct wait *wait, enum leave by)
{
    struct leaver leaver = {by, 0};
    double began, took;
    bedrock_status status;
    pthread_t thread;

    cancel = by == BY_CANCEL ? bedrock_cancel_new() : NULL;
    began = now();
    pthread_create(&thread, NULL, leave, &leaver);
    status = wait->wait();
    took = now() - began;
    pthread_join(thread, NULL);
    if (by != BY_TIMER)
        took -= leaver.left - began;
    if (status != (by == BY_TIMER ? BEDROCK_E_TIMEOUT : BEDROCK_E_CANCELLED) || took > LATE + (by == BY_TIMER ? TIMER : 0)) {
        fprintf(stderr, "%s, left by %s: %s after %.3f s\n", wait->name,
                by == BY_TIMER ? "its timer" : by == BY_CANCEL ? "cancel" : "shutdown", bedrock_status_name(status), took);
        check_failures++;
    }
    bedrock_cancel_free(cancel);
}

/* The models, whose waits have such a timer. */
static void set_timer(double seconds)
{
    char settings[200];
    int ms = (int)(seconds * 1000);

    timer = seconds;
    bedrock_model_free(model);
    bedrock_model_free(queued);
    snprintf(settings, sizeof settings, ",\"timeout\":\"%dms\",\"timeouts\":{\"connect\":\"%dms\"}", ms, ms);
    model = service_model(url, 3, 1000, settings);
    snprintf(settings, sizeof settings,
             ",\"timeout\":\"5m\",\"max_concurrency\":1,\"timeouts\":{\"queue\":\"%dms\"}", ms);
    queued = service_model(url, 3, 1000, settings);
}

static int debugged(void)
{
    request = hello();
    stop_worker();
    for (enum leave by = BY_TIMER; by <= BY_SHUTDOWN; by++) {
        set_timer(by == BY_TIMER ? TIMER : FAR_OFF);
        for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
            /* A shutdown leaves the worker behind, and the next call starts another. */
            if (by == BY_SHUTDOWN) {
                CHECK_INT(bedrock_shutdown(0), BEDROCK_AGAIN);
                stop_worker();
            }
            check(&waits[i], by);
        }
    }
    _exit(check_failures != 0);
}

int main(int argc, char **argv)
{
    int to_debugger[2], to_debugged[2];
    pid_t process;
    char byte;
    int status;

    (void)argc;
    url = argv[2];
    if (pipe(to_debugger) != 0 || pipe(to_debugged) != 0)
        return 1;
    process = fork();
    if (process == 0) {
        close(to_debugger[0]);
        stop_fd = to_debugger[1];
        stopped_fd = to_debugged[0];
        return debugged();
    }
    close(to_debugger[1]);
    while (read(to_debugger[0], &byte, 1) == 1) {
        stop_workers(process);
        CHECK_INT(write(to_debugged[1], &byte, 1), 1);
    }
    /* The threads that were stopped end as well, and are the debugger's to wait for. */
    while (waitpid(-1, &status, __WALL) != process) {
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return check_failures != 0;
}
