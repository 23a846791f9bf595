// api.cc - what every class does, in a file with exceptions.
#include "check.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>
#if defined(__cpp_lib_ranges)
#include <ranges>
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" // GCC 12 reports std::stop_source() of its own library
#endif

using namespace std::chrono_literals;

// ---- Promises that the compiler keeps ----

template <class T>
constexpr bool is_owner = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>
    && std::is_nothrow_destructible_v<T> && !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;

static_assert(is_owner<bedrock::model> && sizeof(bedrock::model) == sizeof(void *));
static_assert(is_owner<bedrock::request> && sizeof(bedrock::request) == sizeof(void *));
static_assert(is_owner<bedrock::response> && sizeof(bedrock::response) == sizeof(void *));
static_assert(is_owner<bedrock::cancel> && sizeof(bedrock::cancel) == sizeof(void *));
static_assert(is_owner<bedrock::waitset<>> && sizeof(bedrock::waitset<>) == sizeof(void *));
static_assert(is_owner<bedrock::stream> && sizeof(bedrock::stream) == 2 * sizeof(void *)); // one for a stop_token
static_assert(is_owner<bedrock::run> && sizeof(bedrock::run) == 2 * sizeof(void *));
static_assert(std::is_trivially_copyable_v<bedrock::event> && sizeof(bedrock::event) == sizeof(void *));
static_assert(std::is_trivially_copyable_v<bedrock::json_view>);
static_assert(sizeof(bedrock::json_view) == sizeof(std::string_view));
static_assert(std::is_nothrow_copy_constructible_v<bedrock::error>);
static_assert(std::is_nothrow_copy_assignable_v<bedrock::error>);
static_assert(std::is_nothrow_move_constructible_v<bedrock::error> && !std::is_polymorphic_v<bedrock::error>);
static_assert(std::is_nothrow_copy_constructible_v<bedrock::exception>);
static_assert(std::is_base_of_v<std::exception, bedrock::exception>);
static_assert(std::is_base_of_v<bedrock::error, bedrock::exception>);
static_assert(noexcept(std::declval<bedrock::model &>().generate(std::declval<bedrock::request &>(),
                                                                 std::declval<bedrock::error *>())));
static_assert(!noexcept(std::declval<bedrock::model &>().generate(std::declval<bedrock::request &>())));
static_assert(std::is_same_v<decltype(std::declval<bedrock::response &>().text()), std::string_view>);
static_assert(std::is_same_v<decltype(std::declval<bedrock::response>().text()), std::string>);
static_assert(std::is_same_v<decltype(std::declval<bedrock::response>().json()), bedrock::json_text>);
#if defined(__cpp_lib_ranges)
static_assert(std::ranges::input_range<bedrock::stream>);
static_assert(std::ranges::input_range<bedrock::text_range<bedrock::stream &>>);
static_assert(std::ranges::input_range<bedrock::json_view>);
#endif

namespace {

bedrock::request asking(std::string_view text)
{
    bedrock::request request;
    request.add_text("user", text);
    return request;
}

template <class F>
bedrock::error failure(F &&function)
{
    try {
        function();
    } catch (const bedrock::error &failed) {
        return failed;
    }
    return {};
}

// ---- Errors ----

void an_error_keeps_all_its_detail()
{
    const bedrock::model model(check::scripted(
        R"([{"error": {"status": 429, "code": "ThrottlingException", "message": "Slow down.",
             "headers": {"Retry-After": "7"}}}])", R"("retry": {"max_attempts": 1}, )"));
    bedrock::error kept;

    try {
        static_cast<void>(model.generate(asking("Hi.")));
        CHECK(model.id().empty()); // not reached
    } catch (const std::exception &thrown) {
        CHECK(dynamic_cast<const bedrock::error *>(&thrown) != nullptr);
        kept = *dynamic_cast<const bedrock::error *>(&thrown);
        CHECK_TEXT(thrown.what(), kept.what());
    }
    CHECK(kept);
    CHECK_STATUS(kept.status(), throttled);
    CHECK_TEXT(kept.name(), "BEDROCK_E_THROTTLED");
    CHECK(std::string_view(kept.what()).find("Slow down") != std::string_view::npos);
    CHECK_TEXT(kept.code(), "ThrottlingException");
    CHECK_TEXT(kept.request_id(), "scripted");
    CHECK_TEXT(kept.path(), "");
    CHECK(kept.http_status() == 429 && kept.attempts() == 1 && kept.retryable());
    CHECK(kept.retry_after() == 7000ms);
    CHECK_TEXT(kept.json()["/message"].string(), "Slow down.");
    CHECK(kept.get() != nullptr);

    bedrock::error other = kept;
    const bedrock::error copy = std::move(other);
    CHECK_TEXT(other.what(), copy.what()); // NOLINT: a move is a copy
    other = {};
    const char *text = copy.what();
    kept = {};
    CHECK(!kept && kept.get() == nullptr && !kept.retry_after());
    CHECK_STATUS(kept.status(), ok);
    CHECK_TEXT(kept.what(), "");
    CHECK_TEXT(copy.what(), text);
    CHECK_STATUS(failure([&] { copy.raise(); }).status(), throttled);
}

void an_error_names_the_member_that_caused_it()
{
    CHECK_TEXT(failure([] { bedrock::model model(R"({"model": "any", "tiemout": "10s"})"); }).path(), "/tiemout");
    CHECK_STATUS(failure([] { bedrock::request request("{"); }).status(), request);
}

