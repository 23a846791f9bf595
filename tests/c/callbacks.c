/* callbacks.c - on_event may call every function except bedrock_shutdown, and free every handle, including those of
 * its own call. Release functions run once, even if the call fails, and may call the same functions.
 *
 * An alarm ends a call that would wait for itself. */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

#define TEN "a b c d e f g h i j"

static bedrock_model *model;
static bedrock_request *request;
static bedrock_error *error;

/* Instructions for a callback, and its observations. */
struct visit {
    int events, texts;
    int depth;
    bedrock_model *model;
    bedrock_request *request;
    bedrock_cancel *cancel;
    pthread_t thread;
};

static int32_t nest(const bedrock_event *event, void *user);

/* Makes, uses and frees one handle of each type. */
static void use_everything(struct visit *visit)
{
    bedrock_model *derived = NULL, *made = check_scripted("[\"Made inside.\"]");
    bedrock_request *own = check_request("Inside."), *clone = NULL;
    bedrock_cancel *latch = bedrock_cancel_new();
    bedrock_response *response = NULL;
    bedrock_error *inner = NULL;

    CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
    CHECK_OK(bedrock_model_with(visit->model, "{\"timeout\": \"9s\"}", BEDROCK_STRLEN, &derived, &inner), inner);
    CHECK_OK(bedrock_request_add_text(visit->request, "system", "More.", BEDROCK_STRLEN, &inner), inner);
    CHECK_OK(bedrock_request_clone(visit->request, &clone, &inner), inner);
    CHECK_OK(bedrock_generate(derived, clone, latch, &response, &inner), inner);
    CHECK_TEXT(bedrock_response_text(response, NULL), TEN);
    CHECK_OK(bedrock_request_add_response(clone, response, &inner), inner);
    bedrock_response_free(response);
    CHECK_OK(bedrock_generate(made, own, NULL, &response, &inner), inner);
    CHECK_TEXT(bedrock_response_text(response, NULL), "Made inside.");
    bedrock_response_free(response);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    if (visit->depth < 2) {
        struct visit deeper = {0, 0, 0, NULL, NULL, NULL, pthread_self()};

        deeper.depth = visit->depth + 1;
        deeper.model = derived;
        deeper.request = own;
        CHECK_OK(bedrock_generate_stream(derived, own, latch, nest, &deeper, &response, &inner), inner);
        CHECK_INT(deeper.texts, 10);
        CHECK_TEXT(bedrock_response_text(response, NULL), TEN);
        bedrock_response_free(response);
        CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
    }
    bedrock_cancel_fire(latch);
    CHECK_FAILS(bedrock_generate(derived, own, latch, &response, &inner), BEDROCK_E_CANCELLED, &inner, "", NULL);
    bedrock_model_free(derived);
    bedrock_model_free(made);
    bedrock_request_free(own);
    bedrock_request_free(clone);
    bedrock_cancel_free(latch);
}

static int32_t nest(const bedrock_event *event, void *user)
{
    struct visit *visit = user;
    char before[8];

    CHECK(pthread_equal(visit->thread, pthread_self()));
    CHECK_INT(event->size, sizeof *event);
    visit->events++;
    visit->texts += event->type == BEDROCK_EVENT_TEXT;
    if (event->type == BEDROCK_EVENT_TEXT && visit->texts % 5 == 3) {
        snprintf(before, sizeof before, "%s", event->text);
        use_everything(visit);
        CHECK_TEXT(event->text, before); /* borrowed until the callback returns, even if it makes calls */
    }
    return 0;
}

static void reentrancy(void)
{
    struct visit visit = {0, 0, 0, NULL, NULL, NULL, pthread_self()};
    bedrock_response *response = NULL;

    visit.model = model;
    visit.request = request;
    CHECK_OK(bedrock_generate_stream(model, request, NULL, nest, &visit, &response, &error), error);
    CHECK_INT(visit.texts, 10);
    CHECK_INT(visit.events, 14);
    CHECK_TEXT(bedrock_response_text(response, NULL), TEN);
    bedrock_response_free(response);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
}

static int releases;

static void release(void *user)
{
    CHECK(user == &releases);
    releases++;
}

static int32_t free_all(const bedrock_event *event, void *user)
{
    struct visit *visit = user;

    visit->texts += event->type == BEDROCK_EVENT_TEXT;
    if (visit->events++ == 0) {
        bedrock_model_free(visit->model);
        bedrock_request_free(visit->request);
        bedrock_cancel_fire(NULL);
        bedrock_cancel_free(visit->cancel);
        bedrock_cancel_fire(visit->cancel); /* freed: it has no effect */
    }
    return 0;
}

/* A call continues although the handles that were passed to it are freed. */
static void freeing_what_is_in_use(void)
{
    struct visit visit = {0, 0, 0, NULL, NULL, NULL, pthread_self()};
    bedrock_response *response = NULL;

    visit.model = check_scripted("[{\"text\": \"" TEN "\", \"pace\": \"1ms\"}]");
    visit.request = check_request("Hi.");
    visit.cancel = bedrock_cancel_new();
    releases = 0;
    CHECK_OK(bedrock_request_attach(visit.request, "a", "bytes", 5, release, &releases, &error), error);
    CHECK_OK(bedrock_generate_stream(visit.model, visit.request, visit.cancel, free_all, &visit, &response, &error), error);
    CHECK_INT(visit.texts, 10);
    CHECK_INT(releases, 1);
    CHECK_TEXT(bedrock_response_text(response, NULL), TEN);
    bedrock_response_free(response);
}

