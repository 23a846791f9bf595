/* many.c - many streams at once: one thread waits for all of them by a waiting set, and each is complete and in order.
 *
 *     many URL STREAMS [report]      a service that streams "0 1 2 ...", and sends the last words of all only when it
 *                                  gets a unary request
 *
 * report: print the cost of a stream, "streams=10000 threads=2 bytes_per_stream=30000". */
#include "check.h"

#include <dirent.h>

#define WORDS 6

struct reader {
    bedrock_stream *stream;
    int words;
    bedrock_status end;
};

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL) {
        if (fscanf(file, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * 4096;
}

static int threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* Reads the available events, and checks that each word is the next one. */
static void drain(struct reader *reader)
{
    const bedrock_event *event;
    bedrock_error *error = NULL;
    bedrock_status status;
    int first = 1;

    while ((status = bedrock_stream_next(reader->stream, 0, &event, &error)) == BEDROCK_OK) {
        first = 0;
        if (event->type == BEDROCK_EVENT_TEXT) {
            CHECK_INT(atoi(event->text), reader->words);
            reader->words++;
        }
    }
    /* The set returned it because there is an event. */
    CHECK(!first || status != BEDROCK_AGAIN);
    if (status != BEDROCK_AGAIN) {
        CHECK_OK(status, error);
        bedrock_error_free(error);
        reader->end = status;
    }
}

/* Reads the readable streams, until all of them have had this number of words or have ended. */
static void serve(bedrock_waitset *set, struct reader *readers, long count, int words)
{
    long i, ready = 0;
    struct reader *reader;
    void *user;

    for (i = 0; i < count; i++)
        ready += readers[i].words >= words && (words < WORDS || readers[i].end != BEDROCK_AGAIN);
    while (ready < count) {
        int had, was_over;

        if (!CHECK(bedrock_waitset_wait(set, 120000, NULL, &user) == BEDROCK_OK))
            return;
        reader = user;
        had = reader->words;
        was_over = reader->end != BEDROCK_AGAIN;
        drain(reader);
        if (words < WORDS)
            ready += had < words && reader->words >= words;
        else
            ready += !was_over && reader->end != BEDROCK_AGAIN;
    }
}

int main(int argc, char **argv)
{
    bedrock_model *model;
    bedrock_request *request;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_waitset *set;
    struct reader *readers;
    char config[500];
    long count, before = 0, i;

    if (!CHECK(argc >= 3))
        return 2;
    count = atol(argv[2]);
    snprintf(config, sizeof config,
             "{\"model\": \"" CHECK_MODEL "\", \"base_url\": \"%s\", \"region\": \"us-east-1\", \"api_key\": \"AKIDTEST\","
             " \"secret_key\": \"the-secret-key\", \"timeout\": \"10m\", \"timeouts\": {\"connect\": \"2m\"}}",
             argv[1]);
    /* Long timers, because on a slow machine the first stream waits until the last one has begun. */
    model = check_model_of(config);
    request = check_request("Count.");
    set = bedrock_waitset_new();
    readers = calloc((size_t)count, sizeof *readers);

    for (i = 0; i < count; i++) {
        readers[i].end = BEDROCK_AGAIN;
        /* A first call allocates what all streams share, so that it is not measured. */
        if (i == 1) {
            serve(set, readers, 1, WORDS - 2);
            before = resident();
        }
        CHECK_OK(bedrock_stream_open(model, request, NULL, &readers[i].stream, &error), error);
        CHECK_INT(bedrock_waitset_add(set, readers[i].stream, &readers[i]), BEDROCK_OK);
    }
    serve(set, readers, count, WORDS - 2);
    if (argc > 3)
        printf("streams=%ld threads=%d bytes_per_stream=%ld\n", count, threads(),
               (resident() - before) / (count - 1));
    CHECK(threads() <= 4);

    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    serve(set, readers, count, WORDS);
    for (i = 0; i < count; i++) {
        CHECK_INT(readers[i].words, WORDS);
        CHECK_INT(readers[i].end, BEDROCK_DONE);
        bedrock_stream_free(readers[i].stream);
    }
    CHECK_INT(bedrock_waitset_wait(set, 0, NULL, NULL), BEDROCK_AGAIN);

    bedrock_response_free(response);
    bedrock_waitset_free(set);
    bedrock_request_free(request);
    bedrock_model_free(model);
    free(readers);
    return check_end();
}
