/* few_descriptors.c - a process with hardly any descriptors left. The library returns BEDROCK_E_RESOURCE or
 * BEDROCK_E_NETWORK, never an internal error; once there are more descriptors, the next call works. */
// tries: 100

#include "common.h"

#include <sys/resource.h>

static int child(const char *url, int most)
{
    struct rlimit few = {(rlim_t)most, 4096}, many = {4096, 4096};
    bedrock_model *model = NULL;
    bedrock_request *request = hello();
    bedrock_response *response = NULL;
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;

    setrlimit(RLIMIT_NOFILE, &few);
    model = service_model(url, 1, 0, ",\"timeout\":\"10s\",\"retry\":{\"max_attempts\":1}");
    status = bedrock_generate(model, request, NULL, &response, &error);
    if (status != BEDROCK_OK && status != BEDROCK_E_RESOURCE) {
        fprintf(stderr, "%d descriptors: %s\n", most, bedrock_error_message(error));
        check_failures++;
    }
    bedrock_error_free(error);
    error = NULL;
    bedrock_response_free(response);
    if (bedrock_stream_open(model, request, NULL, &stream, NULL) == BEDROCK_OK) {
        (void)bedrock_stream_fd(stream);
        bedrock_stream_free(stream);
    }
    setrlimit(RLIMIT_NOFILE, &many);
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    return check_failures != 0;
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    for (int i = 0; i < tries; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(child(argv[2], 3 + i % 10));
        CHECK_INT(child_ended(pid, 15), 0);
    }
    return check_failures != 0;
}