void the_first_failure_stays_until_it_is_forgotten()
{
    bedrock::error err;
    bedrock::model model("{", &err);
    const std::string first = err.what();
    bedrock::request request({}, &err);
    bedrock::response response = model.generate(request.add_text("user", "Hi.", &err), &err);

    CHECK_STATUS(err.status(), config);
    CHECK_TEXT(err.what(), first);
    CHECK(!model && !request && !response);
    err = {};
    model = bedrock::model(check::scripted(R"(["Hello."])"), &err);
    request = bedrock::request({}, &err);
    CHECK_TEXT(model.generate(request.add_text("user", "Hi.", &err), &err).text(), "Hello.");
    CHECK(!err);
}

void a_status_without_an_error_still_has_a_message()
{
    bedrock::waitset<> set;
    bedrock::stream none;
    const bedrock::error failed = failure([&] { set.add(none); });

    CHECK_STATUS(failed.status(), invalid_argument);
    CHECK_TEXT(failed.what(), "bedrock: bedrock_waitset_add: BEDROCK_E_INVALID_ARGUMENT");
    CHECK(failed.get() == nullptr && failed.code().empty() && failed.attempts() == 0);
}

void empty_objects_are_refused_and_never_crash()
{
    bedrock::model model;
    bedrock::request request(static_cast<bedrock_request *>(nullptr));
    bedrock::response response;
    bedrock::stream stream;

    CHECK_STATUS(failure([&] { static_cast<void>(model.generate(request)); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { static_cast<void>(model.stream(asking("Hi."))); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { static_cast<void>(stream.next()); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { request.add_text("user", "Hi."); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { static_cast<void>(request.json()); }).status(), invalid_argument);
    CHECK(response.text().empty() && response.tool_calls().empty() && !response.complete());
    CHECK(response.usage().input_tokens == -1 && model.usage().input_tokens == -1);
    CHECK(model.id().empty() && stream.fd() == -1 && request.message_count() == 0);
    stream.cancel();
    const bedrock::event none;
    CHECK(!none && none.text().empty() && none.payload().empty() && none.block() == -1);
}

void a_name_with_a_nul_is_refused()
{
    using namespace std::string_view_literals;
    bedrock::request request;
    const bedrock::json_view json(R"({"a": 1})");

    CHECK_STATUS(failure([&] { request.add_text("user\0!"sv, "Hi."); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { request.add_tool_result("t1\0"sv, "Hi."); }).status(), invalid_argument);
    CHECK(json["/a"] && !json["/a\0"sv]);
    CHECK_STATUS(failure([&] { request.add_text(std::string(1000, 'x'), "Hi."); }).status(), request);
}

// ---- Requests and responses ----

void a_request_grows_and_shrinks()
{
    const bedrock::model model(check::scripted(check::calls_tool, R"("lint": "off", )"));
    bedrock::request request(R"({"system": [{"text": "Be brief."}]})");
    request.add_text("user", "What is the weather?").set(R"({"inferenceConfig": {"maxTokens": 5}})");
    const bedrock::response response = model.generate(request);
    const auto calls = response.tool_calls();

    CHECK_TEXT(response.text(), "Let me see.");
    CHECK_TEXT(response.stop_reason(), "tool_use");
    CHECK_TEXT(response.finish_reason(), "tool_calls");
    CHECK(response.complete() && response.attempts() == 1 && response.reasoning().empty());
    CHECK(response.usage().output_tokens > 0 && model.usage().output_tokens == response.usage().output_tokens);
    CHECK(response.server_tool_calls().empty());
    CHECK(response.model() == model.id() && model.stats().running == 0 && model.stats().requests_in_minute == -1);
    model.set_credentials(R"({"api_key": "AKIDEXAMPLE", "secret_key": "secret"})");
    const std::string key = model.api_key(std::chrono::hours(12));
    CHECK(key.substr(0, 16) == "bedrock-api-key-" && key.size() > 400 && key.find('\0') == std::string::npos);
    CHECK(calls.size() == 1 && calls[0].id == "t1" && calls[0].name == "weather" && calls[0].input_valid);
    CHECK_TEXT(calls[0].input["/city"].string(), "Oslo");
    CHECK_TEXT(response.message()["/content/1/toolUse/name"].string(), "weather");
    CHECK_TEXT(response.json()["/output/message/role"].string(), "assistant");

    request.add_response(response).add_tool_result(calls[0].id, "snow");
    CHECK(request.message_count() == 3);
    CHECK_TEXT(request.json()["/messages/2/content/0/toolResult/toolUseId"].string(), "t1");
    CHECK_TEXT(request.body(model)["/inferenceConfig/maxTokens"].raw(), "5");
    bedrock::request copy = request.clone();
    request.remove("inferenceConfig").remove_messages(1, 2);
    request.add_text("assistant", "Rain.").add_message(R"({"role": "user", "content": [{"text": "?"}]})");
    CHECK(request.message_count() == 3 && copy.message_count() == 3 && !request.json()["/inferenceConfig"]);
    bedrock::request removed(nullptr);
    request.trim(1, removed).trim(1);
    CHECK(removed.message_count() == 2 && request.message_count() == 1);
    // The message was given with a space before its role.
    CHECK_TEXT(request.diff(copy, model)["/pointer"].string(), "/messages/0/role");
    CHECK(!copy.diff(copy.clone(), model));
    request.trim(1, removed);
    CHECK(!removed);
    CHECK_TEXT(response.structured()["/city"].string(), "Oslo");
    CHECK_TEXT(model.generate(copy).text(), "It snows.");
    CHECK_TEXT(model.with(R"({"model": "other"})").id(), "other");
    CHECK_TEXT(model.id(), "test.model-v1:0");
    CHECK_TEXT(model.settings()["/transport"].string(), "replies");
}

void temporaries_return_strings()
{
    const bedrock::model model(check::scripted(R"(["One.", "Two.", "Three."])"));
    const std::string text = model.generate(asking("Hi.")).text();
    const auto message = model.generate(asking("Hi.")).message();
    const auto reason = model.generate(asking("Hi.")).stop_reason();

    CHECK_TEXT(text, "One.");
    CHECK_TEXT(message["/content/0/text"].string(), "Two.");
    CHECK_TEXT(reason, "end_turn");
}

// ---- Attachments ----

constexpr unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};

// A vector that counts how many of its kind hold bytes.
template <class T>
struct counting : std::allocator<T> {
    static inline int alive = 0;
    template <class U>
    struct rebind {
        using other = counting<U>;
    };
    T *allocate(std::size_t size)
    {
        alive++;
        return std::allocator<T>::allocate(size);
    }
    void deallocate(T *memory, std::size_t size)
    {
        alive--;
        std::allocator<T>::deallocate(memory, size);
    }
};

void moved_bytes_are_not_copied_and_are_released_with_the_request()
{
    using vector = std::vector<unsigned char, counting<unsigned char>>;
    int &alive = counting<unsigned char>::alive;
    {
        bedrock::request request;
        vector image(std::begin(png), std::end(png));
        request.add_image("user", std::move(image)).add_text("user", "What is this?");
        CHECK(alive == 1 && image.empty());
        CHECK_TEXT(request.json()["/messages/0/content/0/image/format"].string(), "png");
        bedrock::request clone = request.clone();
        request.reset();
        CHECK(alive == 1);
    }
    CHECK(alive == 0);

    bedrock::request request;
    CHECK_STATUS(failure([&] { request.add_image("nobody", vector(png, png + 16)); }).status(), request);
    CHECK(alive == 0);
    bedrock::error err;
    request.add_text("nobody", "Hi.", &err).attach("a", vector(png, png + 16), &err);
    CHECK(err && alive == 0);
    const vector kept(png, png + 16);
    request.attach("copied", kept);
    CHECK(alive == 1);
}

void shared_bytes_are_kept_by_the_request()
{
    auto text = std::make_shared<const std::string>("Tea keeps for two years.");
    auto raw = std::make_shared<std::array<char, 3>>(std::array<char, 3>{'a', 'b', 'c'});
    std::weak_ptr<const std::string> watched = text;
    {
        bedrock::request request;
        request.add_document("user", text, "tea.txt").attach("raw", {raw, raw->data(), 2});
        text.reset();
        CHECK(!watched.expired() && raw.use_count() == 2);
        CHECK_TEXT(request.json()["/messages/0/content/0/document/source/bytes"].string(),
                   "VGVhIGtlZXBzIGZvciB0d28geWVhcnMu");
    }
    CHECK(watched.expired() && raw.use_count() == 1);
}

void bytes_come_from_every_container()
{
    bedrock::request request;
    const std::string text = "text";
    const std::array<std::byte, 2> array{};
    request.attach("literal", "text").attach("string", text).attach("view", std::string_view(text));
    request.attach("array", array).attach("raw", {png, 4});
    request.attach("temporary", std::string("a temporary that is too long for a small string"));
    request.add_image("user", bedrock::bytes(png, sizeof png), "image/png").add_document("user", text, "a", "txt");
    request.set(R"({"x": {"y": "@literal"}})");
    CHECK_TEXT(request.json(bedrock::attachments::by_name)["/messages/0/content/0/image/source/bytes"].string(),
               "@image-1");
}

// ---- Streams ----

void a_range_for_reads_a_stream_to_its_end()
{
    const bedrock::model model(check::scripted(R"(["One two three.", "Four five.", "Six."])"));
    std::string text;
    int events = 0;

    bedrock::stream stream = model.stream(asking("Hi."));
    for (const bedrock::event &event : stream) {
        events++;
        if (event.type() == bedrock::event_type::text)
            text.append(event.text());
        CHECK(event.json() && event.payload() == event.json().raw());
    }
    CHECK_TEXT(text, "One two three.");
    CHECK(events == 7);
    for (const bedrock::event &event : stream)
        CHECK(!event);
    CHECK_TEXT(stream.response().text(), text);
    CHECK_TEXT(stream.response().stop_reason(), "end_turn");

    text.clear();
    for (std::string_view piece : model.stream(asking("Hi.")).text())
        text.append(piece).append("|");
    CHECK_TEXT(text, "Four |five.|");

    stream = model.stream(asking("Hi."));
    for (std::string_view piece : stream.text())
        CHECK_TEXT(piece, "Six.");
    CHECK(stream.response().complete());
}

void a_range_for_throws_where_the_stream_is_cut()
{
    const bedrock::model model(check::scripted(check::cut));
    bedrock::stream stream = model.stream(asking("Hi."));
    std::string text;
    const bedrock::error failed = failure([&] {
        for (std::string_view piece : stream.text())
            text.append(piece);
        text.append("a cut response never looks complete");
    });

    CHECK_STATUS(failed.status(), truncated);
    CHECK_TEXT(text, "half");
    CHECK(!stream.response().complete());
    CHECK_TEXT(stream.response().text(), "half");
    CHECK_STATUS(failure([&] { static_cast<void>(stream.next()); }).status(), truncated);
}

void algorithms_take_a_stream()
{
    const bedrock::model model(check::scripted(R"(["One two three.", "Four five."])"));
#if defined(__cpp_lib_ranges) && !defined(__clang__) // clang 14 does not compile the views of libstdc++ 12
    bedrock::stream stream = model.stream(asking("Hi."));
    int texts = 0;
    for (const auto &event : stream | std::views::filter([](const bedrock::event &event) {
             return event.type() == bedrock::event_type::text;
         }))
        texts += event ? 1 : 0;
    CHECK(texts == 3);
    CHECK(std::ranges::distance(model.stream(asking("Hi.")).text()) == 2);
#else
    int texts = 0;
    bedrock::stream stream = model.stream(asking("Hi."));
    for (auto at = stream.begin(); at != stream.end(); at++)
        texts += at->type() == bedrock::event_type::text ? 1 : 0;
    CHECK(texts == 3);
#endif
}

void next_waits_for_a_time()
{
    const bedrock::model model(check::scripted(check::silent));
    bedrock::stream stream = model.stream(asking("Hi."));
    bedrock::event event = stream.next();

    CHECK(event && event.type() == bedrock::event_type::message_start);
    CHECK_TEXT(event.text(), "assistant");
    CHECK_TEXT(stream.next().text(), "wait");
    CHECK_STATUS(stream.next(event, 0ms), again);
    CHECK(!event);
    CHECK(stream.drain([](const bedrock::event &unexpected) { CHECK(!unexpected); }));
    stream.cancel();
    CHECK_STATUS(failure([&] { stream.next(event, 1min); }).status(), cancelled);
}

void drain_reads_what_a_waiting_set_announces()
{
    struct talk {
        bedrock::stream stream;
        std::string text;
    };
    const bedrock::model model(check::scripted(R"(["One two three.", "Four five."])"));
    bedrock::waitset<talk> set;
    std::array<talk, 2> talks;
    std::size_t open = talks.size();

    CHECK(set.fd() >= 0 && set.wait(0ms) == nullptr);
    for (talk &each : talks) {
        each.stream = model.stream(asking("Hi."));
        set.add(each.stream, each);
    }
    CHECK_STATUS(failure([&] { set.add(talks[0].stream, talks[0]); }).status(), busy);
    while (open > 0) {
        talk *ready = set.wait();
        const bool goes_on = ready->stream.drain([&](const bedrock::event &event) {
            if (event.type() == bedrock::event_type::text)
                ready->text.append(event.text());
        });
        if (!goes_on) {
            ready->stream.reset();
            open--;
        }
    }
    CHECK_TEXT(talks[0].text, "One two three.");
    CHECK_TEXT(talks[1].text, "Four five.");
    set.close();
    CHECK_STATUS(failure([&] { set.wait(); }).status(), bad_handle);

    bedrock::waitset<> streams;
    bedrock::stream stream = bedrock::model(check::scripted(R"(["One."])")).stream(asking("Hi."));
    streams.add(stream);
    CHECK(streams.wait(1min) == &stream);
}

void a_wakeup_comes_when_there_is_something_to_read()
{
    const bedrock::model model(check::scripted(R"([{"text": "One two three.", "pace": "5ms"}])"));
    auto shared = std::make_shared<std::atomic<int>>(0);
    bedrock::stream stream = model.stream(asking("Hi."));
    std::string text;

    stream.set_wakeup([shared]() noexcept { ++*shared; });
    CHECK(shared.use_count() == 2);
    for (bool goes_on = true; goes_on;) {
        while (*shared == 0)
            std::this_thread::yield();
        *shared = 0;
        goes_on = stream.drain([&](const bedrock::event &event) {
            if (event.type() == bedrock::event_type::text)
                text.append(event.text());
        });
    }
    CHECK_TEXT(text, "One two three.");
    stream.clear_wakeup();
    CHECK(shared.use_count() == 1);
    CHECK(stream.fd() >= 0);
}

// ---- Runs ----

constexpr const char *a_call = R"([{"message": {"role": "assistant", "content": [
    {"toolUse": {"toolUseId": "1", "name": "add", "input": {"a": 2}}},
    {"toolUse": {"toolUseId": "2", "name": "add", "input": {"a": 3}}}]}}, "It is 5."])";
