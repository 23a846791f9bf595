#include <bedrock.hpp>
#include <iostream>

int main()
{
    // The first request is refused, as by a busy service. The library tries again.
    bedrock::model model(R"({"model": "any", "transport": {"replies": [
        {"error": {"status": 429, "code": "ThrottlingException", "message": "Too many requests"}},
        "Hello."]}})");
    bedrock::request request;
    request.add_text("user", "Say hello.");
    const bedrock::response response = model.generate(request);
    std::cout << response.text() << " (" << response.attempts() << " attempts)\n";
}
