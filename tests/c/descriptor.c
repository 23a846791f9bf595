/* descriptor.c - a stream's descriptor is readable exactly while bedrock_stream_next with timeout 0 would not return
 * BEDROCK_AGAIN.
 *
 *     descriptor URL      the service of pull.h */
#include "pull.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#define TEN "a b c d e f g h i j"
#define TEN_EVENTS 14 /* the words, messageStart, contentBlockStop, messageStop, metadata */

static bedrock_model *local, *ten, *silent;

/* Polls, reads, and polls again, while the service sends only the parts that the test permits. */
static bedrock_status step(bedrock_stream *stream, char *text)
{
    int fd = bedrock_stream_fd(stream);
    int readable = pull_readable(fd, 0);
    bedrock_status status = NEXT_TEXT(stream, 0, text);

    CHECK_INT(readable, status != BEDROCK_AGAIN);
    if (status != BEDROCK_OK)
        CHECK_INT(pull_readable(fd, 0), readable);
    CHECK_INT(bedrock_stream_fd(stream), fd);
    return status;
}

static void kind(void)
{
    bedrock_stream *stream = pull_open(silent, "Hi."), *other = pull_open(silent, "Hi.");
    int fd = bedrock_stream_fd(stream), other_fd = bedrock_stream_fd(other);
    int copy = dup((int)fd);

    CHECK(fd >= 0 && other_fd >= 0 && fd != other_fd);
    CHECK(fcntl((int)fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl((int)fd, F_GETFL) & O_NONBLOCK);
    /* A dup is readable like the original, and the program closes it. */
    CHECK(pull_readable(copy, -1) && pull_readable(fd, 0));
    CHECK_INT(NEXT(stream, 0), BEDROCK_OK);
    CHECK(!pull_readable(copy, 0) && !pull_readable(fd, 0));
    bedrock_stream_free(stream);
    CHECK(fcntl((int)fd, F_GETFD) == -1 && errno == EBADF);
    CHECK(fcntl((int)other_fd, F_GETFD) != -1);
    close(copy);
    bedrock_stream_free(other);
}

/* One event at a time, each permitted by the test. */
static void one_by_one(void)
{
    bedrock_stream *stream = pull_open(local, "stream D");
    int fd = bedrock_stream_fd(stream);
    char text[100] = "";
    int i;

    for (i = 0; i < PULL_EVENTS; i++) {
        CHECK_INT(step(stream, text), BEDROCK_AGAIN);
        CHECK_INT(step(stream, text), BEDROCK_AGAIN);
        pull_pass(local, "D");
        CHECK(pull_readable(fd, -1));
        CHECK(pull_readable(fd, 0)); /* a poll consumes nothing */
        CHECK_INT(step(stream, text), BEDROCK_OK);
    }
    CHECK_INT(step(stream, text), BEDROCK_AGAIN);
    pull_pass(local, "D");
    CHECK(pull_readable(fd, -1));
    for (i = 0; i < 3; i++)
        CHECK_INT(step(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, PULL_TEXT);
    bedrock_stream_free(stream);
}

/* Many events arrive at once, and one is read after each poll: none is lost, and each poll that reports one is right. */
static void one_a_look(void)
{
    bedrock_stream *stream = pull_open(ten, "Hi.");
    int fd = bedrock_stream_fd(stream);
    char text[100] = "";
    int events = 0;
    bedrock_status status;

    while (CHECK(pull_readable(fd, -1)), (status = NEXT_TEXT(stream, 0, text)) == BEDROCK_OK)
        events++;
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_INT(events, TEN_EVENTS);
    CHECK_TEXT(text, TEN);
    CHECK(pull_readable(fd, 0));
    bedrock_stream_free(stream);
}

/* Other kinds of waits do not disturb the descriptor. */
static void beside_waits(void)
{
    bedrock_stream *stream = pull_open(local, "stream W");
    int fd = bedrock_stream_fd(stream);
    char text[100] = "";
    int i;

    for (i = 0; i < PULL_EVENTS; i++) {
        pull_pass(local, "W");
        CHECK_INT(NEXT_TEXT(stream, i % 2 == 0 ? -1 : 60000, text), BEDROCK_OK);
        CHECK_INT(pull_readable(fd, 0), 0);
        CHECK_INT(NEXT(stream, 1), BEDROCK_AGAIN);
        CHECK_INT(step(stream, text), BEDROCK_AGAIN);
    }
    pull_pass(local, "W");
    CHECK_INT(NEXT(stream, -1), BEDROCK_DONE);
    CHECK_INT(step(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, PULL_TEXT);
    bedrock_stream_free(stream);
}

/* After every kind of end the descriptor stays readable. */
static void ends(void)
{
    static const char *const replies[] = {
        "[{\"events\": [{\"messageStart\": {\"role\": \"assistant\"}}]}]",
        "[{\"error\": {\"status\": 403, \"code\": \"AccessDeniedException\", \"message\": \"No.\"}}]",
        "[]",
    };
    static const bedrock_status ends[] = {BEDROCK_E_TRUNCATED, BEDROCK_E_ACCESS_DENIED, BEDROCK_E_CONFIG};
    bedrock_cancel *cancel = bedrock_cancel_new();
    bedrock_stream *stream;
    bedrock_status status;
    int fd;
    int i;

    for (i = 0; i < 3; i++) {
        bedrock_model *model = check_scripted(replies[i]);

        stream = pull_open(model, "Hi.");
        fd = bedrock_stream_fd(stream);
        do {
            CHECK(pull_readable(fd, -1));
            status = NEXT(stream, 0);
        } while (status == BEDROCK_OK);
        CHECK_INT(status, ends[i]);
        CHECK_INT(step(stream, NULL), ends[i]);
        CHECK(pull_readable(fd, 0));
        bedrock_stream_free(stream);
        bedrock_model_free(model);
    }

    /* A cancel: at once, or as soon as the library has processed it. */
    for (i = 0; i < 3; i++) {
        stream = pull_open_with(silent, "Hi.", cancel);
        fd = i < 2 ? bedrock_stream_fd(stream) : -1;
        if (i == 0) {
            CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
            CHECK(!pull_readable(fd, 0));
            bedrock_stream_cancel(stream);
            CHECK(pull_readable(fd, 0));
        } else if (i == 1) {
            CHECK_INT(NEXT(stream, -1), BEDROCK_OK);
            CHECK(!pull_readable(fd, 0));
            bedrock_cancel_fire(cancel);
            CHECK(pull_readable(fd, -1));
        } else {
            fd = bedrock_stream_fd(stream); /* opened with a fired cancel handle */
            CHECK(pull_readable(fd, 0));
        }
        CHECK_INT(step(stream, NULL), BEDROCK_E_CANCELLED);
        CHECK_INT(step(stream, NULL), BEDROCK_E_CANCELLED);
        bedrock_stream_free(stream);
    }
    bedrock_cancel_free(cancel);
}

/* The descriptor may be requested at any time. It is readable if events are waiting already. */
static void late(void)
{
    bedrock_stream *stream = pull_open(ten, "Hi.");
    char text[100] = "";
    bedrock_status status;

    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    CHECK_INT(NEXT_TEXT(stream, -1, text), BEDROCK_OK);
    /* More events may arrive between poll and read, but those that poll reported are there. */
    while (CHECK(pull_readable(bedrock_stream_fd(stream), -1)), (status = NEXT_TEXT(stream, 0, text)) == BEDROCK_OK)
        ;
    CHECK_INT(status, BEDROCK_DONE);
    CHECK_TEXT(text, TEN);
    bedrock_stream_free(stream);

    stream = pull_open(ten, "Hi.");
    CHECK_INT(pull_all(stream, text), BEDROCK_DONE);
    CHECK(pull_readable(bedrock_stream_fd(stream), 0));
    bedrock_stream_free(stream);
}

/* Returns -1 if no descriptors are left. The stream continues, and a later call succeeds. */
static void none_left(void)
{
    bedrock_stream *stream = pull_open(local, "stream N");
    struct rlimit before, none;
    char text[100] = "";
    int i;

    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_INT(bedrock_stream_fd(stream), -1);
    CHECK_INT(bedrock_stream_fd(stream), -1);
    CHECK_INT(NEXT(stream, 0), BEDROCK_AGAIN);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(step(stream, text), BEDROCK_AGAIN);
    for (i = 0; i <= PULL_EVENTS; i++)
        pull_pass(local, "N");
    while (CHECK(pull_readable(bedrock_stream_fd(stream), -1)), NEXT_TEXT(stream, 0, text) == BEDROCK_OK)
        ;
    CHECK_INT(step(stream, text), BEDROCK_DONE);
    CHECK_TEXT(text, PULL_TEXT);
    bedrock_stream_free(stream);
}

int main(int argc, char **argv)
{
    if (!CHECK(argc == 2))
        return 2;
    alarm(100);
    local = check_local(argv[1]);
    ten = check_scripted("[\"" TEN "\"]");
    silent = check_scripted(PULL_SILENT);
    kind();
    one_by_one();
    one_a_look();
    beside_waits();
    ends();
    late();
    none_left();
    bedrock_model_free(local);
    bedrock_model_free(ten);
    bedrock_model_free(silent);
    return check_end();
}
