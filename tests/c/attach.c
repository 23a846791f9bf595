/* attach.c - bytes by pointer: "@name" in the JSON becomes the base64 of the bytes that are attached under that name.
 *
 *     attach URL      a service whose response is the body of the request */
#include "check.h"

#include <pthread.h>

#define IMAGE "{\"messages\":[{\"role\":\"user\",\"content\":[{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":"
#define IMAGE_END "}}},{\"text\":\"@picture is no reference here\"}]}]}"

static bedrock_model *model;
static bedrock_error *error;

static bedrock_request *request_of(const char *json)
{
    bedrock_request *request = NULL;

    CHECK_OK(bedrock_request_new(json, BEDROCK_STRLEN, &request, &error), error);
    return request;
}

static void fill(unsigned char *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 31 + (i >> 8) * 17 + len);
}

/* Returns the value of a base64 digit, or -1 for another character. */
static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* Checks that text, up to its closing quote, is the base64 of these bytes with padding. Returns the text after the
 * quote. */
static const char *check_base64(const char *text, const unsigned char *bytes, size_t len)
{
    size_t i = 0;

    for (; *text != '\0' && *text != '"'; text += 4) {
        int a = digit(text[0]), b = digit(text[1]), c = digit(text[2]), d = c < -1 ? -1 : digit(text[3]);
        size_t count = d >= 0 ? 3 : c >= 0 ? 2 : 1;
        unsigned long bits = (unsigned long)a << 18 | (unsigned long)b << 12 | (c < 0 ? 0UL : (unsigned long)c << 6)
            | (d < 0 ? 0UL : (unsigned long)d);

        if (!CHECK(a >= 0 && b >= 0 && (d >= 0 || text[3] == '=') && (c >= 0 || text[2] == '=') && i + count <= len))
            return "";
        CHECK(bytes[i] == (bits >> 16 & 255));
        CHECK(count < 2 || bytes[i + 1] == (bits >> 8 & 255));
        CHECK(count < 3 || bytes[i + 2] == (bits & 255));
        i += count;
        CHECK(count == 3 || i == len);
    }
    CHECK_INT(i, len);
    return *text == '"' ? text + 1 : "";
}

static void check_body(bedrock_request *request, const unsigned char *bytes, size_t len)
{
    size_t length = 0;
    const char *body = bedrock_request_body(request, model, &length, &error);

    if (!CHECK(body != NULL) || !CHECK(error == NULL))
        return;
    CHECK_INT(length, strlen(body));
    CHECK(strncmp(body, IMAGE "\"", strlen(IMAGE) + 1) == 0);
    CHECK_TEXT(check_base64(body + strlen(IMAGE) + 1, bytes, len), IMAGE_END);
}

/* An attachment may be empty, but an empty image is an error. */
static void empty(void)
{
    bedrock_request *request = request_of(IMAGE "\"@picture\"" IMAGE_END);

    CHECK_OK(bedrock_request_attach(request, "picture", "", 0, NULL, NULL, &error), error);
    CHECK(bedrock_request_body(request, model, NULL, &error) == NULL);
    CHECK_FAILS(bedrock_error_status(error), BEDROCK_E_REQUEST, &error, "/messages/0/content/0/image/source/bytes",
                "the attachment is empty");
    bedrock_request_free(request);
}

/* Attachments of every small size, because padding depends on it, and of large sizes. */
static void sizes(void)
{
    static const size_t large[] = {1000, 4095, 4096, 4097, 65537, 1 << 20};
    unsigned char *bytes = malloc(1 << 20);
    size_t i;

    for (i = 0; i < 60 + sizeof large / sizeof large[0]; i++) {
        size_t len = i < 60 ? i + 1 : large[i - 60];
        bedrock_request *request = request_of(IMAGE "\"@picture\"" IMAGE_END);

        fill(bytes, len);
        CHECK_OK(bedrock_request_attach(request, "picture", bytes, len, NULL, NULL, &error), error);
        check_body(request, bytes, len);
        bedrock_request_free(request);
    }
    free(bytes);
}

struct passed {
    unsigned char bytes[300];
    int releases;
    pthread_t thread;
};

