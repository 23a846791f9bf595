#include <bedrock.hpp>
#include <iostream>

void explain(const bedrock::error &error)
{
    std::cout << error.what() << '\n'; // one line for people

    if (error.status() == bedrock::status::context_overflow)
        std::cout << "So: shorten the conversation.\n";
    else if (error.retryable())
        std::cout << "So: call again, after "
                  << error.retry_after().value_or(std::chrono::seconds(1)).count() << " ms.\n";
    else
        std::cout << "So: correct the program. HTTP " << error.http_status() << ", " << error.code()
                  << ".\n";
}

int main()
try {
    bedrock::model model(R"({"model": "example.no-such-model-v1:0"})");
    bedrock::request request;
    request.add_text("user", "Hello.");
    std::cout << model.generate(request).text() << '\n';
} catch (const bedrock::error &error) {
    explain(error);
}
