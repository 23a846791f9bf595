#include <bedrock.hpp>
#include <iostream>

// A script takes the place of the service. It says nothing for a minute.
const char *const config = R"({"model": "any",
    "retry": {"max_attempts": 5}, "timeouts": {"connect": "2s"},
    "defaults": {"system": "Be brief.", "inferenceConfig": {"maxTokens": 200}},
    "transport": {"replies": [{"pace": "60s", "text": "A late response."}]}})";

int main()
try {
    bedrock::model model(config);
    // A derived model shares connections and credentials, and has a deadline of its own.
    bedrock::model quick = model.with(R"({"timeouts": {"total": "100ms"}})");
    bedrock::request request;
    request.add_text("user", "Hello.");
    std::cout << quick.generate(request).text() << '\n';
} catch (const bedrock::error &error) {
    std::cout << error.name() << '\n';
}
