#include <bedrock.hpp>
#include <iostream>

int main()
try {
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})");
    bedrock::request request;
    request.add_text("user", "Why is the sky blue?");
    bedrock::response response = model.generate(request);
    std::cout << response.text() << '\n';
} catch (const bedrock::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