constexpr const char *a_schema = R"({"type": "object"})";

template <class F>
std::vector<bedrock::tool> adding(F function)
{
    return {bedrock::tool("add", "Adds.", a_schema, std::move(function))};
}

void a_run_calls_tools_and_adds_their_results()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    std::int64_t sum = 0;
    std::string rounds;
    const bedrock::response response = model.run(request, adding([&](const bedrock::tool_call &call) {
        CHECK(call.name == "add" && call.input_valid);
        sum += call.input["/a"].integer();
        return call.id == "1" ? bedrock::tool_result::json(R"({"sum": 2})") : bedrock::tool_result::error("no");
    }), {}, [&](const bedrock::event &event) {
        if (event.type() == bedrock::event_type::text || event.type() == bedrock::event_type::tool_call)
            rounds += std::to_string(event.round());
    });

    CHECK(sum == 5 && response.complete());
    CHECK_TEXT(rounds, "11222");
    CHECK_TEXT(response.text(), "It is 5.");
    const bedrock::json_view results = request.json()["/messages/2/content"];
    CHECK_TEXT(results["/0/toolResult/content/0/json"].raw(), R"({"sum": 2})");
    CHECK_TEXT(results["/1/toolResult/status"].string(), "error");
}

void what_a_tool_throws_comes_out_of_the_run()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    bool caught = false;

    try {
        model.run(request, adding([](const bedrock::tool_call &) -> bedrock::tool_result {
            throw std::runtime_error("out of a tool");
        }));
    } catch (const std::runtime_error &thrown) {
        caught = std::string_view(thrown.what()) == "out of a tool";
    }
    CHECK(caught && request.message_count() == 1);
}

