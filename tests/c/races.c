/* races.c - cancels against events, ends, failures and frees, through every interface, from many threads at once.
 *
 *     races ROUNDS [report]      a round is a stream; "report" prints at the end how they ended
 *
 * In any order: a stream has one terminal status, which is returned every time. No event follows a cancel that has
 * returned. Every interface notifies of every stream until its end (a thread that waits too long is detected), and
 * never without a reason. No wakeup runs after its stream was freed: the memory that it writes to is freed with the
 * stream. */
#include "pull.h"
#include "race.h"
#include "wake.h"

#include <fcntl.h>
#include <sched.h>

#define READERS 6     /* the last two have a waiting set each */
#define SETS 2
#define SET_STREAMS 6 /* streams in a set at once */
#define SLOTS (READERS - SETS + SETS * SET_STREAMS)
#define RACERS 8

#define TEN "a b c d e f g h i j"
#define HELLO "{\"messageStart\": {\"role\": \"assistant\"}}, " \
              "{\"contentBlockDelta\": {\"contentBlockIndex\": 0, \"delta\": {\"text\": \"a b c \"}}}"

enum { NEXT_INTERFACE, TIMED_INTERFACE, FD_INTERFACE, WAKEUP_INTERFACE, PUSH_INTERFACE, SET_INTERFACE, INTERFACES };

/* A running stream, and the action that the racer of this slot has made. Handles are not reused, so each belongs to
 * one round. */
struct slot {
    bedrock_stream *stream;
    bedrock_cancel *cancel;
    int interface;
    int mine_to_free;                               /* only its reader may free it: it reads events, which are freed with it, or
                                                       would wait without an end */
    unsigned turn;
    void *meant, *cancelled, *fired, *freed;        /* written by the racer: before it does something, and after each */
    int again, notified;                            /* since when the reader was notified, and how often */
    char text[100];
};

static struct slot slots[SLOTS];
static bedrock_model *model;
static bedrock_request *request;
static long rounds, begun;
static long steps[READERS];
static int playing = READERS, stopping;
static long ends[4], notified_in_vain, notified_in_all;
static const char *const end_names[] = {"done", "failed", "cancelled", "freed by another"};

/* A racing thread: it does one thing, or nothing, to each stream of its slots, at a random moment. */
static void *race(void *user)
{
    unsigned self = (unsigned)(uintptr_t)user, state = 12345 + self, s, i, spins;
    bedrock_stream *seen[SLOTS] = {NULL}, *stream;
    bedrock_cancel *cancel;

    for (s = self; !GET(stopping); s = s + RACERS < SLOTS ? s + RACERS : self) {
        stream = GET(slots[s].stream);
        cancel = GET(slots[s].cancel);
        if (s < RACERS)
            sched_yield(); /* once a turn */
        if (stream == NULL || stream == seen[s] || stream != GET(slots[s].stream))
            continue;
        seen[s] = stream;
        spins = roll(&state) % 3 == 0 ? 0 : roll(&state) % 3000;
        for (i = 0; i < spins && !GET(stopping); i++)
            if (i % 300 == 299)
                sched_yield();
        PUT(slots[s].meant, stream);
        switch (roll(&state) % 8) {
        case 0: case 1:
            bedrock_stream_cancel(stream);
            PUT(slots[s].cancelled, stream);
            break;
        case 2: case 3:
            bedrock_cancel_fire(cancel);
            PUT(slots[s].fired, stream);
            break;
        case 4: case 5:
            if (!GET(slots[s].mine_to_free) && GET(slots[s].stream) == stream) {
                PUT(slots[s].freed, stream);
                bedrock_stream_free(stream);
                PUT(slots[s].cancelled, stream);
                bedrock_stream_free(stream);
            }
            break;
        default:
            break;
        }
    }
    return NULL;
}

/* Whether a cancel of this stream has returned. */
static int was_cancelled(const struct slot *slot, const void *stream)
{
    return GET(slot->cancelled) == stream || GET(slot->fired) == stream;
}

