/* closed_descriptors.c - the program closes descriptors that it did not open. Running calls end with an error, nothing
 * aborts, and the next call starts the library again. */
// tries: 100
// seconds: 60
// needs: release

#include "common.h"

#include <sys/syscall.h>

static int child(const char *url)
{
    bedrock_model *model = service_model(url, 200, 10, ",\"timeouts\":{\"idle\":\"500ms\"},\"retry\":{\"max_attempts\":1}");
    bedrock_model *fresh;
    bedrock_request *request = hello();
    bedrock_response *response = NULL;
    bedrock_stream *streams[4];
    const bedrock_event *event;
    bedrock_error *error = NULL;
    double began;

    for (int s = 0; s < 4; s++) {
        CHECK_OK(bedrock_stream_open(model, request, NULL, &streams[s], &error), error);
        CHECK_INT(bedrock_stream_next(streams[s], 10000, &event, &error), BEDROCK_OK);
    }
    syscall(SYS_close_range, 3u, ~0u, 0u);
    began = now();
    for (int s = 0; s < 4; s++) {
        int status;

        while ((status = bedrock_stream_next(streams[s], 8000, &event, NULL)) == BEDROCK_OK) {
        }
        CHECK(status == BEDROCK_E_RESOURCE || status == BEDROCK_E_NETWORK || status == BEDROCK_E_TRUNCATED ||
              status == BEDROCK_E_TIMEOUT);
        bedrock_stream_free(streams[s]);
    }
    CHECK(now() - began < 20);
    bedrock_model_free(model);
    fresh = service_model(url, 2, 0, ",\"timeout\":\"10s\"");
    CHECK_OK(bedrock_generate(fresh, request, NULL, &response, &error), error);
    return check_failures != 0;
}

int main(int argc, char **argv)
{
    enum { TOGETHER = 10 };
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    for (int i = 0; i < tries; i += TOGETHER) {
        pid_t children[TOGETHER];

        start_children(children, TOGETHER, child, argv[2]);
        for (int c = 0; c < TOGETHER; c++)
            CHECK_INT(child_ended(children[c], 30), 0);
    }
    return check_failures != 0;
}
