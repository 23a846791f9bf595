// cxx.cc - the header is C++11 and works with the idioms of C++: owners that free, a lambda that receives events.
#include "check.h"

#include <memory>
#include <string>
#include <vector>

namespace {

template <typename T, void (*Free)(T *)>
struct Freer {
    void operator()(T *handle) const { Free(handle); }
};
using Model = std::unique_ptr<bedrock_model, Freer<bedrock_model, bedrock_model_free>>;
using Request = std::unique_ptr<bedrock_request, Freer<bedrock_request, bedrock_request_free>>;
using Response = std::unique_ptr<bedrock_response, Freer<bedrock_response, bedrock_response_free>>;
using Error = std::unique_ptr<bedrock_error, Freer<bedrock_error, bedrock_error_free>>;

void stream(const bedrock_model *model, const bedrock_request *request)
{
    std::vector<std::string> words;
    bedrock_response *response = nullptr;
    bedrock_error *error = nullptr;
    auto on_event = [](const bedrock_event *event, void *user) -> int32_t {
        if (event->type == BEDROCK_EVENT_TEXT)
            static_cast<std::vector<std::string> *>(user)->emplace_back(event->text, event->text_len);
        return 0;
    };

    bedrock_status status = bedrock_generate_stream(model, request, nullptr, on_event, &words, &response, &error);
    Response owned(response);
    CHECK_OK(status, error);
    CHECK((words == std::vector<std::string>{"Hello ", "from ", "C++."}));
    CHECK_TEXT(bedrock_response_text(owned.get(), nullptr), "Hello from C++.");

    bedrock_usage usage;
    CHECK_OK(bedrock_response_usage(owned.get(), &usage, sizeof usage), nullptr);
    CHECK_INT(usage.output_tokens, 3);
}

} // namespace

int main()
{
    bedrock_error *error = nullptr;
    Model model(check_scripted("[\"Hello from C++.\"]"));
    Request request(check_request("Hi."));

    stream(model.get(), request.get());
    CHECK(bedrock_request_set(request.get(), "{", BEDROCK_STRLEN, &error) == BEDROCK_E_REQUEST);
    Error owned(error);
    CHECK_PART(bedrock_error_message(owned.get()), "line 1, column 2");
    model.reset();
    request.reset();
    owned.reset();
    return check_end();
}
