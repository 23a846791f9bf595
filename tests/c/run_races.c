/* run_races.c - runs that get their results from several threads, while cancels, deadlines, frees and bedrock_shutdown
 * end them, through every interface.
 *
 *     run_races RUNS [report]      "report" prints at the end how they ended
 *
 * In any order: a run has one terminal status, which is returned every time. No event follows a cancel that has
 * returned. Of the threads that give a result to the same call one succeeds, and its result is in the request. A round
 * is in the request as a whole or not at all. Every interface notifies until the end (a thread that waits too long is
 * detected), and no wakeup runs after its run was freed: the memory that it writes to is freed with the run. */
#include "pull.h"
#include "race.h"
#include "wake.h"

#define READERS 6
#define GIVERS 3
#define ENDERS 3
#define CALLS 4
#define JOBS 4096

#define CALL(id, name) "{\"toolUse\": {\"toolUseId\": \"" id "\", \"name\": \"" name "\", \"input\": {}}}"
#define FIRST(more) "{\"message\": {\"role\": \"assistant\", \"content\": [{\"text\": \"Three at once.\"}, " \
                    CALL("a", "work") ", " CALL("b", "work") ", " CALL("c", "work") "]}" more "}"
#define SECOND "{\"message\": {\"role\": \"assistant\", \"content\": [" CALL("x", "unknown") ", " CALL("d", "work") "]}}"
#define CUT "{\"events\": [{\"messageStart\": {\"role\": \"assistant\"}}]}"
#define DENIED "{\"error\": {\"status\": 403, \"code\": \"AccessDeniedException\", \"message\": \"No.\"}}"

enum { NEXT_INTERFACE, TIMED_INTERFACE, FD_INTERFACE, WAKEUP_INTERFACE, SET_INTERFACE, TOOLS_INTERFACE, INTERFACES };

/* The conversations. The last two fail in their second round. */
static const char *const scripts[] = {"[" FIRST("") ", " SECOND ", \"The end.\"]",
                                      "[" FIRST(", \"pace\": \"1ms\"") ", " SECOND ", \"The end.\"]",
                                      "[" FIRST("") ", " DENIED "]", "[" FIRST("") ", " CUT "]"};
static const bedrock_status endings[] = {BEDROCK_DONE, BEDROCK_DONE, BEDROCK_E_ACCESS_DENIED, BEDROCK_E_TRUNCATED};

static const char work_tool[] = "\"tools\": [{\"name\": \"work\", \"input_schema\": {\"type\": \"object\"}}]";

/* A reader's run. The cancel names it: handles are not reused. */
struct slot {
    bedrock_run *run;
    bedrock_cancel *cancel;
    bedrock_request *request;
    unsigned script, state;
    int interface, has_total, one_round, shutdowns, events;
    int mine_to_free;                        /* the ender does not free it: the reader looks at its events */
    void *meant, *cancelled, *freed;         /* written by the ender: before it does something, and after each */
    int called[CALLS], given[CALLS];
    char text[CALLS][24];                    /* the result that was accepted */
    int jobs;                                /* that no giver has done yet */
};

/* A result to be given. */
struct job {
    struct slot *slot;
    bedrock_run *run;
    int call;
};

static struct slot slots[READERS];
static long runs, begun, ended, ends[8];
static int stopping, playing = READERS, shutdowns_begun, shutdowns_ended;
static long steps[READERS];

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t jobs_changed = PTHREAD_COND_INITIALIZER;
static struct job jobs[JOBS];
static unsigned jobs_head, jobs_tail;

static void spin(unsigned *state)
{
    unsigned i, spins = roll(state) % 3 == 0 ? 0 : roll(state) % 3000;

    for (i = 0; i < spins && !GET(stopping); i++)
        if (i % 300 == 299)
            sched_yield();
}

static void add_job(struct slot *slot, bedrock_run *run, int call)
{
    pthread_mutex_lock(&jobs_lock);
    CHECK(jobs_head - jobs_tail < JOBS);
    jobs[jobs_head % JOBS].slot = slot, jobs[jobs_head % JOBS].run = run, jobs[jobs_head % JOBS].call = call;
    jobs_head++;
    slot->jobs++;
    pthread_cond_broadcast(&jobs_changed);
    pthread_mutex_unlock(&jobs_lock);
}

