/* crash_reporter.c - a bad memory access inside a wakeup and inside a log function: the program's SIGSEGV handler runs
 * on the library's thread, and decides how the process ends. */
// tries: 100
// runs: 100
// exit: 42

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_t program;

static void report(int signal)
{
    (void)signal;
    _exit(pthread_equal(pthread_self(), program) ? 41 : 42);
}

static void crash(void *user)
{
    *(volatile int *)user = 1;
}

static void crash_log(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len;
    crash(user);
}

int main(void)
{
    struct sigaction action;
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_stream *stream = NULL;

    program = pthread_self();
    memset(&action, 0, sizeof action);
    action.sa_handler = report;
    sigaction(SIGSEGV, &action, NULL);
    if (getpid() % 2)
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, crash_log, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_open(model, request, NULL, &stream, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_set_wakeup(stream, crash, NULL, NULL), BEDROCK_OK);
    sleep(10);
    return 1;
}