/* One step of reading. After a cancel there is nothing but E_CANCELLED; E_CANCELLED comes only after a cancel. */
static bedrock_status step(struct slot *slot, bedrock_stream *stream, int32_t timeout_ms)
{
    int cancelled = was_cancelled(slot, stream);
    const bedrock_event *unseen;
    bedrock_status status = slot->mine_to_free ? NEXT_TEXT(stream, timeout_ms, slot->text)
                                               : pull_unseen(stream, timeout_ms, &unseen, __LINE__);

    if (cancelled && status != BEDROCK_E_CANCELLED)
        CHECK(status == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == stream);
    if (status == BEDROCK_E_CANCELLED)
        CHECK(GET(slot->meant) == stream);
    if (status == BEDROCK_E_BAD_HANDLE)
        CHECK(GET(slot->freed) == stream);
    return status;
}

/* The text of the events that were looked at. */
#define CHECK_SEEN(slot, wanted) CHECK_TEXT((slot)->mine_to_free ? (slot)->text : (wanted), (wanted))

/* Checks the terminal status and its repetition, then frees the stream. */
static void finish(struct slot *slot, bedrock_stream *stream, bedrock_status status)
{
    bedrock_response *response = NULL;
    bedrock_status again = BEDROCK_OK;
    const bedrock_event *unseen;
    int i;

    switch (status) {
    case BEDROCK_DONE:
        CHECK_SEEN(slot, TEN);
        ADD(ends[0], 1);
        break;
    case BEDROCK_E_THROTTLED: case BEDROCK_E_TRUNCATED:
        CHECK_SEEN(slot, "a b c ");
        ADD(ends[1], 1);
        break;
    case BEDROCK_E_ACCESS_DENIED:
        CHECK_SEEN(slot, "");
        ADD(ends[1], 1);
        break;
    case BEDROCK_E_CANCELLED:
        ADD(ends[2], 1);
        break;
    default:
        CHECK_INT(status, BEDROCK_E_BAD_HANDLE);
        ADD(ends[3], 1);
    }
    for (i = -1; i < 2; i++) {
        again = pull_unseen(stream, i, &unseen, __LINE__);
        CHECK(again == status || (again == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == stream));
    }
    if (again != BEDROCK_E_BAD_HANDLE && bedrock_stream_response(stream, &response, NULL) == BEDROCK_OK) {
        if (slot->mine_to_free)
            CHECK_TEXT(bedrock_response_text(response, NULL), slot->text);
        CHECK_INT(bedrock_response_complete(response), status == BEDROCK_DONE);
        bedrock_response_free(response);
    }
    /* An interface notifies at most once for each BEDROCK_AGAIN. */
    CHECK(slot->notified <= slot->again + 1);
    ADD(notified_in_all, slot->notified);
    PUT(slot->stream, NULL);
    bedrock_stream_free(stream);
    bedrock_cancel_free(slot->cancel);
}

static bedrock_stream *begin(struct slot *slot, int interface)
{
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;

    slot->text[0] = '\0';
    slot->again = slot->notified = 0;
    PUT(slot->interface, interface);
    PUT(slot->mine_to_free, interface == FD_INTERFACE || interface == SET_INTERFACE || slot->turn++ % 2 == 0);
    PUT(slot->cancel, bedrock_cancel_new());
    if (!CHECK_OK(bedrock_stream_open(model, request, slot->cancel, &stream, &error), error))
        exit(1);
    PUT(slot->stream, stream);
    return stream;
}

/* Reads after a notification: so there is something to read. */
static bedrock_status drain(struct slot *slot, bedrock_stream *stream)
{
    bedrock_status status = step(slot, stream, 0);

    slot->notified++;
    if (status == BEDROCK_AGAIN)
        ADD(notified_in_vain, 1);
    while (status == BEDROCK_OK)
        status = step(slot, stream, 0);
    slot->again += status == BEDROCK_AGAIN;
    return status;
}