static void wait_for_jobs(struct slot *slot)
{
    pthread_mutex_lock(&jobs_lock);
    while (slot->jobs > 0)
        pthread_cond_wait(&jobs_changed, &jobs_lock);
    pthread_mutex_unlock(&jobs_lock);
}

/* A thread that gives results. */
static void *give(void *user)
{
    unsigned self = (unsigned)(uintptr_t)user, state = 4242 + self, number = 0;
    bedrock_status status;
    struct job job;
    char id[2] = "a", text[24];

    for (;;) {
        pthread_mutex_lock(&jobs_lock);
        while (jobs_tail == jobs_head && !GET(stopping))
            pthread_cond_wait(&jobs_changed, &jobs_lock);
        job = jobs[jobs_tail % JOBS];
        if (jobs_tail == jobs_head)
            job.slot = NULL;
        else
            jobs_tail++;
        pthread_mutex_unlock(&jobs_lock);
        if (job.slot == NULL)
            return NULL;

        spin(&state);
        id[0] = (char)('a' + job.call);
        snprintf(text, sizeof text, "%u by %u", number++, self);
        status = bedrock_run_result(job.run, id, text, BEDROCK_STRLEN, BEDROCK_RESULT_TEXT, NULL);
        if (status == BEDROCK_OK) {
            CHECK_INT(ADD(job.slot->given[job.call], 1), 1);
            memcpy(job.slot->text[job.call], text, sizeof text);
        } else if (status == BEDROCK_E_BAD_HANDLE) {
            CHECK(job.slot->interface == TOOLS_INTERFACE || GET(job.slot->freed) == GET(job.slot->cancel));
        } else {
            CHECK_INT(status, BEDROCK_E_INVALID_ARGUMENT);
        }
        pthread_mutex_lock(&jobs_lock);
        job.slot->jobs--;
        pthread_cond_broadcast(&jobs_changed);
        pthread_mutex_unlock(&jobs_lock);
    }
}

/* A thread that ends each run of its slots in one way, or in none, at a random moment. A run that its reader does not
 * free, it frees. */
static void *end_runs(void *user)
{
    unsigned self = (unsigned)(uintptr_t)user, state = 12345 + self, s;
    bedrock_cancel *seen[READERS] = {NULL}, *name;
    bedrock_run *run;
    struct slot *slot;
    int mine;

    for (s = self; !GET(stopping); s = s + ENDERS < READERS ? s + ENDERS : self) {
        slot = &slots[s];
        sched_yield();
        name = GET(slot->cancel);
        run = GET(slot->run);
        mine = GET(slot->mine_to_free);
        if (name == NULL || run == NULL || name == seen[s] || name != GET(slot->cancel))
            continue;
        seen[s] = name;
        spin(&state);
        PUT(slot->meant, name);
        switch (roll(&state) % 10) {
        case 0: case 1:
            bedrock_run_cancel(run);
            PUT(slot->cancelled, name);
            break;
        case 2: case 3:
            bedrock_cancel_fire(name);
            PUT(slot->cancelled, name);
            break;
        case 4:
            if (roll(&state) % 8 == 0) {
                ADD(shutdowns_begun, 1);
                CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
                ADD(shutdowns_ended, 1);
            }
            break;
        default:
            break;
        }
        if (!mine) {
            PUT(slot->freed, name);
            bedrock_run_free(run);
            PUT(slot->cancelled, name);
            bedrock_run_free(run);
        }
    }
    return NULL;
}

/* Checks the status of a step or of the end. cancelled: whether a cancel had returned before. */
static void check_status(struct slot *slot, bedrock_status status, int cancelled)
{
    int is_freed = GET(slot->freed) == slot->cancel;

    if (status == BEDROCK_E_CANCELLED)
        CHECK(GET(slot->meant) == slot->cancel || GET(shutdowns_begun) != slot->shutdowns);
    else if (status == BEDROCK_E_TIMEOUT)
        CHECK(slot->has_total);
    else if (status == BEDROCK_E_BAD_HANDLE)
        CHECK(is_freed);
    else
        CHECK(!cancelled);
}

