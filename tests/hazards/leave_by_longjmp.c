/* leave_by_longjmp.c - longjmp out of on_event, which is forbidden and frequent. The call stays open until the
 * thread's next call ends it: descriptors and handles do not accumulate, a stream inside a stream does not count as
 * left, and shutdown works. */
// tries: 200
// seconds: 60

#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <ucontext.h>

static bedrock_model *model, *scripted;
static bedrock_request *request;
static jmp_buf back;
/* Kept over jumps. */
static int tries, tried, first;

static int descriptors(void)
{
    DIR *open = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count;
}

static int32_t jump(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    longjmp(back, 1);
}

static int32_t jump_out_of_tool(bedrock_run *run, const bedrock_tool_call *call, void *user)
{
    (void)run, (void)call, (void)user;
    longjmp(back, 1);
}

static int32_t count(const bedrock_event *event, void *user)
{
    *(int *)user += event->type == BEDROCK_EVENT_TEXT;
    return 0;
}

/* A whole stream within another, in which shutdown is refused. */
static int32_t nest(const bedrock_event *event, void *user)
{
    char padding[5000];

    memset(padding, 1, sizeof padding);
    if (event->type == BEDROCK_EVENT_TEXT && padding[event->text_len % sizeof padding] == 1) {
        int words = 0;

        CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
        CHECK_INT(bedrock_generate_stream(scripted, request, NULL, count, &words, NULL, NULL), BEDROCK_OK);
        CHECK_INT(words, 3);
        CHECK_INT(bedrock_shutdown(0), BEDROCK_E_BUSY);
        *(int *)user += 1;
    }
    return 0;
}

/* A call on a stack of its own, which is left for a while by a switch and not by a jump. */
static ucontext_t outside, inside;
static int on_fiber, fiber_ended;

static int32_t switch_away(const bedrock_event *event, void *user)
{
    count(event, user);
    swapcontext(&inside, &outside);
    return 0;
}

static void fiber(void)
{
    CHECK_INT(bedrock_generate_stream(scripted, request, NULL, switch_away, &on_fiber, NULL, NULL), BEDROCK_OK);
    fiber_ended = 1;
}

static void fibers(void)
{
    static char stack[256 * 1024];
    static int words, wanted;

    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = sizeof stack;
    inside.uc_link = &outside;
    makecontext(&inside, fiber, 0);
    for (;;) {
        swapcontext(&outside, &inside);
        if (fiber_ended)
            break;
        CHECK_INT(bedrock_generate_stream(scripted, request, NULL, count, &words, NULL, NULL), BEDROCK_OK);
        CHECK_INT(words, wanted += 3);
    }
    CHECK_INT(on_fiber, 3);
    CHECK(wanted > 3);
}

static void leave_once(void)
{
    bedrock_response *response = NULL;

    if (setjmp(back) == 0) {
        bedrock_generate_stream(model, request, NULL, jump, NULL, &response, NULL);
        CHECK(!"left by longjmp");
    }
}

/* The handle of the run is freed by shutdown. */
static void leave_a_run(void)
{
    static bedrock_model *calling;
    static const bedrock_tool tool = {"wait", NULL, "{}", jump_out_of_tool, NULL};

    calling = check_scripted("[{\"message\": {\"role\": \"assistant\", \"content\": [{\"toolUse\":"
                             " {\"toolUseId\": \"1\", \"name\": \"wait\", \"input\": {}}}]}}]");
    if (setjmp(back) == 0) {
        bedrock_run_tools(calling, request, &tool, 1, sizeof tool, NULL, 0, NULL, NULL, NULL, NULL, NULL);
        CHECK(!"left by longjmp");
    }
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    CHECK_INT(bedrock_request_message_count(request), 1);
    bedrock_model_free(calling);
}

static void *leave_and_end(void *unused)
{
    leave_once();
    return unused;
}

int main(int argc, char **argv)
{
    int words, nested = 0;
    pthread_t thread;

    model = service_model(argc > 2 ? argv[2] : "", 1000, 50, "");
    scripted = check_scripted("[\"One two three.\"]");
    request = check_request("Hi.");
    tries = argc > 1 ? atoi(argv[1]) : 1;
    for (; tried < tries; tried++) {
        if (setjmp(back) == 0) {
            bedrock_generate_stream(model, request, NULL, jump, NULL, NULL, NULL);
            CHECK(!"left by longjmp");
        }
        words = 0;
        CHECK_INT(bedrock_generate_stream(scripted, request, NULL, count, &words, NULL, NULL), BEDROCK_OK);
        CHECK_INT(words, 3);
        if (tried == 5)
            first = descriptors();
    }
    CHECK(tries < 10 || descriptors() <= first + 3);
    CHECK_INT(bedrock_generate_stream(scripted, request, NULL, nest, &nested, NULL, NULL), BEDROCK_OK);
    CHECK_INT(nested, 3);
    if (setjmp(back) == 0)
        bedrock_generate_stream(model, request, NULL, jump, NULL, NULL, NULL);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    fibers();
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    for (int i = 0; i < tries / 10; i++) {
        pthread_create(&thread, NULL, leave_and_end, NULL);
        pthread_join(thread, NULL);
    }
    CHECK(descriptors() <= first + 3);
    leave_a_run();
    bedrock_model_free(model);
    bedrock_model_free(scripted);
    bedrock_request_free(request);
    return check_end();
}
