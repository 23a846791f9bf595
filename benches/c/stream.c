/* A C program that uses libbedrock, measured by `cargo bench`. It does the same as compare/raw_sdk.rs does with the
 * SDK, accepts the same options and prints the same line:
 *
 *     cc -O2 -Iinclude benches/c/stream.c -Ltarget/release -lbedrock -o stream
 *     ./stream --url http://127.0.0.1:8123 --model burst-1000 --streams 20
 *
 *   --streams N        N streams, one after the other
 *   --open N           N streams at once, by descriptors, wakeups or a waiting set; measured after all have begun
 *   --unary N          N calls of bedrock_generate
 *   --image BYTES      attaches an image of that size to each request of --unary, by pointer
 *   --first-event      a cold start: one stream, at whose first text the process exits
 *   --interface NAME   callback (bedrock_generate_stream), pull, descriptor, wakeup or waitset
 *   --authority FILE   certificates to trust, instead of the system's trust store
 *   --observe          has an observer of records
 *   --response         requests the assembled response from bedrock_generate_stream
 *
 * If the events carry time stamps, it also prints their latencies. curl.c does the same work with libcurl.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bedrock.h"
#include "interfaces.h"
#include "measure.h"

static const char request_json[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}]}";

static const char request_with_image[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"},"
    "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"@image\"}}}]}]}";

/* The image, which each request borrows. */
static struct {
    unsigned char *bytes;
    size_t size; /* 0: requests have no image */
} image;

/* Receives a record, and does nothing with it. */
static void observe(const char *record, size_t len, int64_t lost, void *user) {
    (void)record, (void)len, (void)user;
    if (lost > 0) {
        fprintf(stderr, "records were lost\n");
        exit(1);
    }
}

/* Counts an event. Nothing is printed, so that the terminal is not measured. */
static int32_t count(const bedrock_event *event, void *user) {
    struct total *total = user;
    if (event->type == BEDROCK_EVENT_TEXT) {
        count_text(total, event->text, event->text_len);
    } else if (event->type == BEDROCK_EVENT_MESSAGE_START) {
        count_start(total);
    }
    return 0;
}

static void stream(const char *interface, const bedrock_model *model, struct total *total, int want_response) {
    bedrock_error *error = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    must(bedrock_request_new(request_json, BEDROCK_STRLEN, &request, &error), error, "request");
    if (strcmp(interface, "callback") == 0) {
        must(bedrock_generate_stream(model, request, NULL, count, total, want_response ? &response : NULL, &error),
             error, "stream");
    } else {
        stream_by(interface, model, request, count, total);
    }
    bedrock_response_free(response);
    bedrock_request_free(request);
}

static void many(const char *interface, long streams, const bedrock_model *model, struct total *total) {
    bedrock_error *error = NULL;
    bedrock_request *request = NULL;
    must(bedrock_request_new(request_json, BEDROCK_STRLEN, &request, &error), error, "request");
    open_many(interface, streams, model, request, count, total);
    bedrock_request_free(request);
}

/* The content is arbitrary: only its size matters. */
static void make_image(size_t size) {
    image.bytes = malloc(size);
    if (image.bytes == NULL) {
        perror("image");
        exit(1);
    }
    image.size = size;
    memset(image.bytes, 'x', size);
}

/* A release function that does nothing: the next request uses the bytes again. */
static void keep_image(void *user) {
    (void)user;
}

static void unary(const bedrock_model *model, struct total *total) {
    bedrock_error *error = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    size_t length = 0;
    const char *json = image.size > 0 ? request_with_image : request_json;
    must(bedrock_request_new(json, BEDROCK_STRLEN, &request, &error), error, "request");
    if (image.size > 0) {
        must(bedrock_request_attach(request, "image", image.bytes, image.size, keep_image, NULL, &error), error,
             "attach");
    }
    must(bedrock_generate(model, request, NULL, &response, &error), error, "generate");
    bedrock_response_text(response, &length);
    total->bytes += length;
    bedrock_response_free(response);
    bedrock_request_free(request);
}

int main(int argc, char **argv) {
    const char *url = NULL, *authority = "", *model_id = "burst-1000", *interface = "callback";
    long streams = 0, at_once = 0, unaries = 0, want_response = 0;
    struct total total = {0, 0, 0, 0}, warm = {0, 0, 0, 0};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--first-event") == 0) {
            total.exit_at_text = 1;
        } else if (strcmp(argv[i], "--response") == 0) {
            want_response = 1;
        } else if (strcmp(argv[i], "--observe") == 0) {
            bedrock_set_observer(NULL, 0, observe, NULL, NULL, NULL);
        } else if (strcmp(argv[i], "--url") == 0) {
            url = value, i++;
        } else if (strcmp(argv[i], "--authority") == 0) {
            authority = value, i++;
        } else if (strcmp(argv[i], "--model") == 0) {
            model_id = value, i++;
        } else if (strcmp(argv[i], "--streams") == 0) {
            streams = strtol(value, NULL, 10), i++;
        } else if (strcmp(argv[i], "--open") == 0) {
            at_once = strtol(value, NULL, 10), i++;
        } else if (strcmp(argv[i], "--interface") == 0) {
            interface = value, i++;
        } else if (strcmp(argv[i], "--unary") == 0) {
            unaries = strtol(value, NULL, 10), i++;
        } else if (strcmp(argv[i], "--image") == 0) {
            make_image(strtoul(value, NULL, 10)), i++;
        } else {
            url = NULL;
            break;
        }
    }
    if (url == NULL || (streams > 0) + (at_once > 0) + (unaries > 0) + total.exit_at_text != 1) {
        fprintf(stderr, "usage: stream --url URL [--model ID] [--authority FILE] [--interface NAME] [--observe] [--response]"
                        " --streams N | --open N | --unary N [--image BYTES] | --first-event\n");
        return 2;
    }

    alarm(600); /* Ends a program that hangs. */
    char config[1024];
    int length = snprintf(config, sizeof config,
                          "{\"model\":\"%s\",\"api_key\":\"test\",\"secret_key\":\"test\","
                          "\"region\":\"us-east-1\",\"base_url\":\"%s\"%s%s%s}",
                          model_id, url, *authority ? ",\"ca_file\":\"" : "", authority, *authority ? "\"" : "");
    if (length < 0 || (size_t)length >= sizeof config) {
        fprintf(stderr, "the URL and the model id are too long\n");
        return 2;
    }
    bedrock_error *error = NULL;
    bedrock_model *model = NULL;
    must(bedrock_model_new(config, (size_t)length, &model, &error), error, "model");

    if (total.exit_at_text) {
        stream(interface, model, &total, 0);
        fprintf(stderr, "the stream held no text\n");
        return 1;
    }

    unary(model, &warm); /* opens the connection and fills every cache; the steady state follows */
    begin(&total);
    for (long i = 0; i < streams; i++) {
        stream(interface, model, &total, want_response != 0);
    }
    if (at_once > 0) {
        total.to_begin = at_once;
        many(interface, at_once, model, &total);
    }
    for (long i = 0; i < unaries; i++) {
        unary(model, &total);
    }
    print_results(&total, streams + at_once + unaries);
    bedrock_model_free(model);
    free(image.bytes);
    return 0;
}