/* Adds each call of an event to the jobs, twice. A reader that must not look at its event has one call after the other
 * given, wanted or not. */
static void answer(struct slot *slot, bedrock_run *run, const bedrock_event *event)
{
    int call;

    if (!slot->mine_to_free) {
        add_job(slot, run, slot->events++ % CALLS);
    } else if (event->type == BEDROCK_EVENT_TOOL_CALL) {
        call = event->tool_id[0] - 'a';
        if (CHECK(call >= 0 && call < CALLS)) {
            CHECK_INT(event->round, call < 3 ? 1 : 2);
            CHECK_INT(++slot->called[call], 1);
            add_job(slot, run, call);
            add_job(slot, run, call);
        }
    }
}

static bedrock_status step(struct slot *slot, int32_t timeout_ms)
{
    int cancelled = GET(slot->cancelled) == slot->cancel;
    const bedrock_event *event = (const bedrock_event *)POISON;
    bedrock_error *error = (bedrock_error *)POISON;
    bedrock_status status = bedrock_run_next(slot->run, timeout_ms, &event, &error);

    CHECK((status == BEDROCK_OK) == (event != NULL));
    CHECK((status < 0) == (error != NULL));
    bedrock_error_free(error);
    check_status(slot, status, cancelled);
    if (status == BEDROCK_OK)
        answer(slot, slot->run, event);
    return status;
}

static int goes_on(bedrock_status status)
{
    return status == BEDROCK_OK || status == BEDROCK_AGAIN;
}

static bedrock_status drain(struct slot *slot)
{
    bedrock_status status;

    do
        status = step(slot, 0);
    while (status == BEDROCK_OK);
    return status;
}

static bedrock_status by_wakeup(struct slot *slot, struct wake **to_drop)
{
    struct wake *wake = wake_new();
    bedrock_status status = bedrock_run_set_wakeup(slot->run, wake_up, wake, wake_release);
    int heard = 0, again = 0, released;

    *to_drop = wake;
    if (status < 0) {
        CHECK(status == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == slot->cancel);
        return status;
    }
    do {
        released = wake_wait(wake, &heard);
        status = drain(slot);
        CHECK(heard <= again + 1); /* it notifies at most once for each BEDROCK_AGAIN */
        again += status == BEDROCK_AGAIN;
        CHECK(!released || GET(slot->freed) == slot->cancel);
    } while (status == BEDROCK_AGAIN);
    return status;
}

static bedrock_status by_descriptor(struct slot *slot)
{
    bedrock_status status = roll(&slot->state) % 2 == 0 ? step(slot, 0) : BEDROCK_AGAIN;
    int fd = bedrock_run_fd(slot->run);

    while (goes_on(status)) {
        CHECK(pull_readable(fd, PATIENCE * 1000));
        status = roll(&slot->state) % 2 == 0 ? drain(slot) : step(slot, 0);
    }
    /* The thread that ended the run may not have signalled the descriptor yet. */
    CHECK(pull_readable(fd, PATIENCE * 1000));
    return status;
}

static bedrock_status by_set(struct slot *slot)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_status status = BEDROCK_AGAIN;
    bedrock_stream *stream;
    void *user;

    CHECK_INT(bedrock_waitset_add_run(set, slot->run, slot), BEDROCK_OK);
    while (goes_on(status)) {
        CHECK_INT(bedrock_waitset_wait(set, PATIENCE * 1000, &stream, &user), BEDROCK_OK);
        CHECK(user == slot);
        status = drain(slot);
    }
    bedrock_waitset_free(set);
    return status;
}

/* The tool of bedrock_run_tools: others give its result. */
static int32_t work(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    struct slot *slot = (struct slot *)user;
    int index = call->id[0] - 'a';

    PUT(slot->run, run);
    if (CHECK(index >= 0 && index < CALLS)) {
        CHECK_INT(++slot->called[index], 1);
        add_job(slot, run, index);
        add_job(slot, run, index);
    }
    return BEDROCK_TOOL_LATER;
}

/* No event follows an event in which a cancel had returned. */
static int32_t on_event(const bedrock_event *event, void *user)
{
    struct slot *slot = (struct slot *)user;

    (void)event;
    CHECK(slot->events == 0);
    slot->events = GET(slot->cancelled) == slot->cancel;
    return 0;
}

