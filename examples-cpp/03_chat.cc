// 03_chat.cc - a conversation at the terminal.
//
//     c++ -std=c++17 03_chat.cc $(pkg-config --cflags --libs bedrock) -o 03_chat
//
// The request is the history. A turn is made on a copy, which replaces it if the turn succeeds: a turn that fails or is
// stopped changes nothing. Ctrl-C stops a response, or ends the program at the prompt.
#include "example.hpp"

#include <csignal>

const char *const replies = R"([
    {"pace": "30ms", "text": "I am only a script, but I stream like a model. Ask me something else."},
    {"pace": "30ms", "text": "I say the same few things to everybody. The whole history was sent, though."}])";
const char *const settings = R"({
    "system": [{"text": "You are talking to a C programmer at a terminal: be brief, and use no Markdown."}],
    "inferenceConfig": {"maxTokens": 1000}})";
// More attempts than the default: a person prefers to wait while the service is busy.
const char *const call_settings = R"({"timeout": "2m", "retry": {"max_attempts": 8, "max_backoff": "30s"}})";

static bedrock_cancel *running; // of the response that is running; a signal handler may fire it

bedrock::request turn(const bedrock::model &model, const bedrock::request &history, const std::string &question)
{
    const bedrock::cancel cancel; // a cancel stays fired: hence a new one each time
    bedrock::request next = history.clone();
    bedrock::stream stream = model.stream(next.add_text("user", question), cancel);

    running = cancel.get();
    std::signal(SIGINT, [](int) { bedrock_cancel_fire(running); });
    for (std::string_view text : stream.text())
        std::cout << text << std::flush;
    std::cout << "\n";
    next.add_response(stream.response()); // accepts every response; an empty one adds nothing
    return next;
}

int main()
{
    bool failed = false;
    const int status = example::run([&] {
        const bedrock::model model = bedrock::model(example::config(replies)).with(call_settings);
        bedrock::request history(settings);

        for (std::string line; std::cout << "you> " << std::flush && std::getline(std::cin, line);
             std::signal(SIGINT, SIG_DFL))
            try {
                if (line.find_first_not_of(" \t\r") != std::string::npos)
                    history = turn(model, history, line);
            } catch (const bedrock::error &error) { // the conversation goes on without this turn
                std::cerr << "\n" << error.what() << "\n";
                failed |= error.status() != bedrock::status::cancelled;
            }
        std::cout << "\n";
    });
    return failed ? EXIT_FAILURE : status;
}
