/* conversation.c - a request that grows: every function that adds to it makes the right body, and messages that
 * were sent are sent again unchanged, because prompt caches require that.
 *
 *     conversation URL      a service whose response is the path and the body of the request */
#include "check.h"

#define USER(text) "{\"role\":\"user\",\"content\":[{\"text\":" text "}]}"
#define ASSISTANT(text) "{\"role\":\"assistant\",\"content\":[{\"text\":" text "}]}"
#define LENGTH BEDROCK_STRLEN

static bedrock_model *model;
static bedrock_error *error;

static bedrock_request *request_of(const char *json)
{
    bedrock_request *request = NULL;

    CHECK_OK(bedrock_request_new(json, json != NULL ? LENGTH : 0, &request, &error), error);
    return request;
}

/* Checks that this is the body of the request, as the model sends it. */
static void body_is(bedrock_request *request, const bedrock_model *sender, const char *wanted)
{
    size_t len = 0;

    CHECK_TEXT(bedrock_request_body(request, sender, &len, &error), wanted);
    CHECK_OK(BEDROCK_OK, error);
    CHECK_INT(len, strlen(wanted));
}

static void ends(bedrock_request *request, const char *wanted)
{
    body_is(request, model, wanted);
    bedrock_request_free(request);
}

#define AB "{\"text\":\"a \\\"b\\\"\\n\xc3\xa9 \"}"

static void text(void)
{
    static const char *const roles[] = {"user", "human", "assistant", "ai"};
    bedrock_request *request = request_of(NULL);
    size_t i;

    for (i = 0; i < 4; i++)
        CHECK_OK(bedrock_request_add_text(request, roles[i], "a \"b\"\n\xc3\xa9 and more", 9, &error), error);
    CHECK_OK(bedrock_request_add_text(request, "system", "Be brief.", LENGTH, &error), error);
    CHECK_OK(bedrock_request_add_text(request, "developer", "No lists.", LENGTH, &error), error);
    CHECK_FAILS(bedrock_request_add_text(request, "robot", "Beep.", LENGTH, &error), BEDROCK_E_REQUEST, &error, NULL,
                "\"robot\"");
    /* Consecutive texts of one role become one message, because the service requires alternating roles. */
    ends(request, "{\"messages\":[{\"role\":\"user\",\"content\":[" AB "," AB "]},{\"role\":\"assistant\",\"content\":[" AB "," AB
                  "]}],\"system\":[{\"text\":\"Be brief.\"},{\"text\":\"No lists.\"}]}");
}

/* Native messages are unchanged, byte for byte. Portable ones become native. */
static void messages(void)
{
    bedrock_request *request = request_of(" { \"inferenceConfig\" : {\"maxTokens\": 5e1} , \"messages\" : [ "
                                          "{\"content\": [ {\"text\":\"a\"} ] , \"role\": \"user\"} ] , \"new\": [1.0] } ");

    CHECK_OK(bedrock_request_add_message(request, "{\"role\":\"assistant\", \"content\": [{\"new\" : -0.0}]}", LENGTH,
                                         &error), error);
    CHECK_OK(bedrock_request_add_message(request, "{\"role\": \"human\", \"content\": \"b\\u00e9\"}", LENGTH, &error), error);
    CHECK_OK(bedrock_request_add_message(request, "{\"role\": \"system\", \"content\": \"c\"}", LENGTH, &error), error);
    ends(request, " { \"inferenceConfig\" : {\"maxTokens\": 5e1} , \"messages\" : [ "
                  "{\"content\": [ {\"text\":\"a\"} ] , \"role\": \"user\"} ,"
                  "{\"role\":\"assistant\", \"content\": [{\"new\" : -0.0}]}," USER("\"b\\u00e9\"") "] , \"new\": [1.0] ,"
                  "\"system\":[{\"text\":\"c\"}]} ");

    request = request_of("{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"human\",\"content\":\"h\"},"
                         "{\"role\":\"ai\",\"content\":\"a\"}],\"system\":[{\"text\":\"first\"}]}");
    ends(request, "{\"messages\":[" USER("\"h\"") "," ASSISTANT("\"a\"") "],"
                  "\"system\":[{\"text\":\"first\"},{\"text\":\"s\"}]}");
}

