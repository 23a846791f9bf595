/* waitset.c - one thread waits for many streams, and gets the readable ones, in the order in which they became
 * readable.
 *
 *     waitset URL      the service of pull.h */
#include "pull.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#define TEN "a b c d e f g h i j"
#define MANY 20

static bedrock_model *local, *ten, *silent;

/* Waits, and checks the out parameters. */
static bedrock_status look(bedrock_waitset *set, int32_t timeout_ms, bedrock_stream **stream, void **user)
{
    bedrock_status status;

    *stream = POISON, *user = POISON;
    status = bedrock_waitset_wait(set, timeout_ms, stream, user);
    CHECK_INT(*stream != NULL, status == BEDROCK_OK);
    if (status != BEDROCK_OK)
        CHECK(*user == NULL);
    return status;
}

static bedrock_status look_away(bedrock_waitset *set, int32_t timeout_ms)
{
    bedrock_stream *stream;
    void *user;

    return look(set, timeout_ms, &stream, &user);
}

/* Checks that the set returns this stream next, with its user. */
#define EXPECT(set, timeout_ms, wanted) expect((set), (timeout_ms), (wanted), __LINE__)

static void expect(bedrock_waitset *set, int32_t timeout_ms, bedrock_stream *wanted, int line)
{
    bedrock_stream *stream;
    void *user;

    if (look(set, timeout_ms, &stream, &user) != BEDROCK_OK || stream != wanted || user != (void *)wanted)
        check_report(__FILE__, line, "the stream that the set returns, and its user", "another, or none");
}

