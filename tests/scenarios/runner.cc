// runner.cc - does the steps of a scenario in C++, and prints the transcript. README.md describes both.
//
//     runner FILE
#include <bedrock.hpp>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using step = bedrock::json_view;

// ---- The transcript ----

std::ostream *out = &std::cout;
// What each line begins with: "child: " in the child of a fork.
std::string prefix;
// Whether the current step prints the status of an error alone.
bool status_only = false;

std::ostream &line() { return *out << prefix; }

// Writes text as a JSON string, with the short escapes.
std::string quoted(std::string_view text)
{
    static constexpr std::string_view escaped = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    std::string json = "\"";

    if (bedrock::utf8_prefix(text) != text)
        throw std::runtime_error("the library returned a text that is not UTF-8");
    for (char byte : text) {
        char code[8];
        if (const auto at = escaped.find(byte); at != std::string_view::npos)
            json.append("\\").append(1, letters[at]);
        else if (static_cast<unsigned char>(byte) < 0x20)
            json.append(code, static_cast<std::size_t>(std::snprintf(code, sizeof code, "\\u%04x", byte)));
        else
            json.append(1, byte);
    }
    return json.append("\"");
}

void print(const bedrock::error &error)
{
    line() << "error " << error.name();
    if (!status_only) {
        const auto wait = error.retry_after();
        *out << " code=" << quoted(error.code()) << " path=" << quoted(error.path()) << " http=" << error.http_status()
             << " request_id=" << quoted(error.request_id()) << " retryable=" << error.retryable()
             << " retry_after=" << (wait ? wait->count() : -1) << " attempts=" << error.attempts()
             << " message=" << quoted(error.what());
        if (!error.json().raw().empty())
            *out << " json=" << error.json().raw();
    }
    *out << "\n";
}

const std::map<bedrock::event_type, const char *> event_types = {
    {bedrock::event_type::message_start, "MESSAGE_START"}, {bedrock::event_type::block_start, "BLOCK_START"},
    {bedrock::event_type::text, "TEXT"}, {bedrock::event_type::reasoning, "REASONING"},
    {bedrock::event_type::tool_input, "TOOL_INPUT"}, {bedrock::event_type::block_delta, "BLOCK_DELTA"},
    {bedrock::event_type::block_stop, "BLOCK_STOP"}, {bedrock::event_type::message_stop, "MESSAGE_STOP"},
    {bedrock::event_type::metadata, "METADATA"}, {bedrock::event_type::other, "OTHER"},
    {bedrock::event_type::chunk, "CHUNK"}, {bedrock::event_type::tool_call, "TOOL_CALL"},
};

void print(const bedrock::event &event, bool with_json)
{
    using type = bedrock::event_type;
    const auto name = event_types.find(event.type());

    line() << "event " << (name != event_types.end() ? name->second : std::to_string(static_cast<int>(event.type())));
    if (event.block() != -1)
        *out << " block=" << event.block();
    for (const auto &[member, text] : {std::pair("text", event.text()), std::pair("tool_id", event.tool_id()),
                                       std::pair("tool_name", event.tool_name())})
        if (!text.empty())
            *out << " " << member << "=" << quoted(text);
    if (event.type() == type::block_stop && !event.tool_id().empty())
        *out << " input_valid=" << event.input_valid();
    if (with_json || event.type() == type::block_delta || event.type() == type::metadata || event.type() == type::other)
        if (!event.json().raw().empty())
            *out << " json=" << event.json().raw();
    if (!event.payload().empty() && event.json().raw().empty())
        *out << " payload=" << bedrock::quote_bytes(event.payload());
    if (event.round() != 0)
        *out << " round=" << event.round();
    *out << "\n";
}

void print(const char *name, const bedrock::usage &usage)
{
    line() << name << " input=" << usage.input_tokens << " output=" << usage.output_tokens << " total="
           << usage.total_tokens << " cache_read=" << usage.cache_read_tokens << " cache_write="
           << usage.cache_write_tokens << " latency=" << usage.latency_ms << "\n";
}

