/* unnoticed_fork.c - forks that run no handlers: _Fork() and clone(2). The child gets BEDROCK_E_FORKED for each
 * inherited handle, at once, and never waits for threads that it does not have. */
// tries: 100

#include "common.h"

#include <dirent.h>
#include <sys/syscall.h>

/* The child can use the library only if no other thread was inside it: a worker that still frees what a call has used
 * holds a lock of malloc. Waits until all other threads sleep. */
static void wait_for_other_threads(void)
{
    int busy;

    do {
        struct dirent *thread;
        DIR *threads = opendir("/proc/self/task");

        busy = 0;
        while ((thread = readdir(threads)) != NULL)
            if (thread->d_name[0] != '.' && atoi(thread->d_name) != (int)getpid())
                busy += !sleeps(thread->d_name);
        closedir(threads);
    } while (busy > 0);
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    bedrock_model *model = service_model(argv[2], 3, 0, "");
    bedrock_request *request = hello();
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    for (int i = 0; i < tries; i++) {
        pid_t pid;

        wait_for_other_threads();
        pid = (pid_t)(i % 2 ? syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : _Fork());
        if (pid == 0) {
            CHECK_INT(bedrock_generate(model, request, NULL, &response, NULL), BEDROCK_E_FORKED);
            CHECK_INT(bedrock_live_handles(), 0);
            _exit(check_failures != 0);
        }
        CHECK_INT(child_ended(pid, 20), 0);
        CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
        bedrock_response_free(response);
    }
    return check_failures != 0;
}
