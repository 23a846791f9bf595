// no_threads.cc - a process whose user may start no thread: a call throws status::resource, and once there may be threads,
// the next call works.
// tries: 30
// needs: root
// flags: -std=c++17

#include "common.hpp"

#include <sys/resource.h>

static int in_child()
{
    const rlimit none = {0, 4096}, many = {4096, 4096};
    // The limit does not hold for root.
    CHECK(setuid(65534) == 0);
    setrlimit(RLIMIT_NPROC, &none);
    const bedrock::model model = scripted_model();
    bedrock::error error;
    static_cast<void>(model.generate(hello(), &error));
    CHECK(error.status() == bedrock::status::resource);
    setrlimit(RLIMIT_NPROC, &many);
    CHECK(count_texts(model.stream(hello())) == 3);
    return 0;
}

int main(int, char **argv)
{
    for (int tries = std::atoi(argv[1]); tries > 0; tries--) {
        const pid_t child = fork();
        if (child == 0)
            std::_Exit(in_child());
        CHECK(child_ended(child) == 0);
    }
}
