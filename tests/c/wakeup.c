/* wakeup.c - a wakeup is called once for each time it is armed, on a thread of the library's; not after it was removed; and its
 * user is released once, on the thread that removed it.
 *
 *     wakeup URL      the service of pull.h */
#include "pull.h"

#include <signal.h>
#include <sys/wait.h>

#define TEN "a b c d e f g h i j"

static bedrock_model *local, *ten, *silent;
static bedrock_request *request;
static pthread_t self;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* A wakeup's user: what was seen of it. */
struct bell {
    int rings, releases;
    int slow;          /* stay inside until hurry is set */
    int inside, hurry;
    void (*also)(struct bell *);
    bedrock_stream *stream;
    bedrock_cancel *cancel;
    bedrock_error *error;
};

static void ring(void *user)
{
    struct bell *bell = user;

    CHECK(!pthread_equal(pthread_self(), self));
    pthread_mutex_lock(&lock);
    CHECK_INT(bell->releases, 0);
    bell->inside = 1;
    pthread_cond_broadcast(&changed);
    while (bell->slow && !bell->hurry)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (bell->also != NULL)
        bell->also(bell);
    pthread_mutex_lock(&lock);
    bell->inside = 0;
    bell->rings++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static pthread_t releasing; /* the thread on which releases are to run */

static void release(void *user)
{
    struct bell *bell = user;

    CHECK(pthread_equal(pthread_self(), releasing));
    pthread_mutex_lock(&lock);
    CHECK_INT(bell->inside, 0);
    bell->releases++;
    pthread_mutex_unlock(&lock);
}

static int rings(struct bell *bell)
{
    int count;

    pthread_mutex_lock(&lock);
    count = bell->rings;
    pthread_mutex_unlock(&lock);
    return count;
}

static void wait_rings(struct bell *bell, int count)
{
    pthread_mutex_lock(&lock);
    while (bell->rings < count)
        pthread_cond_wait(&changed, &lock);
    CHECK_INT(bell->rings, count);
    pthread_mutex_unlock(&lock);
}

static void wait_inside(struct bell *bell)
{
    pthread_mutex_lock(&lock);
    while (!bell->inside)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void hurry(struct bell *bell)
{
    pthread_mutex_lock(&lock);
    bell->hurry = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

#define SET(stream, bell) bedrock_stream_set_wakeup((stream), ring, (bell), release)
#define REMOVE(stream) bedrock_stream_set_wakeup((stream), NULL, NULL, NULL)

/* All wakeups that were due have been called when this returns: they are called in turn, and this one's is the last. */
static void all_rung(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi.");
    struct bell last = {0};

    bedrock_stream_cancel(stream);
    CHECK_INT(SET(stream, &last), BEDROCK_OK);
    wait_rings(&last, 1);
    bedrock_stream_free(stream);
    CHECK_INT(last.releases, 1);
}

/* The user comes back inside the call, whatever is wrong with it. */
static void bad_arguments(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi."), *gone = pull_open(silent, "Hi.");
    bedrock_waitset *set = bedrock_waitset_new();
    struct pull_reader reader;
    struct bell bell = {0};

    bedrock_stream_free(gone);
    CHECK_INT(SET(NULL, &bell), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bell.releases, 1);
    CHECK_INT(SET(gone, &bell), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bell.releases, 2);
    CHECK_INT(SET((bedrock_stream *)ten, &bell), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bell.releases, 3);
    CHECK_INT(bedrock_stream_set_wakeup(gone, NULL, NULL, NULL), BEDROCK_E_BAD_HANDLE);
    CHECK_INT(bedrock_stream_set_wakeup(gone, ring, NULL, NULL), BEDROCK_E_BAD_HANDLE);

    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    pull_send_reader(&reader, stream);
    CHECK_INT(SET(stream, &bell), BEDROCK_E_BUSY); /* another thread uses it */
    CHECK_INT(bell.releases, 4);
    bedrock_stream_cancel(stream);
    CHECK_INT(pull_join(&reader), BEDROCK_E_CANCELLED);

    CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_OK);
    CHECK_INT(SET(stream, &bell), BEDROCK_E_BUSY); /* it is in a set */
    CHECK_INT(bell.releases, 5);
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, &bell, release), BEDROCK_E_BUSY);
    CHECK_INT(bell.releases, 6);
    bedrock_waitset_free(set);

    /* What is not kept is given back at once. */
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, &bell, release), BEDROCK_OK);
    CHECK_INT(bell.releases, 7);
    CHECK_INT(REMOVE(stream), BEDROCK_OK);
    all_rung();
    CHECK_INT(bell.rings, 0);
    bedrock_stream_free(stream);
}