/* Checks that the request has complete rounds alone, with the results that were accepted. */
static void check_rounds(struct slot *slot, bedrock_status status)
{
    size_t count = bedrock_request_message_count(slot->request), len;
    const char *json = bedrock_request_json(slot->request, BEDROCK_ATTACHMENTS_INLINE, &len, NULL);
    char wanted[400];
    int i;

    if (status == BEDROCK_DONE)
        CHECK_INT(count, 6);
    else if (status == BEDROCK_STOPPED || status == endings[slot->script])
        CHECK_INT(count, 3);
    else
        CHECK(count == 1 || count == 3 || count == 5);
    for (i = 0; i < CALLS; i++)
        CHECK(slot->given[i] <= 1);
    snprintf(wanted, sizeof wanted,
             "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"a\",\"content\":[{\"text\":\"%s\"}]}},"
             "{\"toolResult\":{\"toolUseId\":\"b\",\"content\":[{\"text\":\"%s\"}]}},"
             "{\"toolResult\":{\"toolUseId\":\"c\",\"content\":[{\"text\":\"%s\"}]}}]}",
             slot->text[0], slot->text[1], slot->text[2]);
    if (count >= 3)
        CHECK_PART(json, wanted);
    else
        CHECK(strstr(json, "\"toolUseId\"") == NULL);
    snprintf(wanted, sizeof wanted, "{\"toolResult\":{\"toolUseId\":\"d\",\"content\":[{\"text\":\"%s\"}]}}]}", slot->text[3]);
    if (count >= 5)
        CHECK_PART(json, wanted);
    else
        CHECK(strstr(json, "\"toolUseId\":\"d\"") == NULL);
}

/* Checks the terminal status and its repetition, then frees the run. */
static void finish(struct slot *slot, bedrock_status status)
{
    bedrock_response *response = NULL;
    bedrock_status again = status;
    const bedrock_event *event;
    int i;

    for (i = -1; i < 2 && slot->interface != TOOLS_INTERFACE; i++) {
        again = bedrock_run_next(slot->run, i, &event, NULL);
        CHECK(again == status || (again == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == slot->cancel));
        again = bedrock_run_result(slot->run, "a", "late", 4, BEDROCK_RESULT_TEXT, NULL);
        CHECK(again == BEDROCK_E_INVALID_ARGUMENT || (again == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == slot->cancel));
    }
    wait_for_jobs(slot);
    if (slot->interface != TOOLS_INTERFACE && bedrock_run_response(slot->run, &response, NULL) == BEDROCK_OK) {
        if (status == BEDROCK_DONE)
            CHECK_TEXT(bedrock_response_text(response, NULL), "The end.");
        bedrock_response_free(response);
    }
    check_rounds(slot, status);
    ADD(ends[status == BEDROCK_DONE ? 0 : status == BEDROCK_STOPPED ? 1 : status == BEDROCK_E_CANCELLED ? 2
             : status == BEDROCK_E_TIMEOUT ? 3 : status == BEDROCK_E_BAD_HANDLE ? 4 : 5], 1);
}

