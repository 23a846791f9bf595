// 06_errors.cc - what an error holds, and what to do about it.
//
//     c++ -std=c++17 06_errors.cc $(pkg-config --cflags --libs bedrock) -o 06_errors
//
// An error is one line for people, and getters for programs. A copy shares it.
#include "example.hpp"

// What to do, decided by the status alone. The message holds the details.
const char *advice(const bedrock::error &error)
{
    using bedrock::status;
    switch (error.status()) {
    case status::invalid_argument: case status::bad_handle: case status::config: case status::request:
        return "correct the program or its configuration: nothing was sent";
    case status::credentials: case status::access_denied: case status::not_found: case status::validation:
        return "correct the account, the model id or the request";
    case status::context_overflow: return "shorten the conversation, and call again";
    default: return error.retryable() ? "call again later" : "report it, with its request id";
    }
}

std::string_view or_none(std::string_view text) { return text.empty() ? "-" : text; }

// Makes a call that has to fail, and prints all parts of its error.
void attempt(const char *title, const std::string &config, const char *request)
{
    bedrock::error e;
    const bedrock::response response = bedrock::model(config, &e).generate(bedrock::request(request, &e), &e);
    const auto wait = e.retry_after().value_or(std::chrono::milliseconds(-1));
    std::cout << title << "\n  message     " << e.what() << "\n  status      " << static_cast<int>(e.status()) << ", "
              << e.name() << "\n  code        " << or_none(e.code()) << "\n  path        " << or_none(e.path())
              << "\n  http status " << e.http_status() << "\n  attempts    " << e.attempts() << "\n  retry after "
              << wait.count() << " ms\n  request id  " << or_none(e.request_id()) << "\n  retryable   "
              << (e.retryable() ? "yes" : "no") << "\n  so          " << advice(e) << "\n\n";
}

int main()
{
    const char *const hello = R"({"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]})";
    return example::run([&] {
        const std::string config = example::config(R"([{"error": {"status": 400, "code": "ValidationException",
            "message": "The provided model identifier is invalid."}}])");
        attempt("A key of the configuration is misspelt:", R"({"model": "any", "tiemout": "10s"})", hello);
        attempt("The request is not JSON:", config, R"({"messages": [})");
        attempt("The request holds what the service would refuse:", config,
                R"({"messages": [{"role": "user", "content": [{"text": " "}]}]})");
        attempt("There is no such model:", config, R"({"modelId": "example.no-such-model-v1:0",
                "messages": [{"role": "user", "content": [{"text": "Hello!"}]}]})");
        attempt("Too many calls, and the library's own retries did not help:", R"({"model": "any", "retry":
            {"max_attempts": 2, "max_backoff": "100ms"}, "transport": {"repeat": true, "replies": [{"error":
            {"status": 429, "code": "ThrottlingException", "message": "Too many requests, please wait.",
             "headers": {"Retry-After": "7"}}}]}})", hello);
        attempt("The conversation is too long for the model:", R"({"model": "any", "retry": {"max_attempts": 1},
            "transport": {"replies": [{"error": {"status": 400, "code": "ValidationException",
                                                 "message": "Input is too long for requested model."}}]}})", hello);
    });
}
