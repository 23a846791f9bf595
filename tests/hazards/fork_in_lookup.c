/* fork_in_lookup.c - a fork while the library looks up a name. The C library's resolver holds locks that it does not
 * reset in the child: a fork waits until the lookup has released them, so that lookups of the child and of its library
 * work. */
// tries: 300
// seconds: 120

#include "common.h"

#include <netdb.h>

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    int port = atoi(strrchr(argv[2], ':') + 1);
    char url[64];

    snprintf(url, sizeof url, "http://localhost:%d", port);
    for (int i = 0; i < tries; i++) {
        /* The first look-up of a process is the one that may be torn: so each try is a process of its own. */
        pid_t pid = fork();

        if (pid == 0) {
            bedrock_model *model = service_model(url, 1, 0, ",\"timeout\":\"10s\"");
            bedrock_request *request = hello();
            bedrock_stream *stream = NULL;
            bedrock_error *error = NULL;

            CHECK_OK(bedrock_stream_open(model, request, NULL, &stream, &error), error);
            usleep((useconds_t)(i * 37 % 3000));
            pid = fork();
            if (pid == 0) {
                struct addrinfo *found = NULL;
                bedrock_response *response = NULL;

                CHECK_INT(getaddrinfo("localhost", "80", NULL, &found), 0);
                model = service_model(url, 1, 0, ",\"timeout\":\"10s\"");
                request = hello();
                CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
                _exit(check_failures != 0);
            }
            CHECK_INT(child_ended(pid, 8), 0);
            _exit(check_failures != 0);
        }
        CHECK_INT(child_ended(pid, 15), 0);
    }
    return check_failures != 0;
}
