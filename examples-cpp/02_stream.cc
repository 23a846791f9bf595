// 02_stream.cc - print a response while the model writes it.
//
//     c++ -std=c++17 02_stream.cc $(pkg-config --cflags --libs bedrock) -o 02_stream
//     ./02_stream "Why does C have no strings?"
//
// A loop reads the stream. It throws where the stream breaks off: that is never taken for a short response.
#include "example.hpp"

const char *const replies = R"([{"pace": "30ms", "text": "C has no strings, only an agreement: bytes, one after the )"
    R"(other, until one of them is zero. It costs a single byte, needs no type, and any address inside a string is a )"
    R"(string as well.\n\nThis text reaches you as a model's would: one event at a time, through the same framing, )"
    R"(checksums and decoder, with a callback written in C at the end. Only the network was left out."}])";

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        bedrock::request request;
        request.add_text("user", argc > 1 ? argv[1] : "Why does C have no strings?"); // any text: nothing to escape
        bedrock::stream stream = model.stream(request);

        for (std::string_view text : stream.text())
            std::cout << text << std::flush;
        std::cout << "\n";
        const bedrock::response response = stream.response(); // as a call without streaming returns it
        std::cerr << "[" << response.stop_reason() << "; " << response.usage().output_tokens << " tokens out]\n";
    });
}
