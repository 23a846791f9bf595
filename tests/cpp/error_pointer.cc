// error_pointer.cc - every function with an error *, in files with exceptions and without.
#include "check.hpp"

namespace {

using namespace std::chrono_literals;

void every_function_takes_an_error_pointer()
{
    bedrock::error err;
    bedrock::model model(check::scripted(R"(["One two.", "One two.", "One two.", "One two.", "One two.", "One two."])",
                                         R"("lint": "off", )"), &err);
    bedrock::request request({}, &err);
    bedrock::cancel cancel(&err);
    bedrock::waitset<> set(&err);
    std::string text;
    const auto append = [&](const bedrock::event &event) {
        if (event.type() == bedrock::event_type::text)
            text.append(event.text());
    };

    model.with("{}", &err).connect(1s, cancel, &err);
    model.connect(1s, &err);
    request.add_text("user", "Hi.", &err).set(R"({"x": 1})", &err).remove("x", &err);
    request.add_message(R"({"role": "user", "content": [{"text": "?"}]})", &err);
    request.add_document("user", "Tea.", "tea.txt", {}, &err).add_image("user", "\xff\xd8\xff", {}, &err);
    request.attach("a", std::string("moved"), &err);
    CHECK(request.json(bedrock::attachments::by_name, &err) && request.body(model, &err) && model.settings(&err));
    bedrock::request clone = request.clone(&err);
    clone.remove_messages(0, 1, &err).trim(10, &err).add_tool_result("t", "done", false, &err);

    const bedrock::response response = model.generate(request, &err);
    clone.add_response(response, &err);
    CHECK_TEXT(response.text(), "One two.");
    CHECK_TEXT(model.generate(request, cancel, &err).text(), "One two.");
    const bedrock::response streamed = model.generate(request, append, &err);
    CHECK_TEXT(streamed.text(), text);
    CHECK_TEXT(model.call("Converse", request, cancel, &err).text(), "One two.");

    bedrock::stream stream = model.stream(request, cancel, &err);
    text.clear();
    while (const bedrock::event event = stream.next(&err))
        append(event);
    CHECK_TEXT(text, "One two.");
    CHECK_TEXT(stream.response(&err).text(), text);

    stream = model.open("ConverseStream", request, &err);
    stream.set_wakeup([]() noexcept {}, &err);
    stream.clear_wakeup(&err);
    set.add(stream, stream, &err);
    text.clear();
    while (set.wait(1min, &err)->drain(append, &err)) {
    }
    CHECK_TEXT(text, "One two.");
    bedrock::event event;
    CHECK_STATUS(stream.next(event, 0ms, &err), done);
    bedrock::set_log(bedrock::log_level::error, [](bedrock::log_level, std::string_view, std::string_view) noexcept {},
                     &err);
    bedrock::clear_log();
    CHECK_TEXT(bedrock::quote("a\"b", &err), R"("a\"b")");
    CHECK(bedrock::shutdown(1min, &err));
    CHECK(!err);
}

void a_cut_stream_ends_the_loop_and_is_in_the_error()
{
    bedrock::error err;
    const bedrock::model model(check::scripted(check::cut), &err);
    bedrock::stream stream = model.stream(bedrock::request({}, &err).add_text("user", "Hi.", &err), &err);
    int texts = 0;

    while (const bedrock::event event = stream.next(&err))
        texts += event.type() == bedrock::event_type::text;
    CHECK(texts == 1);
    CHECK_STATUS(err.status(), truncated);
}

void failures_can_be_ignored()
{
    bedrock::error *const ignored = nullptr;
    const bedrock::model model("{", ignored);
    const bedrock::response response = model.generate(bedrock::request("{", ignored), ignored);
    const bedrock::response streamed =
        model.generate(bedrock::request({}, ignored), [](const bedrock::event &) { return true; }, ignored);

    CHECK(!model && !response && !streamed);
}

} // namespace

int main()
{
    every_function_takes_an_error_pointer();
    a_cut_stream_ends_the_loop_and_is_in_the_error();
    failures_can_be_ignored();
    return check::end();
}
