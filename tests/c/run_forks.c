/* run_forks.c - forks while runs are at work, an observer and feeds receive records, and both are replaced.
 *
 *     run_forks FORKS
 *
 * Then the same while another thread calls bedrock_shutdown again and again, which ends the runs.
 *
 * In the child: runs and feeds of the parent are the parent's, and there is no observer until the child sets its own.
 * It makes runs, whose records its own observer and feed receive, and no other. In the parent: every run goes on to its
 * end, its feed and its observers receive the record of each call once, and each observer is released once. */
#include "pull.h"
#include "race.h"

#define CALLS "{\"message\": {\"role\": \"assistant\", \"content\": [" \
              "{\"toolUse\": {\"toolUseId\": \"a\", \"name\": \"work\", \"input\": {}}}," \
              "{\"toolUse\": {\"toolUseId\": \"b\", \"name\": \"work\", \"input\": {}}}]}, \"pace\": \"1ms\"}"
#define TOOLS "{\"tools\": [{\"name\": \"work\", \"input_schema\": {\"type\": \"object\"}}]}"

/* What an observer has received. */
struct observed {
    pid_t process;
    long records, releases;
};

/* A thread that does a tool call, while the thread of the run does something else. */
struct worker {
    pthread_t thread;
    bedrock_run *run;
    char id[8];
};

static int stopping, shutting_down;
static long calls, received, cancelled;
static bedrock_feed *feed;
static bedrock_run *waiting;
static const bedrock_event *borrowed; /* the last event of that run, while it waits */
static struct observed steady; /* the parent's observer, while no other takes its place */

static void observe(const char *record, size_t len, int64_t lost, void *user)
{
    struct observed *own = (struct observed *)user;

    CHECK_INT(lost, 0);
    CHECK_INT(own->process, getpid());
    CHECK_INT(bedrock_json_type(record, len, "/attributes/gen_ai.request.model"), BEDROCK_JSON_STRING);
    ADD(own->records, 1);
}

static void release_observer(void *user)
{
    struct observed *own = (struct observed *)user;

    CHECK_INT(own->process, getpid());
    ADD(own->releases, 1);
}

static void set_observer(struct observed *own)
{
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_set_observer(NULL, 0, observe, own, release_observer, &error), error);
}

static bedrock_feed *open_feed(void)
{
    static const char options[] = "{\"records\": true, \"log\": \"debug\", \"capacity\": 1000000}";
    bedrock_feed *opened = NULL;
    bedrock_error *error = NULL;

    CHECK_OK(bedrock_feed_new(options, BEDROCK_STRLEN, &opened, &error), error);
    return opened;
}

/* Takes what a feed has, and returns how many records that is. */
static long take(bedrock_feed *from, int32_t timeout_ms)
{
    const bedrock_feed_item *item = NULL;
    long records = 0;

    for (; bedrock_feed_next(from, timeout_ms, &item, NULL) == BEDROCK_OK; timeout_ms = 0) {
        CHECK(item->type == BEDROCK_FEED_RECORD || item->type == BEDROCK_FEED_LOG);
        records += item->type == BEDROCK_FEED_RECORD;
    }
    return records;
}

static void *finish_call(void *user)
{
    struct worker *worker = (struct worker *)user;

    bedrock_status status = bedrock_run_result(worker->run, worker->id, "done", 4, BEDROCK_RESULT_TEXT, NULL);

    /* A run that was shut down waits for no result. */
    CHECK(status == BEDROCK_OK || GET(shutting_down));
    return NULL;
}

/* A tool whose result comes from another thread. user: two workers. */
static int32_t work(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    struct worker *worker = (struct worker *)user + (call->id[0] - 'a');

    worker->run = run;
    snprintf(worker->id, sizeof worker->id, "%s", call->id);
    CHECK(pthread_create(&worker->thread, NULL, finish_call, worker) == 0);
    return BEDROCK_TOOL_LATER;
}

/* Each run has a model of its own, because the runs of one would take each other's replies. */
static bedrock_model *new_model(void)
{
    return check_scripted("[" CALLS ", \"The end.\"]");
}

/* Makes a run of two rounds. */
static void make_run(void)
{
    bedrock_model *model = new_model();
    bedrock_request *request = check_request("Go.");
    bedrock_error *error = NULL;
    struct worker workers[2] = {0};
    bedrock_tool tool = {"work", NULL, "{\"type\": \"object\"}", work, NULL};
    bedrock_status status;
    int i;

    tool.user = workers;
    status = bedrock_run_tools(model, request, &tool, 1, sizeof tool, NULL, 0, NULL, NULL, NULL, NULL, &error);
    if (status == BEDROCK_E_CANCELLED && GET(shutting_down)) {
        CHECK(bedrock_request_message_count(request) < 4);
        ADD(cancelled, 1);
    } else {
        CHECK_OK(status, error);
        CHECK_INT(bedrock_request_message_count(request), 4);
    }
    bedrock_error_free(error);
    for (i = 0; i < 2; i++)
        if (workers[i].run != NULL)
            pthread_join(workers[i].thread, NULL);
    bedrock_request_free(request);
    bedrock_model_free(model);
}

