/* A C program that reads and writes JSON with libbedrock, measured by `cargo bench`:
 *
 *     cc -O2 -Iinclude benches/c/json.c -Ltarget/release -lbedrock -o json
 *     ./json numbers 100
 *
 *   numbers N       reads an array of 1,024 numbers by bedrock_json_numbers, N times
 *   loop N          the same with a loop over bedrock_json_next
 *   pointers N      the same with a JSON pointer for each number
 *   native N BYTES  makes a request with an image of that size in base64, and calls a scripted model, N times
 *   chat N BYTES    the same in the chat-completions form
 *   memchr N BYTES  searches as much base64 N times for a byte that it does not contain
 *
 * It prints the time, without that of the preparation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bedrock.h"

#define NUMBERS 1024

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

/* Returns the response of an embedding model. */
static char *embedding(void) {
    char *text = malloc(NUMBERS * 24 + 100), *at = text;
    unsigned seed = 1;
    at += sprintf(at, "{\"embedding\":[");
    for (int i = 0; i < NUMBERS; i++) {
        seed = seed * 1103515245u + 12345u;
        at += sprintf(at, "%s%.17g", i > 0 ? "," : "", (double)seed / 4294967296.0 - 0.5);
    }
    sprintf(at, "],\"inputTextTokenCount\":7}");
    return text;
}

static void read_numbers(const char *how, long times) {
    static double out[NUMBERS];
    char *text = embedding(), pointer[64];
    size_t length = strlen(text);
    int64_t began = now_ns();
    for (long i = 0; i < times; i++) {
        size_t count = 0;
        if (strcmp(how, "numbers") == 0) {
            count = bedrock_json_numbers(text, length, "/embedding", out, NUMBERS);
        } else if (strcmp(how, "loop") == 0) {
            bedrock_json_item item = {0};
            while (bedrock_json_next(text, length, "/embedding", &item, sizeof item) != BEDROCK_JSON_NONE) {
                out[count++] = bedrock_json_number(item.value, item.value_len, "", 0);
            }
        } else {
            for (; count < NUMBERS; count++) {
                snprintf(pointer, sizeof pointer, "/embedding/%lu", (unsigned long)count);
                out[count] = bedrock_json_number(text, length, pointer, 0);
            }
        }
        must(count == NUMBERS && out[NUMBERS - 1] != 0, how);
    }
    printf("wall_ns=%lld\n", (long long)(now_ns() - began));
    free(text);
}

/* Returns a copy of the base64 between two texts. */
static char *around(const char *before, const char *base64, const char *after) {
    char *text = malloc(strlen(before) + strlen(base64) + strlen(after) + 1);
    strcpy(text, before);
    strcat(text, base64);
    return strcat(text, after);
}

static char *base64_of(size_t size) {
    unsigned char *image = malloc(size);
    char *quoted = malloc(size / 3 * 4 + 10);
    for (size_t i = 0; i < size; i++) {
        image[i] = (unsigned char)(i * 7 + i / 256);
    }
    must(bedrock_json_quote_bytes(image, size, quoted, size / 3 * 4 + 10) < size / 3 * 4 + 10, "base64");
    free(image);
    return quoted;
}

static void send_image(const char *how, long times, size_t size) {
    char *base64 = base64_of(size), *text;
    if (strcmp(how, "native") == 0) {
        text = around("{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"},"
                      "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":",
                      base64, "}}}]}]}");
    } else {
        text = around("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"},"
                      "{\"type\":\"image\",\"mime_type\":\"image/png\",\"data\":",
                      base64, "}]}]}");
    }
    bedrock_model *model = NULL;
    const char *config = "{\"model\": \"m\", \"transport\": {\"replies\": [\"Hello.\"], \"repeat\": true}}";
    must(bedrock_model_new(config, BEDROCK_STRLEN, &model, NULL) == BEDROCK_OK, "model");
    size_t length = strlen(text);
    int64_t began = now_ns();
    for (long i = 0; i < times; i++) {
        bedrock_request *request = NULL;
        bedrock_response *response = NULL;
        must(bedrock_request_new(text, length, &request, NULL) == BEDROCK_OK, "request");
        must(bedrock_generate(model, request, NULL, &response, NULL) == BEDROCK_OK, "generate");
        bedrock_response_free(response);
        bedrock_request_free(request);
    }
    printf("wall_ns=%lld\n", (long long)(now_ns() - began));
    bedrock_model_free(model);
    free(text);
    free(base64);
}

static void search(long times, size_t size) {
    char *base64 = base64_of(size);
    size_t length = strlen(base64);
    int64_t began = now_ns();
    for (long i = 0; i < times; i++) {
        /* The byte changes, so that the compiler keeps each pass. */
        must(memchr(base64, "@-._"[i % 4], length) == NULL, "memchr");
    }
    printf("wall_ns=%lld\n", (long long)(now_ns() - began));
    free(base64);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    long times = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 3000000;
    if (strcmp(how, "numbers") == 0 || strcmp(how, "loop") == 0 || strcmp(how, "pointers") == 0) {
        read_numbers(how, times);
    } else if (strcmp(how, "native") == 0 || strcmp(how, "chat") == 0) {
        send_image(how, times, size);
    } else if (strcmp(how, "memchr") == 0) {
        search(times, size);
    } else {
        fprintf(stderr, "usage: json numbers|loop|pointers N | native|chat|memchr N BYTES\n");
        return 2;
    }
    return 0;
}
