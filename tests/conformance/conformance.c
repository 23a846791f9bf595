/* Makes one call through the C API. Prints its result as lines of a name and a JSON value, for tests/conformance/run.
 *
 *     conformance generate|stream|OPERATION CONFIG-JSON REQUEST-JSON
 */
#define _GNU_SOURCE
#include "bedrock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Replaces the clock, also for the library, because symbols of the program take precedence: it is SKEW seconds off. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    const char *skew = getenv("SKEW");
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && skew)
        now->tv_sec += atol(skew);
    return failed;
}
#endif

static void show(const char *name, const char *text, size_t len)
{
    size_t size = bedrock_json_quote(text, len, NULL, 0) + 1;
    char *quoted = malloc(size);
    if (!quoted)
        abort();
    bedrock_json_quote(text, len, quoted, size);
    printf("%s %s\n", name, quoted);
    free(quoted);
}

static int32_t on_event(const bedrock_event *event, void *user)
{
    (void)user;
    printf("event %.*s\n", (int)event->json_len, event->json);
    if (event->type == BEDROCK_EVENT_TEXT)
        show("delta", event->text, event->text_len);
    return 0;
}

static void show_response(const bedrock_response *response)
{
    size_t len;
    const char *text = bedrock_response_text(response, &len);
    bedrock_usage usage;
    bedrock_response_usage(response, &usage, sizeof usage);
    show("text", text, len);
    show("stop_reason", bedrock_response_stop_reason(response), BEDROCK_STRLEN);
    printf("usage [%lld,%lld,%lld]\n", (long long)usage.input_tokens, (long long)usage.output_tokens,
           (long long)usage.total_tokens);
    printf("complete %d\n", (int)bedrock_response_complete(response));
    show("json", bedrock_response_json(response, NULL), BEDROCK_STRLEN);
    printf("attempts %d\n", (int)bedrock_response_attempts(response));
}

static void show_error(const bedrock_error *error)
{
    show("code", bedrock_error_code(error), BEDROCK_STRLEN);
    show("message", bedrock_error_message(error), BEDROCK_STRLEN);
    printf("http_status %d\n", (int)bedrock_error_http_status(error));
    printf("attempts %d\n", (int)bedrock_error_attempts(error));
}

static bedrock_status call(const char *mode, const bedrock_model *model, const bedrock_request *request,
                           bedrock_response **response, bedrock_error **error)
{
    if (strcmp(mode, "generate") == 0)
        return bedrock_generate(model, request, NULL, response, error);
    if (strcmp(mode, "stream") == 0)
        return bedrock_generate_stream(model, request, NULL, on_event, NULL, response, error);
    return bedrock_call(model, mode, request, NULL, response, error);
}

int main(int argc, char **argv)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    bedrock_status status;

    if (argc != 4)
        return 2;
    status = bedrock_model_new(argv[2], BEDROCK_STRLEN, &model, &error);
    if (status >= 0)
        status = bedrock_request_new(argv[3], BEDROCK_STRLEN, &request, &error);
    if (status >= 0)
        status = call(argv[1], model, request, &response, &error);

    show("status", bedrock_status_name(status), BEDROCK_STRLEN);
    if (status >= 0)
        show_response(response);
    else
        show_error(error);

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    printf("live_handles %zu\n", bedrock_live_handles());
    return 0;
}