/* What belongs to the parent does nothing in the child. */
static void parents_handles(void)
{
    const bedrock_event *event = (const bedrock_event *)POISON;
    const bedrock_feed_item *item = (const bedrock_feed_item *)POISON;
    bedrock_error *error = NULL;

    CHECK_FAILS(bedrock_run_next(waiting, -1, &event, &error), BEDROCK_E_FORKED, &error, "", "fork()");
    CHECK_FAILS(bedrock_run_result(waiting, "a", "x", 1, BEDROCK_RESULT_TEXT, &error), BEDROCK_E_FORKED, &error, "",
                "fork()");
    CHECK_FAILS(bedrock_feed_next(feed, -1, &item, &error), BEDROCK_E_FORKED, &error, "", "fork()");
    CHECK(event == NULL && item == NULL);
    if (borrowed != NULL)
        CHECK_TEXT(borrowed->tool_name, "work");
    CHECK_INT(bedrock_run_fd(waiting), -1);
    CHECK_INT(bedrock_feed_fd(feed), -1);
    bedrock_run_cancel(waiting);
    bedrock_run_free(waiting);
    bedrock_feed_free(feed);
    CHECK_INT(bedrock_live_handles(), 0);
}

static void child(void)
{
    struct observed own = {0, 0, 0}, parents = steady;
    bedrock_feed *own_feed;
    int fd;

    alarm(60);
    shutting_down = 0;
    own.process = getpid();
    parents_handles();
    make_run();
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    set_observer(&own);
    own_feed = open_feed();
    fd = bedrock_feed_fd(own_feed);
    CHECK(fd >= 0 && !pull_readable(fd, 0));
    make_run();
    CHECK(pull_readable(fd, 60000));
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(GET(own.records), 2);
    CHECK_INT(take(own_feed, 0), 2);
    CHECK_INT(own.releases, 0);
    CHECK_INT(bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(own.releases, 1);
    bedrock_feed_free(own_feed);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK(steady.records == parents.records && steady.releases == parents.releases);
}

static void *keep_running(void *user)
{
    (void)user;
    while (!GET(stopping)) {
        make_run();
        ADD(calls, 2);
    }
    return NULL;
}

/* Replaces the observer, and opens and frees feeds. */
static void *keep_observing(void *user)
{
    long times = 0;

    (void)user;
    while (!GET(stopping)) {
        struct observed *own = (struct observed *)calloc(1, sizeof *own);
        bedrock_feed *opened = open_feed();

        own->process = getpid();
        set_observer(own);
        CHECK_INT(GET(steady.releases), ++times);
        take(opened, 1);
        bedrock_feed_free(opened);
        set_observer(&steady);
        CHECK_INT(GET(own->releases), 1);
        free(own);
    }
    return NULL;
}

static void *keep_reading(void *user)
{
    const bedrock_feed_item *item = NULL;
    bedrock_status status;

    (void)user;
    while ((status = bedrock_feed_next(feed, -1, &item, NULL)) == BEDROCK_OK) {
        CHECK(item->type != BEDROCK_FEED_LOST);
        ADD(received, item->type == BEDROCK_FEED_RECORD);
    }
    CHECK(status == BEDROCK_E_CANCELLED || status == BEDROCK_E_BAD_HANDLE);
    return NULL;
}

static void *keep_shutting_down(void *user)
{
    (void)user;
    while (!GET(stopping))
        CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return NULL;
}

/* Opens a run, and reads until it waits for the results of its calls. */
static void open_waiting(bedrock_model *model, bedrock_request *request)
{
    bedrock_error *error = NULL;
    int left = 2;

    CHECK_OK(bedrock_run_open(model, request, TOOLS, BEDROCK_STRLEN, NULL, &waiting, &error), error);
    CHECK(bedrock_run_fd(waiting) >= 0);
    while (left > 0 && CHECK(bedrock_run_next(waiting, -1, &borrowed, NULL) == BEDROCK_OK))
        left -= borrowed->type == BEDROCK_EVENT_TOOL_CALL;
}

/* Forks while the threads of `roles` run. */
static void fork_under(void *(*const roles[])(void *), int count, int forks)
{
    pthread_t threads[8];
    struct pull_child forked;
    int i;

    PUT(stopping, 0);
    for (i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, roles[i], NULL) == 0);
    for (i = 0; i < forks; i++) {
        if (pull_fork(&forked)) {
            child();
            pull_child_end(&forked);
        }
        pull_child_wait(&forked);
    }
    PUT(stopping, 1);
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    static void *(*const running[])(void *) = {keep_running, keep_running, keep_observing};
    static void *(*const ending[])(void *) = {keep_running, keep_running, keep_observing, keep_shutting_down};
    int forks = argc > 1 ? atoi(argv[1]) : 0;
    bedrock_model *model = new_model();
    bedrock_request *request = check_request("Go.");
    const bedrock_event *event = NULL;
    bedrock_status status;
    pthread_t reader;
    int64_t limit;

    if (!CHECK(forks > 0))
        return 2;
    steady.process = getpid();
    feed = open_feed();
    set_observer(&steady);
    CHECK(pthread_create(&reader, NULL, keep_reading, NULL) == 0);
    open_waiting(model, request);

    fork_under(running, 3, forks);
    CHECK_INT(bedrock_run_result(waiting, "a", "x", 1, BEDROCK_RESULT_TEXT, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_run_result(waiting, "b", "x", 1, BEDROCK_RESULT_TEXT, NULL), BEDROCK_OK);
    borrowed = NULL;
    while ((status = bedrock_run_next(waiting, -1, &event, NULL)) == BEDROCK_OK)
        ;
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_INT(bedrock_request_message_count(request), 4);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    calls += 2;
    for (limit = pull_now_ms() + 60000; GET(received) < calls && pull_now_ms() < limit;)
        sched_yield();
    CHECK_INT(GET(received), calls);
    CHECK(steady.records > 0);

    PUT(shutting_down, 1);
    steady.releases = 0;
    fork_under(ending, 4, forks);
    CHECK(cancelled > 0);

    CHECK_INT(bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL), BEDROCK_OK);
    bedrock_feed_free(feed);
    pthread_join(reader, NULL);
    bedrock_run_free(waiting);
    bedrock_request_free(request);
    bedrock_model_free(model);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return check_end();
}
