/* signal_masks.c - the signals that the library's threads block. No thread blocks a signal that a fault of its own
 * raises: that would end the process without a report. A callback thread does not block the signals that runtimes send
 * to their threads, and blocks what the program's thread blocked that asked for the callback. */

#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

static sem_t called, logged;

static void on_wakeup(void *user)
{
    (void)user;
    sem_post(&called);
}

static void on_log(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len, (void)user;
    sem_post(&logged);
}

/* The mask of the library's thread of this name; all ones if there is none. */
static unsigned long long blocked_by(const char *thread)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    unsigned long long found = ~0ull;

    while ((task = readdir(tasks)) != NULL) {
        char path[300], line[200];
        unsigned long long mask = 0;
        int is_it = 0;
        FILE *status;

        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        status = fopen(path, "r");
        while (status != NULL && fgets(line, sizeof line, status) != NULL) {
            if (strncmp(line, "Name:\t", 6) == 0)
                is_it = strncmp(line + 6, thread, strlen(thread)) == 0;
            if (sscanf(line, "SigBlk: %llx", &mask) == 1 && is_it)
                found = mask;
        }
        if (status != NULL)
            fclose(status);
    }
    closedir(tasks);
    return found;
}

#define BIT(signal) (1ull << ((signal) - 1))

int main(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    static const int programs[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGVTALRM, SIGCHLD, SIGPIPE,
                                   SIGUSR1, SIGUSR2, SIGIO, SIGTSTP, SIGWINCH};
    static const char *const callers[] = {"bedrock-wakeup", "bedrock-log"};
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_stream *stream = NULL;
    unsigned long long worker;
    sigset_t own;
    size_t i, caller;

    sigemptyset(&own);
    sigaddset(&own, SIGRTMIN + 5);
    sigaddset(&own, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &own, NULL);
    sem_init(&called, 0, 0);
    sem_init(&logged, 0, 0);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_open(model, request, NULL, &stream, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_set_wakeup(stream, on_wakeup, NULL, NULL), BEDROCK_OK);
    sem_wait(&called);
    sem_wait(&logged);

    worker = blocked_by("bedrock-worker");
    for (i = 0; i < sizeof faults / sizeof *faults; i++)
        CHECK((worker & BIT(faults[i])) == 0);
    for (i = 0; i < sizeof programs / sizeof *programs; i++)
        CHECK((worker & BIT(programs[i])) != 0);
    CHECK((worker & BIT(SIGRTMIN)) != 0);
    for (caller = 0; caller < 2; caller++) {
        unsigned long long wanted = BIT(SIGRTMIN + 5);

        for (i = 0; i < sizeof programs / sizeof *programs; i++)
            wanted |= BIT(programs[i]);
        if (!CHECK(blocked_by(callers[caller]) == wanted))
            fprintf(stderr, "%s blocks %llx, not %llx\n", callers[caller], blocked_by(callers[caller]), wanted);
    }

    bedrock_stream_free(stream);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
