/* small_stack.c - a thread with a stack of 16 KiB, the minimum on Linux, makes every kind of call. Only a release
 * build satisfies this: without optimization a call takes several times as much. */
// tries: 100
// needs: release

#include "check.h"

#include <pthread.h>

static const char *url;

static int32_t on_event(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

static void on_wakeup(void *user)
{
    (void)user;
}

static char *nested(void)
{
    enum { LEVELS = 490 };
    static char json[8 * LEVELS + 200];
    size_t at = (size_t)sprintf(json, "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi.\"}], \"additionalModelRequestFields\": ");

    for (int i = 0; i < LEVELS; i++)
        at += (size_t)sprintf(json + at, "{\"a\":");
    at += (size_t)sprintf(json + at, "1");
    for (int i = 0; i < LEVELS; i++)
        at += (size_t)sprintf(json + at, "}");
    sprintf(json + at, "}");
    return json;
}

static void *use(void *json)
{
    static char config[300];
    bedrock_model *model = NULL, *derived = NULL;
    bedrock_request *request = NULL, *deep = NULL;
    bedrock_response *response = NULL;
    bedrock_stream *stream = NULL;
    bedrock_waitset *set = bedrock_waitset_new();
    bedrock_run *run = NULL;
    bedrock_feed *feed = NULL;
    const bedrock_event *event;
    const bedrock_feed_item *item;
    bedrock_status status;
    static char key[4096];

    snprintf(config, sizeof config,
             "{\"model\": \"test.3.0\", \"base_url\": \"%s\", \"region\": \"us-east-1\", \"api_key\": \"A\", \"secret_key\": \"B\"}", url);
    CHECK_INT(bedrock_model_new(config, BEDROCK_STRLEN, &model, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_model_with(model, "{\"timeout\": \"9s\"}", BEDROCK_STRLEN, &derived, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_request_new(NULL, 0, &request, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_request_add_text(request, "user", "Hi.", BEDROCK_STRLEN, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_request_new(json, BEDROCK_STRLEN, &deep, NULL), BEDROCK_OK);
    CHECK(bedrock_request_body(deep, model, NULL, NULL) != NULL);
    CHECK_INT(bedrock_model_connect(model, NULL, 5000, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_model_set_credentials(model, "{\"api_key\": \"C\", \"secret_key\": \"D\"}", BEDROCK_STRLEN, NULL),
              BEDROCK_OK);
    CHECK_INT(bedrock_model_api_key(model, 60, NULL, key, sizeof key, NULL, NULL), BEDROCK_OK);
    CHECK(bedrock_model_settings(model, NULL, NULL) != NULL);
    CHECK_INT(bedrock_feed_new("{\"records\": true}", BEDROCK_STRLEN, &feed, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_generate(derived, request, NULL, &response, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_feed_next(feed, 5000, &item, NULL), BEDROCK_OK);
    bedrock_feed_free(feed);
    CHECK_INT(bedrock_request_add_response(request, response, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_json_count(bedrock_response_json(response, NULL), BEDROCK_STRLEN, "/output/message/content"), 1);
    bedrock_response_free(response);
    CHECK_INT(bedrock_call(model, "Converse", deep, NULL, &response, NULL), BEDROCK_OK);
    bedrock_response_free(response);
    CHECK_INT(bedrock_generate_stream(model, deep, NULL, on_event, NULL, &response, NULL), BEDROCK_OK);
    bedrock_response_free(response);
    CHECK_INT(bedrock_stream_open(model, deep, NULL, &stream, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_set_wakeup(stream, on_wakeup, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_stream_set_wakeup(stream, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_add(set, stream, NULL), BEDROCK_OK);
    CHECK_INT(bedrock_waitset_wait(set, 5000, NULL, NULL), BEDROCK_OK);
    CHECK(bedrock_stream_fd(stream) >= 0);
    while ((status = bedrock_stream_next(stream, -1, &event, NULL)) == BEDROCK_OK)
        ;
    CHECK_INT(status, BEDROCK_DONE);
    bedrock_stream_free(stream);
    bedrock_waitset_free(set);
    CHECK_INT(bedrock_run_tools(model, request, NULL, 0, sizeof(bedrock_tool), NULL, 0, NULL, on_event, NULL,
                                &response, NULL), BEDROCK_OK);
    bedrock_response_free(response);
    CHECK_INT(bedrock_run_open(model, request, NULL, 0, NULL, &run, NULL), BEDROCK_OK);
    while ((status = bedrock_run_next(run, -1, &event, NULL)) == BEDROCK_OK)
        ;
    CHECK_INT(status, BEDROCK_DONE);
    bedrock_run_free(run);
    CHECK(bedrock_request_diff(request, deep, model, NULL, NULL) != NULL);
    CHECK_INT(bedrock_request_trim(request, 1, NULL, NULL), BEDROCK_OK);
    bedrock_request_free(request);
    bedrock_request_free(deep);
    bedrock_model_free(derived);
    bedrock_model_free(model);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    return NULL;
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1;
    char *json = nested();

    url = argc > 2 ? argv[2] : "";
    for (int i = 0; i < tries; i++) {
        pthread_attr_t attributes;
        pthread_t thread;

        pthread_attr_init(&attributes);
        CHECK_INT(pthread_attr_setstacksize(&attributes, 16 << 10), 0);
        CHECK_INT(pthread_create(&thread, &attributes, use, json), 0);
        pthread_join(thread, NULL);
    }
    return check_end();
}
