// hazards.cc - what programs do to a stream and to the process. "hazards NAME URL" runs one, against a service that
// streams as many words, each after so many milliseconds, as a model id "test.WORDS.MILLISECONDS" asks for.
#include "check.hpp"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

std::string url;

bedrock::model service(const char *id)
{
    return bedrock::model(std::string(R"({"api_key": "test", "secret_key": "test", "model": ")").append(id)
                              .append(R"(", "base_url": ")").append(url).append("\"}"));
}

bedrock::request asking()
{
    bedrock::request request;
    request.add_text("user", "Hi.");
    return request;
}

// Returns how many streams the service is writing.
int open_streams()
{
    const std::size_t colon = url.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    constexpr std::string_view get = "GET /streams HTTP/1.0\r\n\r\n";
    std::string answer;
    char part[512];

    if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0
        && send(fd, get.data(), get.size(), 0) == static_cast<ssize_t>(get.size()))
        for (ssize_t size; (size = recv(fd, part, sizeof part, 0)) > 0;)
            answer.append(part, static_cast<std::size_t>(size));
    close(fd);
    return answer.empty() ? -1 : std::stoi(answer.substr(answer.rfind('\n') + 1));
}

// Waits until the service has noticed that its connections are closed; the runner ends a program that waits for ever.
void connections_are_closed()
{
    while (open_streams() != 0)
        std::this_thread::yield();
}

constexpr char slow[] = "test.10000.10";
constexpr char quick[] = "test.20.0";

template <class F>
bedrock::status failure(F &&function)
{
    try {
        function();
    } catch (const bedrock::error &failed) {
        return failed.status();
    }
    return bedrock::status::ok;
}

struct own_exception {
    int value;
};

void throw_out_of_a_callback()
{
    const bedrock::model model = service(slow);
    int events = 0, value = 0;

    try {
        model.generate(asking(), [&](const bedrock::event &) {
            if (++events == 3)
                throw own_exception{42};
        });
    } catch (const own_exception &thrown) {
        value = thrown.value;
    }
    CHECK(value == 42 && events == 3);
    connections_are_closed();
}

void throw_out_of_a_loop()
{
    const bedrock::model model = service(slow);
    int value = 0;

    try {
        for (const bedrock::event &event : model.stream(asking()))
            if (event.type() == bedrock::event_type::text)
                throw own_exception{7};
    } catch (const own_exception &thrown) {
        value = thrown.value;
    }
    CHECK(value == 7);
    try {
        bedrock::stream stream = model.stream(asking());
        for (;;)
            stream.drain([](const bedrock::event &) { throw own_exception{8}; });
    } catch (const own_exception &thrown) {
        value = thrown.value;
    }
    CHECK(value == 8);
    connections_are_closed();
}

int return_from_a_loop(const bedrock::model &model)
{
    for (std::string_view text : model.stream(asking()).text())
        return static_cast<int>(text.size());
    return 0;
}

void leave_a_loop_by_break_return_and_goto()
{
    const bedrock::model model = service(slow);

    for (const bedrock::event &event : model.stream(asking()))
        if (event)
            break;
    CHECK(return_from_a_loop(model) == 2);
    for (std::string_view text : model.stream(asking()).text())
        if (!text.empty())
            goto out;
    CHECK(return_from_a_loop(model) == 0); // not reached
out:
    CHECK(bedrock::live_handles() == 1);
    connections_are_closed();
}

void pthread_exit_in_a_callback()
{
    const bedrock::model model = service(slow);
    std::atomic<int> events = 0;
    std::thread thread([&] {
        model.generate(asking(), [&](const bedrock::event &) {
            events++;
            pthread_exit(nullptr);
        });
    });
    thread.join();
    CHECK(events == 1);
    connections_are_closed();
}

template <class T>
void move_everywhere(T object)
{
    const auto raw = object.get();
    T other = std::move(object);
    T &same = other;

    other = std::move(same);
    CHECK(other.get() == raw && raw != nullptr && !object); // NOLINT: an object that was moved from is empty
    object = std::move(other);
    CHECK(object.get() == raw && !other); // NOLINT
    other.reset();
    other = std::move(object);
    CHECK(other.get() == raw);
}

void moved_objects_are_empty()
{
    const bedrock::model model = service(quick);

    move_everywhere(service(quick));
    move_everywhere(asking());
    move_everywhere(bedrock::cancel());
    move_everywhere(bedrock::waitset<>());
    move_everywhere(model.stream(asking()));
    move_everywhere(model.generate(asking()));
    bedrock::request request = asking();
    const bedrock::request taken = std::move(request);
    CHECK(failure([&] { request.add_text("user", "Hi."); }) == bedrock::status::invalid_argument); // NOLINT
    std::vector<bedrock::stream> streams;
    for (int i = 0; i < 10; i++)
        streams.push_back(model.stream(asking()));
    for (bedrock::stream &stream : streams)
        for (const bedrock::event &event : stream)
            CHECK(event);
}

void a_stream_outlives_its_model_and_request()
{
    std::string text;
    bedrock::stream stream;
    {
        const bedrock::model model = service(quick);
        const bedrock::request request = asking();
        stream = model.stream(request);
    }
    for (std::string_view piece : stream.text())
        text.append(piece);
    CHECK(text.size() > 20);
    for (std::string_view piece : service(quick).with("{}").stream(asking()).text())
        text.append(piece);
    CHECK(text.size() > 40);
}