static void bad_arguments(void)
{
    bedrock_waitset *set = bedrock_waitset_new(), *gone = bedrock_waitset_new();
    bedrock_stream *stream = pull_open(silent, "Hi."), *gone_stream = pull_open(silent, "Hi.");
    size_t live;

    CHECK(set != NULL && gone != NULL && set != gone);
    bedrock_waitset_free(gone);
    bedrock_stream_free(gone_stream);
    live = bedrock_live_handles();
    CHECK_INT(bedrock_waitset_add(NULL, stream, NULL), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_waitset_add(set, NULL, NULL), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_waitset_add(gone, stream, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_waitset_add(set, gone_stream, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_waitset_add(set, (bedrock_stream *)set, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_waitset_add((bedrock_waitset *)stream, stream, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(look_away(NULL, -1), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(look_away(gone, -1), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(look_away((bedrock_waitset *)stream, -1), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_waitset_fd(NULL), -1);
    CHECK_INT(bedrock_waitset_fd(gone), -1);
    CHECK_INT(bedrock_waitset_fd((bedrock_waitset *)stream), -1);
    bedrock_waitset_free(NULL);
    bedrock_waitset_free(gone);
    bedrock_waitset_free((bedrock_waitset *)stream);
    bedrock_stream_free((bedrock_stream *)set);
    CHECK_INT(bedrock_live_handles(), live);
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);

    /* Both out parameters may be NULL, or either. */
    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_wait(set, 0, NULL, NULL), BEDROCK_AGAIN);
    bedrock_stream_cancel(stream);
    CHECK_INT(bedrock_waitset_wait(set, -1, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_wait(set, 0, NULL, NULL), BEDROCK_AGAIN);
    bedrock_stream_free(stream);
    bedrock_waitset_free(set);
}

/* A stream is armed when it is added, and after each BEDROCK_AGAIN, and is returned once for that. Timeouts are
 * obeyed. */
static void once(void)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *stream = pull_open(local, "stream A"), *late;
    int64_t began;
    int i;

    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_OK);
    for (i = 0; i <= PULL_EVENTS; i++) {
        CHECK_INT(look_away(set, i % 2), BEDROCK_AGAIN);
        pull_pass(local, "A");
        EXPECT(set, i % 3 == 0 ? -1 : i % 3 == 1 ? INT32_MAX : 60000, stream);
        CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
        if (i == 2) {
            pull_pass(local, "A"); /* it is not armed */
            i++;
            CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
            CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
            CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
        } else {
            CHECK_INT(NEXT(stream, 0), i < PULL_EVENTS ? BEDROCK_OK : BEDROCK_DONE);
        }
        CHECK_INT(NEXT(stream, 0), i < PULL_EVENTS ? BEDROCK_AGAIN : BEDROCK_DONE);
    }
    bedrock_stream_cancel(stream);
    began = pull_now_ms();
    CHECK_INT(look_away(set, 50), BEDROCK_AGAIN); /* a stream that has ended is returned once */
    CHECK(pull_now_ms() - began >= 50);

    /* A stream that is readable when it is added, also because it has ended, is returned at once. */
    late = pull_open(ten, "Hi.");
    CHECK_INT(NEXT(late, -1), BEDROCK_OK);
    CHECK(pull_readable(bedrock_stream_fd(late), -1));
    CHECK_INT(bedrock_waitset_add(set, late, late), BEDROCK_OK);
    EXPECT(set, 0, late);
    bedrock_stream_free(late);
    late = pull_open(ten, "Hi.");
    CHECK_INT(pull_all(late, NULL), BEDROCK_DONE);
    CHECK_INT(bedrock_waitset_add(set, late, late), BEDROCK_OK);
    EXPECT(set, 0, late);
    CHECK_INT(NEXT(late, 0), BEDROCK_DONE);
    bedrock_stream_free(late);
    bedrock_stream_free(stream);
    bedrock_waitset_free(set);
}

/* Returns when a stream is readable and in the queue of the set. The second call waits for the thread that queued it. */
static void wait_told(bedrock_stream *stream)
{
    CHECK(pull_readable(bedrock_stream_fd(stream), -1));
    CHECK(bedrock_stream_fd(stream) >= 0);
}

/* Streams are returned in the order in which they became readable. One that was read meanwhile goes to the end. */
static void in_order(void)
{
    static const int order[] = {3, 0, 4, 1, 2};
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *streams[5];
    char name[20];
    int i;

    for (i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "stream O%d", i);
        streams[i] = pull_open(local, name);
        CHECK_INT(bedrock_waitset_add(set, streams[i], streams[i]), BEDROCK_OK);
    }
    for (i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "O%d", order[i]);
        pull_pass(local, name);
        wait_told(streams[order[i]]);
    }
    /* 3 is read before the set has returned it, until BEDROCK_AGAIN, and becomes readable again after the others. */
    CHECK_INT(NEXT(streams[3], 0), BEDROCK_OK);
    CHECK_INT(NEXT(streams[3], 0), BEDROCK_AGAIN);
    pull_pass(local, "O3");
    wait_told(streams[3]);
    for (i = 1; i < 5; i++)
        EXPECT(set, 0, streams[order[i]]);
    EXPECT(set, 0, streams[3]);
    /* Streams that have ended or are cancelled are in the same queue. */
    bedrock_stream_cancel(streams[2]); /* was returned and not read: not armed */
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    for (i = 0; i < 5; i++)
        while (NEXT(streams[i], 0) == BEDROCK_OK)
            ;
    bedrock_stream_cancel(streams[4]);
    bedrock_stream_cancel(streams[0]);
    EXPECT(set, 0, streams[4]);
    EXPECT(set, 0, streams[0]);
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    CHECK_INT(NEXT(streams[4], 0), BEDROCK_E_CANCELLED);
    for (i = 0; i < 5; i++)
        bedrock_stream_free(streams[i]);
    bedrock_waitset_free(set);
}

/* The loop of the header reads many streams on one thread. */
static void many(void)
{
    bedrock_model *paced = check_scripted("[{\"text\": \"" TEN "\", \"pace\": \"1ms\"}]");
    bedrock_waitset *set = bedrock_waitset_new();
    struct slot {
        bedrock_stream *stream;
        char text[100];
        int returned, agains;
    } slots[MANY], *slot;
    bedrock_stream *stream;
    int i, open = MANY;

    memset(slots, 0, sizeof slots);
    for (i = 0; i < MANY; i++) {
        slots[i].stream = pull_open(paced, "Hi.");
        CHECK_INT(bedrock_waitset_add(set, slots[i].stream, &slots[i]), BEDROCK_OK);
    }
    while (open > 0) {
        void *user;
        bedrock_status status;

        if (look(set, -1, &stream, &user) != BEDROCK_OK)
            break;
        slot = user;
        CHECK(slot->stream == stream);
        slot->returned++;
        while ((status = NEXT_TEXT(stream, 0, slot->text)) == BEDROCK_OK)
            ;
        slot->agains += status == BEDROCK_AGAIN;
        if (status != BEDROCK_AGAIN) {
            CHECK_INT(status, BEDROCK_DONE);
            open--;
        }
    }
    CHECK_INT(open, 0);
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    for (i = 0; i < MANY; i++) {
        CHECK_TEXT(slots[i].text, TEN);
        CHECK_INT(slots[i].returned, slots[i].agains + 1);
        bedrock_stream_free(slots[i].stream);
    }
    bedrock_waitset_free(set);
    bedrock_model_free(paced);
}

/* The descriptor of a set is readable exactly while a wait would return a stream. */
static void descriptor(void)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *first = pull_open(silent, "Hi."), *second = pull_open(silent, "Hi."), *third = pull_open(silent, "Hi.");
    struct rlimit before, none;
    int fd;

    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_INT(bedrock_waitset_fd(set), -1);
    setrlimit(RLIMIT_NOFILE, &before);
    bedrock_stream_cancel(first);
    CHECK_INT(bedrock_waitset_add(set, first, first), BEDROCK_OK);
    fd = bedrock_waitset_fd(set); /* readable if a stream was queued before */
    CHECK(fd >= 0 && bedrock_waitset_fd(set) == fd);
    CHECK(fcntl((int)fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl((int)fd, F_GETFL) & O_NONBLOCK);
    CHECK(pull_readable(fd, 0));
    CHECK(pull_readable(fd, 0));
    EXPECT(set, 0, first);
    CHECK(!pull_readable(fd, 0));
    CHECK_INT(NEXT(second, -1), BEDROCK_OK);
    CHECK_INT(NEXT(third, -1), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(set, second, second), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(set, third, third), BEDROCK_OK);
    CHECK(!pull_readable(fd, 0));
    bedrock_stream_cancel(second);
    bedrock_stream_cancel(third);
    CHECK(pull_readable(fd, 0));
    /* A stream that is freed while it is readable is not returned. */
    bedrock_stream_free(second);
    CHECK(pull_readable(fd, 0));
    EXPECT(set, 0, third);
    CHECK(!pull_readable(fd, 0));
    bedrock_stream_free(third);
    third = pull_open(ten, "Hi.");
    CHECK_INT(bedrock_waitset_add(set, third, third), BEDROCK_OK);
    CHECK(pull_readable(fd, -1));
    bedrock_stream_free(third);
    CHECK(!pull_readable(fd, 0));
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    bedrock_waitset_free(set);
    CHECK(fcntl((int)fd, F_GETFD) == -1 && errno == EBADF);
    bedrock_stream_free(first);
}

static void no_wakeup(void *user)
{
    (void)user;
}

/* A stream is in one set, or has a wakeup. When its set is freed, it continues, and may be added to another one. */
static void one_place(void)
{
    bedrock_waitset *set = bedrock_waitset_new(), *other = bedrock_waitset_new();
    bedrock_stream *stream = pull_open(local, "stream P");
    char text[100] = "";
    int i;

    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_waitset_add(other, stream, stream), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_set_wakeup(stream, no_wakeup, NULL, NULL), BEDROCK_E_BUSY);
    pull_pass(local, "P");
    EXPECT(set, -1, stream); /* the failed calls have not changed the stream */
    CHECK_INT(NEXT_TEXT(stream, 0, text), BEDROCK_OK);
    bedrock_waitset_free(set);
    pull_pass(local, "P");
    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    CHECK_INT(bedrock_stream_set_wakeup(stream, no_wakeup, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(other, stream, stream), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(other, stream, stream), BEDROCK_OK);
    for (i = 2; i < PULL_EVENTS + 1; i++) {
        pull_pass(local, "P");
        EXPECT(other, -1, stream);
        while (NEXT_TEXT(stream, 0, text) == BEDROCK_OK)
            ;
    }
    CHECK_INT(NEXT(stream, 0), BEDROCK_DONE);
    CHECK_TEXT(text, PULL_TEXT);
    bedrock_stream_free(stream);
    bedrock_waitset_free(other);
}

struct waiter {
    bedrock_waitset *set;
    pthread_t thread;
    bedrock_status status;
    bedrock_stream *stream;
    void *user;
};

static void *wait_for(void *user)
{
    struct waiter *waiter = user;

    do
        waiter->status = look(waiter->set, -1, &waiter->stream, &waiter->user);
    while (waiter->status == BEDROCK_E_BUSY);
    return NULL;
}

/* Returns when the thread is inside the call. */
static void send_waiter(struct waiter *waiter, bedrock_waitset *set)
{
    waiter->set = set;
    CHECK(pthread_create(&waiter->thread, NULL, wait_for, waiter) == 0);
    while (look_away(set, 0) == BEDROCK_AGAIN)
        sched_yield();
}

static int signals;

static void on_signal(int number)
{
    (void)number;
    __sync_fetch_and_add(&signals, 1);
}

/* While one thread waits, others may add streams, read them, and free the set, but not wait. A signal does not end a
 * wait. */
static void other_threads(void)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *stream = pull_open(silent, "Hi.");
    struct waiter waiter;
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    send_waiter(&waiter, set);
    pull_interrupt(waiter.thread, SIGUSR1, &signals, 20);
    CHECK_INT(look_away(set, 0), BEDROCK_E_BUSY);
    CHECK_INT(look_away(set, -1), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_waitset_add(set, stream, &signals), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    CHECK_INT(look_away(set, 0), BEDROCK_E_BUSY); /* another thread still waits */
    bedrock_stream_cancel(stream);
    pthread_join(waiter.thread, NULL);
    CHECK_INT(waiter.status, BEDROCK_OK);
    CHECK(waiter.stream == stream && waiter.user == &signals);
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);

    send_waiter(&waiter, set);
    bedrock_waitset_free(set);
    pthread_join(waiter.thread, NULL);
    CHECK_INT(waiter.status, BEDROCK_E_CANCELLED);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED); /* the status of the stream */
    bedrock_stream_free(stream);
}

