// check.hpp - shared by the programs of this folder: checks that print where they failed, and scripted models. It needs
// no exceptions and no RTTI.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <bedrock.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#define CHECK(condition) check::that(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#define CHECK_TEXT(actual, wanted) check::text((actual), (wanted), #actual, __FILE__, __LINE__)
#define CHECK_STATUS(actual, wanted) check::status((actual), bedrock::status::wanted, #actual, __FILE__, __LINE__)

namespace check {

inline int failures = 0;

inline bool that(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        failures++;
        std::fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    }
    return holds;
}

inline void text(std::string_view actual, std::string_view wanted, const char *what, const char *file, int line)
{
    if (actual == wanted)
        return;
    failures++;
    std::fprintf(stderr, "%s:%d: %s is \"%.*s\", not \"%.*s\"\n", file, line, what, static_cast<int>(actual.size()),
                 actual.data(), static_cast<int>(wanted.size()), wanted.data());
}

inline void status(bedrock::status actual, bedrock::status wanted, const char *what, const char *file, int line)
{
    text(bedrock::name(actual), bedrock::name(wanted), what, file, line);
}

// The config of a model whose replies are this JSON array.
inline std::string scripted(std::string_view replies, std::string_view more = "")
{
    return std::string(R"({"model": "test.model-v1:0", )").append(more).append(R"("transport": {"replies": )")
        .append(replies).append("}}");
}

// A stream that breaks off in the middle of its text.
inline constexpr char cut[] =
    R"([{"events": [{"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "half"}}}]}])";

// A stream that is silent for a minute after its first text.
inline constexpr char silent[] =
    R"([{"events": [{"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "wait"}}},
        {"wait": "60s"}, {"messageStop": {"stopReason": "end_turn"}}]}])";

// A response with a call of a tool.
inline constexpr char calls_tool[] =
    R"([{"message": {"role": "assistant", "content": [{"text": "Let me see."},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}]}}, "It snows."])";

// The exit status of a program: no check has failed, and every handle is freed.
inline int end()
{
    if (bedrock::live_handles() != 0)
        std::fprintf(stderr, "%lu handles were not freed\n", static_cast<unsigned long>(bedrock::live_handles()));
    return failures == 0 && bedrock::live_handles() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace check

#endif
