/* usage.c - the tokens and the times of calls. */
#include "usage.h"

#include "output.h"
#include "text.h"

#include <time.h>

double usage_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Adds "12 tokens in, 34 out, 5 read from the cache". A count that the service did not give is left out. */
static void add_tokens(struct text *line, const bedrock_usage *usage)
{
    if (usage->input_tokens >= 0)
        text_format(line, "%lld tokens in", (long long)usage->input_tokens);
    if (usage->output_tokens >= 0)
        text_format(line, "%s%lld %s", line->length > 0 ? ", " : "", (long long)usage->output_tokens,
                    line->length > 0 ? "out" : "tokens out");
    if (usage->cache_read_tokens > 0)
        text_format(line, ", %lld read from the cache", (long long)usage->cache_read_tokens);
    if (usage->cache_write_tokens > 0)
        text_format(line, ", %lld written to the cache", (long long)usage->cache_write_tokens);
}

void usage_print(const bedrock_response *response, double first, double total)
{
    bedrock_usage usage;
    struct text line = {0};

    bedrock_response_usage(response, &usage, sizeof usage);
    add_tokens(&line, &usage);
    if (first >= 0)
        text_format(&line, "%sfirst token after %.2f s", line.length > 0 ? ", " : "", first);
    text_format(&line, "%s%.2f s in all", line.length > 0 ? ", " : "", total);
    if (first >= 0 && usage.output_tokens > 0 && total - first > 0.01)
        text_format(&line, ", %.0f tokens a second", (double)usage.output_tokens / (total - first));
    if (bedrock_response_attempts(response) > 1)
        text_format(&line, ", %d attempts", (int)bedrock_response_attempts(response));
    output_note("[%s]", text_string(&line));
    text_free(&line);
}

void usage_print_sum(const bedrock_model *model)
{
    bedrock_usage usage;
    struct text line = {0};

    if (bedrock_model_usage(model, &usage, sizeof usage) < 0)
        return;
    add_tokens(&line, &usage);
    output_note("[%s]", text_string(&line));
    text_free(&line);
}
