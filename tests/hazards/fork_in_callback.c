/* fork_in_callback.c - fork() inside a wakeup: in the child the thread is the program's own, may call every function,
 * and handles signals as the program's threads do. The parent is not affected. */
// tries: 100
// seconds: 60

#include "check.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t called;
static pid_t child;

static void in_child(void)
{
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_response *response = NULL;
    sigset_t blocked;

    CHECK_INT(bedrock_generate(model, request, NULL, &response, NULL), BEDROCK_OK);
    CHECK_TEXT(bedrock_response_text(response, NULL), "One two three.");
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    CHECK(sigismember(&blocked, SIGUSR2) == 1 && sigismember(&blocked, SIGTERM) == 0 && sigismember(&blocked, SIGCHLD) == 0);
    _exit(check_failures == 0 ? 9 : 1);
}

static void fork_here(void *user)
{
    (void)user;
    child = fork();
    if (child == 0)
        in_child();
    sem_post(&called);
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    sigset_t own;

    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &own, NULL);
    sem_init(&called, 0, 0);
    for (int i = 0; i < tries; i++) {
        bedrock_stream *stream = NULL;
        int status = 0;

        CHECK_INT(bedrock_stream_open(model, request, NULL, &stream, NULL), BEDROCK_OK);
        CHECK_INT(bedrock_stream_set_wakeup(stream, fork_here, NULL, NULL), BEDROCK_OK);
        sem_wait(&called);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
        bedrock_stream_free(stream);
    }
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
