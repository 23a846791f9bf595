// 05_image.cc - send a picture: no base64, no copy.
//
//     c++ -std=c++17 05_image.cc $(pkg-config --cflags --libs bedrock) -o 05_image
//     ./05_image photo.jpg
//
// A string or a vector that is moved into the request stays there until no call needs it. Its bytes show the format.
#include "example.hpp"

const char *const replies = R"(["The picture is a square: its upper half is red, its lower half is blue."])";

// A PNG of 16 x 16 pixels, for when no file is given.
const char *const red_and_blue =
    R"("iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEX/AAAAAP9sof2OAAAAD0lEQVR42mNgwAH+/8eKAL9w)"
    R"(D/HGWCA9AAAAAElFTkSuQmCC")";

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        bedrock::request request;

        if (argc > 1)
            request.add_image("user", example::read_file(argv[1]));
        else
            request.add_image("user", bedrock::json_view(red_and_blue).bytes());
        request.add_text("user", "Describe this picture in one sentence.");
        std::cout << model.generate(request).text() << "\n";
    });
}