void a_result_that_is_refused_ends_the_run()
{
    const auto broken = adding([](const bedrock::tool_call &) { return bedrock::tool_result::json("{"); });
    const bedrock::tool unnamed(std::string("a\0b", 3), "", a_schema, [](const bedrock::tool_call &) { return ""; });
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");

    CHECK_STATUS(failure([&] { model.run(request, {unnamed}); }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { model.run(request, broken, R"({"max_round": 1})"); }).status(), config);
    CHECK_STATUS(failure([&] { model.run(request, broken); }).status(), request);
    CHECK(request.message_count() == 1);
}

void a_text_that_is_not_utf8_ends_the_run()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    int calls = 0;

    const bedrock::error refused = failure([&] {
        model.run(request, adding([&](const bedrock::tool_call &) {
            calls++;
            return "x\xff";
        }));
    });
    CHECK_STATUS(refused.status(), invalid_argument);
    CHECK(std::string_view(refused.what()).find("UTF-8") != std::string_view::npos);
    CHECK(calls == 1 && request.message_count() == 1);
}

void a_second_result_of_a_call_ends_the_run()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    int calls = 0;

    CHECK_STATUS(failure([&] {
        model.run(request, adding([&](const bedrock::tool_call &call, const bedrock::tool_results &results) {
            calls++;
            results.give(call.id, "first");
            return bedrock::tool_result("second");
        }));
    }).status(), invalid_argument);
    CHECK(calls == 1 && request.message_count() == 1);
}

