// macros.cc - the header after macros that other headers define, alone, and twice.
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define ERROR 0
#define DELETE 0x10000
#define OK 1
#define IN
#define OUT
#define TRUE 1
#define FALSE 0
#define DEBUG 1
#define small char
#define near
#define far
#define interface struct
#define major(device) (device)
#define minor(device) (device)
#define check(condition) static_cast<void>(condition)
#define verify(condition) static_cast<void>(condition)
#define require(condition) static_cast<void>(condition)
#define signals public
#define slots
#define emit
#define foreach(a, b) for (a : b)
#define forever for (;;)
#define None 0L
#define Bool int
#define Status int
#define Success 0
#define TEXT(text) text

#include <bedrock.hpp>
#include <bedrock.hpp>

std::size_t in_the_other_file()
{
    bedrock::error err;
    bedrock::request request({}, &err);
    request.add_text("user", "Hi.", &err);
    return err ? 0 : request.message_count();
}
