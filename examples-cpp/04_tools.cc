// 04_tools.cc - let the model call functions of this program.
//
//     c++ -std=c++17 04_tools.cc $(pkg-config --cflags --libs bedrock) -o 04_tools
//
// The loop: ask; add the response to the request; if it calls tools, run them, add their results, and ask again.
#include "example.hpp"

#include <map>

const char *const replies = R"([{"message": {"role": "assistant", "content": [{"text": "I will reserve both."},
    {"toolUse": {"toolUseId": "call-1", "name": "reserve", "input": {"part": "M8 bolt", "quantity": 40}}},
    {"toolUse": {"toolUseId": "call-2", "name": "reserve", "input": {"part": "M8 nut", "quantity": 40}}}]}},
    "The 40 bolts are reserved. There are only 12 nuts, so I did not reserve any: shall I take those 12?"])";
// The tool, as the model sees it: its name, what it is for, and a JSON schema of its input.
const char *const tools = R"({"toolConfig": {"tools": [{"toolSpec": {"name": "reserve",
    "description": "Reserves parts in the stockroom. Fails where there are too few.",
    "inputSchema": {"json": {"type": "object", "required": ["part", "quantity"], "properties": {
        "part": {"type": "string", "enum": ["M8 bolt", "M8 nut"]},
        "quantity": {"type": "integer", "minimum": 1}}}}}}]}})";

std::map<std::string, std::int64_t> stock = {{"M8 bolt", 100}, {"M8 nut", 12}};

// Runs a tool call. Treat the input as you would any input from outside: it may lack members, or have others.
std::pair<std::string, bool> run_tool(const bedrock::tool_call &call)
{
    const std::string part = call.input["/part"].string();
    const std::int64_t quantity = call.input["/quantity"].integer();
    if (!call.input_valid)
        return {"The input was cut off. Call again, with a shorter one.", true};
    if (call.name != "reserve" || quantity < 1 || stock.count(part) == 0)
        return {"There is no such tool or part, or quantity is not a positive integer.", true};
    if (stock[part] < quantity)
        return {"There are only " + std::to_string(stock[part]) + " of " + part + ".", true};
    stock[part] -= quantity;
    return {"Reserved. " + std::to_string(stock[part]) + " of " + part + " are left.", false};
}

int main()
{
    return example::run([] {
        const bedrock::model model(example::config(replies));
        bedrock::request request(tools);
        request.add_text("user", "Reserve 40 M8 bolts and 40 M8 nuts for me, please.");

        for (int round = 0; round < 8; round++) { // a model may call tools without an end: hence a limit
            const bedrock::response response = model.generate(request);
            request.add_response(response);
            std::cout << response.text() << "\n";
            for (const bedrock::tool_call &call : response.tool_calls()) {
                const auto [result, failed] = run_tool(call);
                std::cout << "  " << call.name << " " << call.input.raw() << " -> " << result << "\n";
                request.add_tool_result(call.id, result, failed);
            }
            if (response.tool_calls().empty())
                return;
        }
        throw std::runtime_error("the model did not stop calling tools");
    });
}
