// signal_storm.cc - a thousand signals a second, whose handler does not restart system calls, while streams are read: each
// stream is complete.
// tries: 200
// seconds: 60
// flags: -std=c++17

#include "common.hpp"

#include <csignal>
#include <sys/time.h>

static void ignore(int) {}

int main(int, char **argv)
{
    const bedrock::model model = service_model(argv[2], 20, 1);
    const bedrock::request request = hello();
    struct sigaction action = {};
    action.sa_handler = ignore;
    sigaction(SIGALRM, &action, nullptr);
    const itimerval timer = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &timer, nullptr);
    for (int tries = std::atoi(argv[1]); tries > 0; tries--)
        CHECK(count_texts(model.stream(request)) == 20);
    CHECK(bedrock_live_handles() == 2);
}