void print(const char *name, const std::vector<bedrock::tool_call> &calls)
{
    for (const bedrock::tool_call &call : calls)
        line() << "  " << name << " id=" << quoted(call.id) << " name=" << quoted(call.name) << " input_valid="
               << call.input_valid << " input="
               << (call.input_valid ? std::string(call.input.raw()) : quoted(call.input.raw())) << "\n";
}

void print(const bedrock::response &response)
{
    line() << "response complete=" << response.complete() << " stop_reason=" << quoted(response.stop_reason())
           << " finish_reason=" << quoted(response.finish_reason()) << " attempts=" << response.attempts()
           << " request_id=" << quoted(response.request_id()) << " model=" << quoted(response.model()) << "\n";
    line() << "  text " << quoted(response.text()) << "\n";
    if (!response.reasoning().empty())
        line() << "  reasoning " << quoted(response.reasoning()) << "\n";
    print("tool_call", response.tool_calls());
    print("server_tool_call", response.server_tool_calls());
    print("  usage", response.usage());
}

// ---- Members of a step ----

std::string text(step from, std::string_view pointer)
{
    if (from[pointer].type() != bedrock::json_type::string)
        throw std::runtime_error("a step has no text " + std::string(pointer));
    return from[pointer].string();
}

std::size_t number(step from, std::string_view pointer, std::int64_t fallback = 0)
{
    return static_cast<std::size_t>(from[pointer].integer(fallback));
}

// Returns JSON for the library: an object without white space between its tokens, or the text of a string.
std::string json(step from, std::string_view pointer)
{
    const bedrock::json_view value = from[pointer];
    std::string compact;
    bool in_string = false, escaped = false;

    if (!value)
        throw std::runtime_error("a step has no JSON " + std::string(pointer));
    if (value.type() == bedrock::json_type::string)
        return value.string();
    for (char byte : value.raw()) {
        if (byte == '"' && !escaped)
            in_string = !in_string;
        escaped = in_string && byte == '\\' && !escaped;
        if (in_string || std::string_view(" \t\r\n").find(byte) == std::string_view::npos)
            compact.append(1, byte);
    }
    return compact;
}

// ---- Objects, by kind and name ----

template <class T>
std::map<std::string, T> objects;

template <class T>
const char *const kind = nullptr;
template <>
const char *const kind<bedrock::model> = "model";
template <>
const char *const kind<bedrock::request> = "request";
template <>
const char *const kind<bedrock::cancel> = "cancel";
template <>
const char *const kind<bedrock::stream> = "stream";
template <>
const char *const kind<bedrock::response> = "response";
template <>
const char *const kind<bedrock::feed> = "feed";

template <class T>
T &keep(step from, T object)
{
    return objects<T>.insert_or_assign(from["/as"].string(kind<T>), std::move(object)).first->second;
}

template <class T>
T &named(const std::string &name)
{
    const auto found = objects<T>.find(name);
    if (found == objects<T>.end())
        throw std::runtime_error(std::string("no ") + kind<T> + " was made under the name " + name);
    return found->second;
}

template <class T>
T &used(step from)
{
    return named<T>(from[std::string("/") + kind<T>].string(kind<T>));
}

// Returns the cancel of a call; an empty one if it has none.
const bedrock::cancel &cancel(step from)
{
    static const bedrock::cancel none(static_cast<bedrock_cancel *>(nullptr));
    return from["/cancel"] ? used<bedrock::cancel>(from) : none;
}

// Calls f with the request of a call.
template <class F>
auto with_request(step from, F &&f)
{
    if (from["/text"])
        return f(bedrock::request().add_text("user", text(from, "/text")));
    if (from["/json"])
        return f(bedrock::request(json(from, "/json")));
    return f(used<bedrock::request>(from));
}

