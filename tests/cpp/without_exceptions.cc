// without_exceptions.cc - a file that is compiled with -fno-exceptions -fno-rtti, for two_files.cc.
#include <bedrock.hpp>

bedrock::stream open(const bedrock::model &model, const bedrock::request &request, bedrock::error &err)
{
    return model.stream(request, &err);
}

// The functor is a function pointer, as in the other file: the instances of both must not mix.
static void count(const bedrock::event &) {}

bedrock::error read_all(bedrock::stream &stream)
{
    bedrock::error err;
    void (*const on_event)(const bedrock::event &) = count;

    while (stream.next(&err))
        stream.drain(on_event, &err);
    bedrock::error forgotten;
    bedrock::model("{", &forgotten).generate(bedrock::request({}, &forgotten), on_event, &forgotten);
    return err;
}