static int32_t stop_at_tool(const bedrock_event *event, void *user)
{
    (void)user;
    return event->type == BEDROCK_EVENT_BLOCK_START;
}

/* Responses are added unchanged, except for parts that the service would reject: they are left out or corrected. */
static void responses_and_results(void)
{
    bedrock_model *tools = check_scripted("[{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"Both.\"},"
        "{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"f\",\"input\":{\"x\" : 1.0}}},"
        "{\"toolUse\":{\"toolUseId\":\"t2\",\"name\":\"g\",\"input\":{}}}]}}, \" \"]");
    bedrock_request *request = check_request("Go."), *branch = NULL;
    bedrock_response *response = NULL, *stopped = NULL, *blank = NULL;
    char wanted[2000];
    bedrock_tool_call call;
    size_t i;

    CHECK_OK(bedrock_generate(tools, request, NULL, &response, &error), error);
    CHECK_OK(bedrock_generate(tools, request, NULL, &blank, &error), error);
    CHECK_INT(bedrock_generate_stream(tools, request, NULL, stop_at_tool, NULL, &stopped, &error), BEDROCK_STOPPED);
    /* A blank response adds nothing. A response that was stopped inside a tool call is added, and a result for the
     * call as well. */
    CHECK_OK(bedrock_request_add_response(request, blank, &error), error);
    body_is(request, tools, "{\"messages\":[" USER("\"Go.\"") "]}");
    CHECK_OK(bedrock_request_clone(request, &branch, &error), error);
    CHECK_OK(bedrock_request_add_response(branch, stopped, &error), error);
    CHECK_OK(bedrock_response_tool_call(stopped, 0, &call, sizeof call), NULL);
    CHECK_INT(call.input_valid, 0);
    CHECK_INT(call.kind, BEDROCK_TOOL_CALL_CLIENT);
    CHECK_OK(bedrock_request_add_tool_result(branch, call.id, "The input was cut off.", LENGTH, 1, &error), error);
    ends(branch, "{\"messages\":[" USER("\"Go.\"") ",{\"content\":[{\"text\":\"Both.\"},"
                 "{\"toolUse\":{\"input\":{},\"name\":\"f\",\"toolUseId\":\"t1\"}}],\"role\":\"assistant\"},"
                 "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[{\"text\":"
                 "\"The input was cut off.\"}],\"status\":\"error\"}}]}]}");

    CHECK_OK(bedrock_request_add_response(request, response, &error), error);
    CHECK_INT(bedrock_response_tool_call_count(response), 2);
    for (i = 0; bedrock_response_tool_call(response, i, &call, sizeof call) >= 0; i++)
        CHECK_OK(bedrock_request_add_tool_result(request, call.id, i == 0 ? "{\"is\": \"text\"}" : "", LENGTH, i == 1, &error),
                 error);
    CHECK_OK(bedrock_request_add_text(request, "user", "And?", LENGTH, &error), error);
    CHECK_OK(bedrock_request_add_tool_result(request, "t3", "late", LENGTH, 0, &error), error);
    snprintf(wanted, sizeof wanted,
             "{\"messages\":[" USER("\"Go.\"") ",%s,{\"role\":\"user\",\"content\":["
             "{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[{\"text\":\"{\\\"is\\\": \\\"text\\\"}\"}]}},"
             "{\"toolResult\":{\"toolUseId\":\"t2\",\"content\":[{\"text\":\"\"}],\"status\":\"error\"}},{\"text\":\"And?\"},"
             "{\"toolResult\":{\"toolUseId\":\"t3\",\"content\":[{\"text\":\"late\"}]}}]}]}",
             bedrock_response_message(response, NULL));
    ends(request, wanted);
    CHECK_PART(wanted, "\"input\":{\"x\" : 1.0}");
    bedrock_response_free(response);
    bedrock_response_free(stopped);
    bedrock_response_free(blank);
    bedrock_model_free(tools);
}

