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

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    for (int i = 0; i < tries; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            bedrock_model *model = service_model(argv[2], 30, 20, ",\"timeouts\":{\"idle\":\"200ms\",\"first_event\":\"5s\"}");
            bedrock_request *request = hello();
            bedrock_error *error = NULL;
            int words = 0;

            CHECK_OK(bedrock_generate_stream(model, request, NULL, count, &words, NULL, &error), error);
            CHECK_INT(words, 30);
            _exit(check_failures != 0);
        }
        /* Somewhere within the 600 ms of the stream. */
        usleep((useconds_t)(150000 + i % 10 * 30000));
        kill(pid, SIGSTOP);
        usleep(500000);
        kill(pid, SIGCONT);
        CHECK_INT(child_ended(pid, 10), 0);
    }
    return check_failures != 0;
}
