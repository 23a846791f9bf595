#include <bedrock.hpp>
#include <iostream>

// A PNG file of one pixel. Your program reads a file.
const unsigned char picture[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x8\2\0\0\0\x90wS\xde"
    "\0\0\0\fIDATx\x9c" "c\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xae" "B`\x82";

int main()
try {
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})");
    bedrock::request request;
    request.add_image("user", {picture, sizeof picture - 1}).add_text("user", "What is this?");
    std::cout << model.generate(request).text() << '\n';
} catch (const bedrock::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
