#include <bedrock.hpp>
#include <iostream>

const char *const tools = R"({"toolConfig": {"tools": [{"toolSpec": {"name": "weather",
    "description": "Returns the weather in a city.",
    "inputSchema": {"json": {"type": "object", "required": ["city"],
        "properties": {"city": {"type": "string"}}}}}}]}})";

int main()
try {
    bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})");
    bedrock::request request(tools);
    request.add_text("user", "Do I need an umbrella in Oslo?");

    for (int round = 0; round < 8; round++) { // a model may call tools without an end
        const bedrock::response response = model.generate(request);
        request.add_response(response);
        const auto calls = response.tool_calls();
        if (calls.empty()) {
            std::cout << response.text() << '\n';
            return 0;
        }
        for (const bedrock::tool_call &call : calls) {
            const std::string city = call.input["/city"].string();
            if (!call.input_valid || city.empty()) { // cut off, or missing
                request.add_tool_result(call.id, "The input is wrong.", true);
                continue;
            }
            std::cout << call.name << ": " << city << '\n';
            request.add_tool_result(call.id, "Rain, 9 degrees.");
        }
    }
    return 1;
} catch (const bedrock::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
