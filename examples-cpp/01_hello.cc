// 01_hello.cc - one question, one response.
//
//     c++ -std=c++17 01_hello.cc $(pkg-config --cflags --libs bedrock) -o 01_hello
//
// The four steps of every program: a model from its configuration, a request, a call, and the response.
#include "example.hpp"

// The reply of the script, which is used if there are no AWS credentials.
const char *const replies = R"(["Hello, C++ programmer: may your destructors run and your views outlive nothing."])";

// A request is the JSON of Amazon Bedrock's Converse API, and is sent as it is written here.
const char *const question = R"({
    "messages": [{"role": "user", "content": [{"text": "Greet a C++ programmer in one sentence."}]}],
    "inferenceConfig": {"maxTokens": 200}})";

int main()
{
    return example::run([] { // prints what is thrown: every failure of the library is a std::exception
        const bedrock::model model(example::config(replies));
        const bedrock::response response = model.generate(bedrock::request(question));

        std::cout << response.text() << "\n(" << response.stop_reason() << "; " << response.usage().input_tokens
                  << " tokens in, " << response.usage().output_tokens << " out)\n";
    });
}