// Closes an object, whose name keeps the handle that is no longer valid.
template <class T, class Raw>
bool close(step from, void (*free)(Raw *))
{
    if (!from[std::string("/") + kind<T>])
        return false;
    free(used<T>(from).get());
    return true;
}

// ---- Streams ----

struct left {};

// What a program does while it reads events.
class reader {
public:
    explicit reader(step from) : from_(from), with_json_(from["/json_of_events"].boolean()) {}

    // Takes an event. Returns whether the program goes on.
    bool operator()(const bedrock::event &event)
    {
        print(event, with_json_);
        count++;
        if (count == number(from_, "/cancel_at"))
            cancel(from_).fire();
        if (count == number(from_, "/pause_after"))
            std::this_thread::sleep_for(std::chrono::milliseconds(number(from_, "/pause_ms")));
        return count != number(from_, "/leave_after");
    }

    std::size_t count = 0;

private:
    step from_;
    bool with_json_;
};

// Reads a stream or a run until it ends or the program leaves, and prints the ending. Returns whether it has ended by
// itself.
template <class Stream, class Program>
bool read(Stream &stream, Program &&program)
{
    try {
        for (const bedrock::event &event : stream)
            if (!program(event)) {
                line() << "left\n";
                return false;
            }
        line() << "done\n";
        return true;
    } catch (const bedrock::error &error) {
        print(error);
        return false;
    }
}

bedrock::stream open(step from)
{
    return with_request(from, [&](const bedrock::request &request) {
        const bedrock::model &model = used<bedrock::model>(from);
        return from["/operation"] ? model.open(text(from, "/operation"), request, cancel(from))
                                  : model.stream(request, cancel(from));
    });
}

void stream_by_pull(step from)
{
    reader program(from);
    bedrock::stream stream = open(from);
    if (read(stream, program) || program.count > 0)
        print(keep(from, stream.response()));
}

void stream_by_callback(step from)
{
    reader program(from);
    bedrock::error err;
    bedrock::response response = with_request(from, [&](const bedrock::request &request) {
        return used<bedrock::model>(from).generate(request, program, cancel(from), &err);
    });
    if (err)
        print(err);
    else
        line() << (response.complete() ? "done\n" : "left\n");
    if (response)
        print(keep(from, std::move(response)));
}

// Gives the result that the step has for a call, if it has one.
void give_result(step from, const bedrock::run &run, const bedrock::event &call)
{
    const bedrock::json_view result = from["/results/" + std::string(call.tool_id())];
    if (result["/text"])
        run.give(call.tool_id(), result["/text"].string());
    if (result["/error"])
        run.give(call.tool_id(), bedrock::tool_result::error(result["/error"].string()));
}

void run(step from)
{
    reader program(from);
    bedrock::run run = with_request(from, [&](auto &&request) {
        return used<bedrock::model>(from).open_run(request, json(from, "/options"), cancel(from));
    });
    const bool ended = read(run, [&](const bedrock::event &event) {
        if (!program(event))
            return false;
        if (event.type() == bedrock::event_type::tool_call)
            give_result(from, run, event);
        return true;
    });
    if (ended || program.count > 0)
        print(keep(from, run.response()));
}

void read_together(step from)
{
    struct part {
        std::string name;
        bedrock::stream &stream;
        std::ostringstream lines;
    };
    bedrock::waitset<part> set;
    std::vector<part> parts;
    std::size_t open = 0;

    for (const auto &item : from["/streams"])
        parts.push_back({item.value.string(), named<bedrock::stream>(item.value.string()), {}});
    for (part &each : parts) {
        set.add(each.stream, each);
        open++;
    }
    while (open > 0) {
        part &ready = *set.wait();
        bedrock::error err;
        out = &ready.lines;
        if (!ready.stream.drain([](const bedrock::event &event) { print(event, false); }, &err)) {
            open--;
            if (err)
                print(err);
            else
                line() << "done\n";
        }
        out = &std::cout;
    }
    for (const part &each : parts)
        line() << "stream " << each.name << "\n" << each.lines.str();
}