/* Armed when it is set and after each BEDROCK_AGAIN; called once for that, however much comes. */
static void once(void)
{
    bedrock_stream *stream = pull_open(local, "stream A");
    struct bell bell = {0};
    int i;

    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    all_rung();
    CHECK_INT(rings(&bell), 0);
    pull_pass(local, "A");
    wait_rings(&bell, 1);
    for (i = 1; i < PULL_EVENTS; i++) {
        CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
        if (i == 3) {
            /* It is not armed: this tells nobody. */
            pull_pass(local, "A");
            CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
            all_rung();
            CHECK_INT(rings(&bell), i);
            i++;
            bell.rings++;
        }
        CHECK_INT(NEXT(stream, i % 2 == 0 ? 0 : 1), BEDROCK_AGAIN); /* whatever the timeout was */
        all_rung();
        CHECK_INT(rings(&bell), i);
        pull_pass(local, "A");
        wait_rings(&bell, i + 1);
    }
    CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    pull_pass(local, "A");
    wait_rings(&bell, PULL_EVENTS + 1);
    for (i = 0; i < 3; i++)
        CHECK_INT(NEXT(stream, 0), BEDROCK_DONE);
    bedrock_stream_cancel(stream);
    all_rung();
    CHECK_INT(rings(&bell), PULL_EVENTS + 1); /* the end is told once */
    CHECK_INT(bell.releases, 0);
    bedrock_stream_free(stream);
    CHECK_INT(bell.releases, 1);
}

/* A loop that does what the header says gets all, of a stream that comes as it likes. */
static void a_loop(void)
{
    bedrock_model *paced = check_scripted("[{\"text\": \"" TEN "\", \"pace\": \"1ms\"}]");
    bedrock_stream *stream = pull_open(paced, "Hi.");
    struct bell bell = {0};
    char text[100] = "";
    bedrock_status status;
    int heard = 0, agains = 0;

    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    do {
        pthread_mutex_lock(&lock);
        while (bell.rings == heard)
            pthread_cond_wait(&changed, &lock);
        CHECK_INT(bell.rings, heard + 1);
        heard = bell.rings;
        pthread_mutex_unlock(&lock);
        while ((status = NEXT_TEXT(stream, 0, text)) == BEDROCK_OK)
            ;
        agains += status == BEDROCK_AGAIN;
    } while (status == BEDROCK_AGAIN);
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    CHECK_INT(heard, agains + 1);
    bedrock_stream_free(stream);
    CHECK_INT(bell.releases, 1);
    bedrock_model_free(paced);
}

