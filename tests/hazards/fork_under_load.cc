// fork_under_load.cc - forks while other threads read streams: the child gets status::forked from the parent's objects and
// may destroy them, its own model works, and the parent goes on.
// tries: 100
// seconds: 60
// flags: -std=c++17

#include "common.hpp"

#include <atomic>
#include <thread>
#include <vector>

static int in_child(bedrock::model &parents, const bedrock::request &request)
{
    bedrock::error error;
    static_cast<void>(parents.generate(request, &error));
    CHECK(error.status() == bedrock::status::forked);
    parents = scripted_model();
    CHECK(count_texts(parents.stream(hello())) == 3);
    return 0;
}

int main(int, char **argv)
{
    bedrock::model model = scripted_model();
    const bedrock::request request = hello();
    std::atomic<bool> stopping{false};
    std::vector<std::thread> readers;

    for (int i = 0; i < 4; i++)
        readers.emplace_back([&] {
            const bedrock::model own = scripted_model();
            while (!stopping)
                CHECK(count_texts(own.stream(request)) == 3);
        });
    for (int tries = std::atoi(argv[1]); tries > 0; tries--) {
        const pid_t child = fork();
        if (child == 0)
            std::_Exit(in_child(model, request));
        CHECK(child_ended(child) == 0);
        CHECK(count_texts(model.stream(request)) == 3);
    }
    stopping = true;
    for (std::thread &reader : readers)
        reader.join();
}
