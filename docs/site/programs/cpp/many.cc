#include <bedrock.hpp>
#include <iostream>
#include <vector>

int main()
try {
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                             "max_concurrency": 10})");
    bedrock::request request;
    request.add_text("user", "Why is the sky blue?");

    bedrock::waitset<> set;
    std::vector<bedrock::stream> streams(100);
    for (bedrock::stream &stream : streams) { // 100 calls, 10 at a time
        stream = model.stream(request);
        set.add(stream);
    }

    int complete = 0;
    for (std::size_t open = streams.size(); open > 0;) {
        bedrock::stream *stream = set.wait(); // one thread waits for all streams
        if (!stream->drain([](const bedrock::event &) {})) {
            stream->reset();
            complete++;
            open--;
        }
    }
    std::cout << complete << " complete\n";
} catch (const bedrock::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
