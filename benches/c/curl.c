/* What a C programmer would write in place of libbedrock: libcurl for HTTP, TLS and signing, and the rest by hand. It
 * takes the options of stream.c as far as they make sense here, and prints the same line:
 *
 *     cc -O2 benches/c/curl.c $(pkg-config --cflags --libs libcurl) -o curl
 *     ./curl --url http://127.0.0.1:8123 --model burst-1000 --streams 20
 *
 *   --streams N     N answers that stream, one after the other on one connection
 *   --open N        N answers that stream, all at once, by curl_multi; measured from when the last of them has begun
 *   --first-event   one stream, left at its first piece of text: a cold start
 *   --authority F   whom to trust, instead of the system's trust store
 *
 * Every frame is checked as the protocol asks for, prelude and message, and texts are decoded. What is not there:
 * retries, credentials that are not static, timers, errors that say anything, an assembled answer, and every event but
 * two.
 */
#define _GNU_SOURCE /* memmem */
#include <curl/curl.h>
#include <string.h>

#include "measure.h"

static const char question[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}]}";

enum { PRELUDE = 12, CHECKSUM = 4, LONGEST_FRAME = 24 << 20 };

/* An answer on its way: the beginning of a frame whose end has not come. */
struct answer {
    CURL *easy;
    struct total *total;
    unsigned char *partial;
    size_t length, room;
    int stopped; /* messageStop has come */
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* CRC32, eight bytes at a time. */
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

/* The value of a text header. */
static const char *header(const unsigned char *headers, size_t length, const char *name, size_t *value_length) {
    size_t wanted = strlen(name), at = 0;
    while (at < length) {
        size_t name_length = headers[at], value_at = at + 1 + name_length + 3;
        if (value_at > length || headers[value_at - 3] != 7) {
            fail("frame", "a header that is no text");
        }
        size_t size = (size_t)headers[value_at - 2] << 8 | headers[value_at - 1];
        if (value_at + size > length) {
            fail("frame", "a header that is cut off");
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

/* Decodes the JSON string that begins behind its quotation mark into out. Surrogate pairs are left out. */
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

static void take_frame(struct answer *answer, const unsigned char *frame, size_t total) {
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
            take_text(answer->total, text, length);
        }
    } else if (type_length == 12 && memcmp(type, "messageStart", 12) == 0) {
        take_start(answer->total);
    } else if (type_length == 11 && memcmp(type, "messageStop", 11) == 0) {
        answer->stopped = 1;
    }
}

/* The length of the frame that bytes begin with; 0 where it has not all come. */
static size_t whole(const unsigned char *bytes, size_t length) {
    if (length < PRELUDE) {
        return 0;
    }
    size_t total = number(bytes);
    if (crc32_of(bytes, 8) != number(bytes + 8)) {
        fail("frame", "a wrong checksum of its prelude");
    }
    if (total < PRELUDE + CHECKSUM || total > LONGEST_FRAME || number(bytes + 4) > total - PRELUDE - CHECKSUM) {
        fail("frame", "an impossible length");
    }
    return total <= length ? total : 0;
}

static size_t receive(char *data, size_t one, size_t length, void *user) {
    struct answer *answer = user;
    const unsigned char *bytes = (const unsigned char *)data;
    size_t rest = length * one, total;
    if (answer->length > 0) {
        if (answer->length + rest > answer->room) {
            answer->room = 2 * (answer->length + rest);
            answer->partial = realloc(answer->partial, answer->room);
            if (answer->partial == NULL) {
                fail("memory", "there is none");
            }
        }
        memcpy(answer->partial + answer->length, bytes, rest);
        rest += answer->length;
        bytes = answer->partial;
    }
    while ((total = whole(bytes, rest)) > 0) {
        take_frame(answer, bytes, total);
        bytes += total;
        rest -= total;
    }
    if (rest > answer->room) {
        answer->room = 2 * rest;
        unsigned char *room = malloc(answer->room);
        if (room == NULL) {
            fail("memory", "there is none");
        }
        memcpy(room, bytes, rest);
        free(answer->partial);
        answer->partial = room;
    } else if (rest > 0) {
        memmove(answer->partial, bytes, rest);
    }
    answer->length = rest;
    return length * one;
}

static CURL *prepare(const char *url, const char *authority, struct curl_slist *headers, struct answer *answer) {
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        fail("curl", "no handle");
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, question);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:bedrock");
    curl_easy_setopt(easy, CURLOPT_USERPWD, "test:test");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, answer);
    if (*authority) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, authority);
    }
    answer->easy = easy;
    return easy;
}

/* That an answer has come, and come to its end. */
static void check(const struct answer *answer, CURLcode result) {
    long status = 0;
    curl_easy_getinfo(answer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        fail("curl", curl_easy_strerror(result));
    }
    if (status != 200 || !answer->stopped || answer->length > 0) {
        fail("stream", "it is not complete");
    }
}

static void many(long count, const char *url, const char *authority, struct curl_slist *headers, struct total *total) {
    struct answer *answers = calloc((size_t)count, sizeof *answers);
    CURLM *multi = curl_multi_init();
    int running = 0, queued;
    if (answers == NULL || multi == NULL) {
        fail("memory", "there is none");
    }
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, count);
    for (long i = 0; i < count; i++) {
        answers[i].total = total;
        curl_multi_add_handle(multi, prepare(url, authority, headers, &answers[i]));
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
            struct answer *answer = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &answer);
            check(answer, message->data.result);
        }
    } while (running > 0);
    for (long i = 0; i < count; i++) {
        curl_multi_remove_handle(multi, answers[i].easy);
        curl_easy_cleanup(answers[i].easy);
        free(answers[i].partial);
    }
    curl_multi_cleanup(multi);
    free(answers);
}

int main(int argc, char **argv) {
    const char *url = NULL, *authority = "", *model_id = "burst-1000";
    long streams = 0, at_once = 0;
    struct total total = {0, 0, 0, 0}, warm = {0, 0, 0, 0};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--first-event") == 0) {
            total.leave = 1;
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
    if (url == NULL || (streams > 0) + (at_once > 0) + total.leave != 1) {
        fprintf(stderr, "usage: curl --url URL [--model ID] [--authority FILE]"
                        " --streams N | --open N | --first-event\n");
        return 2;
    }

    alarm(600); /* A program that hangs ends after this time. */
    char path[1024], warm_path[1024];
    snprintf(path, sizeof path, "%s/model/%s/converse-stream", url, model_id);
    snprintf(warm_path, sizeof warm_path, "%s/model/burst-1/converse-stream", url);
    make_tables();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
    struct answer answer = {NULL, &total, NULL, 0, 0, 0};
    CURL *easy = prepare(path, authority, headers, &answer);

    if (total.leave) {
        check(&answer, curl_easy_perform(easy));
        fail("stream", "it held no text");
    }

    /* Opens the connection; what follows is the steady state. */
    answer.total = &warm;
    curl_easy_setopt(easy, CURLOPT_URL, warm_path);
    check(&answer, curl_easy_perform(easy));
    answer.total = &total;
    curl_easy_setopt(easy, CURLOPT_URL, path);
    begin(&total);
    for (long i = 0; i < streams; i++) {
        answer.stopped = 0;
        check(&answer, curl_easy_perform(easy));
    }
    if (at_once > 0) {
        total.to_begin = at_once;
        many(at_once, path, authority, headers, &total);
    }
    tell(&total, streams + at_once);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    free(answer.partial);
    return 0;
}