void next(step from)
{
    bedrock::stream &stream = used<bedrock::stream>(from);
    for (std::size_t count = number(from, "/events", 1); count > 0; count--) {
        const bedrock::event event = stream.next();
        if (!event) {
            line() << "done\n";
            return;
        }
        print(event, from["/json_of_events"].boolean());
    }
}

// ---- Records ----

// What the observer has received and no step has read.
struct {
    std::mutex mutex;
    std::condition_variable came;
    std::deque<std::string> records;
} observed;

// Opens a feed. One by callback has no handle: its records are the observer's.
void open_feed(step from)
{
    const std::string content = from["/content"].boolean() ? "true" : "false";
    if (from["/by"].string() != "callback") {
        keep(from, bedrock::feed(R"({"records": true, "content": )" + content + "}"));
        return;
    }
    const auto observe = [](bedrock::json_view record, std::int64_t lost) {
        const std::lock_guard lock(observed.mutex);
        observed.records.push_back(lost > 0 ? "\"lost\"" : std::string(record.raw()));
        observed.came.notify_one();
    };
    bedrock::set_observer(observe, R"({"content": )" + content + "}");
    keep(from, bedrock::feed(static_cast<bedrock_feed *>(nullptr)));
}

void close_feed(bedrock_feed *feed)
{
    if (feed != nullptr)
        bedrock_feed_free(feed);
    else
        bedrock::clear_observer();
}

// Waits for the next record of a feed.
std::string next_record(bedrock::feed &feed)
{
    if (feed) {
        const bedrock::feed_item item = feed.next();
        if (item.type() != bedrock::feed_type::record)
            throw std::runtime_error("the feed has something else than a record");
        return std::string(item.text());
    }
    std::unique_lock lock(observed.mutex);
    observed.came.wait(lock, [] { return !observed.records.empty(); });
    const std::string record = observed.records.front();
    observed.records.pop_front();
    return record;
}

void print_record(step from)
{
    const std::string text = next_record(used<bedrock::feed>(from));
    const bedrock::json_view record(text);
    for (const auto &item : from["/members"]) {
        const std::string pointer = item.value.string();
        line() << "  " << pointer << " " << (record[pointer] ? record[pointer].raw() : "none") << "\n";
    }
}

// ---- The other actions ----

bedrock::json_view request_json(step from)
{
    const bool by_name = from["/attachments"].string() == "by_name";
    return used<bedrock::request>(from).json(by_name ? bedrock::attachments::by_name : bedrock::attachments::inlined);
}

void statuses()
{
    using status = bedrock::status;
    for (status each : {status::stopped, status::again, status::done, status::ok, status::invalid_argument,
                        status::bad_handle, status::busy, status::config, status::request, status::credentials,
                        status::access_denied, status::not_found, status::validation, status::context_overflow,
                        status::throttled, status::quota, status::model, status::service, status::network,
                        status::timeout, status::truncated, status::protocol, status::cancelled, status::forked,
                        status::internal, status::resource})
        line() << "status " << static_cast<int>(each) << " " << bedrock::name(each) << "\n";
}

// The threads that fire a cancel later.
std::vector<std::thread> threads;

void fire(step at)
{
    const bedrock::cancel &cancel = used<bedrock::cancel>(at);
    if (!at["/after_ms"]) {
        cancel.fire();
        return;
    }
    threads.emplace_back([&cancel, pause = std::chrono::milliseconds(number(at, "/after_ms"))] {
        std::this_thread::sleep_for(pause);
        cancel.fire();
    });
}

void do_steps(step scenario);

void fork(step from)
{
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
        prefix = "child: ";
        do_steps(from);
        std::cout.flush();
        _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        throw std::runtime_error("the child did not exit");
    line() << "child exited " << WEXITSTATUS(status) << "\n";
}

