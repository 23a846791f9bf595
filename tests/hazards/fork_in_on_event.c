/* fork_in_on_event.c - fork() inside on_event, after the request was freed there: in the child the call ends with
 * BEDROCK_E_FORKED, also if its events had arrived, and release does not run for the parent's attachment. In the parent
 * the call goes on, and release runs once. */
// tries: 100
// seconds: 60

#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static const char png[] = "\x89PNG\r\n\x1a\n and more";

struct call {
    bedrock_request *request;
    int events;
    pid_t child;
};

static int released;

static void count_release(void *user)
{
    (void)user;
    released++;
}

static int32_t fork_once(const bedrock_event *event, void *user)
{
    struct call *call = user;

    (void)event;
    if (call->events++ == 0) {
        bedrock_request_free(call->request);
        call->child = fork();
    }
    return 0;
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;
    bedrock_model *model = check_scripted("[\"One two three.\", {\"text\": \"One two three.\", \"pace\": \"5ms\"}]");

    for (int i = 0; i < tries; i++) {
        struct call call = {check_request("Hi."), 0, 0};
        bedrock_status status;
        int exit_status = 0;

        released = 0;
        CHECK_INT(bedrock_request_add_image(call.request, "user", "png", png, sizeof png - 1, count_release, NULL, NULL),
                  BEDROCK_OK);
        status = bedrock_generate_stream(model, call.request, NULL, fork_once, &call, NULL, NULL);
        if (call.child == 0)
            _exit(status == BEDROCK_E_FORKED && released == 0 && bedrock_shutdown(10000) == BEDROCK_OK ? 9 : 1);
        CHECK_INT(status, BEDROCK_OK);
        CHECK_INT(released, 1);
        CHECK(waitpid(call.child, &exit_status, 0) == call.child);
        CHECK(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == 9);
    }
    bedrock_model_free(model);
    return check_end();
}
