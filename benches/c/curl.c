/* A C program without libbedrock: libcurl for HTTP, TLS and signing, and the rest by hand. It accepts some options of
 * stream.c, and prints the same line:
 *
 *     cc -O2 benches/c/curl.c $(pkg-config --cflags --libs libcurl) -o curl
 *     ./curl --url http://127.0.0.1:8123 --model burst-1000 --streams 20
 *
 *   --streams N        N streams, one after the other on one connection
 *   --open N           N streams at once, by curl_multi; measured after all have begun
 *   --first-event      a cold start: one stream, at whose first text the process exits
 *   --authority FILE   certificates to trust, instead of the system's trust store
 *
 * Both checksums of each frame are checked, and texts are decoded. It has no retries, no timers, no credentials except
 * static ones, no error details and no assembled response, and it reads only two types of events.
 */
#define _GNU_SOURCE /* memmem */
#include <curl/curl.h>
#include <string.h>

#include "measure.h"

static const char request_json[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}]}";

enum { PRELUDE = 12, CHECKSUM = 4, LONGEST_FRAME = 24 << 20 };

/* A response in progress, with the beginning of an incomplete frame. */
struct response {
    CURL *easy;
    struct total *total;
    unsigned char *partial;
    size_t length, capacity;
    int stopped; /* messageStop has arrived */
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* Tables for CRC32, eight bytes at a time. */
static uint32_t tables[8][256];

static void make_tables(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int table = 1; table < 8; table++) {
            tables[table][i] = tables[table - 1][i] >> 8 ^ tables[0][tables[table - 1][i] & 255];
        }
    }
}

static uint32_t crc32_of(const unsigned char *bytes, size_t length) {
    uint32_t crc = ~0u;
    for (; length >= 8; bytes += 8, length -= 8) {
        uint32_t low, high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
        low ^= crc;
        crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^ tables[4][low >> 24]
            ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^ tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
    }
    for (; length > 0; length--) {
        crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 255];
    }
    return ~crc;
}

static uint32_t number(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Returns the value of a text header. */
static const char *header(const unsigned char *headers, size_t length, const char *name, size_t *value_length) {
    size_t wanted = strlen(name), at = 0;
    while (at < length) {
        size_t name_length = headers[at], value_at = at + 1 + name_length + 3;
        if (value_at > length || headers[value_at - 3] != 7) {
            fail("frame", "a header is not a text");
        }
        size_t size = (size_t)headers[value_at - 2] << 8 | headers[value_at - 1];
        if (value_at + size > length) {
            fail("frame", "a header is cut off");
        }
        if (name_length == wanted && memcmp(headers + at + 1, name, wanted) == 0) {
            *value_length = size;
            return (const char *)headers + value_at;
        }
        at = value_at + size;
    }
    fail("frame", "a header is missing");
    return NULL;
}

static int hex4(const char *digits, unsigned *out) {
    *out = 0;
    for (int i = 0; i < 4; i++) {
        static const char all[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = memchr(all, digits[i], sizeof all - 1);
        if (digit == NULL) {
            return 0;
        }
        *out = *out << 4 | (unsigned)((digit - all) & 15);
    }
    return 1;
}

/* Decodes a JSON string, without its opening quotation mark, into out. Surrogate pairs are not decoded. */
static size_t decode(const char *from, const char *end, char *out) {
    char *to = out;
    while (from < end && *from != '"') {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        if (++from == end) {
            break;
        }
        unsigned code;
        switch (*from++) {
        case 'n': *to++ = '\n'; break;
        case 't': *to++ = '\t'; break;
        case 'r': *to++ = '\r'; break;
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'u':
            if (end - from < 4 || !hex4(from, &code)) {
                fail("event", "a bad escape");
            }
            from += 4;
            if (code < 0x80) {
                *to++ = (char)code;
            } else if (code < 0x800) {
                *to++ = (char)(0xc0 | code >> 6), *to++ = (char)(0x80 | (code & 63));
            } else {
                *to++ = (char)(0xe0 | code >> 12), *to++ = (char)(0x80 | (code >> 6 & 63));
                *to++ = (char)(0x80 | (code & 63));
            }
            break;
        default: *to++ = from[-1];
        }
    }
    *to = '\0';
    return (size_t)(to - out);
}

static void read_frame(struct response *response, const unsigned char *frame, size_t total) {
    static char text[LONGEST_FRAME];
    static const char before[] = "\"text\":\"";
    size_t headers = number(frame + 4), type_length;
    if (crc32_of(frame, total - CHECKSUM) != number(frame + total - CHECKSUM)) {
        fail("frame", "a wrong checksum");
    }
    const char *type = header(frame + PRELUDE, headers, ":event-type", &type_length);
    const char *payload = (const char *)frame + PRELUDE + headers, *end = (const char *)frame + total - CHECKSUM;
    if (type_length == 17 && memcmp(type, "contentBlockDelta", 17) == 0) {
        const char *at = memmem(payload, (size_t)(end - payload), before, sizeof before - 1);
        if (at != NULL) {
            size_t length = decode(at + sizeof before - 1, end, text);
            count_text(response->total, text, length);
        }
    } else if (type_length == 12 && memcmp(type, "messageStart", 12) == 0) {
        count_start(response->total);
    } else if (type_length == 11 && memcmp(type, "messageStop", 11) == 0) {
        response->stopped = 1;
    }
}

/* Returns the length of the first frame, or 0 if it is incomplete. */
static size_t frame_length(const unsigned char *bytes, size_t length) {
    if (length < PRELUDE) {
        return 0;
    }
    size_t total = number(bytes);
    if (crc32_of(bytes, 8) != number(bytes + 8)) {
        fail("frame", "a wrong checksum of the prelude");
    }
    if (total < PRELUDE + CHECKSUM || total > LONGEST_FRAME || number(bytes + 4) > total - PRELUDE - CHECKSUM) {
        fail("frame", "an impossible length");
    }
    return total <= length ? total : 0;
}

static size_t receive(char *data, size_t one, size_t length, void *user) {
    struct response *response = user;
    const unsigned char *bytes = (const unsigned char *)data;
    size_t rest = length * one, total;
    if (response->length > 0) {
        if (response->length + rest > response->capacity) {
            response->capacity = 2 * (response->length + rest);
            response->partial = realloc(response->partial, response->capacity);
            if (response->partial == NULL) {
                fail("memory", "out of memory");
            }
        }
        memcpy(response->partial + response->length, bytes, rest);
        rest += response->length;
        bytes = response->partial;
    }
    while ((total = frame_length(bytes, rest)) > 0) {
        read_frame(response, bytes, total);
        bytes += total;
        rest -= total;
    }
    if (rest > response->capacity) {
        response->capacity = 2 * rest;
        unsigned char *partial = malloc(response->capacity);
        if (partial == NULL) {
            fail("memory", "out of memory");
        }
        memcpy(partial, bytes, rest);
        free(response->partial);
        response->partial = partial;
    } else if (rest > 0) {
        memmove(response->partial, bytes, rest);
    }
    response->length = rest;
    return length * one;
}

static CURL *prepare(const char *url, const char *authority, struct curl_slist *headers, struct response *response) {
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        fail("curl", "no handle");
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_json);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:bedrock");
    curl_easy_setopt(easy, CURLOPT_USERPWD, "test:test");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, response);
    if (*authority) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, authority);
    }
    response->easy = easy;
    return easy;
}

