// 07_poll.cc - a response and the keyboard in one poll loop, without a thread.
//
//     c++ -std=c++17 07_poll.cc $(pkg-config --cflags --libs bedrock) -o 07_poll
//     ./07_poll "Why does C have no strings?"
//
// While the response arrives, type: an empty line stops it, any other stops it and is asked instead. A stream has a
// descriptor that is readable while there is something to read: poll it beside your own.
#include "example.hpp"

#include <poll.h>
#include <unistd.h>

const char *const replies = R"([
    {"pace": "30ms", "text": "No thread waits for me here. Between two words your loop looks at the keyboard, at its )"
    R"(sockets and at its timers, and comes back when my descriptor is readable."},
    {"pace": "30ms", "text": "You interrupted me, and I did not mind: one stream ended, and this is another."}])";

void print(const bedrock::event &event)
{
    if (event.type() == bedrock::event_type::text)
        std::cout << event.text() << std::flush;
}

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model(example::config(replies));
        const auto ask = [&](std::string_view question) {
            return model.stream(bedrock::request().add_text("user", question));
        };
        bedrock::stream stream = ask(argc > 1 ? argv[1] : "Why does C have no strings?");
        pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {stream.fd(), POLLIN, 0}};

        while (stream && poll(fds, 2, -1) >= 0) {
            if (fds[1].revents != 0 && !stream.drain(print)) {
                std::cout << "\n";
                stream.reset();
            } else if (fds[0].revents != 0) {
                char line[4096];
                const ssize_t length = read(STDIN_FILENO, line, sizeof line);
                if (length > 0) {
                    std::cout << "\n"; // assigning to a stream ends the old one, and its connection
                    stream = length > 1 ? ask({line, static_cast<std::size_t>(length) - 1}) : bedrock::stream();
                    fds[1].fd = stream.fd();
                } else {
                    fds[0].fd = -1; // the input has ended; the response goes on
                }
            }
        }
    });
}
