// 12_cache.cc - prompt caching: a part that is the same in every call is read once, and costs less after that.
//
//     c++ -std=c++17 12_cache.cc $(pkg-config --cflags --libs bedrock) -o 12_cache
//     ./12_cache handbook.txt
//
// The model marks the end of the part that stays the same: "cache" adds a cache point to each request. The service finds
// its cache by the bytes before it, and the library always sends the same bytes for the same request. (Most models cache
// from some 1,000 tokens on.)
#include "example.hpp"

// The script replies as a service that has the handbook in its cache from the second call on.
const char *const replies = R"([
    {"message": {"role": "assistant", "content": [{"text": "At nine."}]}, "usage": {"inputTokens": 12,
     "outputTokens": 4, "totalTokens": 2064, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 2048}},
    {"message": {"role": "assistant", "content": [{"text": "On Sundays."}]}, "usage": {"inputTokens": 13,
     "outputTokens": 4, "totalTokens": 2065, "cacheReadInputTokens": 2048, "cacheWriteInputTokens": 0}}])";

int main(int argc, char **argv)
{
    return example::run([&] {
        const char *const cache = R"({"cache": {"points": ["system"]}})";
        const bedrock::model model = bedrock::model(example::config(replies)).with(cache);
        bedrock::request handbook;
        handbook.add_text("system", argc > 1 ? example::read_file(argv[1])
                                             : "The shop opens at nine. It is closed on Sundays.");

        for (const char *question : {"When does the shop open?", "When is it closed?"}) {
            bedrock::request request = handbook.clone(); // cheap: it shares the text
            const bedrock::response response = model.generate(request.add_text("user", question));
            const bedrock::usage usage = response.usage();
            std::cout << question << " " << response.text() << "\n[tokens: " << usage.input_tokens << " new, "
                      << usage.cache_write_tokens << " written to the cache, " << usage.cache_read_tokens
                      << " read from it]\n";
        }
    });
}
