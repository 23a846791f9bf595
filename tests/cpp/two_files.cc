// two_files.cc - a file with exceptions and RTTI. It is linked with without_exceptions.cc, which has neither, in both
// orders. Each keeps its own way to fail, and they pass each other all objects.
#include "check.hpp"

#include <stdexcept>

// In without_exceptions.cc.
bedrock::stream open(const bedrock::model &model, const bedrock::request &request, bedrock::error &err);
bedrock::error read_all(bedrock::stream &stream);
std::size_t in_the_other_file();

namespace {

struct guard {
    int &count;
    ~guard() { count++; }
};

void throw_it(const bedrock::event &)
{
    throw std::runtime_error("out of a function whose type both files use");
}

bool caught_as_a_standard_exception(const bedrock::model &model, const bedrock::request &request, int &unwound)
{
    const guard local{unwound};
    try {
        const guard inner{unwound};
        static_cast<void>(model.generate(request));
    } catch (const std::exception &failed) {
        return dynamic_cast<const bedrock::error *>(&failed) != nullptr && typeid(failed) == typeid(bedrock::exception);
    }
    return false;
}

void use_both_files()
{
    const bedrock::model model(check::scripted(std::string(check::cut).insert(1, "\"One.\", ")));
    bedrock::request request;
    bedrock::error err;
    void (*const on_event)(const bedrock::event &) = throw_it;
    int unwound = 0;

    request.add_text("user", "Hi.");
    try {
        const guard local{unwound};
        model.generate(request, on_event, &err);
    } catch (const std::runtime_error &thrown) {
        CHECK_TEXT(thrown.what(), "out of a function whose type both files use");
    }
    bedrock::stream stream = open(model, request, err);
    CHECK(!err && stream);
    err = read_all(stream);
    CHECK_STATUS(err.status(), truncated);
    try {
        const guard local{unwound};
        for (const bedrock::event &event : stream)
            CHECK(!event);
    } catch (const bedrock::error &failed) {
        CHECK_STATUS(failed.status(), truncated);
    }
    CHECK(caught_as_a_standard_exception(model, request, unwound));
    CHECK(unwound == 4);
    CHECK(in_the_other_file() == 1);
}

} // namespace

int main()
{
    use_both_files();
    return check::end();
}
