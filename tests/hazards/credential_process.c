/* credential_process.c - a program that consumes exit statuses: SIGCHLD is ignored, or a thread waits for any child.
 * The library still gets the keys that a command prints, does not change the program's handler, and leaves no zombie.
 * */
// tries: 100
// seconds: 60

#include "common.h"

#include <pthread.h>

static const char *url;
static volatile int stopping;

static void *reap(void *nothing)
{
    (void)nothing;
    while (!stopping) {
        if (waitpid(-1, NULL, WNOHANG) <= 0)
            usleep(200);
    }
    return NULL;
}

/* One call of a model of its own, so that the command runs. */
static void generates(void)
{
    char config[1000];
    bedrock_model *model = NULL;
    bedrock_request *request = hello();
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    snprintf(config, sizeof config, "{\"model\":\"test.1.0\",\"base_url\":\"%s\",\"region\":\"us-east-1\",\"timeout\":\"10s\"}", url);
    CHECK_OK(bedrock_model_new(config, BEDROCK_STRLEN, &model, &error), error);
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

int main(int argc, char **argv)
{
    static char path[] = "/tmp/bedrock-hazard-XXXXXX";
    int tries = argc > 2 ? atoi(argv[1]) : 1, file = mkstemp(path);
    const char *profile = "[default]\ncredential_process = "
                          "echo '{\"Version\":1,\"AccessKeyId\":\"k\",\"SecretAccessKey\":\"s\"}'\n";
    struct sigaction ignore, seen;
    pthread_t reaper;

    url = argv[2];
    CHECK_INT(write(file, profile, strlen(profile)), (int)strlen(profile));
    close(file);
    setenv("AWS_CONFIG_FILE", path, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);

    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &ignore, NULL);
    for (int i = 0; i < tries / 2; i++)
        generates();
    sigaction(SIGCHLD, NULL, &seen);
    CHECK(seen.sa_handler == SIG_IGN);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        /* Ignored, a child is gone without being waited for. */
        while (kill(pid, 0) == 0)
            usleep(500);
    }

    ignore.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &ignore, NULL);
    pthread_create(&reaper, NULL, reap, NULL);
    for (int i = 0; i < tries - tries / 2; i++)
        generates();
    stopping = 1;
    pthread_join(reaper, NULL);
    unlink(path);
    return check_failures != 0;
}