static bedrock_status by_descriptor(struct slot *slot, bedrock_stream *stream, unsigned *state)
{
    int fd = -1;
    bedrock_status status = BEDROCK_AGAIN;

    if (roll(state) % 2 == 0)
        status = step(slot, stream, roll(state) % 2 == 0 ? 0 : -1); /* it may be asked for late */
    fd = bedrock_stream_fd(stream);
    while (status == BEDROCK_OK || status == BEDROCK_AGAIN) {
        CHECK(pull_readable(fd, PATIENCE * 1000));
        /* One event a look, or all. */
        if (roll(state) % 2 == 0) {
            status = drain(slot, stream);
        } else {
            status = step(slot, stream, 0);
            if (status == BEDROCK_AGAIN)
                ADD(notified_in_vain, 1);
        }
    }
    /* The thread that ended the stream may not have signalled the descriptor yet. */
    CHECK(pull_readable(fd, PATIENCE * 1000));
    slot->notified = 0; /* level-triggered: not counted */
    return status;
}

static bedrock_status by_wakeup(struct slot *slot, bedrock_stream *stream, struct wake **to_drop)
{
    struct wake *wake = wake_new();
    bedrock_status status = bedrock_stream_set_wakeup(stream, wake_up, wake, wake_release);
    int heard = 0, released;

    if (status < 0) {
        CHECK(status == BEDROCK_E_BAD_HANDLE && GET(slot->freed) == stream);
    } else {
        do {
            released = wake_wait(wake, &heard);
            status = released ? step(slot, stream, 0) : drain(slot, stream);
            CHECK(!released || GET(slot->freed) == stream);
        } while (status == BEDROCK_AGAIN);
        CHECK(heard <= slot->again + 1);
    }
    *to_drop = wake;
    return status;
}

/* The same for a call that pushes. */
struct push {
    struct slot *slot;
    void *name;
    int cancelled;
};

static int32_t on_event(const bedrock_event *event, void *user)
{
    struct push *push = user;

    CHECK(!push->cancelled);
    if (event->type == BEDROCK_EVENT_TEXT)
        strcat(push->slot->text, event->text);
    push->cancelled = GET(push->slot->fired) == push->name;
    return 0;
}

static void push(struct slot *slot)
{
    struct push push;
    bedrock_stream *name = pull_open(model, "Hi."); /* a handle to name the round by; and one to be cancelled unread */
    bedrock_error *error = NULL;
    bedrock_status status;

    slot->text[0] = '\0';
    push.slot = slot, push.name = name, push.cancelled = 0;
    PUT(slot->interface, PUSH_INTERFACE);
    PUT(slot->mine_to_free, 0);
    PUT(slot->cancel, bedrock_cancel_new());
    PUT(slot->stream, name);
    status = bedrock_generate_stream(model, request, slot->cancel, on_event, &push, NULL, &error);
    CHECK_INT(bedrock_error_status(error), status);
    bedrock_error_free(error);
    if (status == BEDROCK_OK)
        CHECK_TEXT(slot->text, TEN);
    else if (status == BEDROCK_E_CANCELLED)
        CHECK(GET(slot->meant) == name);
    else if (status == BEDROCK_E_ACCESS_DENIED)
        CHECK_TEXT(slot->text, "");
    else
        CHECK(status == BEDROCK_E_THROTTLED || status == BEDROCK_E_TRUNCATED);
    ADD(ends[status == BEDROCK_OK ? 0 : status == BEDROCK_E_CANCELLED ? 2 : 1], 1);
    PUT(slot->stream, NULL);
    bedrock_stream_free(name);
    bedrock_cancel_free(slot->cancel);
}

/* One stream after the other, through each interface in turn. */
static void read_one_by_one(unsigned self)
{
    struct slot *slot = &slots[self];
    unsigned state = 999 + self, interface = self;
    bedrock_stream *stream;
    bedrock_status status;

    for (; ADD(begun, 1) <= rounds; ADD(steps[self], 1), interface++) {
        struct wake *wake = NULL;

        if (interface % SET_INTERFACE == PUSH_INTERFACE) {
            push(slot);
            continue;
        }
        stream = begin(slot, (int)(interface % SET_INTERFACE));
        switch (slot->interface) {
        case FD_INTERFACE:
            status = by_descriptor(slot, stream, &state);
            break;
        case WAKEUP_INTERFACE:
            status = by_wakeup(slot, stream, &wake);
            break;
        default:
            do
                status = step(slot, stream, slot->interface == NEXT_INTERFACE ? -1 : (int32_t)(roll(&state) % 3));
            while (status == BEDROCK_OK || status == BEDROCK_AGAIN);
        }
        finish(slot, stream, status);
        if (wake != NULL)
            wake_drop(wake);
    }
}

