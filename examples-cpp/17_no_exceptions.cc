// 17_no_exceptions.cc - without exceptions: the last argument of every function receives its failure.
//
//     c++ -std=c++17 -fno-exceptions 17_no_exceptions.cc $(pkg-config --cflags --libs bedrock) -o 17_no_exceptions
//
// The first failure stays in the error, and functions that get it do nothing then. So one test at the end is enough.
#include <bedrock.hpp>

#include <cstdio>

// A program of yours needs no transport: it is the script of this example.
const char *const config = R"({"model": "any", "transport": {"replies": ["No exception was needed for this."]}})";

int main()
{
    bedrock::error err;
    const bedrock::model model(config, &err);
    bedrock::request request({}, &err);
    bedrock::stream stream = model.stream(request.add_text("user", "Speak.", &err), &err);

    while (const bedrock::event event = stream.next(&err))
        if (event.type() == bedrock::event_type::text)
            std::printf("%.*s", static_cast<int>(event.text().size()), event.text().data());
    std::printf("\n");
    if (err)
        std::fprintf(stderr, "%s: %s\n", err.name(), err.what());
    return err ? 1 : 0;
}