/* One run from its beginning to its end. */
static void run(struct slot *slot, int interface)
{
    char options[200], comma = '{';
    struct wake *wake = NULL;
    bedrock_error *error = NULL;
    bedrock_run *opened = NULL;
    bedrock_tool tool = {"work", NULL, "{\"type\": \"object\"}", work, NULL};
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_status status;
    bedrock_model *model;
    int used = 0, seen = GET(shutdowns_ended);

    memset(slot->called, 0, sizeof slot->called);
    memset(slot->given, 0, sizeof slot->given);
    memset(slot->text, 0, sizeof slot->text);
    slot->events = 0;
    slot->script = roll(&slot->state) % 4;
    slot->has_total = roll(&slot->state) % 5 == 0;
    slot->one_round = roll(&slot->state) % 8 == 0;
    /* If one is under way, it may end this run. */
    slot->shutdowns = GET(shutdowns_begun) == seen ? seen : -1;
    slot->interface = interface;
    PUT(slot->mine_to_free, (interface != NEXT_INTERFACE && interface != TIMED_INTERFACE && interface != WAKEUP_INTERFACE)
                            || roll(&slot->state) % 3 != 0);
    tool.user = slot;
    slot->request = check_request("Go.");
    model = check_scripted(scripts[slot->script]);
    if (slot->has_total)
        used += sprintf(options + used, "%c\"total\": \"%ums\"", comma, 1 + roll(&slot->state) % 5), comma = ',';
    if (slot->one_round)
        used += sprintf(options + used, "%c\"max_rounds\": 1", comma), comma = ',';
    if (interface == TOOLS_INTERFACE) {
        sprintf(options + used, "%s", comma == '{' ? "{}" : "}");
        PUT(slot->cancel, cancel);
        status = bedrock_run_tools(model, slot->request, &tool, 1, sizeof tool, options, BEDROCK_STRLEN, cancel, on_event,
                                   slot, NULL, &error);
        status = status == BEDROCK_OK ? BEDROCK_DONE : status;
        CHECK((status < 0) == (error != NULL));
        bedrock_error_free(error);
        bedrock_model_free(model);
        check_status(slot, status, 0);
    } else {
        sprintf(options + used, "%c%s}", comma, work_tool);
        if (!CHECK_OK(bedrock_run_open(model, slot->request, options, BEDROCK_STRLEN, cancel, &opened, &error), error))
            exit(1);
        bedrock_model_free(model);
        PUT(slot->run, opened);
        PUT(slot->cancel, cancel);
        switch (interface) {
        case FD_INTERFACE:
            status = by_descriptor(slot);
            break;
        case WAKEUP_INTERFACE:
            status = by_wakeup(slot, &wake);
            break;
        case SET_INTERFACE:
            status = by_set(slot);
            break;
        default:
            do
                status = step(slot, interface == NEXT_INTERFACE ? -1 : (int32_t)(roll(&slot->state) % 3));
            while (goes_on(status));
        }
    }
    finish(slot, status);
    opened = slot->run;
    PUT(slot->cancel, NULL);
    PUT(slot->run, NULL);
    if (interface != TOOLS_INTERFACE)
        bedrock_run_free(opened);
    bedrock_cancel_free(cancel);
    bedrock_request_free(slot->request);
    if (wake != NULL)
        wake_drop(wake);
}

static void *read_runs(void *user)
{
    unsigned self = (unsigned)(uintptr_t)user, interface = self;

    slots[self].state = 999 + self;
    for (; ADD(begun, 1) <= runs; ADD(steps[self], 1), ADD(ended, 1), interface++)
        run(&slots[self], (int)(interface % INTERFACES));
    PUT(steps[self], -1);
    ADD(playing, -1);
    return NULL;
}

static int interface_of(int reader)
{
    return slots[reader].interface;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"done", "stopped", "cancelled", "timed out", "freed by another", "failed"};
    pthread_t readers[READERS], givers[GIVERS], enders[ENDERS];
    uintptr_t i;

    runs = argc > 1 ? atol(argv[1]) : 0;
    if (!CHECK(runs > 0))
        return 2;
    for (i = 0; i < GIVERS; i++)
        CHECK(pthread_create(&givers[i], NULL, give, (void *)i) == 0);
    for (i = 0; i < ENDERS; i++)
        CHECK(pthread_create(&enders[i], NULL, end_runs, (void *)i) == 0);
    for (i = 0; i < READERS; i++)
        CHECK(pthread_create(&readers[i], NULL, read_runs, (void *)i) == 0);
    watch(steps, READERS, &playing, interface_of);
    for (i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_mutex_lock(&jobs_lock);
    PUT(stopping, 1);
    pthread_cond_broadcast(&jobs_changed);
    pthread_mutex_unlock(&jobs_lock);
    for (i = 0; i < GIVERS; i++)
        pthread_join(givers[i], NULL);
    for (i = 0; i < ENDERS; i++)
        pthread_join(enders[i], NULL);
    CHECK_INT(ended, runs);
    if (argc > 2) {
        printf("%ld runs:", runs);
        for (i = 0; i < 6; i++)
            printf(" %s %ld,", names[i], ends[i]);
        printf(" %d shutdowns\n", shutdowns_ended);
    }
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return check_end();
}