void a_run_that_is_ended_during_a_tool_tells_why()
{
    // Every round calls the tool, so nothing but its deadline ends the first run, and nearly all of its time is in the tool.
    const bedrock::model model(R"({"model": "test", "transport": {"repeat": true, "replies": [{"message": {
        "role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "add", "input": {}}}]}}]}})");
    const bedrock::cancel stop;

    CHECK_STATUS(failure([&] {
        bedrock::request request = asking("What is 2 + 3?");
        model.run(request, adding([](const bedrock::tool_call &) {
            std::this_thread::sleep_for(50ms);
            return "late";
        }), R"({"total": "20ms", "max_rounds": 1000})");
    }).status(), timeout);
    bedrock::request request = asking("What is 2 + 3?");
    CHECK_STATUS(failure([&] {
        model.run(request, adding([&](const bedrock::tool_call &) {
            stop.fire();
            return "late";
        }), {}, stop);
    }).status(), cancelled);
    CHECK(request.message_count() == 1);
}

void a_tool_and_the_function_for_events_stop_a_run()
{
    const auto stopping = adding([](const bedrock::tool_call &) { return bedrock::tool_result::stop(); });
    const bedrock::model model(check::scripted(std::string(a_call).insert(1, "\"One two.\", ")));
    bedrock::request request = asking("Hi.");

    CHECK(!model.run(request, stopping, {}, [](const bedrock::event &) { return false; }).complete());
    CHECK_TEXT(model.run(request, stopping).stop_reason(), "tool_use");
    CHECK(request.message_count() == 1);
}

void a_result_is_given_later_by_another_thread()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    std::vector<std::thread> threads;

    const bedrock::response response = model.run(request,
        adding([&](const bedrock::tool_call &call, const bedrock::tool_results &results) {
            threads.emplace_back([id = std::string(call.id), results] { results.give(id, "later"); });
            return bedrock::tool_result::later();
        }));
    for (std::thread &thread : threads)
        thread.join();
    CHECK_TEXT(response.text(), "It is 5.");
    CHECK(threads.size() == 2 && request.message_count() == 4);
}

void a_run_is_read_in_a_loop_and_in_a_waiting_set()
{
    const bedrock::model model(check::scripted(std::string(a_call).insert(1, "\"Hello.\", ")));
    bedrock::request request = asking("Hi.");
    constexpr const char *tools = R"({"tools": [{"name": "add", "input_schema": {"type": "object"}}]})";
    std::string text;

    for (std::string_view piece : model.open_run(request, tools).text())
        text += piece;
    CHECK_TEXT(text, "Hello.");
    bedrock::run run = model.open_run(request.add_text("user", "What is 2 + 3?"), tools);
    bedrock::waitset<bedrock::run> set;
    set.add(run);
    for (bool goes_on = true; goes_on;) {
        CHECK(set.wait(1min) == &run);
        goes_on = run.drain([&](const bedrock::event &event) {
            if (event.type() == bedrock::event_type::tool_call)
                run.give(event.call().id, "ok");
        });
    }
    CHECK_TEXT(run.response().text(), "It is 5.");
    CHECK_STATUS(failure([&] { run.give("1", "late"); }).status(), invalid_argument);
    const bedrock::tool_results results = run.results();
    run.reset();
    CHECK_STATUS(failure([&] { results.give("1", "late"); }).status(), bad_handle);
}

