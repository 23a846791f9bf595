/* exit_with_streams.c - a process that ends while streams run, in each way that C has: it ends at once, and with the code
 * that it asked for. */
// tries: 60
// runs: 60
// exit: 7

#include "common.h"

#include <pthread.h>
#include <semaphore.h>

#define STREAMS 8

static bedrock_model *model;
static sem_t begun;

static int32_t on_event(const bedrock_event *event, void *user)
{
    (void)user;
    if (event->type == BEDROCK_EVENT_TEXT)
        sem_post(&begun);
    return 0;
}

static void *read_on(void *user)
{
    bedrock_generate_stream(model, hello(), NULL, on_event, NULL, NULL, NULL);
    return user;
}

static void *exit_here(void *user)
{
    exit(7);
    return user;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    (void)argc;
    model = service_model(argv[2], 100000, 1, "");
    sem_init(&begun, 0, 0);
    for (int i = 0; i < STREAMS; i++)
        pthread_create(&thread, NULL, read_on, NULL);
    for (int i = 0; i < STREAMS; i++)
        sem_wait(&begun);
    switch (getpid() % 5) {
    case 0:
        return 7;
    case 1:
        exit(7);
    case 2:
        _exit(7);
    case 3:
        quick_exit(7);
    default:
        pthread_create(&thread, NULL, exit_here, NULL);
        pthread_exit(NULL);
    }
}
