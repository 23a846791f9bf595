// Streams a scripted response through bedrock.hpp. bedrock::cpp brings the header and C++17.
#include <bedrock.hpp>

#include <iostream>
#include <string>
#include <string_view>

int main()
{
    static_assert(__cplusplus >= 201703L);
    bedrock::model model(R"({"model": "any", "transport": {"replies": ["Hello from a package."]}})");
    bedrock::request request;
    request.add_text("user", "Hello");
    std::string all;
    for (std::string_view text : model.stream(request).text())
        all += text;
    std::cout << all << '\n';
    return all != "Hello from a package.";
}