void a_tool_call_that_the_program_does_not_see_ends_the_run()
{
    const bedrock::model model(check::scripted(a_call));
    bedrock::request request = asking("What is 2 + 3?");
    bedrock::run run = model.open_run(request, R"({"total": "20s", "tools": [{"name": "add", "input_schema": {}}]})");

    CHECK_STATUS(failure([&] {
        for (std::string_view piece : run.text())
            CHECK(piece.empty()); // not reached
    }).status(), invalid_argument);
    CHECK_STATUS(failure([&] { static_cast<void>(run.next()); }).status(), cancelled);
}

// ---- Calls ----

void a_callable_receives_the_events()
{
    const bedrock::model model(check::scripted(R"(["One two three.", "Four five six."])"));
    std::string text;
    const auto append = [&](const bedrock::event &event) {
        if (event.type() == bedrock::event_type::text)
            text.append(event.text());
    };
    const bedrock::response response = model.generate(asking("Hi."), append);

    CHECK_TEXT(text, "One two three.");
    CHECK_TEXT(response.text(), text);
    CHECK(response.complete());
    const bedrock::response stopped = model.generate(asking("Hi."), [](const bedrock::event &event) {
        return event.type() != bedrock::event_type::text;
    });
    CHECK(!stopped.complete());
    CHECK_TEXT(stopped.text(), "Four ");
}

struct own_exception {
    int value;
};

void what_a_callable_throws_comes_out_of_the_call()
{
    const bedrock::model model(check::scripted(R"(["One two three.", "One two three.", "One."])"));
    int events = 0, value = 0;
    bedrock::error err;

    try {
        model.generate(asking("Hi."), [&](const bedrock::event &) {
            if (++events == 3)
                throw own_exception{42};
        });
    } catch (const own_exception &thrown) {
        value = thrown.value;
    }
    CHECK(events == 3 && value == 42);
    try { // an error * is for the failures of the call
        model.generate(asking("Hi."), [&](const bedrock::event &) -> bool { throw own_exception{43}; }, &err);
    } catch (const own_exception &thrown) {
        value = thrown.value;
    }
    CHECK(value == 43 && !err);
    CHECK_TEXT(model.generate(asking("Hi.")).text(), "One.");
}

void a_failed_call_returns_the_part_that_had_arrived()
{
    const bedrock::model model(check::scripted(check::cut));
    bedrock::error err;
    const bedrock::response part = model.generate(asking("Hi."), [](const bedrock::event &) {}, &err);

    CHECK_STATUS(err.status(), truncated);
    CHECK_TEXT(part.text(), "half");
    CHECK(!part.complete());
}

void operations_are_called_by_their_names()
{
    const bedrock::model model(
        check::scripted(R"([{"json": {"embedding": [0.5, 1, 2]}}, {"json": {"embedding": [1]}}])"));
    bedrock::request request(R"({"body": {"inputText": "Hello"}})");
    const bedrock::response response = model.call("InvokeModel", request);

    CHECK((response.json()["/embedding"].numbers() == std::vector<double>{0.5, 1, 2}));
    bedrock::stream stream = model.open("InvokeModel", request);
    CHECK(!stream.next());
    CHECK((stream.response().json()["/embedding"].floats() == std::vector<float>{1}));
    CHECK_STATUS(failure([&] { static_cast<void>(model.call("NoSuch", request)); }).status(), invalid_argument);
    model.connect();
    model.connect(1s);
}

void a_cancel_ends_every_kind_of_call()
{
    const bedrock::model model(check::scripted(R"(["One.", "Two."])"));
    const bedrock::request request = asking("Hi.");
    const auto nothing = [](const bedrock::event &) {};
    bedrock::cancel cancel;
    bedrock::error err;

    CHECK_TEXT(model.generate(request, cancel).text(), "One.");
    cancel.fire();
    for (const bedrock::error &failed : {
             failure([&] { static_cast<void>(model.generate(request, cancel)); }),
             failure([&] { model.generate(request, nothing, cancel); }),
             failure([&] { static_cast<void>(model.stream(request, cancel).next()); }),
             failure([&] { static_cast<void>(model.call("Converse", request, cancel)); }),
             failure([&] { static_cast<void>(model.open("Converse", request, cancel).next()); }),
             failure([&] { model.connect(1s, cancel); }),
         })
        CHECK_STATUS(failed.status(), cancelled);
    CHECK(!model.generate(request, cancel, &err));
    CHECK_STATUS(err.status(), cancelled);
}

void a_stop_token_ends_every_kind_of_call()
{
#if defined(__cpp_lib_jthread)
    const bedrock::model model(check::scripted(check::silent, R"("timeout": "1h", )"));
    const bedrock::request request = asking("Hi.");
    bedrock::request writable = asking("Hi.");
    std::stop_source source, never;
    bedrock::stream stream = model.stream(request, source.get_token());

    static_cast<void>(stream.next());
    bedrock::stream moved = std::move(stream);
    source.request_stop();
    CHECK_STATUS(failure([&] { while (moved.next()) {} }).status(), cancelled);
    const std::stop_token stopped = source.get_token();
    for (const bedrock::error &failed : {
             failure([&] { static_cast<void>(model.generate(request, stopped)); }),
             failure([&] { model.generate(request, [](const bedrock::event &) {}, stopped); }),
             failure([&] { static_cast<void>(model.stream(request, stopped).next()); }),
             failure([&] { static_cast<void>(model.call("Converse", request, stopped)); }),
             failure([&] { static_cast<void>(model.open("Converse", request, stopped).next()); }),
             failure([&] { model.connect(1s, stopped); }),
             failure([&] { model.run(writable, {}, {}, stopped); }),
             failure([&] { static_cast<void>(model.open_run(writable, {}, stopped).next()); }),
         })
        CHECK_STATUS(failed.status(), cancelled);

    const bedrock::model other(check::scripted(check::silent));
    std::stop_source during;
    CHECK_STATUS(failure([&] {
        other.generate(request, [&](const bedrock::event &) { during.request_stop(); }, during.get_token());
    }).status(), cancelled);
    const bedrock::model third(check::scripted(R"(["One.", "Two."])"));
    CHECK_TEXT(third.generate(request, never.get_token()).text(), "One.");
    CHECK_TEXT(third.generate(request, std::stop_token()).text(), "Two.");
#endif
}