static int32_t stop_or_cancel(const bedrock_event *event, void *user)
{
    struct visit *visit = user;

    visit->texts += event->type == BEDROCK_EVENT_TEXT;
    if (visit->texts == 4)
        bedrock_cancel_fire(visit->cancel);
    return visit->texts == 4 && visit->cancel == NULL ? -1 : 0;
}

/* No event follows after the callback has stopped the stream or fired its cancel handle. */
static void stopping(void)
{
    struct visit visit = {0, 0, 0, NULL, NULL, NULL, pthread_self()};
    bedrock_response *response = POISON;

    CHECK_INT(bedrock_generate_stream(model, request, NULL, stop_or_cancel, &visit, &response, &error), BEDROCK_STOPPED);
    CHECK_INT(visit.texts, 4);
    CHECK(error == NULL);
    CHECK_TEXT(bedrock_response_text(response, NULL), "a b c d ");
    CHECK_INT(bedrock_response_complete(response), 0);
    CHECK_TEXT(bedrock_response_stop_reason(response), "");
    bedrock_response_free(response);
    visit.texts = 0;
    CHECK_INT(bedrock_generate_stream(model, request, NULL, stop_or_cancel, &visit, NULL, &error), BEDROCK_STOPPED);

    visit.texts = 0;
    visit.cancel = bedrock_cancel_new();
    response = POISON;
    CHECK_FAILS(bedrock_generate_stream(model, request, visit.cancel, stop_or_cancel, &visit, &response, &error),
                BEDROCK_E_CANCELLED, &error, "", NULL);
    CHECK_TEXT(bedrock_response_text(response, NULL), "a b c d ");
    CHECK_INT(bedrock_response_complete(response), 0);
    bedrock_response_free(response);
    response = POISON;
    CHECK_FAILS(bedrock_generate_stream(model, request, visit.cancel, stop_or_cancel, &visit, &response, &error),
                BEDROCK_E_CANCELLED, &error, "", NULL);
    CHECK(response == NULL);
    CHECK_INT(visit.texts, 4);
    bedrock_cancel_free(visit.cancel);
}

/* A release function that uses the request that it was passed with. */
static void busy_release(void *user)
{
    bedrock_request *clone = NULL;

    releases++;
    CHECK_INT(bedrock_request_add_text(user, "system", "x", 1, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_request_clone(user, &clone, NULL), BEDROCK_OK);
    bedrock_request_free(clone);
}

#define RELEASED(call, wanted) \
    do { \
        releases = 0; \
        CHECK_FAILS(call, wanted, &error, "", NULL); \
        CHECK_INT(releases, 1); \
    } while (0)

static void failing_attach(void)
{
    bedrock_request *own = check_request("Hi."), *gone = check_request("Bye.");

    bedrock_request_free(gone);
    CHECK_OK(bedrock_request_attach(own, "taken", "x", 1, release, &releases, &error), error);
    RELEASED(bedrock_request_attach(NULL, "a", "x", 1, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    RELEASED(bedrock_request_attach(gone, "a", "x", 1, release, &releases, &error), BEDROCK_E_BAD_HANDLE);
    RELEASED(bedrock_request_attach((bedrock_request *)model, "a", "x", 1, release, &releases, &error), BEDROCK_E_BAD_HANDLE);
    RELEASED(bedrock_request_attach(own, NULL, "x", 1, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    RELEASED(bedrock_request_attach(own, "\xff", "x", 1, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    RELEASED(bedrock_request_attach(own, "", "x", 1, release, &releases, &error), BEDROCK_E_REQUEST);
    RELEASED(bedrock_request_attach(own, "taken", "x", 1, release, &releases, &error), BEDROCK_E_REQUEST);
    RELEASED(bedrock_request_attach(own, "a", NULL, 1, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    RELEASED(bedrock_request_attach(own, "a", "x", (size_t)-2, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    RELEASED(bedrock_request_attach(own, "a", "x", BEDROCK_STRLEN, release, &releases, &error), BEDROCK_E_INVALID_ARGUMENT);
    releases = 0;
    CHECK_INT(bedrock_request_attach(own, "taken", "x", 1, release, &releases, NULL), BEDROCK_E_REQUEST);
    CHECK_INT(releases, 1);
    RELEASED(bedrock_request_attach(own, "taken", "x", 1, busy_release, own, &error), BEDROCK_E_REQUEST);
    releases = 0;
    bedrock_request_free(own);
    CHECK_INT(releases, 1);
}

static void never(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    (void)level, (void)target, (void)message, (void)len, (void)user;
}

static void failing_set_log(void)
{
    releases = 0;
    CHECK_INT(bedrock_set_log(-1, never, &releases, release), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_set_log(5, never, &releases, release), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(releases, 2);
    /* If the call fails, user is released at once. */
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, NULL, &releases, release), BEDROCK_OK);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, never, &releases, release), BEDROCK_OK);
    CHECK_INT(releases, 4);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_ERROR, never, &releases, release), BEDROCK_OK);
    CHECK_INT(releases, 4);
    CHECK_INT(bedrock_set_log(-1, never, &releases, release), BEDROCK_E_INVALID_ARGUMENT); /* the old one stays */
    CHECK_INT(releases, 5);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(releases, 6);
}

int main(void)
{
    alarm(200);
    model = check_scripted("[\"" TEN "\"]");
    request = check_request("Hi.");
    reentrancy();
    freeing_what_is_in_use();
    stopping();
    failing_attach();
    failing_set_log();
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