static void release(void *user)
{
    struct passed *passed = user;

    passed->releases++;
    passed->thread = pthread_self();
    memset(passed->bytes, '#', sizeof passed->bytes);
}

/* Without a release function the bytes are copied at once; with one they are read when a body is made. */
static void copied_or_lent(void)
{
    struct passed passed;
    unsigned char original[sizeof passed.bytes];
    bedrock_request *request = request_of(IMAGE "\"@picture\"" IMAGE_END);

    fill(original, sizeof original);
    memcpy(passed.bytes, original, sizeof original);
    passed.releases = 0;
    CHECK_OK(bedrock_request_attach(request, "picture", passed.bytes, sizeof passed.bytes, NULL, NULL, &error), error);
    memset(passed.bytes, '#', sizeof passed.bytes);
    check_body(request, original, sizeof original);
    bedrock_request_free(request);

    request = request_of(IMAGE "\"@picture\"" IMAGE_END);
    CHECK_OK(bedrock_request_attach(request, "picture", passed.bytes, sizeof passed.bytes, release, &passed, &error), error);
    memcpy(passed.bytes, original, sizeof original);
    check_body(request, original, sizeof original);
    check_body(request, original, sizeof original);
    CHECK_INT(passed.releases, 0);
    bedrock_request_free(request);
    CHECK_INT(passed.releases, 1);
    CHECK(pthread_equal(passed.thread, pthread_self()));
}

/* The bytes are released when the last of a request and its clones is freed. */
static void clones(void)
{
    struct passed passed;
    unsigned char original[sizeof passed.bytes];
    bedrock_request *request = request_of(IMAGE "\"@picture\"" IMAGE_END), *clone = NULL, *grandchild = NULL;

    fill(original, sizeof original);
    memcpy(passed.bytes, original, sizeof original);
    passed.releases = 0;
    CHECK_OK(bedrock_request_attach(request, "picture", passed.bytes, sizeof passed.bytes, release, &passed, &error), error);
    CHECK_OK(bedrock_request_clone(request, &clone, &error), error);
    CHECK_OK(bedrock_request_clone(clone, &grandchild, &error), error);
    /* Each of them has one name already, and does not have another one. */
    CHECK_FAILS(bedrock_request_attach(clone, "picture", "x", 1, NULL, NULL, &error), BEDROCK_E_REQUEST, &error, NULL,
                "\"picture\"");
    CHECK_OK(bedrock_request_attach(clone, "other", "x", 1, NULL, NULL, &error), error);
    CHECK_OK(bedrock_request_attach(request, "other", "y", 1, NULL, NULL, &error), error);
    bedrock_request_free(request);
    bedrock_request_free(clone);
    CHECK_INT(passed.releases, 0);
    check_body(grandchild, original, sizeof original);
    bedrock_request_free(grandchild);
    CHECK_INT(passed.releases, 1);
}

static void names(void)
{
    bedrock_request *request = request_of(
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"document\":{\"source\":{\"bytes\":\"@caf\\u00e9 \\\"1\\\".pdf\"}}},"
        "{\"video\":{\"source\":{\"bytes\":\"@v\"}}},{\"image\":{\"source\":{\"bytes\":\"@v\"}}},"
        "{\"image\":{\"source\":{\"bytes\":\"QUJD\"}}},{\"text\":\"@v\"}]}],"
        "\"additionalModelRequestFields\":{\"a/b\":[{\"bytes\":\"@v\"}]}}");
    size_t len;

    CHECK_OK(bedrock_request_attach(request, "caf\xc3\xa9 \"1\".pdf", "pdf", 3, NULL, NULL, &error), error);
    /* Names are looked up when a body is made. The path of the error points to a missing one. */
    CHECK(bedrock_request_body(request, model, &len, &error) == NULL);
    CHECK_INT(len, 0);
    CHECK_FAILS(bedrock_error_status(error), BEDROCK_E_REQUEST, &error, "/messages/0/content/1/video/source/bytes",
                "\"@v\"");
    CHECK_OK(bedrock_request_attach(request, "v", "vid", 3, NULL, NULL, &error), error);
    CHECK_TEXT(bedrock_request_body(request, model, NULL, &error),
               "{\"messages\":[{\"role\":\"user\",\"content\":[{\"document\":{\"source\":{\"bytes\":\"cGRm\"}}},"
               "{\"video\":{\"source\":{\"bytes\":\"dmlk\"}}},{\"image\":{\"source\":{\"bytes\":\"dmlk\"}}},"
               "{\"image\":{\"source\":{\"bytes\":\"QUJD\"}}},{\"text\":\"@v\"}]}],"
               "\"additionalModelRequestFields\":{\"a/b\":[{\"bytes\":\"@v\"}]}}");
    /* In free-form JSON a member "bytes" may have any meaning. */
    bedrock_request_free(request);

    request = request_of("{\"a/b\":[{\"bytes\":\"@v\"}]}");
    CHECK_OK(bedrock_request_add_text(request, "user", "Hi", BEDROCK_STRLEN, &error), error);
    CHECK(bedrock_request_body(request, model, NULL, &error) == NULL);
    CHECK_FAILS(bedrock_error_status(error), BEDROCK_E_REQUEST, &error, "/a~1b/0/bytes", "nothing is attached");
    bedrock_request_free(request);
}

