// 08_asio.cc - a response in a coroutine of Asio, beside a clock, on one thread.
//
//     c++ -std=c++20 08_asio.cc $(pkg-config --cflags --libs bedrock) -pthread -o 08_asio
//
// posix::stream_descriptor closes what it has: it gets a dup of the stream's descriptor.
#include "example.hpp"

#include <asio.hpp>

const char *const replies = R"([{"pace": "30ms", "text": "I am read in a coroutine. Each word of this made a )"
    R"(descriptor readable, Asio resumed the coroutine, and the clock ticked beside it. No thread ever waited."}])";

// Calls on_event for every event of the stream. A failure is thrown in the coroutine that awaits this one.
template <class F>
asio::awaitable<void> read(bedrock::stream &stream, F on_event)
{
    asio::posix::stream_descriptor readable(co_await asio::this_coro::executor, dup(stream.fd()));
    while (stream.drain(on_event))
        co_await readable.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

asio::awaitable<void> answer(const bedrock::model &model, const char *question, asio::steady_timer &clock)
{
    bedrock::request request;
    bedrock::stream stream = model.stream(request.add_text("user", question));
    co_await read(stream, [](const bedrock::event &event) {
        if (event.type() == bedrock::event_type::text)
            std::cout << event.text() << std::flush;
    });
    std::cout << "\n";
    clock.cancel();
}

asio::awaitable<void> tick(asio::steady_timer &clock, int &ticks)
{
    for (asio::error_code stopped; !stopped; ticks++) {
        clock.expires_after(std::chrono::milliseconds(100));
        co_await clock.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
    }
}

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        asio::io_context context;
        asio::steady_timer clock(context);
        int ticks = 0;
        const auto rethrow = [](std::exception_ptr thrown) {
            if (thrown)
                std::rethrow_exception(thrown);
        };
        asio::co_spawn(context, tick(clock, ticks), rethrow);
        asio::co_spawn(context, answer(model, argc > 1 ? argv[1] : "Why does C have no strings?", clock), rethrow);
        context.run();
        std::cerr << "[the clock ticked " << ticks << " times meanwhile]\n";
    });
}
