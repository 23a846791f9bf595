/* bad_input.c - wrong input is rejected at once with a clear error, and nothing is sent.
 *
 *     bad_input URL      a service, which must see the one good call at the end and nothing else
 *
 * The file no.pem in its folder contains no certificate. */
#include "check.h"

#define LENGTH BEDROCK_STRLEN
#define IMPOSSIBLE ((size_t)-2)
#define GOOD "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"The one good call.\"}]}]}"

static const char *url;
static bedrock_model *model;
static bedrock_request *request;
static bedrock_error *error;

/* Checks that a config is rejected: rest is appended to valid members. */
static void config(const char *rest, const char *path, const char *part)
{
    size_t size = strlen(rest) + 200;
    char *whole = malloc(size);
    bedrock_model *out = POISON;

    snprintf(whole, size, "{\"profile\": \"p\", \"%s\": \"%s\", %s}", strstr(rest, "base_url") ? "proxy" : "base_url", url,
             rest);
    CHECK_FAILS(bedrock_model_new(whole, LENGTH, &out, &error), BEDROCK_E_CONFIG, &error, path, part);
    CHECK(out == NULL);
    free(whole);
}

/* Returns 100 KB of a letter between two JSON texts. */
static const char *long_text(const char *before, const char *after)
{
    static char text[100 * 1024 + 200];

    snprintf(text, sizeof text, "%s%0*d%s", before, 100 * 1024, 7, after);
    return text;
}

#define MODEL "\"model\": \"m\", "

static void configs(void)
{
    config("\"profile\": \"q\"", "/profile", "twice");
    config("\"lint\": \"off\"", NULL, "\"model\" is missing");
    config(MODEL "\"reigon\": \"x\"", "/reigon", "did you mean \"region\"?");
    config(MODEL "\"options\": {\"secretkey\": \"x\"}", "/options/secretkey", "did you mean \"secret_key\"?");
    config(MODEL "\"timeouts\": {\"idel\": 5}", "/timeouts/idel", "did you mean \"idle\"?");
    config(MODEL "\"temperature\": 1", "/temperature", "\"defaults\"");
    config(MODEL "\"nothing like it\": 1", "/nothing like it", "known are model");
    config(MODEL "\"a/b~c\": 1", "/a~1b~0c", "\"a/b~c\"");
    config(MODEL "\"api_key\": \"AKID\"", "/api_key", "\"secret_key\"");
    config(MODEL "\"secret_key\": \"s\"", "/secret_key", "\"api_key\"");
    config(MODEL "\"api_key\": null, \"secret_key\": \"s\"", "/api_key", "null");
    config(MODEL "\"ca_file\": \"no.pem\"", "/ca_file", "holds no certificate");
    config(MODEL "\"ca_file\": \"/no/such/file\"", "/ca_file", "/no/such/file");
    config(MODEL "\"base_url\": \"http://example.com\"", "/base_url", "use https://");
    config(MODEL "\"base_url\": \"http://127.0.0.1@example.com\"", "/base_url", NULL);
    config(MODEL "\"base_url\": \"http://127.0.0.1.example.com\"", "/base_url", "use https://");
    config(MODEL "\"base_url\": \"ftp://localhost\"", "/base_url", "https://");
    config(MODEL "\"base_url\": \"http://example.com\", \"allow_http\": true, \"bearer_token\": \"t\"", "/base_url", "bearer");
    config(MODEL "\"user_agent\": \"app\\r\\nx: y\"", "/user_agent", "control character");
    config(MODEL "\"user_agent\": \"caf\xc3\xa9\"", "/user_agent", "ASCII");
    config(MODEL "\"api_key\": \"A\\nB\", \"secret_key\": \"s\"", "/api_key", "control character");
    config(MODEL "\"api_key\": \"A\", \"secret_key\": \"s\\u0000\"", "/secret_key", "control character");
    config(MODEL "\"bearer_token\": \"t\\u007f\"", "/bearer_token", "control character");
    config(MODEL "\"timeout\": \"soon\"", "/timeout", "soon");
    config(MODEL "\"timeout\": -1", "/timeout", NULL);
    config(MODEL "\"retry\": {\"max_attempts\": 0}", "/retry/max_attempts", NULL);
    config(MODEL "\"max_concurrency\": 1.5", "/max_concurrency", "1.5");
    config(MODEL "\"transport\": {}", "/transport", "replies");
    config(MODEL "\"transport\": {\"replies\": [], \"record\": \"a\"}", "/transport/record", "replies");
    config(MODEL "\"transport\": {\"replay\": \"no such file\"}", "/transport/replay", "no such file");
    config(MODEL "\"transport\": {\"replies\": [7]}", "/transport/replies/0", NULL);
    config(MODEL "\"defaults\": {\"a\": 1, \"a\": 2}", "/defaults/a", "twice");
    config("\"model\": \"..\"", "/model", "\"..\"");
    config("\"model\": \"a/../b\"", "/model", "\"..\"");
    config("\"model\": \"a?b\"", "/model", "'?'");
    config("\"model\": \"a%2Fb\"", "/model", "'%'");
    config("\"model\": 7", "/model", "a string");
    /* Messages do not quote a long input completely. */
    config(long_text("\"model\": \"", "\""), "/model", "102400 bytes");
    config(long_text(MODEL "\"region\": \"", "\""), "/region", NULL);
    config(long_text(MODEL "\"", "\": 1"), NULL, "not a known key");
    config(long_text(MODEL "\"timeout\": \"", "\""), "/timeout", NULL);
    config(long_text(MODEL "\"max_concurrency\": 1", ""), "/max_concurrency", NULL);
    config(long_text(MODEL "\"transport\": {\"replies\": [], \"", "\": 1}"), NULL, NULL);
    config(long_text(MODEL "\"defaults\": {\"a\": 1, \"a\": 2, \"", "\": 3}"), "/defaults/a", "twice");
    config(long_text(MODEL "\"defaults\": {\"model\": \"", "\"}"), "/defaults/model", "102400 bytes");
}