/* A shutdown ends the streams, and the set returns each of them. The set can be used for later streams. */
static void shut_down(void)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *streams[3], *stream;
    void *user;
    int i, seen = 0;

    for (i = 0; i < 3; i++) {
        streams[i] = pull_open(silent, "Hi.");
        CHECK_INT(NEXT(streams[i], -1), BEDROCK_OK);
        CHECK_INT(bedrock_waitset_add(set, streams[i], &streams[i]), BEDROCK_OK);
    }
    CHECK_INT(look_away(set, 0), BEDROCK_AGAIN);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    for (i = 0; i < 3; i++) {
        CHECK_INT(look(set, 0, &stream, &user), BEDROCK_OK);
        CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
        seen |= 1 << ((bedrock_stream **)user - streams);
        bedrock_stream_free(stream);
    }
    CHECK_INT(seen, 7);
    stream = pull_open(ten, "Hi.");
    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_OK);
    EXPECT(set, -1, stream);
    bedrock_stream_free(stream);
    bedrock_waitset_free(set);
}

/* In the child of a fork the parent's sets are invalid. */
static void forked(void)
{
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_stream *stream = pull_open(local, "stream F");
    struct pull_child child;
    char text[100] = "";

    CHECK_INT(bedrock_waitset_add(set, stream, stream), BEDROCK_OK);
    CHECK(bedrock_waitset_fd(set) >= 0);
    if (pull_fork(&child)) {
        bedrock_model *model;
        bedrock_waitset *own = bedrock_waitset_new();

        CHECK_INT(look_away(set, -1), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_waitset_add(own, stream, NULL), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_waitset_fd(set), -1);
        bedrock_waitset_free(set);
        CHECK_INT(look_away(set, -1), BEDROCK_E_FORKED);
        model = check_scripted("[\"" TEN "\"]");
        stream = pull_open(model, "Hi.");
        CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_E_FORKED);
        CHECK_INT(bedrock_waitset_add(own, stream, stream), BEDROCK_OK);
        CHECK(pull_readable(bedrock_waitset_fd(own), -1));
        EXPECT(own, -1, stream);
        CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
        CHECK_TEXT(text, TEN);
        bedrock_stream_free(stream);
        bedrock_waitset_free(own);
        bedrock_model_free(model);
        pull_child_end(&child);
    }
    pull_child_wait(&child);
    pull_pass(local, "F");
    EXPECT(set, -1, stream);
    bedrock_stream_free(stream);
    bedrock_waitset_free(set);
}

int main(int argc, char **argv)
{
    if (!CHECK(argc == 2))
        return 2;
    alarm(100);
    local = check_local(argv[1]);
    ten = check_scripted("[\"" TEN "\"]");
    silent = check_scripted(PULL_SILENT);
    bad_arguments();
    once();
    in_order();
    many();
    descriptor();
    one_place();
    other_threads();
    forked();
    shut_down();
    forked();
    bedrock_model_free(local);
    bedrock_model_free(ten);
    bedrock_model_free(silent);
    return check_end();
}