void expected_holds_a_value_or_an_error()
{
#if defined(__cpp_lib_expected)
    const bedrock::request request = asking("Hi.");
    const std::expected<bedrock::model, bedrock::error> model =
        bedrock::as_expected([](auto *err) { return bedrock::model(check::scripted(R"(["One."])"), err); });
    const auto response = bedrock::as_expected([&](auto *err) { return model->generate(request, err); });
    const auto failed = bedrock::as_expected([&](auto *err) { return model->generate(request, err); });
    const auto nothing = bedrock::as_expected([&](auto *err) { model->connect(1s, err); });

    CHECK_TEXT(response.value().text(), "One.");
    CHECK(!failed && nothing);
    CHECK_STATUS(failed.error().status(), config);
#endif
}

// ---- JSON ----

void json_is_read_in_place()
{
    const bedrock::json_view json(
        R"({"name": "caf\u00e9 \"x\"", "n": 3.0, "f": 2.5, "t": true, "no": false, "nil": null,
        "items": [{"price": 1}, {"price": 2}, {"price": 4}], "v": [1, 2.5], "b": "AAEC"})");
    double sum = 0;
    std::size_t position = 0;
    std::map<std::string, bedrock::json_type> kinds;

    CHECK(json && json.type() == bedrock::json_type::object && json.size() == 9);
    CHECK_TEXT(json["/name"].string(), "caf\xc3\xa9 \"x\"");
    CHECK_TEXT(json["/name"].raw(), R"("caf\u00e9 \"x\"")");
    CHECK_TEXT(json["/none"].string("fallback"), "fallback");
    CHECK(json["/n"].integer() == 3 && json["/f"].integer(-1) == -1 && json["/f"].number() > 2.4);
    CHECK(json["/t"].boolean() && !json["/no"].boolean(true) && json["/nil"].boolean(true) && !json["/nil"].boolean());
    CHECK(json["/nil"] && json["/nil"].type() == bedrock::json_type::null && !json["/none"]);
    CHECK((json["/b"].bytes() == std::vector<unsigned char>{0, 1, 2}) && json["/n"].bytes().empty());
    CHECK(json["/v"].numbers().size() == 2 && json["/items"].numbers().empty());
    for (const auto &[key, value, index] : json["/items"]) {
        CHECK(!key && index == position++);
        sum += value["/price"].number();
    }
    CHECK(sum > 6.9 && sum < 7.1 && position == 3);
    for (const auto &[key, value, index] : json)
        kinds[key.string()] = value.type();
    CHECK(kinds.size() == 9 && kinds["items"] == bedrock::json_type::array);
    for (const auto &item : bedrock::json_view("{"))
        CHECK(!item.value);
    CHECK(bedrock::json_view().begin() == bedrock::json_view().end() && !bedrock::json_view());
    CHECK(std::distance(json["/items"].begin(), json["/items"].end()) == 3);
}

void text_and_bytes_are_quoted()
{
    using namespace std::string_view_literals;
    const std::string long_text(1000, '\n');

    CHECK_TEXT(bedrock::quote("say \"hi\"\n"), R"("say \"hi\"\n")");
    CHECK(bedrock::json_view(bedrock::quote(long_text)).string() == long_text);
    CHECK_TEXT(bedrock::json_view(bedrock::quote("a\0b"sv)).string(), "a\0b"sv);
    CHECK_TEXT(bedrock::quote(std::string_view()), R"("")");
    CHECK_STATUS(failure([] { static_cast<void>(bedrock::quote("\xff")); }).status(), invalid_argument);
    CHECK_TEXT(bedrock::quote_bytes("\0\1\2"sv), R"("AAEC")");
    CHECK_TEXT(bedrock::quote_bytes({}), R"("")");
    CHECK_TEXT(bedrock::utf8_prefix("caf\xc3"), "caf");
}

// ---- The process ----

void the_log_is_a_callable()
{
    auto lines = std::make_shared<std::atomic<int>>(0);
    bedrock::set_log(bedrock::log_level::debug, [lines](bedrock::log_level level, std::string_view target,
                                                        std::string_view message) noexcept {
        if (level <= bedrock::log_level::debug && !target.empty() && !message.empty())
            ++*lines;
    });
    CHECK_TEXT(bedrock::model(check::scripted(R"(["One."])")).generate(asking("Hi.")).text(), "One.");
    CHECK(bedrock::shutdown());
    bedrock::clear_log();
    CHECK(*lines > 0 && lines.use_count() == 1);
    CHECK(bedrock::shutdown(1min));
    CHECK_TEXT(bedrock::version().substr(0, 2), "0.");
}

// ---- Records ----

const char *const span = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

