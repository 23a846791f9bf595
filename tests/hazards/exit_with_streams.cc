// exit_with_streams.cc - a process that ends while streams run, in each way that C++ has, with static objects that are
// destroyed after main: it ends at once, and with the code that it asked for.
// tries: 60
// runs: 60
// exit: 7
// flags: -std=c++17

#include "common.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

static bedrock::model model;
static bedrock::request request;
static std::vector<bedrock::stream> left_open;
static std::mutex mutex;
static std::condition_variable changed;
static int begun;

static void read_on()
{
    try {
        for (std::string_view text : model.stream(request).text()) {
            static_cast<void>(text);
            std::lock_guard<std::mutex> lock(mutex);
            begun++;
            changed.notify_all();
        }
    } catch (const bedrock::error &) {
        // The static model is destroyed while this thread still reads.
    }
}

int main(int, char **argv)
{
    constexpr int streams = 4;
    model = service_model(argv[2], 100000, 1);
    request = hello();
    for (int i = 0; i < streams; i++) {
        std::thread(read_on).detach();
        left_open.push_back(model.stream(request));
    }
    {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [] { return begun >= streams; });
    }
    switch (getpid() % 4) {
    case 0:
        return 7;
    case 1:
        std::exit(7);
    case 2:
        std::_Exit(7);
    default:
        std::thread([] { std::exit(7); }).join();
    }
}
