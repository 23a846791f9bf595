// 04_tools.cc - let the model call functions of this program: model::run is the whole loop.
//
//     c++ -std=c++17 04_tools.cc $(pkg-config --cflags --libs bedrock) -o 04_tools
#include "example.hpp"
#include <map>

const char *const replies = R"([{"message": {"role": "assistant", "content": [
    {"toolUse": {"toolUseId": "1", "name": "reserve", "input": {"part": "M8 bolt", "quantity": 40}}},
    {"toolUse": {"toolUseId": "2", "name": "reserve", "input": {"part": "M8 nut", "quantity": 40}}}]}},
    "The 40 bolts are reserved. There are only 12 nuts, so I did not reserve any: shall I take those 12?"])";
const char *const schema = R"({"type": "object", "required": ["part", "quantity"], "properties": {
    "part": {"type": "string", "enum": ["M8 bolt", "M8 nut"]}, "quantity": {"type": "integer"}}})";
std::map<std::string, std::int64_t> stock = {{"M8 bolt", 100}, {"M8 nut", 12}};

// Does a call. Members of the input may be missing, or be of another type: the model reads what is wrong.
bedrock::tool_result reserve(const bedrock::tool_call &call)
{
    const std::string part = call.input["/part"].string();
    const std::int64_t quantity = call.input["/quantity"].integer();
    std::cout << call.name << " " << quantity << " " << part << "\n";
    if (stock.count(part) == 0 || quantity < 1 || stock[part] < quantity)
        return bedrock::tool_result::error("There is no such part, or there are too few of it.");
    return "Reserved. " + std::to_string(stock[part] -= quantity) + " of " + part + " are left.";
}

int main()
{
    return example::run([] {
        bedrock::request request;
        request.add_text("user", "Reserve 40 M8 bolts and 40 M8 nuts.");
        const bedrock::tool tool("reserve", "Reserves parts in the stockroom.", schema, reserve);
        std::cout << bedrock::model(example::config(replies)).run(request, {tool}).text() << "\n";
    });
}
