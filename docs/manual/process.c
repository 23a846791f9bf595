/* process.c - examples of the manual: messages of the library, and its end in a process that goes on. */
#include <bedrock.h>

#include <stdio.h>

/* A bedrock_log_fn: a line for each message. It runs on a thread of the library. */
static void print_message(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    fprintf(user, "[%d %s] %.*s\n", (int)level, target, (int)len, message);
}

/* The messages hold no credentials, prompts or responses: they may go where the log of the program goes. */
static bedrock_status log_to(FILE *file)
{
    return bedrock_set_log(BEDROCK_LOG_WARN, print_message, file, NULL);
}

/* Ends all calls and threads of the library, so that a plugin that links with it can be unloaded. */
static int can_unload(void)
{
    bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL);
    return bedrock_shutdown(2000) == BEDROCK_OK;
}

/* Tests call this at their end. A leak checker does not see handles. */
static int has_leaked(void)
{
    size_t live = bedrock_live_handles();

    if (live != 0)
        fprintf(stderr, "%lu handles were not freed\n", (unsigned long)live);
    return live != 0;
}

int main(void)
{
    bedrock_model *model = NULL;
    int failed = log_to(stdout) < 0 || bedrock_model_new("{\"model\": \"any\"}", BEDROCK_STRLEN, &model, NULL) < 0;

    bedrock_model_free(model);
    printf("%s\n", has_leaked() ? "It leaks." : "Everything is freed.");
    printf("%s\n", can_unload() ? "No thread is left." : "A thread is left.");
    return failed;
}
