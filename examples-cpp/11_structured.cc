// 11_structured.cc - structured output: the response is JSON that follows a schema, read without a JSON library.
//
//     c++ -std=c++17 11_structured.cc $(pkg-config --cflags --libs bedrock) -o 11_structured
//     ./11_structured "Two kilos of apples at 3.20, and a melon for 4 euros"
#include "example.hpp"

#include <iomanip>

const char *const replies =
    R"(["{\"items\":[{\"name\":\"apples\",\"price\":6.4},{\"name\":\"melon\",\"price\":4}],\"currency\":\"EUR\"}"])";
const char *const bill = R"({"temperature": 0, "response_format": {"type": "json_schema", "json_schema": {
    "name": "bill", "schema": {"type": "object", "additionalProperties": false, "required": ["items", "currency"],
        "properties": {"currency": {"type": "string"}, "items": {"type": "array", "items": {"type": "object",
            "additionalProperties": false, "required": ["name", "price"],
            "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}}}}}}})";

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model clerk = bedrock::model(example::config(replies)).with(bill);
        bedrock::request request;
        request.add_text("system", "Write the bill for the order.");
        request.add_text("user", argc > 1 ? argv[1] : "Two kilos of apples at 3.20, and a melon for 4 euros");
        const bedrock::response response = clerk.generate(request);
        const bedrock::json_view json = response.structured();
        double sum = 0;

        std::cout << std::fixed << std::setprecision(2);
        for (const auto &[key, item, index] : json["/items"]) {
            std::cout << std::left << std::setw(20) << item["/name"].string() << " " << std::right << std::setw(8)
                      << item["/price"].number() << "\n";
            sum += item["/price"].number();
        }
        std::cout << "sum                  " << std::setw(8) << sum << " " << json["/currency"].string() << "\n";
    });
}