void records_reach_a_callable_until_it_is_removed()
{
    auto seen = std::make_shared<std::atomic<int>>(0);
    const bedrock::model model(check::scripted(R"(["One.", "One."])"));
    bedrock::set_observer([seen](bedrock::json_view record, std::int64_t lost) noexcept {
        if (lost == 0 && record["/attributes/gen_ai.operation.name"].string() == "chat")
            ++*seen;
    });
    CHECK_TEXT(model.generate(asking("Hi.")).text(), "One.");
    CHECK(bedrock::shutdown());
    bedrock::clear_observer();
    CHECK(*seen == 1 && seen.use_count() == 1);
    CHECK_TEXT(model.generate(asking("Hi.")).text(), "One.");
    CHECK(bedrock::shutdown());
    CHECK(*seen == 1);
    bedrock::error err;
    bedrock::set_observer([](bedrock::json_view, std::int64_t) noexcept {}, R"({"many": 1})", &err);
    CHECK_STATUS(err.status(), config);
}

void a_feed_returns_records_and_messages()
{
    bedrock::feed feed(R"({"records": true, "log": "debug", "capacity": 64})");
    const bedrock::model model(check::scripted(R"(["One."])"));
    CHECK(feed.fd() >= 0);
    CHECK_TEXT(model.generate(asking("Hi.").set_traceparent(span)).text(), "One.");
    int messages = 0;
    bedrock::feed_item item = feed.next();
    while (item.type() == bedrock::feed_type::log) {
        CHECK(item && !item.text().empty() && !item.target().empty() && item.level() <= bedrock::log_level::debug);
        ++messages;
        item = feed.next();
    }
    CHECK(messages > 0 && item.type() == bedrock::feed_type::record && item.lost() == 0);
    CHECK_TEXT(item.record()["/trace_id"].string(), "0af7651916cd43dd8448eb211c80319c");
    CHECK(item.get()->size == sizeof(bedrock_feed_item));
    feed.drain([](const bedrock::feed_item &later) { CHECK(later.type() == bedrock::feed_type::log); });
    CHECK(feed.next(item, 0ms) == bedrock::status::again && !item);
    bedrock::error err;
    asking("Hi.").set_traceparent("00-0-0-01", &err);
    CHECK_STATUS(err.status(), invalid_argument);
    err = {};
    CHECK(!bedrock::feed("{}", &err));
    CHECK_STATUS(err.status(), config);
}

void a_feed_that_is_full_states_how_many_it_lost()
{
    bedrock::feed feed(R"({"records": true, "capacity": 1})");
    const bedrock::model model(check::scripted(R"(["One.", "One.", "One."])"));
    for (int call = 0; call < 3; ++call)
        CHECK_TEXT(model.generate(asking("Hi.")).text(), "One.");
    CHECK(bedrock::shutdown());
    CHECK(feed.next().type() == bedrock::feed_type::record);
    const bedrock::feed_item lost = feed.next();
    CHECK(lost.type() == bedrock::feed_type::lost && lost.lost() == 2);
}

void handles_pass_between_c_and_cplusplus()
{
    bedrock::request request(R"({"messages": []})");
    bedrock_request *raw = request.release();

    CHECK(!request && request.get() == nullptr);
    bedrock_request_free(raw);
    bedrock_cancel *made = bedrock_cancel_new();
    bedrock::cancel cancel(made);
    CHECK(cancel.get() == made);
    bedrock::cancel other = std::move(cancel);
    CHECK(!cancel && other.get() == made); // NOLINT: an object that was moved from is empty
}

} // namespace

int main()
{
    an_error_keeps_all_its_detail();
    an_error_names_the_member_that_caused_it();
    the_first_failure_stays_until_it_is_forgotten();
    a_status_without_an_error_still_has_a_message();
    empty_objects_are_refused_and_never_crash();
    a_name_with_a_nul_is_refused();
    a_request_grows_and_shrinks();
    temporaries_return_strings();
    moved_bytes_are_not_copied_and_are_released_with_the_request();
    shared_bytes_are_kept_by_the_request();
    bytes_come_from_every_container();
    a_range_for_reads_a_stream_to_its_end();
    a_range_for_throws_where_the_stream_is_cut();
    algorithms_take_a_stream();
    next_waits_for_a_time();
    drain_reads_what_a_waiting_set_announces();
    a_wakeup_comes_when_there_is_something_to_read();
    a_run_calls_tools_and_adds_their_results();
    what_a_tool_throws_comes_out_of_the_run();
    a_result_that_is_refused_ends_the_run();
    a_text_that_is_not_utf8_ends_the_run();
    a_second_result_of_a_call_ends_the_run();
    a_run_that_is_ended_during_a_tool_tells_why();
    a_tool_and_the_function_for_events_stop_a_run();
    a_result_is_given_later_by_another_thread();
    a_run_is_read_in_a_loop_and_in_a_waiting_set();
    a_tool_call_that_the_program_does_not_see_ends_the_run();
    a_callable_receives_the_events();
    what_a_callable_throws_comes_out_of_the_call();
    a_failed_call_returns_the_part_that_had_arrived();
    operations_are_called_by_their_names();
    a_cancel_ends_every_kind_of_call();
    a_stop_token_ends_every_kind_of_call();
    expected_holds_a_value_or_an_error();
    json_is_read_in_place();
    text_and_bytes_are_quoted();
    the_log_is_a_callable();
    records_reach_a_callable_until_it_is_removed();
    a_feed_returns_records_and_messages();
    a_feed_that_is_full_states_how_many_it_lost();
    handles_pass_between_c_and_cplusplus();
    return check::end();
}
