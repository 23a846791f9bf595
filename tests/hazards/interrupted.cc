// interrupted.cc - a signal at any moment of a call, whose handler fires a cancel: the call throws status::cancelled at
// once, in every way of calling.
// tries: 200
// seconds: 60
// flags: -std=c++17

#include "common.hpp"

#include <csignal>
#include <sys/time.h>

static const bedrock::cancel *stop;

static void on_alarm(int) { stop->fire(); }

static void call(int way, const bedrock::model &model, const bedrock::request &request, const bedrock::cancel &cancel)
{
    if (way == 0)
        static_cast<void>(model.generate(request, cancel));
    else if (way == 1)
        static_cast<void>(model.call("Converse", request, cancel));
    else
        count_texts(model.stream(request, cancel));
}

int main(int, char **argv)
{
    const bedrock::model model = service_model(argv[2], 100000, 10);
    const bedrock::request request = hello();
    std::signal(SIGALRM, on_alarm);
    for (int tries = std::atoi(argv[1]), i = 0; i < tries; i++) {
        const bedrock::cancel cancel;
        stop = &cancel;
        const itimerval timer = {{0, 0}, {0, 200 + i * 100}};
        setitimer(ITIMER_REAL, &timer, nullptr);
        try {
            call(i % 3, model, request, cancel);
            CHECK(!"the call has ended without a failure");
        } catch (const bedrock::error &error) {
            CHECK(error.status() == bedrock::status::cancelled);
        }
    }
    CHECK(bedrock_live_handles() == 2);
}
