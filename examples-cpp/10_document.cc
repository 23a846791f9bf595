// 10_document.cc - ask about a document: a PDF, a text, a spreadsheet.
//
//     c++ -std=c++17 10_document.cc $(pkg-config --cflags --libs bedrock) -o 10_document
//     ./10_document report.pdf "What does it advise?"
//
// The name of the file shows the format, and becomes a name that the service accepts.
#include "example.hpp"

const char *const replies =
    R"(["It advises to store tea away from light, and to use water that has not boiled twice."])";
const char *const tea = "Tea keeps for two years away from light and air. Water that has boiled twice makes it flat.\n";

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        const std::filesystem::path path = argc > 1 ? argv[1] : "tea.txt";
        bedrock::request request;

        request.add_document("user", argc > 1 ? example::read_file(path) : tea, path.filename().string());
        request.add_text("user", argc > 2 ? argv[2] : "What does it advise, in one sentence?");
        std::cout << model.generate(request).text() << "\n";
    });
}
