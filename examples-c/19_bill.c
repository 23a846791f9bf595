/* 19_bill.c - costs: what calls would cost by a price table of your own.
 *
 *     cc 19_bill.c $(pkg-config --cflags --libs bedrock) -o 19_bill
 *     ./19_bill
 *
 * The library has no prices: they differ by region, contract and month. It counts what a price needs, for each call and
 * for the model that responded, which is another one than you asked for after a failover. */
#include <bedrock.h>

#include <stdio.h>
#include <string.h>

#include "example.h"

#define REPLY(text, usage) \
    "{\"events\": [{\"messageStart\": {\"role\": \"assistant\"}}, {\"contentBlockDelta\": {\"contentBlockIndex\": 0," \
    " \"delta\": {\"text\": \"" text "\"}}}, {\"contentBlockStop\": {\"contentBlockIndex\": 0}}, {\"messageStop\":" \
    " {\"stopReason\": \"end_turn\"}}, {\"metadata\": {\"usage\": {" usage "}, \"metrics\": {\"latencyMs\": 300}}}]}"
static const char replies[] =
    "[" REPLY("At nine.", "\"inputTokens\": 12, \"outputTokens\": 400, \"totalTokens\": 2460, "
               " \"cacheReadInputTokens\": 0, \"cacheWriteInputTokens\": 2048,"
               " \"cacheDetails\": [{\"ttl\": \"5m\", \"inputTokens\": 2048}]")
    "," REPLY("On Sundays.", "\"inputTokens\": 13, \"outputTokens\": 250, \"totalTokens\": 2311, "
               " \"cacheReadInputTokens\": 2048, \"cacheWriteInputTokens\": 0") "]";

/* Prices of a million tokens, for the models whose ids hold a word. These are made up: take those of your contract. */
static const struct price {
    const char *model;
    double input, output, cache_read, cache_write_5m, cache_write_1h;
} prices[] = {
    {"claude-haiku", 1.00, 5.00, 0.10, 1.25, 2.00},
    {"nova-micro", 0.04, 0.14, 0.01, 0.00, 0.00},
};

static double tokens(int64_t count)
{
    return count > 0 ? (double)count : 0;
}

/* Returns the price of a call, or -1 if the table does not have the model. */
static double price_of(const bedrock_response *response)
{
    bedrock_usage usage;
    size_t i;

    if (bedrock_response_usage(response, &usage, sizeof usage) < 0)
        return -1;
    for (i = 0; i < sizeof prices / sizeof *prices; i++) {
        const struct price *price = &prices[i];
        double hour = tokens(usage.cache_write_1h_tokens);

        /* Some models have no prompt cache of an hour, and report one number. */
        if (strstr(bedrock_response_model(response), price->model) != NULL)
            return (tokens(usage.input_tokens) * price->input + tokens(usage.output_tokens) * price->output
                    + tokens(usage.cache_read_tokens) * price->cache_read + hour * price->cache_write_1h
                    + (tokens(usage.cache_write_tokens) - hour) * price->cache_write_5m) / 1e6;
    }
    return -1;
}

int main(void)
{
    static const char *const questions[] = {"When does the shop open?", "When is it closed?"};
    bedrock_model *model = NULL;
    bedrock_error *error = NULL;
    double sum = 0;
    size_t i;
    int good = bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) >= 0;

    for (i = 0; good && i < sizeof questions / sizeof *questions; i++) {
        bedrock_request *request = NULL;
        bedrock_response *response = NULL;

        good = bedrock_request_new(NULL, 0, &request, &error) >= 0
            && bedrock_request_add_text(request, "user", questions[i], BEDROCK_STRLEN, &error) >= 0
            && bedrock_generate(model, request, NULL, &response, &error) >= 0;
        if (good) {
            double price = price_of(response);

            if (price < 0)
                printf("%s: no price for %s\n", questions[i], bedrock_response_model(response));
            else
                printf("%-26s %.6f  %s\n", questions[i], price, bedrock_response_model(response));
            sum += price > 0 ? price : 0;
        }
        bedrock_response_free(response);
        bedrock_request_free(request);
    }
    printf("%-26s %.6f\n", "sum", sum);
    if (!good)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    bedrock_error_free(error);
    bedrock_model_free(model);
    return example_end(!good);
}
