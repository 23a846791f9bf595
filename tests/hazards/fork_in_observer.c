/* fork_in_observer.c - fork() inside an observer: in the child the thread is the program's own, has no observer, and may
 * set one. It ends when the observer returns there. The parent's observer goes on. */
// tries: 100
// seconds: 60

#include "common.h"

#include <semaphore.h>

static sem_t called;
static pid_t child;

static void count(const char *record, size_t len, int64_t lost, void *user)
{
    (void)record, (void)len, (void)lost;
    ++*(int *)user;
}

static void fork_here(const char *record, size_t len, int64_t lost, void *user)
{
    int records = 0;

    (void)record, (void)len, (void)lost, (void)user;
    child = fork();
    if (child != 0) {
        sem_post(&called);
        return;
    }
    scripted_call();
    CHECK_INT(bedrock_set_observer(NULL, 0, count, &records, NULL, NULL), BEDROCK_OK);
    scripted_call();
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    CHECK_INT(records, 1);
    CHECK_INT(bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL), BEDROCK_OK);
    /* Otherwise the process ends with 0 when this function returns. */
    if (check_failures > 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;

    sem_init(&called, 0, 0);
    CHECK_INT(bedrock_set_observer(NULL, 0, fork_here, NULL, NULL, NULL), BEDROCK_OK);
    for (int i = 0; i < tries; i++) {
        int status = 0;

        scripted_call();
        sem_wait(&called);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK_INT(bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL), BEDROCK_OK);
    return check_end();
}
