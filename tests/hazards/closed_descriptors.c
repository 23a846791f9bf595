/* closed_descriptors.c - the host closes descriptors that it did not open (F-M12). Calls that run end with an error, nothing
 * aborts, and the next call starts the library again. */
// tries: 100
// seconds: 60
// needs: release

#include "common.h"

#include <sys/syscall.h>

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;

    for (int i = 0; i < tries; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            bedrock_model *model = service_model(argv[2], 200, 10, ",\"timeout\":\"5s\",\"retry\":{\"max_attempts\":1}");
            bedrock_model *fresh;
            bedrock_request *request = hello();
            bedrock_response *response = NULL;
            bedrock_stream *streams[4];
            const bedrock_event *event;
            bedrock_error *error = NULL;
            double began;

            for (int s = 0; s < 4; s++) {
                CHECK_OK(bedrock_stream_open(model, request, NULL, &streams[s], &error), error);
                CHECK_INT(bedrock_stream_next(streams[s], 5000, &event, &error), BEDROCK_OK);
            }
            syscall(SYS_close_range, 3u, ~0u, 0u);
            began = now();
            for (int s = 0; s < 4; s++) {
                int status;

                while ((status = bedrock_stream_next(streams[s], 8000, &event, NULL)) == BEDROCK_OK) {
                }
                CHECK(status < 0 && status != BEDROCK_E_INTERNAL);
                bedrock_stream_free(streams[s]);
            }
            CHECK(now() - began < 7);
            bedrock_model_free(model);
            fresh = service_model(argv[2], 2, 0, ",\"timeout\":\"5s\"");
            CHECK_OK(bedrock_generate(fresh, request, NULL, &response, &error), error);
            CHECK_INT(bedrock_shutdown(5000), BEDROCK_OK);
            _exit(check_failures != 0);
        }
        CHECK_INT(child_ended(pid, 20), 0);
    }
    return check_failures != 0;
}
