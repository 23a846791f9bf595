/* throw_in_wakeup.cc - a C++ exception out of a wakeup, a log or a release function: there is no frame that could
 * catch it, and the process aborts at once, with a message. */
// tries: 30
// runs: 30
// exit: -6

#include "check.h"

#include <stdexcept>
#include <unistd.h>

extern "C" {
static void fling(void *)
{
    throw std::runtime_error("out of a callback");
}

static void fling_log(int32_t, const char *, const char *, size_t, void *)
{
    throw std::runtime_error("out of a log");
}
}

int main()
{
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_stream *stream = nullptr;

    switch (getpid() % 3) {
    case 0:
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_DEBUG, fling_log, nullptr, nullptr), BEDROCK_OK);
        break;
    case 1:
        CHECK_INT(bedrock_set_log(BEDROCK_LOG_OFF, nullptr, nullptr, fling), BEDROCK_OK);
    }
    CHECK_INT(bedrock_stream_open(model, request, nullptr, &stream, nullptr), BEDROCK_OK);
    CHECK_INT(bedrock_stream_set_wakeup(stream, fling, nullptr, nullptr), BEDROCK_OK);
    sleep(10);
    return 1;
}
