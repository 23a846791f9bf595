// burst.cc - reads a long stream, as burst.c does. tests/cpp/instructions compares the instructions of both loops.
#include <bedrock.hpp>

#include <cstdio>
#include <cstdlib>

// Not inlined, so that callgrind finds it.
extern "C" __attribute__((noinline)) std::size_t consume(bedrock::stream &stream)
{
    std::size_t bytes = 0;
    for (const bedrock::event &event : stream)
        if (event.type() == bedrock::event_type::text)
            bytes += event.text().size();
    return bytes;
}

int main(int argc, char **argv)
{
    const std::size_t words = argc > 1 ? static_cast<std::size_t>(std::atol(argv[1])) : 1000;
    std::string config = R"({"model": "test", "read_ahead": "1GiB", "transport": {"replies": [")";
    for (std::size_t i = 0; i < words; i++)
        config += "word ";
    const bedrock::model model(config + "\"]}}");
    const bedrock::request request(R"({"messages": [{"role": "user", "content": [{"text": "Hi."}]}]})");
    bedrock::stream stream = model.stream(request);
    const std::size_t bytes = consume(stream);

    if (bytes != words * 5)
        std::fprintf(stderr, "%lu bytes, not %lu\n", static_cast<unsigned long>(bytes), words * 5);
    return bytes != words * 5;
}
