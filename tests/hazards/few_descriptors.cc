// few_descriptors.cc - a process with hardly any descriptors left: a call works or throws status::resource or
// status::network, and once there are more descriptors, the next call works.
// tries: 100
// flags: -std=c++17

#include "common.hpp"

#include <sys/resource.h>

static int in_child(const char *url, rlim_t most)
{
    const rlimit few = {most, 4096}, many = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &few);
    const bedrock::model model = service_model(url, 1, 0);
    try {
        count_texts(model.stream(hello()));
    } catch (const bedrock::error &error) {
        CHECK(error.status() == bedrock::status::resource || error.status() == bedrock::status::network);
    }
    setrlimit(RLIMIT_NOFILE, &many);
    CHECK(count_texts(model.stream(hello())) == 1);
    return 0;
}

int main(int, char **argv)
{
    for (int tries = std::atoi(argv[1]), i = 0; i < tries; i++) {
        const pid_t child = fork();
        if (child == 0)
            std::_Exit(in_child(argv[2], static_cast<rlim_t>(3 + i % 10)));
        CHECK(child_ended(child) == 0);
    }
}
