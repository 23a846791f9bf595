/* threads.c - any number of threads share one model, one request, one response, one error and one cancel handle.
 *
 *     threads URL      a service that streams */
#include "check.h"

#include <pthread.h>

#define REPLY "one two three four five six seven eight nine ten"
#define THREADS 16
#define TURNS 10

static bedrock_model *models[2], *narrow;
static bedrock_request *request, *growing;
static bedrock_response *response;
static bedrock_error *failure;
static bedrock_cancel *cancel;

static int32_t collect(const bedrock_event *event, void *user)
{
    char *text = user;

    if (event->type == BEDROCK_EVENT_TEXT && strlen(text) + event->text_len < 100)
        strcat(text, event->text);
    return 0;
}

static void *work(void *user)
{
    uintptr_t self = (uintptr_t)user;
    bedrock_error *error = NULL;
    int i;

    for (i = 0; i < TURNS; i++) {
        bedrock_model *model = i % 5 == 4 ? narrow : models[(self + (uintptr_t)i) % 2];
        bedrock_response *result = NULL;
        char text[100] = "";

        if (i % 2 == 0) {
            CHECK_OK(bedrock_generate_stream(model, request, cancel, collect, text, &result, &error), error);
            CHECK_TEXT(text, REPLY);
        } else {
            CHECK_OK(bedrock_generate(model, request, cancel, &result, &error), error);
        }
        CHECK_TEXT(bedrock_response_text(result, NULL), REPLY);
        bedrock_response_free(result);

        /* All threads at once make the first call of these getters. */
        CHECK_TEXT(bedrock_response_text(response, NULL), REPLY);
        CHECK_TEXT(bedrock_response_stop_reason(response), "end_turn");
        CHECK_TEXT(bedrock_error_path(failure), "/messages/0/role");
        CHECK_TEXT(bedrock_model_id(models[0], NULL), CHECK_MODEL);
        CHECK_OK(bedrock_request_add_text(growing, self % 2 == 0 ? "user" : "system", "x", 1, &error), error);
    }
    return NULL;
}

static void *wait_for_cancel(void *model)
{
    bedrock_response *result = POISON;
    bedrock_error *error = NULL;

    CHECK_FAILS(bedrock_generate(model, request, cancel, &result, &error), BEDROCK_E_CANCELLED, &error, "", NULL);
    return NULL;
}

static void run(void *(*body)(void *), void *argument)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, body, argument != NULL ? argument : (void *)i) == 0);
    if (argument != NULL)
        bedrock_cancel_fire(cancel);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    bedrock_model *endless;
    bedrock_error *error = NULL;
    size_t len;
    const char *body;

    if (!CHECK(argc == 2))
        return 2;
    models[0] = check_local(argv[1]);
    models[1] = check_scripted("[{\"text\": \"" REPLY "\", \"pace\": \"1ms\"}]");
    narrow = check_model_of("{\"model\": \"m\", \"max_concurrency\": 2, \"transport\": {\"replies\": [\"" REPLY "\"],"
                            " \"repeat\": true}}");
    request = check_request("Count.");
    growing = check_request("Grow.");
    cancel = bedrock_cancel_new();
    CHECK_OK(bedrock_generate(models[0], request, NULL, &response, &error), error);
    CHECK_INT(bedrock_request_set(growing, "{\"messages\":[{\"role\":\"x\",\"content\":\"y\"}]}", BEDROCK_STRLEN, &failure),
              BEDROCK_E_REQUEST);

    run(work, NULL);
    /* Every text of every thread is there, and complete. */
    body = bedrock_request_body(growing, models[0], &len, &error);
    CHECK_INT(bedrock_json_count(body, len, "/messages/0/content"), 1 + THREADS / 2 * TURNS);
    CHECK_INT(bedrock_json_count(body, len, "/system"), THREADS / 2 * TURNS);

    /* Some threads begin before the cancel is fired, and wait for an event that does not arrive. Others begin after
     * it. */
    endless = check_scripted("[{\"text\": \"late\", \"pace\": \"100s\"}]");
    run(wait_for_cancel, endless);

    bedrock_model_free(endless);
    bedrock_model_free(models[0]);
    bedrock_model_free(models[1]);
    bedrock_model_free(narrow);
    bedrock_request_free(request);
    bedrock_request_free(growing);
    bedrock_response_free(response);
    bedrock_error_free(failure);
    bedrock_cancel_free(cancel);
    return check_end();
}
