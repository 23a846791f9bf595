#include <bedrock.hpp>
#include <iostream>

int main()
try {
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})");
    bedrock::request request;
    request.add_text("user", "Why is the sky blue?");
    for (std::string_view text : model.stream(request).text())
        std::cout << text << std::flush;
    std::cout << '\n';
} catch (const bedrock::error &error) { // also if the response broke off
    std::cerr << error.what() << '\n';
    return 1;
}
