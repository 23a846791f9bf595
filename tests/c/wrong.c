/* wrong.c - breaks the rules, to show that a sanitizer detects it. Only tests/sanitizers runs it.
 *
 *     wrong race|freed|leak|overflow      a text that changes while the library reads it, a freed text, leaked memory, a
 *                                         number that is too large for its type */
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

static void race(void)
{
    pthread_t thread;
    int i;

    pthread_create(&thread, NULL, change, NULL);
    for (i = 0; i < 100000; i++) {
        bedrock_request *request = check_request("Hi.");

        bedrock_request_add_text(request, "user", text, 60, NULL);
        bedrock_request_free(request);
    }
    __atomic_store_n(&enough, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

static char *volatile gone; /* volatile, so that the compiler does not detect the error */

static void freed(void)
{
    bedrock_request *request = check_request("Hi.");

    gone = malloc(100);
    memset(gone, 'x', 100);
    free(gone);
    bedrock_request_add_text(request, "user", gone, 100, NULL);
    bedrock_request_free(request);
}

/* Several blocks, because the address of the last one may still be in a register. */
static void leak(void)
{
    int i;

    for (i = 0; i < 10; i++)
        gone = malloc(100);
    gone = NULL;
}

static void overflow(void)
{
    volatile int largest = 0x7fffffff;

    largest = largest + 1;
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "race") == 0)
        race();
    else if (strcmp(what, "freed") == 0)
        freed();
    else if (strcmp(what, "leak") == 0)
        leak();
    else if (strcmp(what, "overflow") == 0)
        overflow();
    return check_end();
}
