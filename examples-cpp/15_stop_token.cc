// 15_stop_token.cc - a response that a std::stop_token ends: here of a std::jthread.
//
//     c++ -std=c++20 15_stop_token.cc $(pkg-config --cflags --libs bedrock) -pthread -o 15_stop_token
//
// Every call takes a std::stop_token in the place of a bedrock::cancel. A stream keeps its token until it is destroyed.
#include "example.hpp"

#include <semaphore>
#include <thread>

int main()
{
    return example::run([] {
        std::string words = "I would go on for a long time, if nobody stopped me:";
        for (int i = 0; i < 100; i++)
            words += " word after word,";
        const bedrock::model model(example::config(R"([{"pace": "100ms", "text": ")" + words + R"("}])"));
        std::binary_semaphore heard(0);

        std::jthread speaker([&](std::stop_token stop) {
            try {
                bedrock::request request;
                for (std::string_view text : model.stream(request.add_text("user", "Go on."), stop).text()) {
                    std::cout << text << std::flush;
                    if (text == "time, ")
                        heard.release();
                }
            } catch (const bedrock::error &error) {
                std::cout << (error.status() == bedrock::status::cancelled ? "... [stopped]\n" : error.what());
                heard.release();
            }
        });
        heard.acquire();
        speaker.request_stop(); // the destructor of a std::jthread does so too, and waits for the thread
    });
}