/* A saved request with an image by pointer is read again. Borrowed texts are valid until the next call. */
static void kept(void)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    bedrock_request *request = check_request("What is this?"), *again = NULL, *removed;
    const char *json;
    size_t len = 0;
    void *bytes = malloc(sizeof png);

    memcpy(bytes, png, sizeof png);
    CHECK_OK(bedrock_request_add_image(request, "user", NULL, bytes, sizeof png, free, bytes, &error), error);
    CHECK_OK(bedrock_request_add_document(request, "user", "txt", NULL, "text", 4, NULL, NULL, &error), error);
    json = bedrock_request_json(request, BEDROCK_ATTACHMENTS_INLINE, &len, &error);
    CHECK_INT(len, strlen(json));
    CHECK_OK(bedrock_request_new(json, len, &again, &error), error);
    json = bedrock_request_json(again, BEDROCK_ATTACHMENTS_INLINE, NULL, NULL);
    body_is(request, model, json);
    CHECK_PART(json, "\"bytes\":\"iVBORw0KGgo=\"");
    CHECK_INT(bedrock_request_message_count(again), 1);
    CHECK_OK(bedrock_request_remove_messages(again, 0, 1, &error), error);
    CHECK_OK(bedrock_request_remove(again, "messages", &error), error);
    removed = request;
    CHECK_OK(bedrock_request_trim(again, 1, &removed, &error), error);
    CHECK(removed == NULL);
    CHECK_TEXT(bedrock_request_json(again, BEDROCK_ATTACHMENTS_BY_NAME, NULL, &error), "{}");
    bedrock_request_free(request);
    bedrock_request_free(again);
    request = request_of("{}");

    /* Rejected bytes are released inside the call. */
    bytes = malloc(1);
    *(char *)bytes = 'x';
    CHECK_FAILS(bedrock_request_add_image(request, "user", "png", bytes, 0, free, bytes, &error), BEDROCK_E_REQUEST, &error,
                NULL, "no bytes");
    bytes = malloc(1);
    CHECK_FAILS(bedrock_request_add_document(request, "system", "pdf", NULL, bytes, 1, free, bytes, &error), BEDROCK_E_REQUEST,
                &error, NULL, "role system");
    bedrock_request_free(request);
}

static void set_and_clone(void)
{
    bedrock_request *request = request_of("{\"a\":1,\"messages\":[" USER("\"x\"") "],\"c\":3}"), *branch = NULL;

    CHECK_OK(bedrock_request_clone(request, &branch, &error), error);
    CHECK_OK(bedrock_request_set(request, " {\"c\": [30], \"d\": 4, \"modelId\": \"other.model\"} ", LENGTH, &error), error);
    CHECK_OK(bedrock_request_add_text(request, "assistant", "y", LENGTH, &error), error);
    CHECK_FAILS(bedrock_request_set(request, "{\"a\":2,\"messages\":[{\"role\":\"robot\",\"content\":\"z\"}]}", LENGTH, &error),
                BEDROCK_E_REQUEST, &error, "/messages/0/role", "\"robot\"");
    CHECK_FAILS(bedrock_request_set(request, "{\"a\":2,\"b\":1,\"b\":2}", LENGTH, &error), BEDROCK_E_REQUEST, &error, "/b",
                "twice");
    CHECK_FAILS(bedrock_request_set(request, "{\"a\":2,\"model\":\"..\"}", LENGTH, &error), BEDROCK_E_REQUEST, &error, "/model",
                NULL);
    CHECK_OK(bedrock_request_add_text(branch, "assistant", "z", LENGTH, &error), error);
    ends(request, "{\"a\":1,\"messages\":[" USER("\"x\"") "," ASSISTANT("\"y\"") "],\"c\": [30], \"d\": 4}");
    ends(branch, "{\"a\":1,\"messages\":[" USER("\"x\"") "," ASSISTANT("\"z\"") "],\"c\":3}");
}

