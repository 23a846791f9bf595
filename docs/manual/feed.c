/* feed.c - examples of the manual: records of calls and messages of the library. */
#include <bedrock.h>

#include <stdio.h>

/* A bedrock_record_fn: a line for each record. It runs on a thread of the library. */
static void write_record(const char *record, size_t len, int64_t lost, void *user)
{
    if (lost > 0)
        fprintf(user, "%ld records were lost\n", (long)lost);
    else
        fprintf(user, "%.*s\n", (int)len, record);
}

/* Writes the records of all calls to a file. The library writes no record before this. */
static bedrock_status observe(FILE *file, bedrock_error **error)
{
    return bedrock_set_observer("{\"capacity\": 10000}", BEDROCK_STRLEN, write_record, file, NULL, error);
}

/* Prints what waits in a feed, as a program does when bedrock_feed_fd(feed) is readable. */
static bedrock_status print_feed(bedrock_feed *feed, bedrock_error **error)
{
    const bedrock_feed_item *item;
    bedrock_status status;

    while ((status = bedrock_feed_next(feed, 0, &item, error)) == BEDROCK_OK) {
        if (item->type == BEDROCK_FEED_RECORD) {
            size_t len;
            const char *name = bedrock_json_raw(item->text, item->text_len, "/name", &len);

            printf("record: %.*s\n", (int)len, name);
        } else if (item->type == BEDROCK_FEED_LOG) {
            printf("message: level %d, about %s\n", (int)item->level, item->target);
        } else if (item->type == BEDROCK_FEED_LOST) {
            printf("%ld were lost\n", (long)item->lost);
        }
    }
    return status;
}

/* Makes the calls with a request part of a trace. */
static bedrock_status join_trace(bedrock_request *request, const char *traceparent, bedrock_error **error)
{
    return bedrock_request_set_traceparent(request, traceparent, error);
}

int main(void)
{
    static const char config[] = "{\"model\": \"any\", \"transport\": {\"replies\": [\"One.\"]}}";
    bedrock_feed *feed = NULL;
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    FILE *file = tmpfile();
    int failed = file == NULL || observe(file, &error) < 0
        || bedrock_feed_new("{\"records\": true, \"log\": \"error\"}", BEDROCK_STRLEN, &feed, &error) < 0
        || bedrock_feed_fd(feed) < 0
        || bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Count.", BEDROCK_STRLEN, &error) < 0
        || join_trace(request, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0
        || bedrock_shutdown(-1) < 0
        || print_feed(feed, &error) < 0;

    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    else
        printf("The observer has written %s.\n", ftell(file) > 0 ? "a record" : "nothing");

    bedrock_set_observer(NULL, 0, NULL, NULL, NULL, NULL);
    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_feed_free(feed);
    if (file != NULL)
        fclose(file);
    return failed;
}
