/* log.c - the library's messages: levels, functions that receive them, and secrets that they never contain. */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define SECRET "wJalrXUtnFEMI-the-secret"
#define TOKEN "session-token-that-is-secret"
#define PROMPT "what I ask is private"
#define REPLY "responses are private as well"

/* The messages that a log received. */
struct ear {
    pthread_mutex_t lock;
    int messages, levels[5], releases;
    int slow;
    char text[100000];
    pthread_t thread;
    bedrock_request *request;
    bedrock_cancel *cancel;
};

static bedrock_model *model;
static bedrock_request *request;
static bedrock_error *error;

static void rest(int ms)
{
    struct timespec time;

    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&time, NULL);
}

static void listen_to(int32_t level, const char *target, const char *message, size_t len, void *user)
{
    struct ear *ear = user;

    pthread_mutex_lock(&ear->lock);
    CHECK(level >= BEDROCK_LOG_ERROR && level <= BEDROCK_LOG_DEBUG);
    CHECK(strlen(target) > 0);
    CHECK_INT(strlen(message), len);
    ear->levels[level]++;
    ear->thread = pthread_self();
    if (strlen(ear->text) + len + 2 < sizeof ear->text)
        strcat(strcat(ear->text, message), "\n");
    if (ear->request != NULL) {
        /* A log function may fire a cancel handle, and call no other function. */
        bedrock_request *clone = POISON;

        CHECK_INT(bedrock_request_add_text(ear->request, "user", "x", 1, NULL), BEDROCK_E_BUSY);
        CHECK_INT(bedrock_request_clone(ear->request, &clone, NULL), BEDROCK_E_BUSY);
        CHECK(clone == NULL);
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_E_BUSY);
        CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
        bedrock_cancel_fire(ear->cancel);
    }
    ear->messages++;
    pthread_mutex_unlock(&ear->lock);
    if (ear->slow > 0)
        rest(ear->slow);
}

static void release(void *user)
{
    struct ear *ear = user;

    CHECK(!pthread_equal(ear->thread, pthread_self()));
    ear->releases++;
}

static int heard(struct ear *ear)
{
    int messages;

    pthread_mutex_lock(&ear->lock);
    messages = ear->messages;
    pthread_mutex_unlock(&ear->lock);
    return messages;
}

/* Waits for this number of messages. Returns 0 if they do not arrive. */
static int wait_messages(struct ear *ear, int wanted)
{
    int patience = 2000;

    while (heard(ear) < wanted && patience-- > 0)
        rest(5);
    return heard(ear) >= wanted;
}

static struct ear *ear_of(int32_t level)
{
    struct ear *ear = calloc(1, sizeof *ear);

    pthread_mutex_init(&ear->lock, NULL);
    CHECK_INT(bedrock_set_log(level, listen_to, ear, release), BEDROCK_OK);
    return ear;
}

static void good_call(void)
{
    bedrock_response *response = NULL;

    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
}

static void bad_call(void)
{
    bedrock_response *response = NULL;

    CHECK_FAILS(bedrock_generate(model, request, NULL, &response, &error), BEDROCK_E_VALIDATION, &error, NULL, NULL);
}

/* Each level includes the more severe ones, and a new log function replaces the old one. */
static void levels(void)
{
    struct ear *debug = ear_of(BEDROCK_LOG_DEBUG), *info, *quiet;
    int messages;

    good_call();
    bad_call();
    CHECK(wait_messages(debug, 4));
    CHECK(debug->levels[BEDROCK_LOG_DEBUG] >= 2 && debug->levels[BEDROCK_LOG_INFO] >= 1);
    CHECK_PART(debug->text, CHECK_MODEL);
    CHECK_PART(debug->text, "ValidationException");

    info = ear_of(BEDROCK_LOG_INFO);
    CHECK_INT(debug->releases, 1);
    messages = debug->messages;
    good_call();
    bad_call();
    CHECK(wait_messages(info, 1));
    CHECK_INT(info->levels[BEDROCK_LOG_DEBUG], 0);

    quiet = ear_of(BEDROCK_LOG_ERROR);
    CHECK_INT(info->releases, 1);
    good_call();
    bad_call();
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(quiet->releases, 1);
    CHECK_INT(quiet->messages, 0);
    good_call();
    bad_call();
    CHECK_INT(debug->messages, messages);
    CHECK_INT(debug->releases + info->releases + quiet->releases, 3);
    free(debug);
    free(info);
    free(quiet);
}

