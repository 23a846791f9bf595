// example.hpp - shared by the examples, so that each of them shows one idea.
//
// It chooses what an example calls, as examples-c/example.h documents: the real service if AWS credentials seem to be
// there or BEDROCK_BASE_URL is set, else a script. A program of yours needs none of this:
// bedrock::model model(R"({"model": "..."})") finds credentials and region as every AWS SDK does.
#ifndef EXAMPLE_HPP
#define EXAMPLE_HPP

#include <bedrock.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace example {

// Returns an environment variable, or the fallback if it is not set or empty.
inline std::string env(const char *name, const char *fallback = "")
{
    const char *value = std::getenv(name);
    return value != nullptr && value[0] != '\0' ? value : fallback;
}

// Guesses whether there are credentials. The library itself reads more than these.
inline bool has_credentials()
{
    for (const char *name : {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK",
                             "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                             "AWS_CONTAINER_CREDENTIALS_FULL_URI"})
        if (!env(name).empty())
            return true;
    const std::filesystem::path aws = std::filesystem::path(env("HOME")) / ".aws";
    return std::filesystem::exists(aws / "credentials") || std::filesystem::exists(aws / "config");
}

// Returns the config of a model: the real service, or the script with these replies (a JSON array, which begins again
// after the last).
inline std::string config(std::string_view replies)
{
    const std::string model = env("BEDROCK_MODEL", "us.anthropic.claude-haiku-4-5-20251001-v1:0");
    const std::string url = env("BEDROCK_BASE_URL"), choice = env("BEDROCK_EXAMPLE");
    std::string out = "{\"model\": " + bedrock::quote(model);

    if (choice.empty() ? url.empty() && !has_credentials() : choice != "real") {
        std::cerr << "[a script responds, no AWS account is used]\n";
        return out.append(", \"transport\": {\"repeat\": true, \"replies\": ").append(replies).append("}}");
    }
    std::cerr << "[" << (url.empty() ? "Amazon Bedrock" : url) << " responds, model " << model << "]\n";
    if (!url.empty())
        out += ", \"base_url\": " + bedrock::quote(url);
    if (url.rfind("http://", 0) == 0 && !has_credentials()) // servers for a local machine want a signature
        out += R"(, "api_key": "test", "secret_key": "test")";
    return out + "}";
}

// Returns the bytes of a file.
inline std::string read_file(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (bytes.empty())
        throw std::runtime_error(path + ": cannot be read, or is empty");
    return bytes;
}

// Runs an example, and prints what it throws. The exit status is a failure if it throws, if its output could not be
// written, or if a handle was not freed.
template <class F>
int run(F &&program)
{
    try {
        program();
        return std::cout.flush() && bedrock::live_handles() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception &failure) {
        std::cout << std::flush;
        std::cerr << failure.what() << "\n";
        return EXIT_FAILURE;
    }
}

} // namespace example

#endif
