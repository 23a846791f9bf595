#include <bedrock.hpp>
#include <cstdio>

int main()
try {
    bedrock::model model(R"({"model": "amazon.titan-embed-text-v2:0"})");
    bedrock::request request(R"({"body": {"inputText": "Hello"}})");
    const bedrock::response response = model.call("InvokeModel", request);
    for (double number : response.json()["/embedding"].numbers())
        std::printf("%.2f\n", number);
} catch (const bedrock::error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