/* Passes this text to every function that takes JSON. */
static void all_json(const char *json, size_t len, bedrock_status of_model, bedrock_status of_request, const char *part)
{
    bedrock_model *made = POISON;
    bedrock_request *asked = POISON;

    CHECK_FAILS(bedrock_model_new(json, len, &made, &error), of_model, &error, "", part);
    CHECK(made == NULL);
    made = POISON;
    CHECK_FAILS(bedrock_model_with(model, json, len, &made, &error), of_request, &error, "", part);
    CHECK(made == NULL);
    if (json != NULL) {
        CHECK_FAILS(bedrock_request_new(json, len, &asked, &error), of_request, &error, "", part);
        CHECK(asked == NULL);
    }
    CHECK_FAILS(bedrock_request_set(request, json, len, &error), of_request, &error, "", part);
    CHECK_FAILS(bedrock_request_add_message(request, json, len, &error), of_request, &error, "", part);
}

static void broken(const char *json, const char *part)
{
    all_json(json, LENGTH, BEDROCK_E_CONFIG, BEDROCK_E_REQUEST, part);
}

/* Other languages pass -1 and similar numbers as the length of texts that end with NUL. */
static void lengths_up_to_the_nul(void)
{
    static const size_t lengths[] = {BEDROCK_STRLEN, IMPOSSIBLE, ~(BEDROCK_STRLEN >> 1)};
    bedrock_request *asked = NULL;
    size_t i;

    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        CHECK_OK(bedrock_request_new("{}", lengths[i], &asked, &error), error);
        CHECK_OK(bedrock_request_add_text(asked, "user", "x", lengths[i], &error), error);
        CHECK_TEXT(bedrock_request_json(asked, BEDROCK_ATTACHMENTS_INLINE, NULL, &error),
                   "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]}");
        CHECK(bedrock_json_integer("{\"a\": 7}", lengths[i], "/a", 0) == 7);
        CHECK(bedrock_utf8_length("abc", lengths[i]) == 3);
        CHECK(bedrock_json_quote_bytes("abc", lengths[i], NULL, 0) == BEDROCK_JSON_NOT_FOUND);
        bedrock_request_free(asked);
    }
}

