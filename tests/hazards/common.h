/* common.h - what the hazards have in common beside check.h: a model of the runner's service, a request, a scripted
 * call, children and the wait for one with a limit, and what a thread does. */
#ifndef COMMON_H
#define COMMON_H

#include "check.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A model of the service at url that streams so many words, each after so many milliseconds. settings: more of the
 * config, which begins with a comma, or "". */
static inline bedrock_model *service_model(const char *url, int words, int pause, const char *settings)
{
    char config[2000];
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;

    snprintf(config, sizeof config, "{\"model\":\"test.%d.%d\",\"base_url\":\"%s\",\"region\":\"us-east-1\","
             "\"api_key\":\"k\",\"secret_key\":\"s\"%s}", words, pause, url, settings);
    CHECK_OK(bedrock_model_new(config, BEDROCK_STRLEN, &model, &error), error);
    return model;
}

static inline bedrock_request *hello(void)
{
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_request_new("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello?\"}]}", BEDROCK_STRLEN, &request, &error),
             error);
    return request;
}

/* Makes a call that gets a scripted response. */
static inline void scripted_call(void)
{
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_response *response = NULL;

    CHECK_INT(bedrock_generate(model, request, NULL, &response, NULL), BEDROCK_OK);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

/* Waits for a child for at most so many seconds. Returns its exit code, 128 and its signal, or -1 where it did not
 * end, and is killed. */
static inline int child_ended(pid_t child, double seconds)
{
    double end = now() + seconds;
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (now() > end) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
        usleep(1000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Starts so many children, each of which exits with what `child` returns. */
static inline void start_children(pid_t *children, int count, int (*child)(const char *), const char *url)
{
    for (int c = 0; c < count; c++)
        if ((children[c] = fork()) == 0) {
            check_failures = 0;
            _exit(child(url));
        }
}

/* Returns whether a thread of this process sleeps. Its id is a text, as in /proc/self/task. */
static inline int sleeps(const char *thread)
{
    char path[300], text[200] = "", *name_end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    name_end = strrchr(text, ')');
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

#endif
