// bedrock::cpp brings C++17 and the header. It uses bedrock.hpp where that is installed.
#if __has_include(<bedrock.hpp>)
#include <bedrock.hpp>
#else
#include <bedrock.h>
#endif

#include <cstdio>
#include <string_view>

int main()
{
    constexpr std::string_view version = "0.1.0";
    static_assert(__cplusplus >= 201703L);
    std::puts(bedrock_version());
    return version != bedrock_version();
}