template <class F>
void end_while_next_waits(F &&end)
{
    const bedrock::model model = service("test.10000.600");
    auto stream = std::make_unique<bedrock::stream>(model.stream(asking()));
    std::atomic<bool> waits = false;
    bedrock::status result = bedrock::status::ok;
    std::thread reader([&] {
        bedrock::stream &read = *stream;
        waits = true;
        result = failure([&] {
            while (read.next()) {
            }
        });
    });
    while (!waits)
        std::this_thread::yield();
    end(*stream);
    reader.join();
    CHECK(result == bedrock::status::cancelled || result == bedrock::status::bad_handle);
}

void end_a_stream_on_another_thread()
{
    for (int i = 0; i < 8; i++) {
        end_while_next_waits([](bedrock::stream &stream) { stream.cancel(); });
        end_while_next_waits([](bedrock::stream &stream) { bedrock_stream_free(stream.get()); });
        bedrock::cancel cancel;
        std::thread fire([&] { cancel.fire(); });
        CHECK(failure([&] { static_cast<void>(service("test.1.600").generate(asking(), cancel)); })
              == bedrock::status::cancelled);
        fire.join();
    }
}

void close_a_waiting_set_on_another_thread()
{
    bedrock::waitset<> set;
    std::atomic<bool> waits = false;
    bedrock::status result = bedrock::status::ok;
    std::thread waiter([&] {
        waits = true;
        result = failure([&] { set.wait(); });
    });
    while (!waits)
        std::this_thread::yield();
    set.close();
    waiter.join();
    CHECK(result == bedrock::status::cancelled || result == bedrock::status::bad_handle);
}

// Destroyed after main has returned.
std::vector<std::unique_ptr<bedrock::model>> static_models;
std::vector<bedrock::stream> static_streams;

void static_objects_are_destroyed_after_main()
{
    static_models.push_back(std::make_unique<bedrock::model>(service(slow)));
    static_streams.push_back(static_models.back()->stream(asking()));
    CHECK(static_streams.back().next());
}

void fork_with_objects()
{
    const bedrock::model model = service(quick);
    bedrock::stream stream = model.stream(asking());
    bedrock::error kept;
    bedrock::request request({}, &kept);
    request.add_text("nobody", "Hi.", &kept);
    CHECK(stream.next());

    if (const pid_t child = fork(); child == 0) {
        CHECK(failure([&] { static_cast<void>(stream.next()); }) == bedrock::status::forked);
        CHECK(failure([&] { static_cast<void>(model.generate(asking())); }) == bedrock::status::forked);
        CHECK(std::string_view(kept.what()).find("nobody") != std::string_view::npos);
        CHECK(!service(quick).generate(asking()).text().empty());
        {
            bedrock::stream dies_here = std::move(stream);
        }
        // Another program takes the child's place, because a leak checker would report what only the parent can free.
        execlp("sh", "sh", "-c", check::failures == 0 ? "exit 0" : "exit 1", nullptr);
        _exit(2);
    } else {
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    int events = 0;
    for (const bedrock::event &event : stream)
        events += event ? 1 : 0;
    CHECK(events > 20);
}

[[noreturn]] void exit_with_a_stream_open()
{
    static const bedrock::model model = service(slow);
    for (const bedrock::event &event : model.stream(asking()))
        if (event.type() == bedrock::event_type::text)
            std::exit(check::failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    std::exit(EXIT_FAILURE);
}

#if defined(__cpp_lib_jthread)
void stop_a_jthread()
{
    for (int i = 0; i < 8; i++) {
        std::atomic<bool> reads = false;
        std::atomic<bedrock::status> result = bedrock::status::ok;
        std::jthread thread([&](std::stop_token stop) {
            result = failure([&] {
                for (std::string_view text : service(slow).stream(asking(), stop).text())
                    reads = !text.empty();
            });
        });
        while (!reads)
            std::this_thread::yield();
        thread.request_stop();
        thread.join();
        CHECK(result == bedrock::status::cancelled);
        std::jthread waits([&](std::stop_token stop) {
            result = failure([&] { static_cast<void>(service("test.1.600").generate(asking(), stop)); });
        });
        waits.request_stop();
        waits.join();
        CHECK(result == bedrock::status::cancelled);
    }
}
#endif

const std::map<std::string, void (*)()> hazards = {
    {"throw_out_of_a_callback", throw_out_of_a_callback},
    {"throw_out_of_a_loop", throw_out_of_a_loop},
    {"leave_a_loop_by_break_return_and_goto", leave_a_loop_by_break_return_and_goto},
    {"pthread_exit_in_a_callback", pthread_exit_in_a_callback},
    {"moved_objects_are_empty", moved_objects_are_empty},
    {"a_stream_outlives_its_model_and_request", a_stream_outlives_its_model_and_request},
    {"end_a_stream_on_another_thread", end_a_stream_on_another_thread},
    {"close_a_waiting_set_on_another_thread", close_a_waiting_set_on_another_thread},
    {"static_objects_are_destroyed_after_main", static_objects_are_destroyed_after_main},
    {"fork_with_objects", fork_with_objects},
    {"exit_with_a_stream_open", exit_with_a_stream_open},
#if defined(__cpp_lib_jthread)
    {"stop_a_jthread", stop_a_jthread},
#endif
};

} // namespace

int main(int argc, char **argv)
{
    if (argc < 3) {
        for (const auto &[name, run] : hazards)
            std::puts(name.c_str());
        return EXIT_SUCCESS;
    }
    url = argv[2];
    hazards.at(argv[1])();
    if (!static_models.empty())
        return check::failures == 0 && bedrock::live_handles() == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
    return check::end();
}