/* No message contains credentials, prompts or responses, at any level and after any failure. */
static void secrets(const char *url)
{
    bedrock_model *refused = POISON;
    struct ear *ear = ear_of(BEDROCK_LOG_DEBUG);
    bedrock_model *local, *models[2];
    bedrock_response *response = NULL;
    char config[1000];
    int i;

    snprintf(config, sizeof config,
             "{\"model\": \"" CHECK_MODEL "\", \"base_url\": \"%s\", \"region\": \"us-east-1\", \"api_key\": \"AKIDTEST\","
             " \"secret_key\": \"" SECRET "\", \"session_token\": \"" TOKEN "\"}", url);
    local = check_model_of(config);
    models[0] = model;
    models[1] = local;
    for (i = 0; i < 4; i++) {
        if (bedrock_generate(models[i % 2], request, NULL, &response, &error) == BEDROCK_OK)
            CHECK_TEXT(bedrock_response_text(response, NULL), REPLY);
        else
            CHECK(strstr(bedrock_error_message(error), SECRET) == NULL && strstr(bedrock_error_message(error), TOKEN) == NULL);
        bedrock_response_free(response);
        bedrock_error_free(error);
        error = NULL;
    }
    snprintf(config, sizeof config, "{\"model\": \"m\", \"secret_key\": \"" SECRET "\", \"api_kee\": \"" SECRET "\"}");
    CHECK_INT(bedrock_model_new(config, BEDROCK_STRLEN, &refused, &error), BEDROCK_E_CONFIG);
    CHECK(refused == NULL);
    CHECK(strstr(bedrock_error_message(error), SECRET) == NULL);
    bedrock_error_free(error);
    error = NULL;
    CHECK(wait_messages(ear, 4));
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK(strstr(ear->text, SECRET) == NULL);
    CHECK(strstr(ear->text, TOKEN) == NULL);
    CHECK(strstr(ear->text, "private") == NULL);
    free(ear);
    bedrock_model_free(local);
}

/* A log function runs on a thread of the library, and may fire a cancel handle. Calls do not wait for it. */
static void callbacks(void)
{
    struct ear *ear = ear_of(BEDROCK_LOG_DEBUG);
    bedrock_response *response = NULL;

    pthread_mutex_lock(&ear->lock);
    ear->request = request;
    ear->cancel = bedrock_cancel_new();
    pthread_mutex_unlock(&ear->lock);
    good_call();
    CHECK(wait_messages(ear, 1));
    CHECK(!pthread_equal(ear->thread, pthread_self()));
    CHECK_FAILS(bedrock_generate(model, request, ear->cancel, &response, &error), BEDROCK_E_CANCELLED, &error, "", NULL);
    bedrock_cancel_free(ear->cancel);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(ear->releases, 1);
    bad_call();
    free(ear);
}

/* A slow log function delays only the call that replaces it. It continues after a shutdown that did not wait for it. */
static void slowness(void)
{
    struct ear *ear = ear_of(BEDROCK_LOG_DEBUG);
    int before;

    ear->slow = 300;
    good_call();
    CHECK(wait_messages(ear, 1));
    CHECK_INT(bedrock_shutdown(0), BEDROCK_AGAIN);
    rest(1000);
    before = heard(ear);
    bad_call();
    CHECK(wait_messages(ear, before + 1));
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_INT(ear->releases, 1);
    free(ear);
}

/* A shutdown logs the numbers of handles of each type that were not freed, because a leak checker does not see
 * handles. */
static void leaks(void)
{
    struct ear *ear = ear_of(BEDROCK_LOG_DEBUG);
    bedrock_request *leaked = check_request(PROMPT);
    bedrock_cancel *cancel = bedrock_cancel_new();

    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_PART(ear->text, "handles not freed: 1 model, 2 requests, 1 cancel\n");
    bedrock_cancel_free(cancel);
    bedrock_request_free(leaked);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_PART(ear->text, "handles not freed: 1 model, 1 request\n");
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    free(ear);
}

int main(int argc, char **argv)
{
    struct ear *clean;

    alarm(200);
    model = check_scripted("[\"" REPLY "\", {\"error\": {\"status\": 400, \"code\": \"ValidationException\","
                           " \"message\": \"No.\"}}]");
    request = check_request(PROMPT);
    levels();
    if (CHECK(argc == 2))
        secrets(argv[1]);
    callbacks();
    slowness();
    leaks();
    /* If all handles are freed, nothing is logged. */
    clean = ear_of(BEDROCK_LOG_DEBUG);
    bedrock_model_free(model);
    bedrock_request_free(request);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL), BEDROCK_OK);
    CHECK_TEXT(clean->text, "");
    free(clean);
    return check_end();
}
