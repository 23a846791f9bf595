/* atfork.c - handlers of pthread_atfork that were registered before the library's, and that call it. They run while
 * the library holds its locks: they get BEDROCK_E_BUSY, or a neutral value, and fork() returns. */
// tries: 100

#include "common.h"

#include <pthread.h>

static bedrock_model *model;
static bedrock_request *request;
static int refused;

static void use(void)
{
    bedrock_error *error = NULL;
    bedrock_response *response = NULL;

    if (model == NULL)
        return;
    refused += bedrock_shutdown(1000) == BEDROCK_E_BUSY;
    refused += bedrock_generate(model, request, NULL, &response, &error) == BEDROCK_E_BUSY && error == NULL;
    bedrock_request_free(NULL);
    (void)bedrock_model_id(model, NULL);
    (void)bedrock_live_handles();
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    pthread_atfork(use, use, use);
    model = service_model(argv[2], 1, 0, "");
    request = hello();
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    for (int i = 0; i < tries; i++) {
        pid_t pid;

        refused = 0;
        pid = fork();
        if (pid == 0) {
            /* The child's handlers of both kinds have run by now. */
            CHECK_INT(refused, 4);
            _exit(check_failures != 0);
        }
        CHECK_INT(refused, 4);
        CHECK_INT(child_ended(pid, 20), 0);
        CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
        bedrock_response_free(response);
    }
    return check_failures != 0;
}