/* Where there is something to read already, it is called at once. */
static void at_once(void)
{
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_stream *stream = pull_open(ten, "Hi.");
    struct bell bell = {0}, unread = {0}, end = {0};
    char text[100] = "";

    CHECK(pull_readable(bedrock_stream_fd(stream), -1));
    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    wait_rings(&bell, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
    CHECK_INT(SET(stream, &unread), BEDROCK_OK); /* what came with the event that was read */
    wait_rings(&unread, 1);
    CHECK_INT(bell.releases, 1);
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_INT(SET(stream, &end), BEDROCK_OK); /* an end that was said before */
    wait_rings(&end, 1);
    CHECK_INT(unread.releases, 1);
    CHECK_INT(end.releases, 0);
    bedrock_stream_free(stream);
    CHECK_INT(end.releases, 1);
    CHECK_INT(bell.releases, 1);

    /* Both kinds of cancel. */
    stream = pull_open_with(silent, "Hi.", cancel);
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    memset(&bell, 0, sizeof bell);
    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    all_rung();
    CHECK_INT(rings(&bell), 0);
    bedrock_cancel_fire(cancel);
    wait_rings(&bell, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    stream = pull_open(silent, "Hi.");
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK_INT(bell.releases, 1);
    bell.releases = 0;
    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    bedrock_stream_cancel(stream);
    wait_rings(&bell, 2);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    CHECK_INT(bell.releases, 1);
    bedrock_cancel_free(cancel);
}

/* One that was replaced or removed is not called any more, though it was due. */
static void replaced(void)
{
    bedrock_stream *blocking = pull_open(silent, "Hi."), *stream = pull_open(silent, "Hi.");
    struct bell slow = {0}, first = {0}, second = {0}, third = {0};

    slow.slow = 1;
    bedrock_stream_cancel(blocking);
    CHECK_INT(SET(blocking, &slow), BEDROCK_OK);
    wait_inside(&slow);
    bedrock_stream_cancel(stream);
    CHECK_INT(SET(stream, &first), BEDROCK_OK); /* due, behind the slow one */
    CHECK_INT(SET(stream, &second), BEDROCK_OK);
    CHECK_INT(first.releases, 1);
    CHECK_INT(REMOVE(stream), BEDROCK_OK);
    CHECK_INT(second.releases, 1);
    CHECK_INT(SET(stream, &third), BEDROCK_OK);
    bedrock_stream_free(stream);
    CHECK_INT(third.releases, 1);
    hurry(&slow);
    wait_rings(&slow, 1);
    all_rung();
    CHECK_INT(first.rings + second.rings + third.rings, 0);
    bedrock_stream_free(blocking);
    CHECK_INT(slow.releases, 1);
}

/* How another thread takes down a wakeup that is running. */
static int way;

static void *take_down(void *user)
{
    struct bell *bell = user;
    static struct bell next;
    bedrock_status status = BEDROCK_OK;

    releasing = pthread_self();
    if (way == 2)
        bedrock_stream_free(bell->stream);
    else
        do /* BUSY while the other thread looks whether this one is there */
            status = bedrock_stream_set_wakeup(bell->stream, way == 0 ? NULL : ring, &next, NULL);
        while (status == BEDROCK_E_BUSY);
    CHECK_INT(status, BEDROCK_OK);
    pthread_mutex_lock(&lock);
    CHECK_INT(bell->rings, 1); /* it has returned */
    CHECK_INT(bell->releases, 1);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* A wakeup may fire and cancel, and nothing else. */
static void from_inside(struct bell *bell)
{
    bedrock_model *model = POISON;
    bedrock_response *answer = POISON;
    bedrock_stream *stream = POISON;
    bedrock_error *error = POISON;
    const bedrock_event *event = POISON;
    struct bell inner = {0};
    pthread_t outside = releasing;

    CHECK_INT(bedrock_stream_next(bell->stream, -1, &event, NULL), BEDROCK_E_BUSY);
    CHECK(event == NULL);
    CHECK_INT(bedrock_model_new("{\"model\": \"m\"}", BEDROCK_STRLEN, &model, NULL), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_response(bell->stream, &answer, NULL), BEDROCK_E_BUSY);
    CHECK(model == NULL && answer == NULL);
    CHECK_INT(bedrock_stream_open(ten, request, NULL, &stream, &error), BEDROCK_E_BUSY);
    CHECK(stream == NULL);
    CHECK_INT(bedrock_generate(ten, request, NULL, &answer, NULL), BEDROCK_E_BUSY);
    CHECK_INT(bedrock_stream_fd(bell->stream), -1);
    releasing = pthread_self();
    CHECK_INT(SET(bell->stream, &inner), BEDROCK_E_BUSY);
    CHECK_INT(inner.releases, 1);
    releasing = outside;
    CHECK(bedrock_waitset_new() == NULL);
    CHECK(bedrock_cancel_new() == NULL);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_E_BUSY);
    bedrock_stream_free(bell->stream);
    bedrock_stream_cancel(bell->stream);
    bedrock_cancel_fire(bell->cancel);
    bell->error = error; /* to be freed elsewhere */
}

/* Removing, replacing and freeing wait for a wakeup that runs. */
static void waits_for_one_that_runs(void)
{
    for (way = 0; way < 3; way++) {
        bedrock_cancel *cancel = bedrock_cancel_new();
        bedrock_stream *stream = pull_open(silent, "Hi."), *other = pull_open_with(silent, "Hi.", cancel);
        struct bell bell = {0};
        pthread_t thread;
        bedrock_status probe;

        CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
        CHECK_INT(NEXT(other, -1), BEDROCK_OK);
        bell.slow = 1, bell.also = from_inside, bell.stream = stream, bell.cancel = cancel;
        CHECK_INT(SET(stream, &bell), BEDROCK_OK);
        bedrock_stream_cancel(stream);
        wait_inside(&bell);
        CHECK(pthread_create(&thread, NULL, take_down, &bell) == 0);
        /* Until that thread is inside its call. */
        do
            probe = NEXT(stream, 0);
        while (probe != (way < 2 ? BEDROCK_E_BUSY : BEDROCK_E_BAD_HANDLE));
        hurry(&bell);
        pthread_join(thread, NULL);
        releasing = self;
        CHECK_INT(NEXT(other, -1), BEDROCK_E_CANCELLED); /* the wakeup fired its cancel */
        CHECK_INT(bell.releases, 1);
        CHECK_INT(bedrock_error_status(bell.error), BEDROCK_E_BUSY);
        bedrock_error_free(bell.error);
        bedrock_stream_free(stream);
        bedrock_stream_free(other);
        bedrock_cancel_free(cancel);
    }
}

/* Shutting down tells of what it ends, waits for wakeups, and everything begins again after it. */
static void shut_down(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi.");
    struct bell bell = {0}, again = {0}, ended = {0};
    char text[100] = "";

    bell.slow = 1;
    CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    CHECK_INT(bedrock_shutdown(0), BEDROCK_AGAIN);
    wait_inside(&bell);
    CHECK_INT(bedrock_shutdown(10), BEDROCK_AGAIN); /* it cannot end while a wakeup runs */
    hurry(&bell);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(bell.rings, 1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_E_CANCELLED);
    bedrock_stream_free(stream);
    CHECK_INT(bell.releases, 1);

    stream = pull_open(ten, "Hi.");
    CHECK_INT(SET(stream, &again), BEDROCK_OK);
    wait_rings(&again, 1);
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(SET(stream, &ended), BEDROCK_OK); /* at once, as it has ended: by a new thread */
    wait_rings(&ended, 1);
    bedrock_stream_free(stream);
    CHECK_INT(again.releases, 1);
    CHECK_INT(ended.releases, 1);
}

/* A child has wakeups of its own, and its parent's go on. */
static void forked(void)
{
    bedrock_stream *stream = pull_open(local, "stream F"), *own;
    struct bell bell = {0}, theirs = {0};
    int ends[2] = {-1, -1};
    char good = 0, text[100] = "";
    pid_t pid;

    CHECK_INT(SET(stream, &bell), BEDROCK_OK);
    CHECK(pipe(ends) == 0);
    pid = fork();
    if (pid == 0) {
        bedrock_model *model;

        check_failures = 0;
        CHECK_INT(SET(stream, &theirs), BEDROCK_E_FORKED);
        CHECK_INT(theirs.releases, 1);
        bedrock_stream_free(stream);
        CHECK_INT(bell.releases, 0); /* what the parent gave is the parent's */
        theirs.releases = 0;
        model = check_scripted("[\"" TEN "\"]");
        own = pull_open(model, "Hi.");
        CHECK_INT(SET(own, &theirs), BEDROCK_OK);
        wait_rings(&theirs, 1);
        CHECK_INT(pull_all(own, text), BEDROCK_DONE);
        bedrock_stream_free(own);
        bedrock_model_free(model);
        CHECK_INT(theirs.releases, 1);
        CHECK_INT(bedrock_live_handles(), 0);
        good = check_failures == 0;
        CHECK(write(ends[1], &good, 1) == 1);
        for (;;)
            pause();
    }
    close(ends[1]);
    CHECK(read(ends[0], &good, 1) == 1 && good);
    close(ends[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    pull_pass(local, "F");
    wait_rings(&bell, 1);
    bedrock_stream_free(stream);
    CHECK_INT(bell.releases, 1);
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
