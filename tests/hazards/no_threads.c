/* no_threads.c - a process that can start no threads: bedrock_set_log returns an error, and the earlier log function
 * stays. */
// tries: 100
// flags: -rdynamic

#include "common.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>

static int denied, releases;
static sem_t heard;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return denied ? EAGAIN : real(thread, attributes, start, argument);
}

static void on_log(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len, (void)user;
    sem_post(&heard);
}

static void release(void *user)
{
    ++*(int *)user;
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;

    sem_init(&heard, 0, 0);
    scripted_call();
    for (int i = 0; i < tries; i++) {
        denied = 1;
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, &releases, release), BEDROCK_E_RESOURCE);
        CHECK_INT(releases, 2 * i + 1);
        denied = 0;
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, &releases, release), BEDROCK_OK);
        denied = 1;
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, NULL, NULL), BEDROCK_E_RESOURCE);
        scripted_call();
        sem_wait(&heard);
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
        CHECK_INT(releases, 2 * i + 2);
    }
    return check_end();
}