static void texts(void)
{
    static char deep[10000 * 5 + 2];
    size_t i;

    broken("", "line 1, column 1");
    broken("{", "line 1, column 2");
    broken("{\"role\": \"user\",\n \"content\" }", "line 2, column 12");
    broken("{\"a\": 1,}", "line 1, column 9");
    broken("{\"a\": 1} {}", "line 1, column 10");
    broken("{},{}", "line 1, column 3");
    broken("{}],\"system\":[{}", "line 1, column 3");
    broken("{\"a\": \"\x01\"}", "line 1, column 8");
    broken("[]", "object");
    broken("\"text\"", "object");
    for (i = 0; i < 10000; i++)
        memcpy(deep + 5 * i, "{\"a\":", 5);
    broken(deep, "512 levels");

    all_json(NULL, LENGTH, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_INVALID_ARGUMENT, "is NULL");
    all_json(NULL, 7, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_INVALID_ARGUMENT, "is NULL");
    all_json("{}", 1, BEDROCK_E_CONFIG, BEDROCK_E_REQUEST, "line 1, column 2");
    all_json("{}", 3, BEDROCK_E_CONFIG, BEDROCK_E_REQUEST, "line 1, column 3"); /* the NUL is not JSON */
    all_json("{\"\xff\": 1}", LENGTH, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_INVALID_ARGUMENT, "offset 2");
    all_json("{\"\xc3\xa9\": 1}", 3, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_INVALID_ARGUMENT, "offset 2");

#define INVALID(call, part) CHECK_FAILS(call, BEDROCK_E_INVALID_ARGUMENT, &error, "", part)
    INVALID(bedrock_request_add_text(request, NULL, "x", 1, &error), "role is NULL");
    INVALID(bedrock_request_add_text(request, "\xff", "x", 1, &error), "role is not UTF-8");
    INVALID(bedrock_request_add_text(request, "user", NULL, 1, &error), "text is NULL");
    INVALID(bedrock_request_add_text(request, "user", "ab\xf0\x9f\x98", LENGTH, &error), "offset 2");
    INVALID(bedrock_request_add_tool_result(request, NULL, "x", 1, 0, &error), "tool_use_id is NULL");
    INVALID(bedrock_request_add_tool_result(request, "t", NULL, 1, 0, &error), "content is NULL");
    INVALID(bedrock_request_add_tool_result(request, "t", "\xed\xa0\x80", 3, 0, &error), "offset 0");
    INVALID(bedrock_request_attach(request, NULL, "x", 1, NULL, NULL, &error), "name is NULL");
    INVALID(bedrock_request_attach(request, "a", NULL, 1, NULL, NULL, &error), "data is NULL");
    INVALID(bedrock_request_attach(request, "a", "x", LENGTH, NULL, NULL, &error), "impossible length");
    INVALID(bedrock_request_attach(request, "a", "x", IMPOSSIBLE, NULL, NULL, &error), "impossible length");
    INVALID(bedrock_request_add_image(request, NULL, NULL, "x", 1, NULL, NULL, &error), "role is NULL");
    INVALID(bedrock_request_add_image(request, "user", "\xff", "x", 1, NULL, NULL, &error), "format is not UTF-8");
    INVALID(bedrock_request_add_image(request, "user", NULL, NULL, 1, NULL, NULL, &error), "data is NULL");
    INVALID(bedrock_request_add_document(request, "user", NULL, "\xff", "x", 1, NULL, NULL, &error), "name is not UTF-8");
    INVALID(bedrock_request_add_document(request, "user", NULL, "a", "x", IMPOSSIBLE, NULL, NULL, &error), "impossible");
    CHECK_FAILS(bedrock_request_attach(request, "", "x", 1, NULL, NULL, &error), BEDROCK_E_REQUEST, &error, "", "empty");
    CHECK_FAILS(bedrock_request_add_text(request, long_text("", ""), "x", 1, &error), BEDROCK_E_REQUEST, &error, "", "role");
}

