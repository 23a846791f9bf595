/* interrupted.c - a signal at any moment of a call, whose handler fires a cancel: the call ends at once with
 * BEDROCK_E_CANCELLED, in every way of calling. */
// tries: 200
// seconds: 60

#include "common.h"

#include <sys/time.h>

static bedrock_cancel *cancel;

static void on_signal(int signal)
{
    (void)signal;
    bedrock_cancel_fire(cancel);
}

static int32_t pass(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

static bedrock_status call(int way, const bedrock_model *model, const bedrock_request *request)
{
    const bedrock_event *event;
    bedrock_response *response = NULL;
    bedrock_stream *stream = NULL;
    bedrock_status status;

    if (way == 0)
        return bedrock_generate(model, request, cancel, &response, NULL);
    if (way == 1)
        return bedrock_generate_stream(model, request, cancel, pass, NULL, NULL, NULL);
    if (way == 2)
        return bedrock_call(model, "Converse", request, cancel, &response, NULL);
    CHECK_INT(bedrock_stream_open(model, request, cancel, &stream, NULL), BEDROCK_OK);
    while ((status = bedrock_stream_next(stream, -1, &event, NULL)) == BEDROCK_OK)
        ;
    bedrock_stream_free(stream);
    return status;
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    bedrock_model *model = service_model(argv[2], 100000, 10, "");
    bedrock_request *request = hello();
    struct sigaction action = {0};

    action.sa_handler = on_signal;
    sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < tries; i++) {
        struct itimerval timer = {{0, 0}, {0, 200 + i * 100}};
        double began = now();

        cancel = bedrock_cancel_new();
        setitimer(ITIMER_REAL, &timer, NULL);
        CHECK_INT(call(i % 4, model, request), BEDROCK_E_CANCELLED);
        CHECK(now() - began < 20);
        bedrock_cancel_free(cancel);
    }
    bedrock_request_free(request);
    bedrock_model_free(model);
    return check_end();
}
