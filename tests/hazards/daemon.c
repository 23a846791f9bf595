/* daemon.c - the classic daemon: a child of fork() closes all inherited descriptors, opens its own under the same
 * numbers, and uses the library. The library touches none of the parent's descriptors by number: the child's calls
 * work, and the data in its own descriptors is still there. */
// tries: 100
// seconds: 60

#include "common.h"

#include <sys/socket.h>
#include <sys/syscall.h>

static const char *url;
static bedrock_request *request;

static int generates(const char *settings)
{
    bedrock_model *model = service_model(url, 2, 0, settings);
    bedrock_request *own = hello();
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_generate(model, own, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_request_free(own);
    bedrock_model_free(model);
    return check_failures != 0;
}

static int child(int reopen)
{
    int own[8][2], i;
    char byte;

    syscall(SYS_close_range, 3u, ~0u, 0u);
    for (i = 0; reopen && i < 8; i++) {
        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, own[i]), 0);
        CHECK_INT(write(own[i][0], "x", 1), 1);
        CHECK_INT(write(own[i][1], "y", 1), 1);
    }
    generates(",\"timeout\":\"10s\"");
    CHECK_INT(bedrock_shutdown(5000), BEDROCK_OK);
    for (i = 0; reopen && i < 8; i++) {
        CHECK_INT(read(own[i][0], &byte, 1), 1);
        CHECK_INT(read(own[i][0], &byte, 1), -1);
        CHECK_INT(read(own[i][1], &byte, 1), 1);
        CHECK_INT(read(own[i][1], &byte, 1), -1);
    }
    return check_failures != 0;
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    url = argv[2];
    request = hello();
    generates(",\"timeout\":\"10s\"");
    for (int i = 0; i < tries; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(child(i % 2));
        CHECK_INT(child_ended(pid, 20), 0);
        generates(",\"timeout\":\"10s\"");
    }
    bedrock_request_free(request);
    return check_failures != 0;
}