static int32_t never(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    CHECK(!"an event came");
    return 1;
}

/* NULL for each parameter of each function that takes pointers. */
static void nulls(void)
{
    bedrock_response *out = POISON;
    bedrock_request *made = POISON;
    bedrock_tool_call call;

    INVALID(bedrock_model_new("{}", LENGTH, NULL, &error), "out is NULL");
    INVALID(bedrock_model_with(model, "{}", LENGTH, NULL, &error), "out is NULL");
    INVALID(bedrock_model_with(NULL, "{}", LENGTH, (bedrock_model **)&out, &error), "the model is NULL");
    CHECK(out == NULL);
    INVALID(bedrock_request_new(NULL, 0, NULL, &error), "out is NULL");
    INVALID(bedrock_request_clone(request, NULL, &error), "out is NULL");
    INVALID(bedrock_request_clone(NULL, &made, &error), "the request is NULL");
    CHECK(made == NULL);
    INVALID(bedrock_request_set(NULL, "{}", LENGTH, &error), "the request is NULL");
    INVALID(bedrock_request_add_text(NULL, "user", "x", 1, &error), "the request is NULL");
    INVALID(bedrock_request_add_message(NULL, "{}", LENGTH, &error), "the request is NULL");
    INVALID(bedrock_request_add_response(NULL, NULL, &error), "the request is NULL");
    INVALID(bedrock_request_add_response(request, NULL, &error), "the response is NULL");
    INVALID(bedrock_request_add_tool_result(NULL, "t", "x", 1, 0, &error), "the request is NULL");
    INVALID(bedrock_request_attach(NULL, "a", "x", 1, NULL, NULL, &error), "the request is NULL");
    INVALID(bedrock_request_add_image(NULL, "user", NULL, "x", 1, NULL, NULL, &error), "the request is NULL");
    INVALID(bedrock_request_add_document(NULL, "user", NULL, NULL, "x", 1, NULL, NULL, &error), "the request is NULL");
    INVALID(bedrock_request_remove(NULL, "system", &error), "the request is NULL");
    INVALID(bedrock_request_remove(request, NULL, &error), "member is NULL");
    INVALID(bedrock_request_remove_messages(NULL, 0, 1, &error), "the request is NULL");
    INVALID(bedrock_request_trim(NULL, 1, NULL, &error), "the request is NULL");
    CHECK(bedrock_request_json(NULL, BEDROCK_ATTACHMENTS_INLINE, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the request is NULL");
    CHECK(bedrock_request_json(request, 2, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "attachments is 2");
    CHECK(bedrock_request_body(NULL, model, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the request is NULL");
    CHECK(bedrock_request_body(request, NULL, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the model is NULL");
    CHECK(bedrock_request_diff(NULL, request, model, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the request is NULL");
    CHECK(bedrock_request_diff(request, NULL, model, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the request is NULL");
    CHECK(bedrock_request_diff(request, request, NULL, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the model is NULL");
    CHECK(bedrock_response_structured(NULL, NULL, &error) == NULL);
    INVALID(bedrock_error_status(error), "the response is NULL");
    out = POISON;
    INVALID(bedrock_generate(NULL, request, NULL, &out, &error), "the model is NULL");
    CHECK(out == NULL);
    INVALID(bedrock_generate(model, NULL, NULL, &out, &error), "the request is NULL");
    INVALID(bedrock_generate(model, request, NULL, NULL, &error), "out is NULL");
    out = POISON;
    INVALID(bedrock_generate_stream(NULL, request, NULL, never, NULL, &out, &error), "the model is NULL");
    CHECK(out == NULL);
    INVALID(bedrock_generate_stream(model, NULL, NULL, never, NULL, NULL, &error), "the request is NULL");
    INVALID(bedrock_generate_stream(model, request, NULL, NULL, NULL, NULL, &error), "on_event is NULL");
    CHECK_INT(bedrock_response_tool_call(NULL, 0, NULL, sizeof call), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_response_usage(NULL, NULL, 0), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_model_usage(model, NULL, 0), BEDROCK_E_INVALID_ARGUMENT);
    CHECK_INT(bedrock_set_log(99, NULL, NULL, NULL), BEDROCK_E_INVALID_ARGUMENT);

    /* Without err the status is the only information. */
    CHECK_INT(bedrock_model_new("{", LENGTH, (bedrock_model **)&out, NULL), BEDROCK_E_CONFIG);
    CHECK_INT(bedrock_request_new("{", LENGTH, &made, NULL), BEDROCK_E_REQUEST);
    CHECK_INT(bedrock_generate(NULL, NULL, NULL, &out, NULL), BEDROCK_E_INVALID_ARGUMENT);

    /* Getters for a NULL error, and frees of NULL. */
    CHECK_INT(bedrock_error_status(NULL), BEDROCK_OK);
    CHECK_TEXT(bedrock_error_message(NULL), "");
    CHECK_INT(bedrock_error_attempts(NULL), 0);
    CHECK_INT(bedrock_error_retry_after(NULL), -1);
    CHECK_TEXT(bedrock_error_json(NULL, NULL), "");
    bedrock_error_free(NULL);
    bedrock_model_free(NULL);
    bedrock_request_free(NULL);
    bedrock_response_free(NULL);
    bedrock_cancel_free(NULL);
    bedrock_cancel_fire(NULL);
}

/* A request of valid JSON that is rejected before it is sent. */
static void unsendable(const char *json, const char *path, const char *part)
{
    bedrock_request *bad = NULL;
    bedrock_response *out = POISON;

    CHECK_OK(bedrock_request_new(json, LENGTH, &bad, &error), error);
    CHECK(bedrock_request_body(bad, model, NULL, &error) == NULL);
    CHECK_FAILS(bedrock_error_status(error), BEDROCK_E_REQUEST, &error, path, part);
    CHECK_FAILS(bedrock_generate(model, bad, NULL, &out, &error), BEDROCK_E_REQUEST, &error, path, part);
    CHECK(out == NULL);
    out = POISON;
    CHECK_FAILS(bedrock_generate_stream(model, bad, NULL, never, NULL, &out, &error), BEDROCK_E_REQUEST, &error, path, part);
    CHECK(out == NULL);
    bedrock_request_free(bad);
}

#define IMAGE(name) "{\"messages\":[{\"role\":\"user\",\"content\":[{\"image\":{\"source\":{\"bytes\":\"@" name

static void requests(void)
{
    unsendable("{}", "/messages", "no messages");
    unsendable("{\"messages\":[]}", "/messages", "empty");
    unsendable("{\"messages\":7}", "/messages", "not an array");
    unsendable("{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"\"}]}]}", "/messages/0/content/0/text", "empty");
    unsendable(IMAGE("none\"}}}]}]}"), "/messages/0/content/0/image/source/bytes", "\"@none\"");
    unsendable(long_text(IMAGE(""), "\"}}}]}]}"), "/messages/0/content/0/image/source/bytes", NULL);
}

int main(int argc, char **argv)
{
    bedrock_response *response = NULL;

    if (!CHECK(argc == 2))
        return 2;
    url = argv[1];
    model = check_local(url);
    CHECK_OK(bedrock_request_new(GOOD, LENGTH, &request, &error), error);
    configs();
    texts();
    lengths_up_to_the_nul();
    nulls();
    requests();
    /* The errors have not changed the model and the request. */
    CHECK_TEXT(bedrock_request_body(request, model, NULL, &error), GOOD);
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return check_end();
}