using action = void (*)(step);
const std::map<std::string, action> actions = {
    {"model", [](step at) { keep(at, bedrock::model(json(at, "/config"))); }},
    {"with", [](step at) { keep(at, used<bedrock::model>(at).with(json(at, "/defaults"))); }},
    {"model_id", [](step at) { line() << "model id " << quoted(used<bedrock::model>(at).id()) << "\n"; }},
    {"model_usage", [](step at) { print("model usage", used<bedrock::model>(at).usage()); }},
    {"set_credentials", [](step at) { used<bedrock::model>(at).set_credentials(json(at, "/json")); }},
    {"api_key",
     [](step at) {
         const auto valid = std::chrono::seconds(at["/seconds"].integer());
         const std::string key = used<bedrock::model>(at).api_key(valid, cancel(at));
         line() << "api key " << key.substr(0, 16) << "...\n";
     }},
    {"connect", [](step at) { used<bedrock::model>(at).connect(std::chrono::milliseconds(-1), cancel(at)); }},
    {"request", [](step at) { keep(at, at["/json"] ? bedrock::request(json(at, "/json")) : bedrock::request()); }},
    {"clone", [](step at) { keep(at, used<bedrock::request>(at).clone()); }},
    {"reload", [](step at) { keep(at, bedrock::request(request_json(at).raw())); }},
    {"set", [](step at) { used<bedrock::request>(at).set(json(at, "/json")); }},
    {"remove", [](step at) { used<bedrock::request>(at).remove(text(at, "/member")); }},
    {"set_traceparent", [](step at) { used<bedrock::request>(at).set_traceparent(text(at, "/traceparent")); }},
    {"add_text", [](step at) { used<bedrock::request>(at).add_text(at["/role"].string("user"), text(at, "/text")); }},
    {"add_message", [](step at) { used<bedrock::request>(at).add_message(json(at, "/json")); }},
    {"add_response", [](step at) { used<bedrock::request>(at).add_response(used<bedrock::response>(at)); }},
    {"add_tool_result",
     [](step at) {
         used<bedrock::request>(at).add_tool_result(text(at, "/id"), text(at, "/text"), at["/is_error"].boolean());
     }},
    {"add_image",
     [](step at) {
         used<bedrock::request>(at).add_image(at["/role"].string("user"), at["/base64"].bytes(),
                                              at["/format"].string());
     }},
    {"add_document",
     [](step at) {
         used<bedrock::request>(at).add_document(at["/role"].string("user"), at["/base64"].bytes(),
                                                 at["/name"].string(), at["/format"].string());
     }},
    {"attach", [](step at) { used<bedrock::request>(at).attach(text(at, "/name"), at["/base64"].bytes()); }},
    {"message_count", [](step at) { line() << "messages " << used<bedrock::request>(at).message_count() << "\n"; }},
    {"remove_messages",
     [](step at) { used<bedrock::request>(at).remove_messages(number(at, "/first"), number(at, "/count")); }},
    {"trim",
     [](step at) {
         bedrock::request removed(nullptr);
         used<bedrock::request>(at).trim(number(at, "/max"), removed);
         line() << "removed " << removed.message_count() << "\n";
         if (at["/as"] && removed)
             keep(at, std::move(removed));
     }},
    {"request_json",
     [](step at) {
         const bedrock::json_view found = request_json(at);
         line() << "request json " << found.raw() << "\n";
     }},
    {"request_body",
     [](step at) {
         const bedrock::json_view body = used<bedrock::request>(at).body(used<bedrock::model>(at));
         line() << "request body " << body.raw() << "\n";
     }},
    {"diff",
     [](step at) {
         const bedrock::request &a = named<bedrock::request>(text(at, "/a")),
                               &b = named<bedrock::request>(text(at, "/b"));
         const bedrock::json_view diff = a.diff(b, used<bedrock::model>(at));
         line() << "diff " << (diff ? diff.raw() : "none") << "\n";
     }},
    {"cancel", [](step at) { keep(at, bedrock::cancel()); }},
    {"fire", fire},
    {"ask",
     [](step at) {
         print(keep(at, with_request(at, [&](const bedrock::request &request) {
             return used<bedrock::model>(at).generate(request, cancel(at));
         })));
     }},
    {"call",
     [](step at) {
         print(keep(at, with_request(at, [&](const bedrock::request &request) {
             return used<bedrock::model>(at).call(text(at, "/operation"), request, cancel(at));
         })));
     }},
    {"stream", [](step at) { at["/by"].string() == "callback" ? stream_by_callback(at) : stream_by_pull(at); }},
    {"open", [](step at) { keep(at, open(at)); }},
    {"next", next},
    {"read",
     [](step at) {
         reader program(at);
         read(used<bedrock::stream>(at), program);
     }},
    {"read_together", read_together},
    {"stream_cancel", [](step at) { used<bedrock::stream>(at).cancel(); }},
    {"run", run},
    {"stream_response", [](step at) { print(keep(at, used<bedrock::stream>(at).response())); }},
    {"response", [](step at) { print(used<bedrock::response>(at)); }},
    {"response_message", [](step at) { line() << "message " << used<bedrock::response>(at).message().raw() << "\n"; }},
    {"response_json", [](step at) { line() << "json " << used<bedrock::response>(at).json().raw() << "\n"; }},
    {"structured",
     [](step at) {
         const bedrock::json_view value = used<bedrock::response>(at).structured();
         line() << "structured " << value.raw() << "\n";
     }},
    {"close",
     [](step at) {
         if (!close<bedrock::model>(at, bedrock_model_free) && !close<bedrock::request>(at, bedrock_request_free)
             && !close<bedrock::cancel>(at, bedrock_cancel_free) && !close<bedrock::stream>(at, bedrock_stream_free)
             && !close<bedrock::response>(at, bedrock_response_free) && !close<bedrock::feed>(at, close_feed))
             throw std::runtime_error("close names no object");
     }},
    {"feed", open_feed},
    {"record", print_record},
    {"statuses", [](step) { statuses(); }},
    {"event_types",
     [](step) {
         for (const auto &[type, name] : event_types)
             line() << "event type " << static_cast<int>(type) << " " << name << "\n";
     }},
    {"fork", fork},
    {"shutdown",
     [](step) {
         const bool ended = bedrock::shutdown(std::chrono::seconds(10));
         line() << "shutdown " << bedrock::name(ended ? bedrock::status::ok : bedrock::status::again) << "\n";
     }},
};

