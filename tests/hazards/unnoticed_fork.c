/* unnoticed_fork.c - forks that run no handlers: _Fork() and clone(2). The child gets BEDROCK_E_FORKED for each
 * inherited handle, at once, and never waits for threads that it does not have. */
// tries: 100

#include "common.h"

#include <sys/syscall.h>

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
        pid_t pid = (pid_t)(i % 2 ? syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : _Fork());

        if (pid == 0) {
            CHECK_INT(bedrock_generate(model, request, NULL, &response, NULL), BEDROCK_E_FORKED);
            CHECK_INT(bedrock_live_handles(), 0);
            _exit(check_failures != 0);
        }
        CHECK_INT(child_ended(pid, 5), 0);
        CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
        bedrock_response_free(response);
    }
    return check_failures != 0;
}
