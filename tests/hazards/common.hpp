// common.hpp - what the hazards in C++ have in common: a model of the runner's service, and a child that is waited for.
#ifndef COMMON_HPP
#define COMMON_HPP

#include <bedrock.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// Ends the process with exit code 1 and a message if a condition does not hold.
#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::_Exit(1);                                                       \
        }                                                                        \
    } while (0)

// Returns a model of the service at url that streams so many words, each after so many milliseconds.
inline bedrock::model service_model(const char *url, int words, int pause)
{
    const std::string id = "test." + std::to_string(words) + "." + std::to_string(pause);
    return bedrock::model(R"({"model": ")" + id + R"(", "base_url": ")" + url +
                          R"(", "region": "us-east-1", "api_key": "k", "secret_key": "s", "retry": {"max_attempts": 1}})");
}

inline bedrock::model scripted_model()
{
    return bedrock::model(R"({"model": "any", "transport": {"replies": ["One two three."], "repeat": true}})");
}

inline bedrock::request hello()
{
    bedrock::request request;
    request.add_text("user", "Hello?");
    return request;
}

// Reads a stream to its end, and returns the number of its texts.
inline int count_texts(bedrock::stream &&stream)
{
    int texts = 0;
    for (std::string_view text : std::move(stream).text())
        texts += !text.empty();
    return texts;
}

// Waits for a child, and returns its exit code, or -1 if a signal ended it.
inline int child_ended(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
