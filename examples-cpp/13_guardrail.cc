// 13_guardrail.cc - guardrails: check what people write before a model reads it. (ApplyGuardrail)
//
//     c++ -std=c++17 13_guardrail.cc $(pkg-config --cflags --libs bedrock) -o 13_guardrail
//     BEDROCK_GUARDRAIL=gr-abc123 ./13_guardrail "My card is 4111 1111 1111 1111"
//
// call() calls any operation of the service by its name. The guardrail is a part of the model here, so that it applies
// to ApplyGuardrail and to every response of the model.
#include "example.hpp"

// The script replies as a guardrail that hides the number, and then as the model.
const char *const replies = R"([{"json": {"action": "GUARDRAIL_INTERVENED", "actionReason": "Guardrail masked.",
    "outputs": [{"text": "My card is {CREDIT_DEBIT_CARD_NUMBER}"}], "assessments": []}},
    "Please do not send me card numbers."])";

int main(int argc, char **argv)
{
    return example::run([&] {
        const std::string guardrail = bedrock::quote(example::env("BEDROCK_GUARDRAIL", "gr-abc123"));
        const bedrock::model model = bedrock::model(example::config(replies)).with(
            R"({"guardrailConfig": {"guardrailVersion": "DRAFT", "guardrailIdentifier": )" + guardrail + "}}");
        const std::string input = argc > 1 ? argv[1] : "My card is 4111 1111 1111 1111";
        const bedrock::request check(R"({"source": "INPUT", "content": [{"text": {"text": )" + bedrock::quote(input)
                                     + "}}]}");
        // If the guardrail changed nothing, there is no output.
        const std::string passed = model.call("ApplyGuardrail", check).json()["/outputs/0/text"].string(input);
        std::cout << "[the guardrail lets pass: " << passed << "]\n";

        bedrock::request request;
        const bedrock::response response = model.generate(request.add_text("user", passed));
        std::cout << response.text() << "\n";
        if (response.stop_reason() == "guardrail_intervened")
            std::cout << "[the guardrail replaced the response]\n";
    });
}
