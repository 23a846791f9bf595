// 16_save.cc - a conversation in a file: saved, loaded, and shortened when it grows too long.
//
//     c++ -std=c++17 16_save.cc $(pkg-config --cflags --libs bedrock) -o 16_save
//     ./16_save talk.json "My name is Ada."
//     ./16_save talk.json              # removes the last turn
//
// json() returns the request itself, and a request that is made of it is the same, byte for byte, so that the service
// finds it in its prompt cache. The system prompt belongs to the program: it is in the model's defaults.
#include "example.hpp"

const char *const replies = R"(["I am only a script. But ask me again: our conversation is in the file."])";
const char *const defaults = R"({"system": [{"text": "Be brief."}], "inferenceConfig": {"maxTokens": 1000}})";

// Writes a new file and then replaces the old one with it: so the file is never incomplete.
void save(const std::filesystem::path &path, const bedrock::request &request)
{
    std::ofstream part(path.string() + ".part", std::ios::binary);
    if (!(part << request.json().raw() << std::flush))
        throw std::runtime_error(path.string() + ": cannot be written");
    std::filesystem::rename(path.string() + ".part", path);
}

// Asks the model. If the conversation is too long for it, removes the older half, until it fits or cannot be shorter.
bedrock::response ask(const bedrock::model &model, bedrock::request &request)
{
    for (;;) {
        const std::size_t count = request.message_count();
        bedrock::error error;
        bedrock::response response = model.generate(request, &error);
        if (!error)
            return response;
        if (error.status() != bedrock::status::context_overflow || request.trim(count / 2).message_count() == count)
            error.raise();
        std::cerr << "[too long: " << request.message_count() << " of " << count << " messages are left]\n";
    }
}

int main(int argc, char **argv)
{
    return example::run([&] {
        const bedrock::model model = bedrock::model(example::config(replies)).with(defaults);
        const std::string path = argc > 1 ? argv[1] : "talk.json";
        bedrock::request request;
        if (std::filesystem::exists(path))
            request = bedrock::request(example::read_file(path));
        if (argc > 2) {
            const bedrock::response response = ask(model, request.add_text("user", argv[2]).trim(40));
            request.add_response(response);
            std::cout << response.text() << "\n";
        } else {
            const std::size_t count = request.message_count(), turn = count < 2 ? count : 2;
            std::cout << turn << " messages removed.\n";
            request.remove_messages(count - turn, turn);
        }
        save(path, request);
    });
}
