/* observers.c - observers and feeds that are set, replaced, read, polled and freed by several threads while calls run, are
 * cancelled and are shut down.
 *
 *     observers ROUNDS
 *
 * Once an observer was replaced it does not run, and it is released once: its memory is freed there. Records go to one
 * observer at a time. A feed that was freed wakes its reader, and its descriptor is closed under a thread that signals
 * it. A feed that lives from the beginning to the end gets the record of each call once. */
#include "pull.h"
#include "race.h"

#define CALLERS 3
#define SETTERS 3
#define READERS 2

/* An observer. It is released by the function that replaces it. */
struct observer {
    int running, released;
    long records;
};

static long rounds, calls, records;
static int stopping, live; /* the number of observers that are not released */
static bedrock_model *model;
static bedrock_request *request;

static void observe(const char *record, size_t len, int64_t lost, void *user)
{
    struct observer *observer = (struct observer *)user;

    CHECK_INT(ADD(observer->running, 1), 1);
    CHECK_INT(lost > 0 ? BEDROCK_JSON_NONE : bedrock_json_type(record, len, "/attempts"),
              lost > 0 ? BEDROCK_JSON_NONE : BEDROCK_JSON_ARRAY);
    CHECK_INT(GET(observer->released), 0);
    observer->records++;
    ADD(observer->running, -1);
}

static void release(void *user)
{
    struct observer *observer = (struct observer *)user;

    CHECK_INT(GET(observer->running), 0);
    CHECK_INT(ADD(observer->released, 1), 1);
    ADD(live, -1);
    free(observer);
}

/* Makes calls, of which each has a record: complete, failed, cancelled or left. */
static void *keep_calling(void *user)
{
    unsigned state = 99 + (unsigned)(uintptr_t)user;

    while (ADD(calls, 1) <= rounds) {
        bedrock_response *response = NULL;
        bedrock_stream *stream = NULL;
        const bedrock_event *event;
        bedrock_status status;

        if (roll(&state) % 4 == 0) {
            status = bedrock_generate(model, request, NULL, &response, NULL);
            bedrock_response_free(response);
        } else {
            CHECK_INT(bedrock_stream_open(model, request, NULL, &stream, NULL), BEDROCK_OK);
            status = bedrock_stream_next(stream, roll(&state) % 2 == 0 ? 0 : -1, &event, NULL);
            if (roll(&state) % 2 == 0)
                bedrock_stream_cancel(stream);
            bedrock_stream_free(stream);
        }
        CHECK(status >= 0 || status == BEDROCK_E_CANCELLED || status == BEDROCK_E_ACCESS_DENIED);
    }
    return NULL;
}

/* Sets, replaces and removes the observer. */
static void *keep_setting(void *user)
{
    static const char *const options[] = {"{}", "{\"capacity\": 1}", "{\"capacity\": -1}"};
    unsigned state = 777 + (unsigned)(uintptr_t)user;

    while (!GET(stopping)) {
        unsigned which = roll(&state) % 8;
        struct observer *observer = (struct observer *)calloc(1, sizeof *observer);
        const char *option = options[which < 2 ? which : which == 2 ? 2 : 0];

        ADD(live, 1);
        CHECK_INT(bedrock_set_observer(option, BEDROCK_STRLEN, which == 3 ? NULL : observe, observer, release, NULL),
                  which == 2 ? BEDROCK_E_CONFIG : BEDROCK_OK);
        sched_yield();
    }
    return NULL;
}

/* Reads a feed that another thread frees: so it looks at no item. */
static void *read_feed(void *user)
{
    bedrock_feed *feed = (bedrock_feed *)user;
    const bedrock_feed_item *item;
    bedrock_status status;

    do {
        status = bedrock_feed_next(feed, -1, &item, NULL);
        if (status == BEDROCK_E_BUSY)
            sched_yield();
    } while (status == BEDROCK_OK || status == BEDROCK_E_BUSY);
    CHECK(status == BEDROCK_E_CANCELLED || status == BEDROCK_E_BAD_HANDLE);
    return NULL;
}

static bedrock_feed *open_feed(const char *options)
{
    bedrock_feed *feed = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_feed_new(options, BEDROCK_STRLEN, &feed, &error), error);
    return feed;
}

/* Opens feeds, has two threads read each of them, and frees it. */
static void *keep_feeding(void *user)
{
    unsigned state = 4242 + (unsigned)(uintptr_t)user, i, spins;

    while (!GET(stopping)) {
        bedrock_feed *feed = open_feed(roll(&state) % 2 ? "{\"records\": true, \"capacity\": 2}" : "{\"log\": \"debug\"}");
        pthread_t readers[READERS];

        if (roll(&state) % 2)
            CHECK(bedrock_feed_fd(feed) >= 0);
        for (i = 0; i < READERS; i++)
            CHECK(pthread_create(&readers[i], NULL, read_feed, feed) == 0);
        for (i = 0, spins = roll(&state) % 50; i < spins; i++)
            sched_yield();
        bedrock_feed_free(feed);
        for (i = 0; i < READERS; i++)
            pthread_join(readers[i], NULL);
    }
    return NULL;
}

static void *keep_shutting_down(void *user)
{
    unsigned state = 5, i;

    (void)user;
    while (!GET(stopping)) {
        for (i = roll(&state) % 500; i > 0 && !GET(stopping); i--)
            sched_yield();
        CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t callers[CALLERS], others[SETTERS + 2];
    const bedrock_feed_item *item = NULL;
    bedrock_feed *feed;
    uintptr_t i;

    rounds = argc > 1 ? atol(argv[1]) : 0;
    if (!CHECK(rounds > 0))
        return 2;
    model = check_scripted("[\"One two three.\", {\"text\": \"One two three.\", \"pace\": \"1ms\"}, \"Four.\","
                           " {\"error\": {\"status\": 403, \"code\": \"AccessDeniedException\", \"message\": \"No.\"}}]");
    request = check_request("Hi.");
    feed = open_feed("{\"records\": true, \"capacity\": 10000000}");
    for (i = 0; i < SETTERS + 2; i++)
        CHECK(pthread_create(&others[i], NULL, i < SETTERS ? keep_setting : i == SETTERS ? keep_feeding : keep_shutting_down,
                             (void *)i) == 0);
    for (i = 0; i < CALLERS; i++)
        CHECK(pthread_create(&callers[i], NULL, keep_calling, (void *)i) == 0);
    for (i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    PUT(stopping, 1);
    for (i = 0; i < SETTERS + 2; i++)
        pthread_join(others[i], NULL);

    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    for (; bedrock_feed_next(feed, 0, &item, NULL) == BEDROCK_OK; records++)
        CHECK_INT(item->type, BEDROCK_FEED_RECORD);
    CHECK_INT(records, rounds);
    CHECK_INT(bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(live, 0);
    bedrock_feed_free(feed);
    bedrock_model_free(model);
    bedrock_request_free(request);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return check_end();
}
