/* 18_prometheus.c - metrics: what all calls took and used, in the text that Prometheus reads.
 *
 *     cc 18_prometheus.c $(pkg-config --cflags --libs bedrock) -o 18_prometheus
 *     ./18_prometheus > /var/lib/node_exporter/bedrock.prom
 *
 * The records are added up as they come. A program with a server prints the sums when it is asked for them. */
#include <bedrock.h>

#include <stdio.h>
#include <string.h>

#include "example.h"

static const char replies[] =
    "[\"One.\", \"Two.\", {\"error\": {\"status\": 429, \"code\": \"ThrottlingException\"}}, \"Three.\","
    " {\"error\": {\"status\": 400, \"code\": \"ValidationException\"}}]";

/* The limits of the buckets that the convention recommends, in seconds: each is twice the one before. */
enum { BUCKETS = 14, LABELS = 256, MOST = 64 };
static const double first_bucket = 0.01;
#define DURATION "gen_ai_client_operation_duration_seconds"

/* The sums of the calls with the same labels. */
static struct series {
    char labels[LABELS];
    double seconds, input_tokens, output_tokens;
    unsigned long calls, attempts, at_most[BUCKETS];
} all[MOST];
static size_t count;

/* Returns the sums for the labels of a record. */
static struct series *series_of(const char *json, size_t len)
{
    char model[128] = "", error[64] = "", labels[LABELS];
    size_t i;

    bedrock_json_string(json, len, "/attributes/gen_ai.request.model", model, sizeof model);
    bedrock_json_string(json, len, "/attributes/error.type", error, sizeof error);
    snprintf(labels, sizeof labels, "gen_ai_request_model=\"%s\",error_type=\"%s\"", model, error);
    for (i = 0; i < count && strcmp(all[i].labels, labels) != 0; i++)
        ;
    if (i < count || count == MOST)
        return &all[i < count ? i : MOST - 1];
    strcpy(all[count].labels, labels);
    return &all[count++];
}

static void add(const char *json, size_t len)
{
    struct series *sums = series_of(json, len);
    double seconds = bedrock_json_number(json, len, "/metrics/gen_ai.client.operation.duration", 0);
    double limit = first_bucket;
    size_t i;

    sums->calls++;
    sums->seconds += seconds;
    sums->attempts += bedrock_json_count(json, len, "/attempts");
    sums->input_tokens += bedrock_json_number(json, len, "/metrics/gen_ai.client.token.usage/input", 0);
    sums->output_tokens += bedrock_json_number(json, len, "/metrics/gen_ai.client.token.usage/output", 0);
    for (i = 0; i < BUCKETS; i++, limit *= 2)
        sums->at_most[i] += seconds <= limit;
}

static void print_sums(void)
{
    size_t i, bucket;

    printf("# TYPE " DURATION " histogram\n");
    for (i = 0; i < count; i++) {
        const struct series *sums = &all[i];
        double limit = first_bucket;

        for (bucket = 0; bucket < BUCKETS; bucket++, limit *= 2)
            printf(DURATION "_bucket{%s,le=\"%g\"} %lu\n", sums->labels, limit, sums->at_most[bucket]);
        printf(DURATION "_bucket{%s,le=\"+Inf\"} %lu\n", sums->labels, sums->calls);
        printf(DURATION "_sum{%s} %g\n", sums->labels, sums->seconds);
        printf(DURATION "_count{%s} %lu\n", sums->labels, sums->calls);
    }
    printf("# TYPE gen_ai_client_token_usage_total counter\n");
    for (i = 0; i < count; i++) {
        printf("gen_ai_client_token_usage_total{%s,gen_ai_token_type=\"input\"} %.0f\n", all[i].labels,
               all[i].input_tokens);
        printf("gen_ai_client_token_usage_total{%s,gen_ai_token_type=\"output\"} %.0f\n", all[i].labels,
               all[i].output_tokens);
    }
    printf("# TYPE libbedrock_attempts_total counter\n");
    for (i = 0; i < count; i++)
        printf("libbedrock_attempts_total{%s} %lu\n", all[i].labels, all[i].attempts);
}

int main(void)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_feed *feed = NULL;
    bedrock_error *error = NULL;
    const bedrock_feed_item *item;
    int calls, failed = bedrock_feed_new("{\"records\": true}", BEDROCK_STRLEN, &feed, &error) < 0
        || bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Count to three.", BEDROCK_STRLEN, &error) < 0;

    for (calls = 0; !failed && calls < 4; calls++) {
        bedrock_response *response = NULL;

        bedrock_generate(model, request, NULL, &response, NULL);
        bedrock_response_free(response);
        while (bedrock_feed_next(feed, 1000, &item, NULL) != BEDROCK_OK)
            ;
        add(item->text, item->text_len);
    }
    print_sums();
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    bedrock_feed_free(feed);
    return example_end(failed);
}
