/* signal_storm.c - a thousand signals a second, whose handler does not restart system calls, while streams are read: each
 * stream is complete. */
// tries: 200
// seconds: 60

#include "common.h"

#include <sys/time.h>

static void ignore(int signal)
{
    (void)signal;
}

static int32_t count(const bedrock_event *event, void *user)
{
    *(int *)user += event->type == BEDROCK_EVENT_TEXT;
    return 0;
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    bedrock_model *model = service_model(argv[2], 20, 1, "");
    bedrock_request *request = hello();
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    struct sigaction action = {0};

    action.sa_handler = ignore;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < tries; i++) {
        bedrock_error *error = NULL;
        int texts = 0;

        CHECK_OK(bedrock_generate_stream(model, request, NULL, count, &texts, NULL, &error), error);
        CHECK_INT(texts, 20);
    }
    bedrock_request_free(request);
    bedrock_model_free(model);
    return check_end();
}
