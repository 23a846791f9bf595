/* wrong.c - does to the library what no program may, to see that a sanitizer in it notices. tests/sanitizers runs it; nothing else
 * does.
 *
 *     wrong thread|address */
#include "check.h"

#include <pthread.h>

static char text[100] = "Changed by one thread while the library reads it on another.";
static int enough;

static void *change(void *user)
{
    (void)user;
    while (!__atomic_load_n(&enough, __ATOMIC_RELAXED))
        text[0] ^= 1;
    return NULL;
}

int main(int argc, char **argv)
{
    bedrock_request *request = check_request("Hi.");
    char *freed = malloc(100);
    pthread_t thread;
    int i;

    if (argc == 2 && strcmp(argv[1], "thread") == 0) {
        pthread_create(&thread, NULL, change, NULL);
        for (i = 0; i < 100000; i++) {
            bedrock_request_set(request, "{}", 2, NULL);
            bedrock_request_add_text(request, "user", text, 60, NULL);
            bedrock_request_free(request);
            request = check_request("Hi.");
        }
        __atomic_store_n(&enough, 1, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
    } else {
        memset(freed, 'x', 100);
        free(freed);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuse-after-free"
        bedrock_request_add_text(request, "user", freed, 100, NULL);
#pragma GCC diagnostic pop
        freed = NULL;
    }
    free(freed);
    bedrock_request_free(request);
    return check_end();
}
