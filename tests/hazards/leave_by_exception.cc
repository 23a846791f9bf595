/* leave_by_exception.cc - a C++ exception, and the end of the thread, out of on_event: the call is cancelled on the
 * way, and the program that catches the exception goes on. */
// tries: 200
// seconds: 60

#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <stdexcept>

static bedrock_model *model;
static bedrock_request *request;

static int descriptors()
{
    DIR *open = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(open) != nullptr)
        count++;
    closedir(open);
    return count;
}

extern "C" {
static int32_t fling(const bedrock_event *, void *)
{
    throw std::runtime_error("out of on_event");
}

static int32_t end_thread(const bedrock_event *, void *)
{
    pthread_exit(nullptr);
}

static int32_t be_cancelled(const bedrock_event *, void *)
{
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return 0;
}

static void *call_and_end(void *callback)
{
    bedrock_generate_stream(model, request, nullptr, *static_cast<bedrock_event_fn *>(callback), nullptr, nullptr, nullptr);
    CHECK(!"the thread has ended");
    return nullptr;
}
}

static bool catches()
{
    bedrock_response *response = nullptr;
    bedrock_error *error = nullptr;

    try {
        bedrock_generate_stream(model, request, nullptr, fling, nullptr, &response, &error);
    } catch (const std::runtime_error &) {
        return response == nullptr && error == nullptr;
    }
    return false;
}

static void end_by(bedrock_event_fn callback, void *wanted)
{
    pthread_t thread;
    void *result = nullptr;

    pthread_create(&thread, nullptr, call_and_end, &callback);
    pthread_join(thread, &result);
    CHECK(result == wanted);
}

int main(int argc, char **argv)
{
    int tries = argc > 1 ? atoi(argv[1]) : 1, first = 0;

    model = service_model(argc > 2 ? argv[2] : "", 1000, 50, "");
    request = check_request("Hi.");
    for (int i = 0; i < tries; i++) {
        CHECK(catches());
        end_by(end_thread, nullptr);
        end_by(be_cancelled, PTHREAD_CANCELED);
        if (i == 5)
            first = descriptors();
    }
    CHECK(tries < 10 || descriptors() <= first + 3);
    CHECK_INT(bedrock_shutdown(10000), BEDROCK_OK);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_end();
}