/* bedrock_request_body returns the body that is sent: the service echoes it. */
static void sent(const char *url)
{
    bedrock_model *local = check_local(url);
    bedrock_request *request = request_of(IMAGE "\"@picture\"" IMAGE_END);
    bedrock_response *response = NULL;
    unsigned char *bytes = malloc(1 << 20);

    fill(bytes, 1 << 20);
    CHECK_OK(bedrock_request_attach(request, "picture", bytes, 1 << 20, free, bytes, &error), error);
    CHECK_OK(bedrock_generate(local, request, NULL, &response, &error), error);
    CHECK(strcmp(bedrock_response_text(response, NULL), bedrock_request_body(request, local, NULL, NULL)) == 0);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(local);
}

static bedrock_request *visited;
static int visits;

/* A release function that uses the request that it was passed with. */
static void visit(void *user)
{
    (void)user;
    visits++;
    if (visited != NULL)
        bedrock_request_message_count(visited);
}

/* The bytes of a block are released with the last message that contains it, while the request is not locked. */
static void released_with_their_blocks(void)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    bedrock_request *request = check_request("What is this?"), *branch = NULL, *removed = NULL;
    bedrock_error *error = NULL;

    visited = request;
    visits = 0;
    CHECK_OK(bedrock_request_add_image(request, "user", NULL, png, sizeof png, visit, NULL, &error), error);
    CHECK_OK(bedrock_request_add_text(request, "assistant", "A picture.", BEDROCK_STRLEN, &error), error);
    CHECK_OK(bedrock_request_add_document(request, "user", "txt", "a", "text", 4, visit, NULL, &error), error);
    CHECK_OK(bedrock_request_attach(request, "mine", png, sizeof png, visit, NULL, &error), error);
    CHECK_OK(bedrock_request_clone(request, &branch, &error), error);
    CHECK_OK(bedrock_request_trim(request, 1, NULL, &error), error);
    CHECK_INT(visits, 0); /* the clone has the image */
    CHECK_OK(bedrock_request_trim(branch, 1, &removed, &error), error);
    CHECK_INT(visits, 0); /* the removed messages have the image */
    CHECK_INT(bedrock_request_message_count(removed), 2);
    bedrock_request_free(removed);
    CHECK_INT(visits, 1);
    CHECK_OK(bedrock_request_remove_messages(request, 0, 1, &error), error);
    CHECK_OK(bedrock_request_remove(branch, "messages", &error), error);
    CHECK_INT(visits, 2); /* an attachment with a name from the program stays */
    visited = NULL;
    bedrock_request_free(request);
    bedrock_request_free(branch);
    CHECK_INT(visits, 3);
}

int main(int argc, char **argv)
{
    model = check_scripted("[\"Seen.\"]");
    empty();
    sizes();
    copied_or_lent();
    clones();
    names();
    released_with_their_blocks();
    if (CHECK(argc == 2))
        sent(argv[1]);
    bedrock_model_free(model);
    return check_end();
}
