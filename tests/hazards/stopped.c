/* stopped.c - a process that is stopped for longer than a timer (Ctrl-Z and fg, a debugger, a paused container) while
 * events arrive: the library reads what waits in the socket before a timer counts as expired. */
// tries: 20
// seconds: 120

#include "common.h"

static int32_t count(const bedrock_event *event, void *user)
{
    *(int *)user += event->type == BEDROCK_EVENT_TEXT;
    return 0;
}

static int child(const char *url)
{
    bedrock_model *model = service_model(url, 30, 20, ",\"timeouts\":{\"idle\":\"2s\",\"first_event\":\"30s\"}");
    bedrock_request *request = hello();
    bedrock_error *error = NULL;
    int words = 0;

    CHECK_OK(bedrock_generate_stream(model, request, NULL, count, &words, NULL, &error), error);
    CHECK_INT(words, 30);
    return check_failures != 0;
}

int main(int argc, char **argv)
{
    enum { TOGETHER = 10 };
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    for (int i = 0; i < tries; i += TOGETHER) {
        pid_t children[TOGETHER];

        start_children(children, TOGETHER, child, argv[2]);
        /* Each one somewhere within the 600 ms of its stream. */
        usleep(150000);
        for (int c = 0; c < TOGETHER; c++) {
            usleep(30000);
            kill(children[c], SIGSTOP);
        }
        usleep(2500000);
        for (int c = 0; c < TOGETHER; c++)
            kill(children[c], SIGCONT);
        for (int c = 0; c < TOGETHER; c++)
            CHECK_INT(child_ended(children[c], 30), 0);
    }
    return check_failures != 0;
}
