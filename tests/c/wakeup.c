/* wakeup.c - a wakeup is called once for each time it is armed, on a library thread, and not after it was removed; its
 * user is released once, on the thread that removed it.
 *
 *     wakeup URL      the service of pull.h */
#include "pull.h"

#include <signal.h>

#define TEN "a b c d e f g h i j"

static bedrock_model *local, *ten, *silent;
static bedrock_request *request;
static pthread_t self;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* The user pointer of a wakeup: counts its calls and releases. */
struct counter {
    int wakeups, releases;
    int slow;          /* stay inside until hurry is set */
    int inside, hurry;
    void (*also)(struct counter *);
    bedrock_stream *stream;
    bedrock_cancel *cancel;
    bedrock_error *error;
};

static void on_wakeup(void *user)
{
    struct counter *counter = user;

    CHECK(!pthread_equal(pthread_self(), self));
    pthread_mutex_lock(&lock);
    CHECK_INT(counter->releases, 0);
    counter->inside = 1;
    pthread_cond_broadcast(&changed);
    while (counter->slow && !counter->hurry)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (counter->also != NULL)
        counter->also(counter);
    pthread_mutex_lock(&lock);
    counter->inside = 0;
    counter->wakeups++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static pthread_t releasing; /* the thread on which releases have to run */

static void release(void *user)
{
    struct counter *counter = user;

    CHECK(pthread_equal(pthread_self(), releasing));
    pthread_mutex_lock(&lock);
    CHECK_INT(counter->inside, 0);
    counter->releases++;
    pthread_mutex_unlock(&lock);
}

static int wakeups(struct counter *counter)
{
    int count;

    pthread_mutex_lock(&lock);
    count = counter->wakeups;
    pthread_mutex_unlock(&lock);
    return count;
}

static void wait_wakeups(struct counter *counter, int count)
{
    pthread_mutex_lock(&lock);
    while (counter->wakeups < count)
        pthread_cond_wait(&changed, &lock);
    CHECK_INT(counter->wakeups, count);
    pthread_mutex_unlock(&lock);
}

static void wait_inside(struct counter *counter)
{
    pthread_mutex_lock(&lock);
    while (!counter->inside)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void hurry(struct counter *counter)
{
    pthread_mutex_lock(&lock);
    counter->hurry = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

#define SET(stream, counter) bedrock_stream_set_wakeup((stream), on_wakeup, (counter), release)
#define REMOVE(stream) bedrock_stream_set_wakeup((stream), NULL, NULL, NULL)

/* Returns after all pending wakeups have been called: they run one after the other, and that of this function is the
 * last. */
static void all_rung(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi.");
    struct counter last = {0};

    bedrock_stream_cancel(stream);
    CHECK_INT(SET(stream, &last), BEDROCK_OK);
    wait_wakeups(&last, 1);
    bedrock_stream_free(stream);
    CHECK_INT(last.releases, 1);
}

/* If the call fails, for any reason, user is released inside the call. */
static void bad_arguments(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi."), *gone = pull_open(silent, "Hi.");
    bedrock_waitset *set = bedrock_waitset_new();
    struct pull_reader reader;
    struct counter counter = {0};

    bedrock_stream_free(gone);
    CHECK_INT(SET(NULL, &counter), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(counter.releases, 1);
    CHECK_INT(SET(gone, &counter), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(counter.releases, 2);
    CHECK_INT(SET((bedrock_stream *)ten, &counter), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(counter.releases, 3);
    CHECK_INT(bedrock_stream_set_wakeup(gone, NULL, NULL, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_stream_set_wakeup(gone, on_wakeup, NULL, NULL), BEDROCK_E_BAD_HANDLE);

    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    pull_send_reader(&reader, stream);
    CHECK_INT(SET(stream, &counter), BEDROCK_E_BUSY); /* another thread uses it */
    CHECK_INT(counter.releases, 4);
    bedrock_stream_cancel(stream);
    CHECK_INT(pull_join(&reader), BEDROCK_E_CANCELLED);

    CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_OK);
    CHECK_INT(SET(stream, &counter), BEDROCK_E_BUSY); /* it is in a set */
    CHECK_INT(counter.releases, 5);
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, &counter, release), BEDROCK_E_BUSY);
    CHECK_INT(counter.releases, 6);
    bedrock_waitset_free(set);

    /* If the call fails, user is released at once. */
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, &counter, release), BEDROCK_OK);
    CHECK_INT(counter.releases, 7);
    CHECK_INT(REMOVE(stream), BEDROCK_OK);
    all_rung();
    CHECK_INT(counter.wakeups, 0);
    bedrock_stream_free(stream);
}

/* A wakeup is armed when it is set and after each BEDROCK_AGAIN, and called once for that, even for many events. */
static void once(void)
{
    bedrock_stream *stream = pull_open(local, "stream A");
    struct counter counter = {0};
    int i;

    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    all_rung();
    CHECK_INT(wakeups(&counter), 0);
    pull_pass(local, "A");
    wait_wakeups(&counter, 1);
    for (i = 1; i < PULL_EVENTS; i++) {
        CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
        if (i == 3) {
            /* It is not armed: this causes no wakeup. */
            pull_pass(local, "A");
            CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
            all_rung();
            CHECK_INT(wakeups(&counter), i);
            i++;
            counter.wakeups++;
        }
        CHECK_INT(NEXT(stream, i % 2 == 0 ? 0 : 1), BEDROCK_AGAIN); /* with every timeout */
        all_rung();
        CHECK_INT(wakeups(&counter), i);
        pull_pass(local, "A");
        wait_wakeups(&counter, i + 1);
    }
    CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    pull_pass(local, "A");
    wait_wakeups(&counter, PULL_EVENTS + 1);
    for (i = 0; i < 3; i++)
        CHECK_INT(NEXT(stream, 0), BEDROCK_DONE);
    bedrock_stream_cancel(stream);
    all_rung();
    CHECK_INT(wakeups(&counter), PULL_EVENTS + 1); /* the end causes one wakeup */
    CHECK_INT(counter.releases, 0);
    bedrock_stream_free(stream);
    CHECK_INT(counter.releases, 1);
}

/* A loop that follows the header gets all events, at any pace of the stream. */
static void a_loop(void)
{
    bedrock_model *paced = check_scripted("[{\"text\": \"" TEN "\", \"pace\": \"1ms\"}]");
    bedrock_stream *stream = pull_open(paced, "Hi.");
    struct counter counter = {0};
    char text[100] = "";
    bedrock_status status;
    int heard = 0, agains = 0;

    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    do {
        pthread_mutex_lock(&lock);
        while (counter.wakeups == heard)
            pthread_cond_wait(&changed, &lock);
        CHECK_INT(counter.wakeups, heard + 1);
        heard = counter.wakeups;
        pthread_mutex_unlock(&lock);
        while ((status = NEXT_TEXT(stream, 0, text)) == BEDROCK_OK)
            ;
        agains += status == BEDROCK_AGAIN;
    } while (status == BEDROCK_AGAIN);
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    CHECK_INT(heard, agains + 1);
    bedrock_stream_free(stream);
    CHECK_INT(counter.releases, 1);
    bedrock_model_free(paced);
}

/* If the stream is readable already, the wakeup is called at once. */
static void at_once(void)
{
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_stream *stream = pull_open(ten, "Hi.");
    struct counter counter = {0}, unread = {0}, end = {0};
    char text[100] = "";

    CHECK(pull_readable(bedrock_stream_fd(stream), -1));
    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    wait_wakeups(&counter, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
    CHECK_INT(SET(stream, &unread), BEDROCK_OK); /* events that arrived together with the one that was read */
    wait_wakeups(&unread, 1);
    CHECK_INT(counter.releases, 1);
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_INT(SET(stream, &end), BEDROCK_OK); /* an end that was returned before */
    wait_wakeups(&end, 1);
    CHECK_INT(unread.releases, 1);
    CHECK_INT(end.releases, 0);
    bedrock_stream_free(stream);
    CHECK_INT(end.releases, 1);
    CHECK_INT(counter.releases, 1);

    /* Both kinds of cancel. */
    stream = pull_open_with(silent, "Hi.", cancel);
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    memset(&counter, 0, sizeof counter);
    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    all_rung();
    CHECK_INT(wakeups(&counter), 0);
    bedrock_cancel_fire(cancel);
    wait_wakeups(&counter, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    stream = pull_open(silent, "Hi.");
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK_INT(counter.releases, 1);
    counter.releases = 0;
    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    bedrock_stream_cancel(stream);
    wait_wakeups(&counter, 2);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    CHECK_INT(counter.releases, 1);
    bedrock_cancel_free(cancel);
}

/* A pending wakeup that is replaced or removed is not called. */
static void replaced(void)
{
    bedrock_stream *blocking = pull_open(silent, "Hi."), *stream = pull_open(silent, "Hi.");
    struct counter slow = {0}, first = {0}, second = {0}, third = {0};

    slow.slow = 1;
    bedrock_stream_cancel(blocking);
    CHECK_INT(SET(blocking, &slow), BEDROCK_OK);
    wait_inside(&slow);
    bedrock_stream_cancel(stream);
    CHECK_INT(SET(stream, &first), BEDROCK_OK); /* pending, behind the slow one */
    CHECK_INT(SET(stream, &second), BEDROCK_OK);
    CHECK_INT(first.releases, 1);
    CHECK_INT(REMOVE(stream), BEDROCK_OK);
    CHECK_INT(second.releases, 1);
    CHECK_INT(SET(stream, &third), BEDROCK_OK);
    bedrock_stream_free(stream);
    CHECK_INT(third.releases, 1);
    hurry(&slow);
    wait_wakeups(&slow, 1);
    all_rung();
    CHECK_INT(first.wakeups + second.wakeups + third.wakeups, 0);
    bedrock_stream_free(blocking);
    CHECK_INT(slow.releases, 1);
}

/* The ways in which another thread removes a running wakeup. */
static int way;

static void *take_down(void *user)
{
    struct counter *counter = user;
    static struct counter next;
    bedrock_status status = BEDROCK_OK;

    releasing = pthread_self();
    if (way == 2)
        bedrock_stream_free(counter->stream);
    else
        do /* BUSY while the other thread checks whether this one is inside its call */
            status = bedrock_stream_set_wakeup(counter->stream, way == 0 ? NULL : on_wakeup, &next, NULL);
        while (status == BEDROCK_E_BUSY);
    CHECK_INT(status, BEDROCK_OK);
    pthread_mutex_lock(&lock);
    CHECK_INT(counter->wakeups, 1); /* it has returned */
    CHECK_INT(counter->releases, 1);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* A wakeup may only fire cancel handles and cancel streams. */
static void from_inside(struct counter *counter)
{
    bedrock_model *model = POISON;
    bedrock_response *response = POISON;
    bedrock_stream *stream = POISON;
    bedrock_error *error = POISON;
    const bedrock_event *event = POISON;
    struct counter inner = {0};
    pthread_t outside = releasing;

    CHECK_INT(bedrock_stream_next(counter->stream, -1, &event, NULL), BEDROCK_E_BUSY);
    CHECK(event == NULL);
    CHECK_INT(bedrock_model_new("{\"model\": \"m\"}", BEDROCK_STRLEN, &model, NULL), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_response(counter->stream, &response, NULL), BEDROCK_E_BUSY);
    CHECK(model == NULL && response == NULL);
    CHECK_INT(bedrock_stream_open(ten, request, NULL, &stream, &error), BEDROCK_E_BUSY);
    CHECK(stream == NULL);
    CHECK_INT(bedrock_generate(ten, request, NULL, &response, NULL), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_fd(counter->stream), -1);
    CHECK_INT(bedrock_json_integer("{\"a\": 7}", BEDROCK_STRLEN, "/a", 0), 7);
    releasing = pthread_self();
    CHECK_INT(SET(counter->stream, &inner), BEDROCK_E_BUSY);
    CHECK_INT(inner.releases, 1);
    releasing = outside;
    CHECK(bedrock_waitset_new() == NULL);
    CHECK(bedrock_cancel_new() == NULL);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_E_BUSY);
    bedrock_stream_free(counter->stream);
    bedrock_stream_cancel(counter->stream);
    bedrock_cancel_fire(counter->cancel);
    counter->error = error; /* to be freed elsewhere */
}

/* Removing, replacing and freeing wait for a wakeup that runs. */
static void waits_for_one_that_runs(void)
{
    for (way = 0; way < 3; way++) {
        bedrock_cancel *cancel = bedrock_cancel_new();
        bedrock_stream *stream = pull_open(silent, "Hi."), *other = pull_open_with(silent, "Hi.", cancel);
        struct counter counter = {0};
        pthread_t thread;
        bedrock_status probe;

        CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
        CHECK_INT(NEXT(other, -1), BEDROCK_OK);
        counter.slow = 1, counter.also = from_inside, counter.stream = stream, counter.cancel = cancel;
        CHECK_INT(SET(stream, &counter), BEDROCK_OK);
        bedrock_stream_cancel(stream);
        wait_inside(&counter);
        CHECK(pthread_create(&thread, NULL, take_down, &counter) == 0);
        /* Waits until that thread is inside its call. */
        do
            probe = NEXT(stream, 0);
        while (probe != (way < 2 ? BEDROCK_E_BUSY : BEDROCK_E_BAD_HANDLE));
        hurry(&counter);
        pthread_join(thread, NULL);
        releasing = self;
        CHECK_INT(NEXT(other, -1), BEDROCK_E_CANCELLED); /* the wakeup fired its cancel */
        CHECK_INT(counter.releases, 1);
        CHECK_INT(bedrock_error_status(counter.error), BEDROCK_E_BUSY);
        bedrock_error_free(counter.error);
        bedrock_stream_free(stream);
        bedrock_stream_free(other);
        bedrock_cancel_free(cancel);
    }
}

/* A shutdown causes wakeups for the streams that it ends, and waits for them. Afterwards everything works again. */
static void shut_down(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi.");
    struct counter counter = {0}, again = {0}, ended = {0};
    char text[100] = "";

    counter.slow = 1;
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    CHECK_INT(bedrock_shutdown(0), BEDROCK_AGAIN);
    wait_inside(&counter);
    CHECK_INT(bedrock_shutdown(10), BEDROCK_AGAIN); /* it cannot end while a wakeup runs */
    hurry(&counter);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(counter.wakeups, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    CHECK_INT(counter.releases, 1);

    stream = pull_open(ten, "Hi.");
    CHECK_INT(SET(stream, &again), BEDROCK_OK);
    wait_wakeups(&again, 1);
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(SET(stream, &ended), BEDROCK_OK); /* called at once, on a new thread, because the stream has ended */
    wait_wakeups(&ended, 1);
    bedrock_stream_free(stream);
    CHECK_INT(again.releases, 1);
    CHECK_INT(ended.releases, 1);
}

/* A child can have its own wakeups, and those of the parent continue. */
static void forked(void)
{
    bedrock_stream *stream = pull_open(local, "stream F"), *own;
    struct counter counter = {0}, theirs = {0};
    struct pull_child child;
    char text[100] = "";

    CHECK_INT(SET(stream, &counter), BEDROCK_OK);
    if (pull_fork(&child)) {
        bedrock_model *model;

        CHECK_INT(SET(stream, &theirs), BEDROCK_E_FORKED);
        CHECK_INT(theirs.releases, 1);
        bedrock_stream_free(stream);
        CHECK_INT(counter.releases, 0); /* the parent's user is released in the parent alone */
        theirs.releases = 0;
        model = check_scripted("[\"" TEN "\"]");
        own = pull_open(model, "Hi.");
        CHECK_INT(SET(own, &theirs), BEDROCK_OK);
        wait_wakeups(&theirs, 1);
        CHECK_INT(pull_all(own, text), BEDROCK_DONE);
        bedrock_stream_free(own);
        bedrock_model_free(model);
        CHECK_INT(theirs.releases, 1);
        pull_child_end(&child);
    }
    pull_child_wait(&child);
    pull_pass(local, "F");
    wait_wakeups(&counter, 1);
    bedrock_stream_free(stream);
    CHECK_INT(counter.releases, 1);
}

int main(int argc, char **argv)
{
    if (!CHECK(argc == 2))
        return 2;
    alarm(100);
    self = releasing = pthread_self();
    local = check_local(argv[1]);
    ten = check_scripted("[\"" TEN "\"]");
    silent = check_scripted(PULL_SILENT);
    request = check_request("Hi.");
    bad_arguments();
    once();
    a_loop();
    at_once();
    replaced();
    waits_for_one_that_runs();
    forked();
    shut_down();
    forked();
    bedrock_model_free(local);
    bedrock_model_free(ten);
    bedrock_model_free(silent);
    bedrock_request_free(request);
    return check_end();
}
