#include <bedrock.hpp>
#include <iostream>
#include <string>

void ask(const std::string &transport)
{
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "transport": {")" + transport + R"(": "sky.json"}})");
    bedrock::request request;
    request.add_text("user", "Why is the sky blue?");
    std::cout << transport << ": " << model.generate(request).text() << '\n';
}

int main()
try {
    ask("record"); // calls the service, and writes sky.json
    ask("replay"); // needs no network: sky.json has the response
} catch (const bedrock::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
