// 09_race.cc - ask three models at once, and print each event as it arrives, on one thread.
//
//     c++ -std=c++17 09_race.cc $(pkg-config --cflags --libs bedrock) -o 09_race
//     ./09_race "Why does C have no strings?" [MODEL...]
//
// A waiting set waits for any number of streams, without a descriptor or a thread for each. It returns the object that
// a stream was added with. Drain its stream; then the set returns it for the next event.
#include "example.hpp"

#include <list>

const char *const replies = R"([
    {"pace": "70ms", "text": "I take my time, and am heard all the same."},
    {"pace": "30ms", "text": "I am quick, and the first to end: I need not wait for the others."},
    {"pace": "45ms", "text": "Each model sends a word when it has one, and one thread reads them all."}])";

struct talk {
    std::string id;
    bedrock::stream stream;
};

int main(int argc, char **argv)
{
    std::vector<std::string> ids = {"us.anthropic.claude-haiku-4-5-20251001-v1:0", "us.amazon.nova-lite-v1:0",
                                    "us.meta.llama3-3-70b-instruct-v1:0"};
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        bedrock::request request;
        bedrock::waitset<talk> set;
        std::list<talk> talks; // they stay at their addresses
        const talk *speaker = nullptr;
        std::size_t open = 0;

        request.add_text("user", argc > 1 ? argv[1] : "Why does C have no strings?");
        if (argc > 2)
            ids.assign(argv + 2, argv + argc);
        for (const std::string &id : ids) { // a derived model shares connections and credentials
            talks.push_back({id, model.with("{\"model\": " + bedrock::quote(id) + "}").stream(request)});
            set.add(talks.back().stream, talks.back());
        }
        while (open++ < talks.size())
            for (bool goes_on = true; goes_on;) {
                talk *const ready = set.wait();
                goes_on = ready->stream.drain([&](const bedrock::event &event) {
                    if (event.type() != bedrock::event_type::text)
                        return;
                    if (speaker != ready)
                        std::cout << (speaker != nullptr ? "\n" : "") << "[" << ready->id << "] ";
                    std::cout << event.text() << std::flush;
                    speaker = ready;
                });
            }
        std::cout << "\n";
    });
}