// ---- Steps ----

void do_step(const std::string &name, step at)
{
    const auto found = actions.find(name);
    if (found == actions.end())
        throw std::runtime_error("there is no action " + name);
    line() << "> " << name << "\n";
    status_only = static_cast<bool>(at["/error"]);
    try {
        found->second(at);
    } catch (const bedrock::error &error) {
        print(error);
    }
}

void do_steps(step scenario)
{
    for (const auto &item : scenario["/steps"])
        do_step(text(item.value, "/do"), item.value);
}

void run(const char *path)
{
    std::ifstream file(path);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    const step scenario(content);

    if (scenario["/steps"].type() != bedrock::json_type::array)
        throw std::runtime_error(std::string(path) + " is no scenario");
    if (scenario["/config"])
        do_step("model", scenario);
    do_steps(scenario);
}

} // namespace

int main(int argc, char **argv)
{
    try {
        run(argc == 2 ? argv[1] : "");
        for (std::thread &each : threads)
            each.join();
        bedrock::clear_observer();
        objects<bedrock::feed>.clear();
        objects<bedrock::stream>.clear();
        objects<bedrock::response>.clear();
        objects<bedrock::request>.clear();
        objects<bedrock::cancel>.clear();
        objects<bedrock::model>.clear();
    } catch (const std::exception &wrong) {
        std::cerr << wrong.what() << "\n";
        return 2;
    }
    line() << "live handles: " << bedrock::live_handles() << "\n";
    return std::cout.flush() ? 0 : 1;
}
