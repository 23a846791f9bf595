// dying_threads.cc - threads that end in the middle of a stream, by an exception out of the loop or out of on_event, and
// by pthread_exit: each object is destroyed, and the next call works.
// tries: 400
// seconds: 60
// flags: -std=c++17

#include "common.hpp"

#include <thread>

struct left {};

static void read_on(int way, const bedrock::model &model, const bedrock::request &request)
{
    try {
        if (way == 0)
            model.generate(request, [](const bedrock::event &) { throw left(); });
        for (const bedrock::event &event : model.stream(request)) {
            static_cast<void>(event);
            if (way == 1)
                throw left();
            pthread_exit(nullptr);
        }
    } catch (const left &) {
    }
}

int main(int, char **argv)
{
    {
        const bedrock::model model = service_model(argv[2], 100000, 1);
        const bedrock::request request = hello();
        for (int tries = std::atoi(argv[1]), i = 0; i < tries; i++)
            std::thread(read_on, i % 3, std::cref(model), std::cref(request)).join();
        CHECK(bedrock_live_handles() == 2);
    }
    CHECK(bedrock_live_handles() == 0);
    CHECK(bedrock_shutdown(10000) == BEDROCK_OK);
}