/* Fails unless the response is complete. */
static void check(const struct response *response, CURLcode result) {
    long status = 0;
    curl_easy_getinfo(response->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        fail("curl", curl_easy_strerror(result));
    }
    if (status != 200 || !response->stopped || response->length > 0) {
        fail("stream", "it is not complete");
    }
}

static void many(long count, const char *url, const char *authority, struct curl_slist *headers, struct total *total) {
    struct response *responses = calloc((size_t)count, sizeof *responses);
    CURLM *multi = curl_multi_init();
    int running = 0, queued;
    if (responses == NULL || multi == NULL) {
        fail("memory", "out of memory");
    }
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, count);
    for (long i = 0; i < count; i++) {
        responses[i].total = total;
        curl_multi_add_handle(multi, prepare(url, authority, headers, &responses[i]));
    }
    do {
        CURLMcode result = curl_multi_perform(multi, &running);
        if (result == CURLM_OK && running > 0) {
            result = curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
        if (result != CURLM_OK) {
            fail("curl", curl_multi_strerror(result));
        }
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &queued)) != NULL;) {
            struct response *response = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &response);
            check(response, message->data.result);
        }
    } while (running > 0);
    for (long i = 0; i < count; i++) {
        curl_multi_remove_handle(multi, responses[i].easy);
        curl_easy_cleanup(responses[i].easy);
        free(responses[i].partial);
    }
    curl_multi_cleanup(multi);
    free(responses);
}

int main(int argc, char **argv) {
    const char *url = NULL, *authority = "", *model_id = "burst-1000";
    long streams = 0, at_once = 0;
    struct total total = {0, 0, 0, 0}, warm = {0, 0, 0, 0};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--first-event") == 0) {
            total.exit_at_text = 1;
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
        } else {
            url = NULL;
            break;
        }
    }
    if (url == NULL || (streams > 0) + (at_once > 0) + total.exit_at_text != 1) {
        fprintf(stderr, "usage: curl --url URL [--model ID] [--authority FILE]"
                        " --streams N | --open N | --first-event\n");
        return 2;
    }

    alarm(600); /* Ends a program that hangs. */
    char path[1024], warm_path[1024];
    snprintf(path, sizeof path, "%s/model/%s/converse-stream", url, model_id);
    snprintf(warm_path, sizeof warm_path, "%s/model/burst-1/converse-stream", url);
    make_tables();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
    struct response response = {NULL, &total, NULL, 0, 0, 0};
    CURL *easy = prepare(path, authority, headers, &response);

    if (total.exit_at_text) {
        check(&response, curl_easy_perform(easy));
        fail("stream", "it held no text");
    }

    /* Opens the connection. The steady state follows. */
    response.total = &warm;
    curl_easy_setopt(easy, CURLOPT_URL, warm_path);
    check(&response, curl_easy_perform(easy));
    response.total = &total;
    curl_easy_setopt(easy, CURLOPT_URL, path);
    begin(&total);
    for (long i = 0; i < streams; i++) {
        response.stopped = 0;
        check(&response, curl_easy_perform(easy));
    }
    if (at_once > 0) {
        total.to_begin = at_once;
        many(at_once, path, authority, headers, &total);
    }
    print_results(&total, streams + at_once);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    free(response.partial);
    return 0;
}
