// 14_embedding.cc - embeddings: which of some sentences is closest in meaning to a question. (InvokeModel)
//
//     c++ -std=c++17 14_embedding.cc $(pkg-config --cflags --libs bedrock) -o 14_embedding
//     ./14_embedding "Can I bring my dog?"
//
// Models without Converse have requests in their own form: "body" holds it, and is sent as it is. All calls are opened
// first and run at the same time; then the program waits for each response.
#include "example.hpp"

#include <cmath>
#include <iomanip>
#include <numeric>

const char *const replies = R"([{"json": {"embedding": [0.1, 0.9, 0.1], "inputTextTokenCount": 7}},
    {"json": {"embedding": [0.8, 0.1, 0.3], "inputTextTokenCount": 6}},
    {"json": {"embedding": [0.2, 0.8, 0.2], "inputTextTokenCount": 5}},
    {"json": {"embedding": [0.3, 0.2, 0.9], "inputTextTokenCount": 6}}])";

double cosine(const std::vector<double> &a, const std::vector<double> &b)
{
    const auto product = [](const std::vector<double> &x, const std::vector<double> &y) {
        return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
    };
    return product(a, b) / std::sqrt(product(a, a) * product(b, b));
}

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        const std::string texts[] = {
            argc > 1 ? argv[1] : "Can I bring my dog?", "Breakfast is served from seven to ten.",
            "Pets are welcome in all rooms.", "The pool is open in summer."};
        std::vector<bedrock::stream> calls;
        std::vector<std::vector<double>> vectors;

        for (const std::string &text : texts)
            calls.push_back(model.open("InvokeModel", bedrock::request(R"({"modelId": "amazon.titan-embed-text-v2:0",
                "body": {"dimensions": 256, "inputText": )" + bedrock::quote(text) + "}}")));
        for (bedrock::stream &call : calls)
            if (!call.next()) // a call that does not stream has no events: it ends
                vectors.push_back(call.response().json()["/embedding"].numbers());
        std::cout << texts[0] << "\n" << std::fixed << std::setprecision(2);
        for (std::size_t i = 1; i < vectors.size(); i++)
            std::cout << "  " << cosine(vectors[0], vectors[i]) << "  " << texts[i] << "\n";
    });
}