/* In each turn the body begins with that of the previous turn, up to the end of its messages. */
static void prefixes(void)
{
    static const char end[] = "],\"inferenceConfig\" : {\"maxTokens\":9},\"toolConfig\":{\"tools\":[]}}";
    bedrock_model *derived = NULL;
    bedrock_request *request = request_of("{\"system\":[{\"text\":\"Be brief.\"},{\"cachePoint\":{\"type\":\"default\"}}]}");
    bedrock_response *response = NULL;
    char *last = calloc(1, 1), *body;
    size_t last_len = strlen(end), len, turn;

    CHECK_OK(bedrock_model_with(model, "{\"inferenceConfig\" : {\"maxTokens\":9},\"toolConfig\":{\"tools\":[]}}", LENGTH,
                                &derived, &error), error);
    for (turn = 0; turn < 12; turn++) {
        CHECK_OK(bedrock_request_add_text(request, "user", "Go on.", LENGTH, &error), error);
        if (turn % 3 == 1)
            CHECK_OK(bedrock_request_add_tool_result(request, "t", "done", LENGTH, 0, &error), error);
        body = strdup(bedrock_request_body(request, derived, &len, &error));
        CHECK(strncmp(body, last, last_len - strlen(end)) == 0);
        CHECK_TEXT(body + len - strlen(end), end);
        free(last);
        last = body;
        last_len = len;
        CHECK_OK(bedrock_generate(derived, request, NULL, &response, &error), error);
        CHECK_OK(bedrock_request_add_response(request, response, &error), error);
        bedrock_response_free(response);
    }
    free(last);
    bedrock_request_free(request);
    bedrock_model_free(derived);
}

/* A member of the request replaces that of the defaults. Later defaults replace earlier ones. */
static void defaults(const char *url)
{
    bedrock_model *base = check_local(url), *first = NULL, *second = NULL;
    bedrock_request *request = request_of("{\"b\": {\"own\":1}}");
    bedrock_response *response = NULL;
    char wanted[500];

    CHECK_OK(bedrock_model_with(base, "{\"a\":1,\"b\":{\"default\":2},\"system\":[{\"text\":\"d\"}]}", LENGTH, &first, &error), error);
    CHECK_OK(bedrock_model_with(first, "{\"a\":[2],\"z\":true,\"model\":\"other.model:1\",\"timeout\":\"20s\"}", LENGTH, &second,
                                &error), error);
    CHECK_OK(bedrock_request_add_text(request, "user", "Hi", LENGTH, &error), error);
    CHECK_TEXT(bedrock_model_id(second, NULL), "other.model:1");
    body_is(request, base, "{\"b\": {\"own\":1},\"messages\":[" USER("\"Hi\"") "]}");
    body_is(request, first, "{\"b\": {\"own\":1},\"messages\":[" USER("\"Hi\"") "],\"a\":1,\"system\":[{\"text\":\"d\"}]}");
    CHECK_OK(bedrock_request_add_text(request, "system", "own", LENGTH, &error), error);
    body_is(request, second, "{\"b\": {\"own\":1},\"messages\":[" USER("\"Hi\"") "],\"system\":[{\"text\":\"own\"}],\"a\":[2],"
                             "\"z\":true}");
    /* The service returns the path and the body. */
    CHECK_OK(bedrock_generate(second, request, NULL, &response, &error), error);
    snprintf(wanted, sizeof wanted, "/model/other.model%%3A1/converse %s", bedrock_request_body(request, second, NULL, NULL));
    CHECK_TEXT(bedrock_response_text(response, NULL), wanted);
    bedrock_response_free(response);
    CHECK_OK(bedrock_request_set(request, "{\"modelId\": \"arn:aws:bedrock:us-east-1:1:p/q\"}", LENGTH, &error), error);
    CHECK_OK(bedrock_generate(second, request, NULL, &response, &error), error);
    CHECK_PART(bedrock_response_text(response, NULL), "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ap%2Fq/converse {\"b\"");
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(base);
    bedrock_model_free(first);
    bedrock_model_free(second);
}

int main(int argc, char **argv)
{
    /* Without local checks, so that a result without its call is accepted. */
    model = check_model_of("{\"model\": \"m\", \"lint\": \"off\", \"transport\": {\"repeat\": true, \"replies\":"
                           " [\"Yes.\", {\"text\": \"No, or \\\"perhaps\\\".\\n\"}]}}");
    text();
    messages();
    responses_and_results();
    kept();
    set_and_clone();
    prefixes();
    if (CHECK(argc == 2))
        defaults(argv[1]);
    bedrock_model_free(model);
    return check_end();
}
