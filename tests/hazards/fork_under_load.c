/* fork_under_load.c - forks while streams arrive at full speed: fork() waits for the worker's next task and no longer,
 * and the child can use the library. */
// tries: 100
// seconds: 60

#include "common.h"

#include <pthread.h>

static volatile int stopping;
static bedrock_model *model;

static int32_t pass(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

static void *read_on(void *nothing)
{
    bedrock_request *request = hello();

    (void)nothing;
    while (!stopping)
        CHECK_INT(bedrock_generate_stream(model, request, NULL, pass, NULL, NULL, NULL), BEDROCK_OK);
    bedrock_request_free(request);
    return NULL;
}

int main(int argc, char **argv)
{
    int tries = argc > 2 ? atoi(argv[1]) : 1;
    pthread_t readers[4];
    int slow = 0;

    (void)argv;
    {
        bedrock_error *error = NULL;

        /* In process, so that nothing paces it. */
        CHECK_OK(bedrock_model_new("{\"model\":\"m\",\"transport\":{\"repeat\":true,\"replies\":[\"a b c d e f g h i j k l m n o p\"]}}",
                                   BEDROCK_STRLEN, &model, &error), error);
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&readers[i], NULL, read_on, NULL);
    for (int i = 0; i < tries; i++) {
        double began = now();
        pid_t pid = fork();

        if (pid == 0) {
            bedrock_model *own = NULL;
            bedrock_request *request = hello();

            CHECK_INT(bedrock_model_new("{\"model\":\"m\",\"transport\":{\"replies\":[\"a\"]}}", BEDROCK_STRLEN, &own, NULL), 0);
            CHECK_INT(bedrock_generate_stream(own, request, NULL, pass, NULL, NULL, NULL), BEDROCK_OK);
            _exit(check_failures != 0);
        }
        slow += now() - began >= 0.9;
        CHECK_INT(child_ended(pid, 10), 0);
    }
    stopping = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(readers[i], NULL);
    /* A second is how long each fork waits where the worker does not come to a task. A few may take as long because the
     * process gets no CPU. */
    CHECK(slow <= tries / 20);
    return check_failures != 0;
}