/* Some streams at once, in a waiting set; now and then the set is freed, and all go over to another. */
static void read_a_set(unsigned self)
{
    struct slot *own = &slots[READERS - SETS + (self - (READERS - SETS)) * SET_STREAMS], *slot;
    bedrock_waitset *set = bedrock_waitset_new();
    unsigned state = 777 + self;
    bedrock_stream *stream;
    bedrock_status status;
    void *user;
    int i, open = 0;

    for (i = 0; i < SET_STREAMS && ADD(begun, 1) <= rounds; i++, open++)
        CHECK_INT(bedrock_waitset_add(set, begin(&own[i], SET_INTERFACE), &own[i]), BEDROCK_OK);
    while (open > 0) {
        if (!CHECK(bedrock_waitset_wait(set, roll(&state) % 2 == 0 ? -1 : PATIENCE * 1000, &stream, &user) == BEDROCK_OK))
            break;
        slot = user;
        CHECK(slot->stream == stream);
        status = drain(slot, stream);
        if (status != BEDROCK_AGAIN) {
            finish(slot, stream, status);
            ADD(steps[self], 1);
            if (ADD(begun, 1) > rounds)
                open--;
            else
                CHECK_INT(bedrock_waitset_add(set, begin(slot, SET_INTERFACE), slot), BEDROCK_OK);
        }
        if (roll(&state) % 64 == 0) {
            bedrock_waitset_free(set);
            set = bedrock_waitset_new();
            for (i = 0; i < SET_STREAMS; i++)
                if (own[i].stream != NULL) {
                    own[i].again++; /* it is armed anew */
                    CHECK_INT(bedrock_waitset_add(set, own[i].stream, &own[i]), BEDROCK_OK);
                }
        }
    }
    bedrock_waitset_free(set);
}

static void *read_streams(void *user)
{
    unsigned self = (unsigned)(uintptr_t)user;

    if (self < READERS - SETS)
        read_one_by_one(self);
    else
        read_a_set(self);
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
    pthread_t readers[READERS], racers[RACERS];
    int64_t began = pull_now_ms(), took;
    uintptr_t i;

    rounds = argc > 1 ? atol(argv[1]) : 0;
    if (!CHECK(rounds > 0))
        return 2;
    /* Half of them pause before their end, so that there is time to be cancelled in. */
    model = check_scripted("[\"" TEN "\", {\"events\": [" HELLO ", {\"wait\": \"1ms\"}]}, \"" TEN "\","
                           " {\"events\": [" HELLO ", {\"wait\": \"1ms\"}, {\"exception\": \"throttlingException\", \"message\": \"Slow.\"}]},"
                           " {\"text\": \"" TEN "\", \"pace\": \"1ms\"},"
                           " {\"error\": {\"status\": 403, \"code\": \"AccessDeniedException\", \"message\": \"No.\"}}]");
    request = check_request("Hi.");
    for (i = 0; i < RACERS; i++)
        CHECK(pthread_create(&racers[i], NULL, race, (void *)i) == 0);
    for (i = 0; i < READERS; i++)
        CHECK(pthread_create(&readers[i], NULL, read_streams, (void *)i) == 0);
    watch(steps, READERS, &playing, interface_of);
    for (i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    PUT(stopping, 1);
    for (i = 0; i < RACERS; i++)
        pthread_join(racers[i], NULL);

    CHECK_INT(ends[0] + ends[1] + ends[2] + ends[3], rounds);
    CHECK_INT(notified_in_vain, 0);
    if (argc > 2) {
        took = pull_now_ms() - began;
        printf("%ld rounds in %.1f s, %.0f a second;", rounds, (double)took / 1000, (double)rounds * 1000 / (double)(took + 1));
        for (i = 0; i < 4; i++)
            printf(" %s %ld,", end_names[i], ends[i]);
        printf(" notified %ld times, in vain %ld\n", notified_in_all, notified_in_vain);
    }
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
