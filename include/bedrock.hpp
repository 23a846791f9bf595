// bedrock.hpp - Amazon Bedrock for C++17 and newer: one header over bedrock.h and the standard library.
//
//   bedrock::model model(R"({"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})");
//   bedrock::request request;
//   request.add_text("user", "Say hello.");
//   for (std::string_view text : model.stream(request).text())
//       std::cout << text << std::flush;
//
// Link with -lbedrock. bedrock.h is the reference for what each function does: the names are the same, and its rules
// for calls, timers, threads, forks and callbacks hold here too. This file documents what is different in C++.
//
//
// RULES FOR EVERY FUNCTION
//
// Errors. A function that can fail has an error * as its last parameter, err, which may be left out.
//
//   - Left out: a failure is thrown. "catch (const bedrock::error &)" and "catch (const std::exception &)" catch it.
//   - Passed: the function throws nothing of its own, and stores the failure in *err. The first failure stays: while
//     *err holds one, every function that gets err does nothing. So one test at the end of a sequence of calls is
//     enough. The result of a function that failed is empty. "err = {}" forgets a failure that was handled. A null
//     error * ignores failures.
//
//   bedrock::error err;
//   bedrock::model model(config, &err);
//   bedrock::response response = model.generate(request, &err);
//   if (err)
//       std::fprintf(stderr, "%s\n", err.what());
//
// Without exceptions. In a file that is compiled with -fno-exceptions, a call without err does not compile. Nothing
//   aborts in its place. Files with and without exceptions, with and without RTTI, and of different standards can be
//   linked into one program and pass each other all objects: a function that can throw is a template, and the
//   instances that throw exist only in files with exceptions. If memory runs out, a function that got err ends the
//   process, as the library does.
//
// Objects. model, request, response, stream, run, cancel, waitset and feed own a handle. They can be moved, but not copied.
//   An object that was moved from is empty. get() returns the handle for functions of bedrock.h, release() gives it
//   away, and a constructor takes one over. Every function accepts empty objects: it then fails with
//   status::invalid_argument, or returns its neutral value.
//
// Text. A std::string_view goes in. One that comes out is borrowed: it lives as long as its object, unless a comment
//   documents a shorter time. On a temporary, the getters of a response return a std::string or json_text instead,
//   which owns its bytes. A name (role, pointer, id, ...) with a NUL in it is refused.
//
// Options. The calls of a model take options: a stop, then err. Both may be left out. stop is a bedrock::cancel, or a
//   std::stop_token in C++20. A timeout below 0 sets no limit beyond the timers of the call.
#ifndef BEDROCK_HPP
#define BEDROCK_HPP

#include <bedrock.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#endif

namespace bedrock {

class error;
class model;

// The result of a function. A value below 0 is a failure. (BEDROCK_OK, BEDROCK_E_...)
enum class status : bedrock_status {
    ok = BEDROCK_OK,
    done = BEDROCK_DONE,
    again = BEDROCK_AGAIN,
    stopped = BEDROCK_STOPPED,
    invalid_argument = BEDROCK_E_INVALID_ARGUMENT,
    bad_handle = BEDROCK_E_BAD_HANDLE,
    busy = BEDROCK_E_BUSY,
    config = BEDROCK_E_CONFIG,
    request = BEDROCK_E_REQUEST,
    credentials = BEDROCK_E_CREDENTIALS,
    access_denied = BEDROCK_E_ACCESS_DENIED,
    not_found = BEDROCK_E_NOT_FOUND,
    validation = BEDROCK_E_VALIDATION,
    context_overflow = BEDROCK_E_CONTEXT_OVERFLOW,
    throttled = BEDROCK_E_THROTTLED,
    quota = BEDROCK_E_QUOTA,
    model = BEDROCK_E_MODEL,
    service = BEDROCK_E_SERVICE,
    network = BEDROCK_E_NETWORK,
    timeout = BEDROCK_E_TIMEOUT,
    truncated = BEDROCK_E_TRUNCATED,
    protocol = BEDROCK_E_PROTOCOL,
    cancelled = BEDROCK_E_CANCELLED,
    forked = BEDROCK_E_FORKED,
    internal = BEDROCK_E_INTERNAL,
    resource = BEDROCK_E_RESOURCE,
};

// Returns the name of a status, such as "BEDROCK_E_THROTTLED".
inline const char *name(status result) noexcept { return bedrock_status_name(static_cast<bedrock_status>(result)); }

// What an event is. Ignore types that you do not know. (BEDROCK_EVENT_...)
enum class event_type : std::int32_t {
    message_start = BEDROCK_EVENT_MESSAGE_START,
    block_start = BEDROCK_EVENT_BLOCK_START,
    text = BEDROCK_EVENT_TEXT,
    reasoning = BEDROCK_EVENT_REASONING,
    tool_input = BEDROCK_EVENT_TOOL_INPUT,
    block_delta = BEDROCK_EVENT_BLOCK_DELTA,
    block_stop = BEDROCK_EVENT_BLOCK_STOP,
    message_stop = BEDROCK_EVENT_MESSAGE_STOP,
    metadata = BEDROCK_EVENT_METADATA,
    other = BEDROCK_EVENT_OTHER,
    chunk = BEDROCK_EVENT_CHUNK,
    tool_call = BEDROCK_EVENT_TOOL_CALL,
};

// The kind of a JSON value. (BEDROCK_JSON_...)
enum class json_type : std::int32_t {
    none = BEDROCK_JSON_NONE,
    null = BEDROCK_JSON_NULL,
    false_value = BEDROCK_JSON_FALSE,
    true_value = BEDROCK_JSON_TRUE,
    number = BEDROCK_JSON_NUMBER,
    string = BEDROCK_JSON_STRING,
    array = BEDROCK_JSON_ARRAY,
    object = BEDROCK_JSON_OBJECT,
};

// How request::json writes attachments. (BEDROCK_ATTACHMENTS_...)
enum class attachments : std::int32_t {
    inlined = BEDROCK_ATTACHMENTS_INLINE,
    by_name = BEDROCK_ATTACHMENTS_BY_NAME,
};

// How severe a message of the log is. (BEDROCK_LOG_...)
enum class log_level : std::int32_t {
    off = BEDROCK_LOG_OFF,
    error = BEDROCK_LOG_ERROR,
    warn = BEDROCK_LOG_WARN,
    info = BEDROCK_LOG_INFO,
    debug = BEDROCK_LOG_DEBUG,
};

// What a feed returns. Ignore types that you do not know. (BEDROCK_FEED_...)
enum class feed_type : std::int32_t {
    record = BEDROCK_FEED_RECORD,
    log = BEDROCK_FEED_LOG,
    lost = BEDROCK_FEED_LOST,
};

// Tokens that were used. A member is -1 if the service gave no value.
using usage = bedrock_usage;

// How the calls of a model run and wait. A member is -1 if nothing counts it.
using stats = bedrock_stats;

// The type of the last parameter of a function when it is left out. It needs no mention in your program.
struct throws {};

// ---- Implementation. Nothing in detail is for your program. -------------------------------------------------------

namespace detail {

// A function that calls code of the program has this type among its template arguments. Otherwise the linker could
// take its instance from a file without exceptions for a file with them, and exceptions would pass code that cannot
// clean up.
struct with_exceptions;
struct without_exceptions;
template <class Mode>
class tool_caller;
#if defined(__cpp_exceptions)
using mode = with_exceptions;
#else
using mode = without_exceptions;
#endif

template <class... Options>
inline constexpr bool quiet = (std::is_same_v<Options, error *> || ...);

template <class E>
using if_error = std::enable_if_t<std::is_same_v<E, throws> || std::is_same_v<E, error *>, int>;

// The owner of a handle.
template <class T, void (*Free)(T *)>
class handle {
public:
    // Returns the handle, which stays owned by this object.
    T *get() const noexcept { return raw_; }
    // Returns the handle, which is then owned by the caller. The object is empty.
    [[nodiscard]] T *release() noexcept { return std::exchange(raw_, nullptr); }
    // Frees the handle. The object is empty.
    void reset() noexcept { Free(release()); }
    // Returns whether the object owns a handle.
    explicit operator bool() const noexcept { return raw_ != nullptr; }

protected:
    handle() noexcept = default;
    explicit handle(T *owned) noexcept : raw_(owned) {}
    handle(handle &&other) noexcept : raw_(other.release()) {}
    handle &operator=(handle &&other) noexcept
    {
        T *taken = other.release();
        Free(std::exchange(raw_, taken));
        return *this;
    }
    ~handle()
    {
        if (raw_ != nullptr)
            Free(raw_);
    }
    T **put() noexcept { return &raw_; }

private:
    T *raw_ = nullptr;
};

// A pointer that is never null, for a text that may be empty.
inline const char *data(std::string_view text) noexcept { return text.data() != nullptr ? text.data() : ""; }

// The text that C returned with its length.
template <class F>
std::string_view view(F &&get) noexcept
{
    std::size_t length = 0;
    const char *text = get(&length);
    return text != nullptr ? std::string_view(text, length) : std::string_view();
}

// A copy of a short text that a NUL ends. A text with a NUL inside is replaced by one that every function refuses.
class terminated {
public:
    explicit terminated(std::string_view text) : empty_(text.empty())
    {
        if (text.find('\0') != std::string_view::npos)
            text = "\xff";
        if (text.size() < sizeof short_) {
            if (!text.empty())
                std::memcpy(short_, text.data(), text.size());
            short_[text.size()] = '\0';
        } else {
            long_.assign(text.data(), text.size());
        }
    }
    const char *get() const noexcept { return long_.empty() ? short_ : long_.c_str(); }
    const char *or_null() const noexcept { return empty_ ? nullptr : get(); }

private:
    bool empty_;
    char short_[80];
    std::string long_;
};

inline std::int32_t milliseconds(std::chrono::milliseconds timeout) noexcept
{
    const auto count = timeout.count();
    return count < 0 ? -1 : count > INT32_MAX ? INT32_MAX : static_cast<std::int32_t>(count);
}

template <class T>
void destroy(void *object) noexcept
{
    delete static_cast<T *>(object);
}

} // namespace detail

// ---- JSON ---------------------------------------------------------------------------------------------------------

struct json_item;

// A borrowed JSON text, which is read in place. It is as cheap to copy as a std::string_view. A getter returns its
// fallback if there is no value, or one of another kind. Each call reads the whole text of this value once. A loop
// over an array or an object is linear:
//
//   for (const auto &[key, value, index] : json["/items"])
//       total += value["/price"].number();
class json_view {
public:
    class iterator;

    json_view() noexcept = default;
    explicit json_view(std::string_view text) noexcept : text_(text) {}

    // Returns the value at a JSON pointer, such as "/items/0/name". There may be none.
    json_view operator[](std::string_view pointer) const
    {
        const detail::terminated at(pointer);
        return json_view(detail::view([&](std::size_t *length) {
            return bedrock_json_raw(data(), text_.size(), at.get(), length);
        }));
    }
    // Returns the text of the value, as it is written.
    std::string_view raw() const noexcept { return text_; }
    // Returns whether there is a value, and all of it is JSON.
    explicit operator bool() const noexcept { return type() != json_type::none; }
    // Returns the kind of the value, or json_type::none.
    json_type type() const noexcept { return static_cast<json_type>(bedrock_json_type(data(), text_.size(), "")); }
    // Returns how many elements an array has, or members an object.
    std::size_t size() const noexcept { return bedrock_json_count(data(), text_.size(), ""); }
    // Returns a number, rounded to the nearest double.
    double number(double fallback = 0) const noexcept
    {
        return bedrock_json_number(data(), text_.size(), "", fallback);
    }
    // Returns a whole number that fits into 64 bits.
    std::int64_t integer(std::int64_t fallback = 0) const noexcept
    {
        return bedrock_json_integer(data(), text_.size(), "", fallback);
    }
    // Returns true or false.
    bool boolean(bool fallback = false) const noexcept
    {
        const json_type kind = type();
        return kind == json_type::true_value || (fallback && kind != json_type::false_value);
    }
    // Returns a string, decoded.
    std::string string(std::string_view fallback = {}) const
    {
        std::string out(text_.size() + 1, '\0'); // a decoded string is never longer
        const std::size_t length = bedrock_json_string(data(), text_.size(), "", &out[0], out.size());
        out.resize(length == BEDROCK_JSON_NOT_FOUND ? 0 : length);
        return length == BEDROCK_JSON_NOT_FOUND ? std::string(fallback) : out;
    }
    // Returns the bytes that a string of base64 encodes, or none.
    std::vector<unsigned char> bytes() const { return all<unsigned char>(bedrock_json_bytes); }
    // Returns an array of numbers, or none.
    std::vector<double> numbers() const { return all<double>(bedrock_json_numbers); }
    std::vector<float> floats() const { return all<float>(bedrock_json_floats); }

    // The elements of an array, or the members of an object.
    iterator begin() const noexcept;
    iterator end() const noexcept;

private:
    const char *data() const noexcept { return detail::data(text_); }

    template <class T, class F>
    std::vector<T> all(F &&read) const
    {
        const std::size_t count = read(data(), text_.size(), "", nullptr, 0);
        std::vector<T> out(count == BEDROCK_JSON_NOT_FOUND ? 0 : count);
        if (!out.empty())
            read(data(), text_.size(), "", out.data(), out.size());
        return out;
    }

    std::string_view text_;
};

// An element of an array, or a member of an object. key.string() is the name of a member. An array has no keys.
struct json_item {
    json_view key;
    json_view value;
    std::size_t index = 0;
};

// Reads an array or an object in one pass.
class json_view::iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = json_item;
    using difference_type = std::ptrdiff_t;
    using pointer = const json_item *;
    using reference = const json_item &;

    iterator() noexcept = default;
    explicit iterator(std::string_view text) noexcept : text_(text) { ++*this; }

    reference operator*() const noexcept { return item_; }
    pointer operator->() const noexcept { return &item_; }
    iterator &operator++() noexcept
    {
        more_ = bedrock_json_next(detail::data(text_), text_.size(), "", &raw_, sizeof raw_) != BEDROCK_JSON_NONE;
        item_ = {json_view({raw_.key, raw_.key_len}), json_view({raw_.value, raw_.value_len}), raw_.index};
        return *this;
    }
    iterator operator++(int) noexcept
    {
        iterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.more_ == b.more_; }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.more_ != b.more_; }

private:
    std::string_view text_;
    bedrock_json_item raw_{};
    json_item item_;
    bool more_ = false;
};

inline json_view::iterator json_view::begin() const noexcept { return iterator(text_); }
inline json_view::iterator json_view::end() const noexcept { return {}; }

// A JSON text that owns its bytes: what a getter returns instead of a json_view if it is called on a temporary.
class json_text {
public:
    explicit json_text(std::string_view text) : text_(text) {}

    json_view view() const noexcept { return json_view(text_); }
    json_view operator[](std::string_view pointer) const { return view()[pointer]; }
    const std::string &raw() const &noexcept { return text_; }
    std::string raw() && noexcept { return std::move(text_); }

private:
    std::string text_;
};

// ---- Errors -------------------------------------------------------------------------------------------------------

// A failure, or none. It owns the error of the library and keeps all its detail. A copy shares it, and never throws.
class error {
public:
    // Makes an error that holds no failure.
    error() noexcept = default;
    // A move is a copy: an error is never half empty.
    error(const error &) noexcept = default;
    error &operator=(const error &) noexcept = default;
    // Takes over an error of bedrock.h, which may be null, for a function that failed with this status.
    error(bedrock::status failed, bedrock_error *owned, std::string_view function = {}) : raw_(owned), status_(failed)
    {
        if (owned != nullptr) {
            kept_ = std::shared_ptr<bedrock_error>(owned, bedrock_error_free);
            what_ = bedrock_error_message(owned);
            return;
        }
        auto text = std::make_shared<std::string>("bedrock: ");
        text->append(function).append(function.empty() ? "" : ": ").append(name());
        what_ = text->c_str();
        kept_ = std::move(text);
    }

    // Returns whether there is a failure.
    explicit operator bool() const noexcept { return status_ != bedrock::status::ok; }
    // Returns the status of the function that failed, or status::ok.
    bedrock::status status() const noexcept { return status_; }
    // Returns the name of the status, such as "BEDROCK_E_THROTTLED".
    const char *name() const noexcept { return bedrock::name(status_); }
    // Returns the message, one line for people, or "". It lives as long as an error that shares it.
    const char *what() const noexcept { return what_; }
    // Returns the service's name for the failure, such as "ThrottlingException", or "".
    std::string_view code() const noexcept { return bedrock_error_code(get()); }
    // Returns the JSON pointer to the member that caused the failure, or "".
    std::string_view path() const noexcept { return bedrock_error_path(get()); }
    // Returns the service's id of the request, or "".
    std::string_view request_id() const noexcept { return bedrock_error_request_id(get()); }
    // Returns the service's failure as JSON, byte for byte as it came, or "".
    json_view json() const noexcept
    {
        return json_view(detail::view([this](std::size_t *length) { return bedrock_error_json(get(), length); }));
    }
    // Returns the HTTP status of the response that failed, or 0.
    int http_status() const noexcept { return bedrock_error_http_status(get()); }
    // Returns how many attempts the call made, retries included.
    int attempts() const noexcept { return bedrock_error_attempts(get()); }
    // Returns whether the same call may succeed later.
    bool retryable() const noexcept { return bedrock_error_retryable(get()) != 0; }
    // Returns how long the service asks to wait before the next call, if it asks for a wait.
    std::optional<std::chrono::milliseconds> retry_after() const noexcept
    {
        const std::int64_t wait = bedrock_error_retry_after(get());
        return wait < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(wait));
    }
    // Returns the error of bedrock.h, which stays owned by this object, or null.
    const bedrock_error *get() const noexcept { return raw_; }
    // Throws the failure, as the function that failed would have done without an error *.
    template <class E = throws>
    [[noreturn]] void raise() const;

private:
    std::shared_ptr<const void> kept_;
    const bedrock_error *raw_ = nullptr;
    const char *what_ = ""; // a borrowed text stays valid in the child of a fork, in which the handle does not
    bedrock::status status_ = bedrock::status::ok;
};

#if defined(__cpp_exceptions)
// What is thrown: an error that is a std::exception too. error itself has no virtual function, because a file without
// RTTI would emit a table of them that other files cannot use.
class exception : public std::exception, public error {
public:
    explicit exception(const error &failure) noexcept : error(failure) {}
    const char *what() const noexcept override { return error::what(); }
};
#endif

namespace detail {

template <class E>
[[noreturn]] void raise(const error &failure)
{
#if defined(__cpp_exceptions)
    throw exception(failure);
#else
    static_assert(quiet<E>, "this file is compiled without exceptions: pass a bedrock::error * as the last argument");
    static_cast<void>(failure);
    std::terminate();
#endif
}

// Throws a failure, or stores it.
template <class E>
void report(E err, bedrock_status failed, bedrock_error *owned, std::string_view function = {}) noexcept(quiet<E>)
{
    if constexpr (!quiet<E>)
        raise<E>(error(static_cast<status>(failed), owned, function));
    else if (err != nullptr)
        *err = error(static_cast<status>(failed), owned, function);
    else
        bedrock_error_free(owned);
}

// Returns the failure that *err holds already, or BEDROCK_OK.
template <class E>
bedrock_status earlier([[maybe_unused]] E err) noexcept
{
    if constexpr (quiet<E>)
        if (err != nullptr && *err)
            return static_cast<bedrock_status>(err->status());
    return BEDROCK_OK;
}

// Calls a function whose last parameter is a bedrock_error **, unless there is an earlier failure.
template <class E, class F, class... Arguments>
bedrock_status call(E err, F &&function, Arguments... arguments) noexcept(quiet<E>)
{
    if (const bedrock_status before = earlier(err); before < 0)
        return before;
    bedrock_error *raw = nullptr;
    const bedrock_status result = function(arguments..., &raw);
    if (result < 0)
        report(err, result, raw);
    return result;
}

// Calls a function that returns a status alone.
template <class E, class F>
bedrock_status call_plain(E err, std::string_view name, F &&function) noexcept(quiet<E>)
{
    if (const bedrock_status before = earlier(err); before < 0)
        return before;
    const bedrock_status result = function();
    if (result < 0)
        report(err, result, nullptr, name);
    return result;
}

// Calls a function that returns a new handle, or null if the library has none left.
template <class T, class E>
T *make(E err, std::string_view name, T *(*function)()) noexcept(quiet<E>)
{
    T *out = nullptr;
    call_plain(err, name, [&]() -> bedrock_status {
        out = function();
        return out != nullptr ? BEDROCK_OK : BEDROCK_E_RESOURCE;
    });
    return out;
}

// A library of another major version, or one that is older than this header, may lack what this header uses.
template <class E>
bool fits(E err) noexcept(quiet<E>)
{
    const std::uint32_t loaded = bedrock_version_number();
    const std::uint32_t header = BEDROCK_VERSION_MAJOR << 16 | BEDROCK_VERSION_MINOR << 8;
    if (loaded >> 16 == header >> 16 && loaded >= header)
        return true;
    std::string text = "the program was compiled with the headers of version ";
    text.append(std::to_string(BEDROCK_VERSION_MAJOR)).append(".").append(std::to_string(BEDROCK_VERSION_MINOR));
    text.append(" and has loaded version ").append(bedrock_version()).append(" of the library: install that version");
    call_plain(err, text, [] { return bedrock_status(BEDROCK_E_CONFIG); });
    return false;
}

} // namespace detail

template <class E>
void error::raise() const
{
    detail::raise<E>(*this);
}

// ---- JSON that is written -----------------------------------------------------------------------------------------

namespace detail {

template <class E, class F>
std::string quoted(E err, std::string_view name, std::size_t guess, F &&write) noexcept(quiet<E>)
{
    std::string out(guess, '\0');
    std::size_t length = write(&out[0], out.size());
    if (length != BEDROCK_JSON_NOT_FOUND && length >= out.size()) {
        out.resize(length + 1);
        length = write(&out[0], out.size());
    }
    const bool failed = length == BEDROCK_JSON_NOT_FOUND;
    out.resize(failed ? 0 : length);
    call_plain(err, name, [&]() -> bedrock_status { return failed ? BEDROCK_E_INVALID_ARGUMENT : BEDROCK_OK; });
    return out;
}

// Gets JSON from a function that returns NULL if it fails.
template <class E, class F>
json_view borrow(E err, F &&getter) noexcept(quiet<E>)
{
    std::string_view out;
    call(err, [&](bedrock_error **raw) -> bedrock_status {
        out = view([&](std::size_t *length) { return getter(length, raw); });
        if (out.data() != nullptr)
            return BEDROCK_OK;
        return *raw != nullptr ? bedrock_error_status(*raw) : BEDROCK_E_RESOURCE;
    });
    return json_view(out);
}

} // namespace detail

// Returns text as a JSON string, with its quotes. It fails if text is not UTF-8.
template <class E = throws>
[[nodiscard]] std::string quote(std::string_view text, E err = {}) noexcept(detail::quiet<E>)
{
    return detail::quoted(err, "bedrock_json_quote", text.size() + 16, [&](char *out, std::size_t size) {
        return bedrock_json_quote(detail::data(text), text.size(), out, size);
    });
}

// Returns bytes as a JSON string of base64, with its quotes.
[[nodiscard]] inline std::string quote_bytes(std::string_view data)
{
    return detail::quoted(static_cast<error *>(nullptr), {}, data.size() / 3 * 4 + 8, [&](char *out, std::size_t size) {
        return bedrock_json_quote_bytes(detail::data(data), data.size(), out, size);
    });
}

// Returns the beginning of text that is complete UTF-8 characters.
inline std::string_view utf8_prefix(std::string_view text) noexcept
{
    return text.substr(0, bedrock_utf8_length(detail::data(text), text.size()));
}

// ---- Cancellation -------------------------------------------------------------------------------------------------

// A latch that ends calls.
class cancel : public detail::handle<bedrock_cancel, bedrock_cancel_free> {
public:
    // Makes a cancel that has not been fired.
    template <class E = throws, detail::if_error<E> = 0>
    explicit cancel(E err = {}) noexcept(detail::quiet<E>)
        : handle(detail::make(err, "bedrock_cancel_new", bedrock_cancel_new))
    {
    }
    explicit cancel(bedrock_cancel *owned) noexcept : handle(owned) {}

    // Ends the calls that it was passed to, and those that it will be passed to. Async-signal-safe.
    void fire() const noexcept { bedrock_cancel_fire(get()); }
};

namespace detail {

// The functions of bedrock.h for what a program reads: a stream or a run.
template <class Raw>
struct functions;
template <>
struct functions<bedrock_stream> {
    static constexpr auto free = &bedrock_stream_free;
    static constexpr auto next = &bedrock_stream_next;
    static constexpr auto response = &bedrock_stream_response;
    static constexpr auto cancel = &bedrock_stream_cancel;
    static constexpr auto fd = &bedrock_stream_fd;
    static constexpr auto set_wakeup = &bedrock_stream_set_wakeup;
    static constexpr const char *name_of_set_wakeup = "bedrock_stream_set_wakeup";
};
template <>
struct functions<bedrock_run> {
    static constexpr auto free = &bedrock_run_free;
    static constexpr auto next = &bedrock_run_next;
    static constexpr auto response = &bedrock_run_response;
    static constexpr auto cancel = &bedrock_run_cancel;
    static constexpr auto fd = &bedrock_run_fd;
    static constexpr auto set_wakeup = &bedrock_run_set_wakeup;
    static constexpr const char *name_of_set_wakeup = "bedrock_run_set_wakeup";
};

struct no_stop {};

template <class Stop>
inline constexpr bool is_stop = std::is_same_v<Stop, no_stop> || std::is_same_v<Stop, cancel>;

// What ends a blocking call. ready() is false if there was no handle left for it.
template <class Stop>
class stopper {
public:
    explicit stopper(const Stop &stop) noexcept : stop_(stop) {}
    bool ready() const noexcept { return true; }
    bedrock_cancel *get() const noexcept
    {
        if constexpr (std::is_same_v<Stop, cancel>)
            return stop_.get();
        else
            return nullptr;
    }

private:
    const Stop &stop_;
};

// What a stream or a run keeps in order to be ended by a token. It is destroyed before them.
struct watch {
    void (*destroy)(watch *) noexcept;
};
struct watch_deleter {
    void operator()(watch *kept) const noexcept { kept->destroy(kept); }
};
using watch_owner = std::unique_ptr<watch, watch_deleter>;

template <class Stop, class Raw>
watch_owner watch_reader(const Stop &, Raw *) noexcept
{
    return nullptr;
}

#if defined(__cpp_lib_jthread)
template <>
inline constexpr bool is_stop<std::stop_token> = true;

// A blocking call knows no token. It gets a cancel, which the token fires.
template <>
class stopper<std::stop_token> {
    struct fire {
        const cancel *target;
        void operator()() const noexcept { target->fire(); }
    };

public:
    explicit stopper(const std::stop_token &token)
        : possible_(token.stop_possible()), cancel_(possible_ ? bedrock_cancel_new() : nullptr),
          callback_(token, fire{&cancel_})
    {
    }
    bool ready() const noexcept { return cancel_ || !possible_; }
    bedrock_cancel *get() const noexcept { return cancel_.get(); }

private:
    bool possible_;
    cancel cancel_;
    std::stop_callback<fire> callback_;
};

template <class Raw>
watch_owner watch_reader(const std::stop_token &token, Raw *raw)
{
    struct end {
        Raw *target;
        void operator()() const noexcept { functions<Raw>::cancel(target); }
    };
    struct registration : watch {
        registration(const std::stop_token &stop, Raw *ended)
            : watch{[](watch *kept) noexcept { delete static_cast<registration *>(kept); }}, callback(stop, end{ended})
        {
        }
        std::stop_callback<end> callback;
    };
    return raw != nullptr && token.stop_possible() ? watch_owner(new registration(token, raw)) : nullptr;
}
#endif

// The options of a call.
template <class Stop, class E>
struct options {
    static_assert(is_stop<Stop>,
                  "the options of a call are a bedrock::cancel or a std::stop_token, and then a bedrock::error *");

    const Stop &stop;
    E err;
};

inline constexpr no_stop never;
inline options<no_stop, throws> parse() noexcept { return {never, {}}; }
inline options<no_stop, error *> parse(error *err) noexcept { return {never, err}; }
template <class Stop>
options<Stop, throws> parse(const Stop &stop) noexcept
{
    return {stop, {}};
}
template <class Stop>
options<Stop, error *> parse(const Stop &stop, error *err) noexcept
{
    return {stop, err};
}

} // namespace detail

// ---- Responses ----------------------------------------------------------------------------------------------------

// A tool call of the model. Its texts are borrowed until the response is destroyed.
struct tool_call {
    std::string_view id;
    std::string_view name;
    json_view input;
    // False if input is not a JSON object, because the model was cut off or wrote something else. Do not run the tool
    // then.
    bool input_valid = false;
};

// A response, complete or the part that had arrived. It is immutable and thread-safe.
class response : public detail::handle<bedrock_response, bedrock_response_free> {
public:
    response() noexcept = default;
    explicit response(bedrock_response *owned) noexcept : handle(owned) {}

    // Returns all text blocks, joined.
    std::string_view text() const &noexcept { return view(bedrock_response_text); }
    std::string text() const && { return std::string(text()); }
    // Returns all the reasoning that the model showed, joined.
    std::string_view reasoning() const &noexcept { return view(bedrock_response_reasoning); }
    std::string reasoning() const && { return std::string(reasoning()); }
    // Returns the assistant's message as Converse JSON, as it came.
    json_view message() const &noexcept { return json_view(view(bedrock_response_message)); }
    json_text message() const && { return json_text(message().raw()); }
    // Returns the response as JSON.
    json_view json() const &noexcept { return json_view(view(bedrock_response_json)); }
    json_text json() const && { return json_text(json().raw()); }
    // Returns the one JSON value of the response: structured output, or the input of the one tool call. Fails if there is
    // none.
    template <class E = throws>
    [[nodiscard]] json_view structured(E err = {}) const &noexcept(detail::quiet<E>)
    {
        return detail::borrow(err, [&](std::size_t *length, bedrock_error **raw) {
            return bedrock_response_structured(get(), length, raw);
        });
    }
    template <class E = throws>
    [[nodiscard]] json_text structured(E err = {}) const &&
    {
        return json_text(structured(err).raw());
    }
    // Returns why the model stopped, in the service's word, such as "end_turn".
    std::string_view stop_reason() const &noexcept { return bedrock_response_stop_reason(get()); }
    std::string stop_reason() const && { return std::string(stop_reason()); }
    // Returns why the model stopped, in the words of chat completions, such as "stop".
    std::string_view finish_reason() const &noexcept { return bedrock_response_finish_reason(get()); }
    std::string finish_reason() const && { return std::string(finish_reason()); }
    // Returns the service's id of the request.
    std::string_view request_id() const &noexcept { return bedrock_response_request_id(get()); }
    std::string request_id() const && { return std::string(request_id()); }
    // Returns the model that answered: the one of the call, or that of a fallback.
    std::string_view model() const &noexcept { return bedrock_response_model(get()); }
    std::string model() const && { return std::string(model()); }
    // Returns the service tier that served the call, such as "default", or "".
    std::string_view service_tier() const &noexcept { return bedrock_response_service_tier(get()); }
    std::string service_tier() const && { return std::string(service_tier()); }

    // Returns false if the response is the part that had arrived when a stream was stopped or failed.
    bool complete() const noexcept { return bedrock_response_complete(get()) != 0; }
    // Returns how many attempts the call made, retries included.
    int attempts() const noexcept { return bedrock_response_attempts(get()); }
    // Returns the tokens that were used. All members are -1 if the response is empty.
    bedrock::usage usage() const noexcept
    {
        bedrock::usage out;
        bedrock_response_usage(get(), &out, sizeof out);
        return out;
    }
    // Returns the tool calls that the program has to reply to. The response has to be kept in a variable.
    std::vector<tool_call> tool_calls() const & { return calls(bedrock_response_tool_call); }
    std::vector<tool_call> tool_calls() const && = delete;
    // Returns the calls of tools that the service ran itself.
    std::vector<tool_call> server_tool_calls() const & { return calls(bedrock_response_server_tool_call); }
    std::vector<tool_call> server_tool_calls() const && = delete;

private:
    friend class model;

    std::string_view view(const char *(*getter)(const bedrock_response *, std::size_t *)) const noexcept
    {
        return detail::view([&](std::size_t *length) { return getter(get(), length); });
    }
    template <class F>
    std::vector<tool_call> calls(F &&getter) const
    {
        std::vector<tool_call> out;
        bedrock_tool_call raw;
        while (getter(get(), out.size(), &raw, sizeof raw) >= 0)
            out.push_back({raw.id, raw.name, json_view({raw.input_json, raw.input_json_len}), raw.input_valid != 0});
        return out;
    }
};

// ---- Requests -----------------------------------------------------------------------------------------------------

// Bytes that are passed to a request. A string or vector that is moved here, and what a shared_ptr owns, are not
// copied. All other bytes are copied by the function that gets them.
class bytes {
    template <class C>
    using is_bytes = std::enable_if_t<sizeof(*std::declval<const C &>().data()) == 1, int>;

public:
    bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    // A text, without its NUL.
    bytes(const char *text) noexcept : bytes(text, std::strlen(text)) {}
    // An array, span, string, string_view, vector or the like, of elements of one byte.
    template <class C, is_bytes<C> = 0>
    bytes(const C &container) noexcept : bytes(container.data(), container.size())
    {
    }
    // A string or a vector that is moved.
    template <class A, class String = std::basic_string<char, std::char_traits<char>, A>>
    bytes(std::basic_string<char, std::char_traits<char>, A> &&owned) : bytes(keep(), new String(std::move(owned)))
    {
    }
    template <class T, class A, is_bytes<std::vector<T, A>> = 0>
    bytes(std::vector<T, A> &&owned) : bytes(keep(), new std::vector<T, A>(std::move(owned)))
    {
    }
    // Bytes that other owners share. They must not change until no call needs them.
    bytes(std::shared_ptr<const void> owner, const void *data, std::size_t size)
        : data_(data), size_(size), release_(detail::destroy<std::shared_ptr<const void>>),
          user_(new std::shared_ptr<const void>(std::move(owner)))
    {
    }
    template <class C, is_bytes<C> = 0>
    bytes(const std::shared_ptr<C> &owner) : bytes(owner, owner->data(), owner->size())
    {
    }
    bytes(bytes &&other) noexcept
        : data_(other.data_), size_(other.size_), release_(other.release_), user_(std::exchange(other.user_, nullptr))
    {
    }
    bytes &operator=(bytes &&) = delete;
    ~bytes()
    {
        if (user_ != nullptr)
            release_(user_);
    }

private:
    friend class request;

    struct keep {};
    template <class C>
    bytes(keep, C *kept) : data_(kept->data()), size_(kept->size()), release_(detail::destroy<C>), user_(kept)
    {
    }
    // Passes them to a function, which releases them from then on.
    template <class E, class F>
    void pass(E err, F &&function) noexcept(detail::quiet<E>)
    {
        detail::call(err, [&](bedrock_error **raw) {
            return function(data_, size_, release_, std::exchange(user_, nullptr), raw);
        });
    }

    const void *data_;
    std::size_t size_;
    bedrock_release_fn release_ = nullptr;
    void *user_ = nullptr;
};

// A request, with its conversation. It is thread-safe. A function that changes the request returns it, for chains of
// calls.
class request : public detail::handle<bedrock_request, bedrock_request_free> {
public:
    // Makes a request from JSON, or an empty request.
    template <class E = throws>
    explicit request(std::string_view json = {}, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_new, json.data(), json.size(), put());
    }
    explicit request(bedrock_request *owned) noexcept : handle(owned) {}

    // Makes an independent copy, which shares text and attachments.
    template <class E = throws>
    [[nodiscard]] request clone(E err = {}) const noexcept(detail::quiet<E>)
    {
        bedrock_request *out = nullptr;
        detail::call(err, bedrock_request_clone, get(), &out);
        return request(out);
    }

    // Replaces top-level members by those of a JSON object, and adds those that the request lacks.
    template <class E = throws>
    request &set(std::string_view json, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_set, get(), detail::data(json), json.size());
        return *this;
    }
    // Removes a top-level member.
    template <class E = throws>
    request &remove(std::string_view member, E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated name(member);
        detail::call(err, bedrock_request_remove, get(), name.get());
        return *this;
    }

    // Adds text to the conversation. role is "user", "assistant" or "system".
    template <class E = throws>
    request &add_text(std::string_view role, std::string_view text, E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated name(role);
        detail::call(err, bedrock_request_add_text, get(), name.get(), detail::data(text), text.size());
        return *this;
    }
    // Adds a message that is given as JSON.
    template <class E = throws>
    request &add_message(std::string_view json, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_add_message, get(), detail::data(json), json.size());
        return *this;
    }
    // Adds the assistant's message of a response.
    template <class E = throws>
    request &add_response(const response &received, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_add_response, get(), received.get());
        return *this;
    }
    // Adds the result of a tool, as text. If is_error is true, it informs the model that the tool failed.
    template <class E = throws>
    request &add_tool_result(std::string_view tool_use_id, std::string_view content, bool is_error = false,
                             E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated id(tool_use_id);
        detail::call(err, bedrock_request_add_tool_result, get(), id.get(), detail::data(content), content.size(),
                     is_error ? 1 : 0);
        return *this;
    }

    // Adds an image to the conversation. If format is "", the bytes show it.
    template <class E = throws>
    request &add_image(std::string_view role, bytes image, std::string_view format = {},
                       E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated name(role), kind(format);
        image.pass(err, [&](auto... passed) {
            return bedrock_request_add_image(get(), name.get(), kind.or_null(), passed...);
        });
        return *this;
    }
    // Adds a document to the conversation. name is the name of a file, or one by which the model knows the document.
    // If format is "", the bytes or the name show it.
    template <class E = throws>
    request &add_document(std::string_view role, bytes document, std::string_view name, std::string_view format = {},
                          E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated who(role), kind(format), file(name);
        document.pass(err, [&](auto... passed) {
            return bedrock_request_add_document(get(), who.get(), kind.or_null(), file.or_null(), passed...);
        });
        return *this;
    }
    // Passes bytes to the request, to which its JSON refers as "@name".
    template <class E = throws>
    request &attach(std::string_view name, bytes attached, E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated at(name);
        attached.pass(err, [&](auto... passed) { return bedrock_request_attach(get(), at.get(), passed...); });
        return *this;
    }

    // Returns how many messages the conversation has.
    std::size_t message_count() const noexcept { return bedrock_request_message_count(get()); }
    // Removes messages. The oldest has index 0.
    template <class E = throws>
    request &remove_messages(std::size_t first, std::size_t count, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_remove_messages, get(), first, count);
        return *this;
    }
    // Shortens the conversation to at most max_messages messages, by whole turns, the oldest first.
    template <class E = throws>
    request &trim(std::size_t max_messages, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_request_trim, get(), max_messages, nullptr);
        return *this;
    }
    // Does the same. removed becomes a copy of the request with the removed messages alone, or empty if none were.
    template <class E = throws>
    request &trim(std::size_t max_messages, request &removed, E err = {}) noexcept(detail::quiet<E>)
    {
        bedrock_request *out = nullptr;
        detail::call(err, bedrock_request_trim, get(), max_messages, &out);
        removed = request(out);
        return *this;
    }

    // Sets the span of your program in which the request is sent: the text of a header traceparent. An empty text removes
    // it.
    template <class E = throws>
    request &set_traceparent(std::string_view traceparent, E err = {}) noexcept(detail::quiet<E>)
    {
        const detail::terminated text(traceparent);
        detail::call(err, bedrock_request_set_traceparent, get(), text.or_null());
        return *this;
    }

    // Returns the request as JSON, to be saved. Borrowed until the next json() on this request.
    template <class E = throws>
    [[nodiscard]] json_view json(attachments form = attachments::inlined, E err = {}) const noexcept(detail::quiet<E>)
    {
        return detail::borrow(err, [&](std::size_t *length, bedrock_error **raw) {
            return bedrock_request_json(get(), static_cast<std::int32_t>(form), length, raw);
        });
    }
    // Returns the exact body that a call with this model would send. Borrowed until the next body() on this request.
    template <class E = throws>
    [[nodiscard]] json_view body(const model &sender, E err = {}) const noexcept(detail::quiet<E>);
    // Finds the first place where the bodies of two requests differ: an object with "pointer", "offset", "a" and "b".
    // Empty if they are equal. Borrowed until the next diff() on this request.
    template <class E = throws>
    [[nodiscard]] json_view diff(const request &other, const model &sender, E err = {}) const noexcept(detail::quiet<E>);
};

// ---- Streams ------------------------------------------------------------------------------------------------------

namespace detail {

inline constexpr bedrock_event no_event = {sizeof(bedrock_event), 0, -1, 0, "", 0, "", 0, "", 0, "", 0, "", 0, 0};

} // namespace detail

// One event of a stream, borrowed: it and its texts live until the next event of the stream is read, or until the
// callback returns. Copy a text to keep it.
class event {
public:
    event() noexcept = default;
    // Refers to an event of bedrock.h. If it is null, the event is empty.
    explicit event(const bedrock_event *borrowed) noexcept : raw_(borrowed != nullptr ? borrowed : &detail::no_event) {}

    // Returns whether this is an event. It is not if the stream had none.
    explicit operator bool() const noexcept { return raw_ != &detail::no_event; }
    event_type type() const noexcept { return static_cast<event_type>(raw_->type); }
    // Returns the index of the content block, or -1.
    int block() const noexcept { return raw_->block; }
    // Returns the decoded text. BEDROCK_EVENT_... describes it for each type.
    std::string_view text() const noexcept { return {raw_->text, raw_->text_len}; }
    // Returns the id and the name of a tool call, in block_start, block_stop and tool_call.
    std::string_view tool_id() const noexcept { return {raw_->tool_id, raw_->tool_id_len}; }
    std::string_view tool_name() const noexcept { return {raw_->tool_name, raw_->tool_name_len}; }
    // Returns, in the block_stop of a tool call, whether text() is a JSON object.
    bool input_valid() const noexcept { return raw_->input_valid != 0; }
    // Returns the call to do, of an event tool_call. It is borrowed as the event is.
    bedrock::tool_call call() const noexcept { return {tool_id(), tool_name(), json_view(text()), input_valid()}; }
    // Returns the round of a run, from 1, and 0 in a stream.
    int round() const noexcept { return raw_->round; }
    // Returns the payload as it came, if it is JSON.
    json_view json() const noexcept { return json_view({raw_->json, raw_->json_len}); }
    // Returns the payload as it came, JSON or not.
    std::string_view payload() const noexcept { return {static_cast<const char *>(raw_->payload), raw_->payload_len}; }
    // Returns the event of bedrock.h.
    const bedrock_event *get() const noexcept { return raw_; }

private:
    const bedrock_event *raw_ = &detail::no_event;
};

// The end of a stream, for loops.
struct sentinel {};

// Reads a stream or a run, in a loop. ++ waits for the next event, and throws where it fails.
template <class E = throws, class Raw = bedrock_stream>
class event_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = event;
    using difference_type = std::ptrdiff_t;
    using pointer = const event *;
    using reference = const event &;

    event_iterator() noexcept = default;
    explicit event_iterator(Raw *borrowed) : from_(borrowed) { ++*this; }

    reference operator*() const noexcept { return event_; }
    pointer operator->() const noexcept { return &event_; }
    event_iterator &operator++()
    {
        const bedrock_event *raw = nullptr;
        detail::call(E(), detail::functions<Raw>::next, from_, -1, &raw);
        event_ = event(raw);
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const event_iterator &at, sentinel) noexcept { return !at.event_; }
    friend bool operator!=(const event_iterator &at, sentinel) noexcept { return static_cast<bool>(at.event_); }
    friend bool operator==(sentinel end, const event_iterator &at) noexcept { return at == end; }
    friend bool operator!=(sentinel end, const event_iterator &at) noexcept { return at != end; }

private:
    Raw *from_ = nullptr;
    event event_;
};

// Reads the pieces of text of a stream or a run, in a loop, and skips other events. A tool call ends the run, and is a
// failure: the program does not see it, so it cannot give the result that the run would wait for.
template <class E = throws, class Raw = bedrock_stream>
class text_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = std::string_view;

    text_iterator() noexcept = default;
    explicit text_iterator(Raw *borrowed) : from_(borrowed), events_(borrowed) { skip(); }

    reference operator*() const noexcept { return events_->text(); }
    text_iterator &operator++()
    {
        ++events_;
        skip();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const text_iterator &at, sentinel end) noexcept { return at.events_ == end; }
    friend bool operator!=(const text_iterator &at, sentinel end) noexcept { return at.events_ != end; }
    friend bool operator==(sentinel end, const text_iterator &at) noexcept { return at == end; }
    friend bool operator!=(sentinel end, const text_iterator &at) noexcept { return at != end; }

private:
    void skip()
    {
        for (; events_ != sentinel() && events_->type() != event_type::text; ++events_) {
            if (events_->type() == event_type::tool_call) {
                detail::functions<Raw>::cancel(from_);
                detail::report(E(), BEDROCK_E_INVALID_ARGUMENT, nullptr,
                               "reading the text of a run: a tool is called; read the events, and give its result");
            }
        }
    }

    Raw *from_ = nullptr;
    event_iterator<E, Raw> events_;
};

// The pieces of text of a stream or a run. Reader is stream & or, for a temporary, stream.
template <class Reader>
class text_range {
    using raw = typename std::remove_reference_t<Reader>::raw;

public:
    explicit text_range(Reader &&read) noexcept : reader_(std::forward<Reader>(read)) {}
    template <class E = throws>
    text_iterator<E, raw> begin()
    {
        return text_iterator<E, raw>(reader_.get());
    }
    sentinel end() const noexcept { return {}; }

private:
    Reader reader_;
};

// What a stream and a run have in common. Self is one of them. One thread at a time may read it.
//
//   for (const bedrock::event &event : stream)
//       if (event.type() == bedrock::event_type::text)
//           std::cout << event.text();
template <class Self, class Raw>
class reader : public detail::handle<Raw, detail::functions<Raw>::free> {
    using owner = detail::handle<Raw, detail::functions<Raw>::free>;
    using functions = detail::functions<Raw>;

public:
    using raw = Raw;
    using owner::get;

    // Begins to read. The loop ends when the response is complete. It throws where the response is cut or fails.
    template <class E = throws>
    event_iterator<E, Raw> begin()
    {
        return event_iterator<E, Raw>(get());
    }
    sentinel end() const noexcept { return {}; }
    // Returns a range of the pieces of text alone.
    text_range<Self &> text() & noexcept { return text_range<Self &>(static_cast<Self &>(*this)); }
    text_range<Self> text() && noexcept { return text_range<Self>(static_cast<Self &&>(*this)); }

    // Waits for the next event. It is empty if the response is complete, and after a failure that err received.
    template <class E = throws>
    [[nodiscard]] event next(E err = {}) noexcept(detail::quiet<E>)
    {
        event out;
        next(out, std::chrono::milliseconds(-1), err);
        return out;
    }
    // Waits for the next event, for at most timeout. Returns status::ok if out is an event, status::again if none
    // arrived in time, status::done if the response is complete, or the failure that err received.
    template <class E = throws>
    bedrock::status next(event &out, std::chrono::milliseconds timeout, E err = {}) noexcept(detail::quiet<E>)
    {
        const bedrock_event *read = nullptr;
        out = event(); // an event that is borrowed ends here
        const bedrock_status result =
            detail::call(err, functions::next, get(), detail::milliseconds(timeout), &read);
        out = event(read);
        return static_cast<bedrock::status>(result);
    }
    // Calls on_event(const event &) for every event that has arrived, without waiting: after a poll, a wakeup or
    // waitset::wait. Returns whether there is more to come: false if the response is complete, and after a failure that
    // err received.
    template <class F, class E = throws, class Mode = detail::mode>
    bool drain(F &&on_event, E err = {})
    {
        static_assert(std::is_void_v<std::invoke_result_t<F &, const event &>>, "on_event has to return void");
        event read;
        bedrock::status result;
        while ((result = next(read, std::chrono::milliseconds(0), err)) == bedrock::status::ok)
            on_event(std::as_const(read));
        return result == bedrock::status::again;
    }

    // Makes a response of the events that were read so far.
    template <class E = throws>
    [[nodiscard]] bedrock::response response(E err = {}) noexcept(detail::quiet<E>)
    {
        bedrock_response *out = nullptr;
        detail::call(err, functions::response, get(), &out);
        return bedrock::response(out);
    }
    // Ends it: who reads it gets status::cancelled. Thread-safe. Never blocks.
    void cancel() const noexcept { functions::cancel(get()); }
    // Returns a descriptor to poll, owned by this object, or -1.
    int fd() const noexcept { return functions::fd(get()); }

    // Sets a function that is called when there is something to read, on a thread of the library. It must not throw or
    // block, and may call only cancel::fire, stream::cancel, run::cancel and the functions of json_view.
    template <class F, class E = throws>
    void set_wakeup(F wakeup, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call_plain(err, functions::name_of_set_wakeup, [&] {
            const auto call = [](void *kept) noexcept { (*static_cast<F *>(kept))(); };
            return functions::set_wakeup(get(), call, new F(std::move(wakeup)), detail::destroy<F>);
        });
    }
    // Removes the wakeup, which is then not running and will not run.
    template <class E = throws>
    void clear_wakeup(E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call_plain(err, functions::name_of_set_wakeup, [&] {
            return functions::set_wakeup(get(), nullptr, nullptr, nullptr);
        });
    }

protected:
    reader() noexcept = default;
    explicit reader(Raw *owned) noexcept : owner(owned) {}

private:
    friend class model;

    detail::watch_owner watch_; // a member is destroyed before the base class, which frees the handle
};

// A stream that the program reads. Destroying it ends its call, and never waits for the network. It needs neither its
// model nor its request.
class stream : public reader<stream, bedrock_stream> {
public:
    stream() noexcept = default;
    explicit stream(bedrock_stream *owned) noexcept : reader(owned) {}
};

// ---- Runs ---------------------------------------------------------------------------------------------------------

// The result of a tool call. A text becomes one.
class tool_result {
public:
    tool_result(std::string text) noexcept : content_(std::move(text)) {}
    tool_result(std::string_view text) : content_(text) {}
    tool_result(const char *text) : content_(text) {}

    // Informs the model why the tool failed.
    static tool_result error(std::string text) noexcept { return {std::move(text), BEDROCK_RESULT_ERROR}; }
    // A JSON value.
    static tool_result json(std::string json) noexcept { return {std::move(json), BEDROCK_RESULT_JSON}; }
    // A JSON array of content blocks: text, json, image, document, video.
    static tool_result content(std::string blocks) noexcept { return {std::move(blocks), BEDROCK_RESULT_CONTENT}; }
    // The tool gives the result later, by tool_results::give.
    static tool_result later() noexcept { return {{}, is_later}; }
    // The run ends, and its response is that of the last message.
    static tool_result stop() noexcept { return {{}, is_stop}; }

private:
    friend class tool_results;
    template <class Mode>
    friend class detail::tool_caller;

    static constexpr std::int32_t is_later = -1, is_stop = -2;

    tool_result(std::string text, std::int32_t kind) noexcept : content_(std::move(text)), kind_(kind) {}

    std::string content_;
    std::int32_t kind_ = BEDROCK_RESULT_TEXT;
};

// Gives results to a run, on any thread, also after the run has been destroyed: then it fails. It owns nothing.
class tool_results {
public:
    explicit tool_results(bedrock_run *borrowed) noexcept : raw_(borrowed) {}

    // Gives the result of the call with this id.
    template <class E = throws>
    void give(std::string_view id, const tool_result &result, E err = {}) const noexcept(detail::quiet<E>)
    {
        const detail::terminated call(id);
        detail::call(err, bedrock_run_result, raw_, call.get(), result.content_.data(), result.content_.size(),
                     result.kind_);
    }

private:
    bedrock_run *raw_;
};

// A tool of model::run: a name, what it is for, the JSON schema of its input, and a function that does the calls:
// tool_result(const tool_call &) or tool_result(const tool_call &, const tool_results &). Without a schema the request
// or the model declares the tool.
class tool {
public:
    template <class F, class Mode = detail::mode>
    tool(std::string name, std::string description, std::string input_schema, F function)
        : name_(std::move(name)), description_(std::move(description)), input_schema_(std::move(input_schema))
    {
        if constexpr (std::is_invocable_v<F &, const tool_call &, const tool_results &>)
            function_ = std::move(function);
        else
            function_ = [function = std::move(function)](const tool_call &call, const tool_results &) mutable {
                return tool_result(function(call));
            };
    }

private:
    template <class Mode>
    friend class detail::tool_caller;

    std::string name_, description_, input_schema_;
    std::function<tool_result(const tool_call &, const tool_results &)> function_;
};

// A run that the program reads: the events of all rounds, and tool_call for a call to do. Its loop ends when the model
// stops, or after the last permitted round. Destroying a run ends it.
class run : public reader<run, bedrock_run> {
public:
    run() noexcept = default;
    explicit run(bedrock_run *owned) noexcept : reader(owned) {}

    // Gives the result of the call with this id. Thread-safe.
    template <class E = throws>
    void give(std::string_view id, const tool_result &result, E err = {}) const noexcept(detail::quiet<E>)
    {
        results().give(id, result, err);
    }
    // Returns what other threads give results by.
    tool_results results() const noexcept { return tool_results(get()); }
};

// ---- Waiting sets -------------------------------------------------------------------------------------------------

// A set of streams and runs, for a thread that waits for many of them. Each is added with an object of the program, by
// default the stream itself. The object has to stay at its address. Destroying a stream or a run removes it.
template <class T = stream>
class waitset : public detail::handle<bedrock_waitset, bedrock_waitset_free> {
public:
    template <class E = throws, detail::if_error<E> = 0>
    explicit waitset(E err = {}) noexcept(detail::quiet<E>)
        : handle(detail::make(err, "bedrock_waitset_new", bedrock_waitset_new))
    {
    }
    explicit waitset(bedrock_waitset *owned) noexcept : handle(owned) {}

    // Adds a stream, for which wait returns &object.
    template <class E = throws>
    void add(const stream &added, T &object, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call_plain(err, "bedrock_waitset_add", [&] {
            return bedrock_waitset_add(get(), added.get(), std::addressof(object));
        });
    }
    // Adds a run, for which wait returns &object, over all of its rounds.
    template <class E = throws>
    void add(const run &added, T &object, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call_plain(err, "bedrock_waitset_add_run", [&] {
            return bedrock_waitset_add_run(get(), added.get(), std::addressof(object));
        });
    }
    template <class E = throws, detail::if_error<E> = 0>
    void add(T &added, E err = {}) noexcept(detail::quiet<E>)
    {
        add(added, added, err);
    }
    // Waits for a stream or a run that is readable, for at most timeout. Returns its object, or null if there was none
    // in time. Call drain then.
    template <class E = throws>
    T *wait(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1), E err = {}) noexcept(detail::quiet<E>)
    {
        void *object = nullptr;
        detail::call_plain(err, "bedrock_waitset_wait", [&] {
            return bedrock_waitset_wait(get(), detail::milliseconds(timeout), nullptr, &object);
        });
        return static_cast<T *>(object);
    }
    // Returns a descriptor to poll, owned by the set, or -1.
    int fd() const noexcept { return bedrock_waitset_fd(get()); }
    // Ends the set: a thread that waits for it gets status::cancelled. Thread-safe. Its streams and runs go on.
    void close() const noexcept { bedrock_waitset_free(get()); }
};

// ---- Models -------------------------------------------------------------------------------------------------------

namespace detail {

// Receives the events of a blocking call. What on_event throws is kept until the function of bedrock.h has returned.
template <class F, class Mode>
class receiver {
public:
    explicit receiver(F &on_event) noexcept : on_event_(on_event) {}

    static std::int32_t receive(const bedrock_event *raw, void *user)
    {
        auto &self = *static_cast<receiver *>(user);
#if defined(__cpp_exceptions)
        try {
            return self.pass(event(raw));
        } catch (...) {
            self.thrown_ = std::current_exception();
            if (self.thrown_)
                return 1;
            throw; // no exception of C++: pthread_exit and pthread_cancel, which bedrock.h permits here
        }
#else
        return self.pass(event(raw));
#endif
    }
    void rethrow()
    {
#if defined(__cpp_exceptions)
        if (thrown_)
            std::rethrow_exception(std::move(thrown_));
#endif
    }
    std::exception_ptr &thrown() noexcept { return thrown_; }

private:
    std::int32_t pass(const event &received)
    {
        using result = std::invoke_result_t<F &, const event &>;
        static_assert(std::is_void_v<result> || std::is_same_v<result, bool>,
                      "on_event has to return void, or a bool: false stops the stream");
        if constexpr (std::is_same_v<result, bool>)
            return on_event_(received) ? 0 : 1;
        else
            on_event_(received);
        return 0;
    }

    F &on_event_;
    std::exception_ptr thrown_;
};

struct no_events {
    void operator()(const event &) const noexcept {}
};

// Calls the tools of a blocking run. What a tool throws is kept until the function of bedrock.h has returned, and so is
// the failure of a result that the library refuses. After either of them no further tool is called.
template <class Mode>
class tool_caller {
public:
    tool_caller(const std::vector<tool> &tools, std::exception_ptr &thrown) : thrown_(thrown)
    {
        users_.reserve(tools.size());
        for (const tool &each : tools) {
            users_.push_back({this, &each.function_});
            raw_.push_back({whole(each.name_), whole(each.description_),
                            each.input_schema_.empty() ? nullptr : whole(each.input_schema_), call, &users_.back()});
        }
    }
    tool_caller(const tool_caller &) = delete;
    const bedrock_tool *data() const noexcept { return raw_.data(); }
    std::size_t size() const noexcept { return raw_.size(); }
    // Returns the status of the run if it has failed, or that of a result that the library has refused: a run that was
    // ended refuses every result, and its own failure is the reason.
    bedrock_status status(bedrock_status run, bedrock_error **error) noexcept
    {
        if (run < 0 || refused_ >= 0)
            return run;
        bedrock_error_free(std::exchange(*error, error_.release()));
        return refused_;
    }

private:
    struct user {
        tool_caller *caller;
        const std::function<tool_result(const tool_call &, const tool_results &)> *function;
    };
    using error_owner = handle<bedrock_error, bedrock_error_free>;
    struct kept_error : error_owner {
        bedrock_error **put() noexcept { return error_owner::put(); }
    };

    // A text with a NUL inside is replaced by one that every function refuses.
    static const char *whole(const std::string &text) noexcept
    {
        return text.find('\0') == std::string::npos ? text.c_str() : "\xff";
    }
    static std::int32_t call(bedrock_run *run, const bedrock_tool_call *raw, void *kept)
    {
        const user &self = *static_cast<user *>(kept);
#if defined(__cpp_exceptions)
        try {
            return self.caller->pass(*self.function, run, *raw);
        } catch (...) {
            self.caller->thrown_ = std::current_exception();
            if (self.caller->thrown_)
                return BEDROCK_TOOL_STOP;
            throw; // no exception of C++: pthread_exit and pthread_cancel, which bedrock.h permits here
        }
#else
        return self.caller->pass(*self.function, run, *raw);
#endif
    }
    std::int32_t pass(const std::function<tool_result(const tool_call &, const tool_results &)> &function,
                      bedrock_run *run, const bedrock_tool_call &raw)
    {
        if (refused_ < 0)
            return BEDROCK_TOOL_STOP;
        const tool_call call = {raw.id, raw.name, json_view({raw.input_json, raw.input_json_len}),
                                raw.input_valid != 0};
        const tool_result result = function(call, tool_results(run));
        if (result.kind_ == tool_result::is_later)
            return BEDROCK_TOOL_LATER;
        if (result.kind_ == tool_result::is_stop)
            return BEDROCK_TOOL_STOP;
        refused_ = bedrock_run_result(run, raw.id, result.content_.data(), result.content_.size(), result.kind_,
                                      error_.put());
        return refused_ < 0 && waits(run, raw.id) ? BEDROCK_TOOL_STOP : BEDROCK_TOOL_DONE;
    }
    // Returns whether the call waits for a result: the run has not ended, and what was refused is the result. The call
    // gets one that is not sent, because the run is then stopped.
    static bool waits(bedrock_run *run, const char *id) noexcept
    {
        return bedrock_run_result(run, id, "", 0, BEDROCK_RESULT_ERROR, nullptr) >= 0;
    }

    std::vector<user> users_;
    std::vector<bedrock_tool> raw_;
    std::exception_ptr &thrown_;
    kept_error error_;
    bedrock_status refused_ = BEDROCK_OK;
};

template <class... Options>
inline constexpr bool receives = false;
template <class F, class... Options>
inline constexpr bool receives<F, Options...> = std::is_invocable_v<F &, const event &>;

} // namespace detail

// A model, which any number of threads may call.
class model : public detail::handle<bedrock_model, bedrock_model_free> {
public:
    // Makes an empty model, to be assigned to.
    model() noexcept = default;
    // Makes a model from config JSON. It does not connect. It fails with status::config if the config is wrong, or if
    // the loaded library is older than this header.
    template <class E = throws>
    explicit model(std::string_view config_json, E err = {}) noexcept(detail::quiet<E>)
    {
        if (detail::fits(err))
            detail::call(err, bedrock_model_new, detail::data(config_json), config_json.size(), put());
    }
    explicit model(bedrock_model *owned) noexcept : handle(owned) {}

    // Derives a model that adds request members to every request, or has its own settings for calls.
    template <class E = throws>
    [[nodiscard]] model with(std::string_view defaults_json, E err = {}) const noexcept(detail::quiet<E>)
    {
        model out;
        detail::call(err, bedrock_model_with, get(), detail::data(defaults_json), defaults_json.size(), out.put());
        return out;
    }
    // Replaces what authorizes the calls of this model and of all that share its connections: {"bearer_token": ...},
    // {"api_key": ..., "secret_key": ...}, {"profile": ...}, or {} for the environment. Calls that run go on.
    template <class E = throws>
    void set_credentials(std::string_view json, E err = {}) const noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_model_set_credentials, get(), detail::data(json), json.size());
    }
    // Makes a short-term Bedrock API key of the model's credentials, valid from 1 second to 12 hours. It is a secret.
    template <class... Options>
    [[nodiscard]] std::string api_key(std::chrono::seconds valid, const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        std::string key(4096, '\0');
        std::size_t length = key.size();
        while (length >= key.size()) {
            key.resize(length + 1);
            length = 0;
            block(detail::parse(options...), [&](bedrock_cancel *stop, bedrock_response **, bedrock_error **raw) {
                const bool fits = valid.count() >= 0 && valid.count() <= INT32_MAX;
                const auto seconds = static_cast<std::int32_t>(fits ? valid.count() : -1);
                return bedrock_model_api_key(get(), seconds, stop, &key[0], key.size(), &length, raw);
            });
        }
        key.resize(length);
        return key;
    }
    // Returns the model id of all requests that name no other.
    std::string_view id() const noexcept
    {
        return detail::view([this](std::size_t *length) { return bedrock_model_id(get(), length); });
    }
    // Returns the settings that calls of this model use, each with its source, for people who look for a mistake.
    template <class E = throws>
    [[nodiscard]] json_view settings(E err = {}) const noexcept(detail::quiet<E>)
    {
        return detail::borrow(err, [&](std::size_t *length, bedrock_error **raw) {
            return bedrock_model_settings(get(), length, raw);
        });
    }
    // Returns the usage of all calls of this model, and of the models derived from it, so far.
    bedrock::usage usage() const noexcept
    {
        bedrock::usage out;
        bedrock_model_usage(get(), &out, sizeof out);
        return out;
    }
    // Returns how the calls of this model, and of all that share its limits, run and wait now.
    bedrock::stats stats() const noexcept
    {
        bedrock::stats out;
        bedrock_model_stats(get(), &out, sizeof out);
        return out;
    }

    // Makes a connection ready ahead of the first call.
    template <class... Options>
    void connect(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1), const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        block(detail::parse(options...), [&](bedrock_cancel *stop, bedrock_response **, bedrock_error **raw) {
            return bedrock_model_connect(get(), stop, detail::milliseconds(timeout), raw);
        });
    }

    // Sends the request and waits for the complete response. (Converse)
    template <class... Options, std::enable_if_t<!detail::receives<Options...>, int> = 0>
    [[nodiscard]] response generate(const request &sent, const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        return block(detail::parse(options...), [&](bedrock_cancel *stop, bedrock_response **out, bedrock_error **raw) {
            return bedrock_generate(get(), sent.get(), stop, out, raw);
        });
    }

    // Sends the request and calls on_event(const event &) for every event, on this thread. (ConverseStream)
    //
    // on_event returns void, or a bool: false stops the stream, and the response is then not complete. What on_event
    // throws comes out of this function after the call has ended. After a failure that err received, the response
    // holds the events that on_event received.
    template <class F, class... Options, class Mode = detail::mode, std::enable_if_t<detail::receives<F>, int> = 0>
    response generate(const request &sent, F &&on_event, const Options &...options) const
    {
        const auto parsed = detail::parse(options...);
        const detail::stopper stop(parsed.stop);
        detail::receiver<std::remove_reference_t<F>, Mode> receiver(on_event);
        response out;
        if (detail::earlier(parsed.err) < 0)
            return out;
        bedrock_error *raw = nullptr;
        bedrock_status result = BEDROCK_E_RESOURCE;
        if (stop.ready())
            result = bedrock_generate_stream(get(), sent.get(), stop.get(), receiver.receive, &receiver, out.put(),
                                             &raw);
        receiver.rethrow();
        if (result < 0)
            detail::report(parsed.err, result, raw);
        return out;
    }

    // Asks the model, calls the tools, adds their results to the request, and asks again, until the model stops. Each
    // complete round is added to the request. options_json has the members that bedrock.h lists.
    //
    // The response is the last message of the model. Its stop_reason is "tool_use" if a tool has stopped the run or the
    // last permitted round is over. What a tool throws comes out of this function after the run has ended; return
    // tool_result::error to inform the model.
    template <class... Options, class Mode = detail::mode, std::enable_if_t<!detail::receives<Options...>, int> = 0>
    response run(request &conversation, const std::vector<tool> &tools, std::string_view options_json = {},
                 const Options &...options) const
    {
        detail::no_events none;
        return run<Mode>(conversation, tools, options_json, none, detail::parse(options...));
    }
    // Does the same, and calls on_event(const event &) for every event of all rounds, and before each call of a tool.
    // on_event returns void, or a bool: false stops the run.
    template <class F, class... Options, class Mode = detail::mode, std::enable_if_t<detail::receives<F>, int> = 0>
    response run(request &conversation, const std::vector<tool> &tools, std::string_view options_json, F &&on_event,
                 const Options &...options) const
    {
        return run<Mode>(conversation, tools, options_json, on_event, detail::parse(options...));
    }
    // Opens a run without waiting for the network. options_json has the members that bedrock.h lists, and "tools".
    template <class... Options>
    [[nodiscard]] bedrock::run open_run(request &conversation, std::string_view options_json,
                                        const Options &...options) const noexcept(detail::quiet<Options...>)
    {
        return start<bedrock::run>(detail::parse(options...),
                                   [&](bedrock_cancel *stop, bedrock_run **out, bedrock_error **raw) {
            return bedrock_run_open(get(), conversation.get(), detail::data(options_json), options_json.size(), stop,
                                    out, raw);
        });
    }

    // Opens a stream without waiting for the network. (ConverseStream)
    template <class... Options>
    [[nodiscard]] bedrock::stream stream(const request &sent, const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        return start<bedrock::stream>(detail::parse(options...),
                                      [&](bedrock_cancel *stop, bedrock_stream **out, bedrock_error **raw) {
            return bedrock_stream_open(get(), sent.get(), stop, out, raw);
        });
    }

    // Calls an operation by its name, such as "InvokeModel", and waits for its complete response. After a failure
    // that err received, the response is the part that had arrived.
    template <class... Options>
    [[nodiscard]] response call(std::string_view operation, const request &sent, const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        const detail::terminated name(operation);
        return block(detail::parse(options...), [&](bedrock_cancel *stop, bedrock_response **out, bedrock_error **raw) {
            return bedrock_call(get(), name.get(), sent.get(), stop, out, raw);
        });
    }
    // Opens a call of an operation without waiting for the network.
    template <class... Options>
    [[nodiscard]] bedrock::stream open(std::string_view operation, const request &sent, const Options &...options) const
        noexcept(detail::quiet<Options...>)
    {
        const detail::terminated name(operation);
        return start<bedrock::stream>(detail::parse(options...),
                                      [&](bedrock_cancel *stop, bedrock_stream **out, bedrock_error **raw) {
            return bedrock_call_open(get(), name.get(), sent.get(), stop, out, raw);
        });
    }

private:
    template <class Stop, class E, class F>
    static response block(const detail::options<Stop, E> &parsed, F &&function) noexcept(detail::quiet<E>)
    {
        response out;
        const detail::stopper<Stop> stop(parsed.stop);
        detail::call(parsed.err, [&](bedrock_error **raw) {
            if (!stop.ready())
                return static_cast<bedrock_status>(BEDROCK_E_RESOURCE);
            return function(stop.get(), out.put(), raw);
        });
        return out;
    }
    template <class Mode, class F, class Stop, class E>
    response run(request &conversation, const std::vector<tool> &tools, std::string_view options_json, F &on_event,
                 const detail::options<Stop, E> &parsed) const
    {
        const detail::stopper<Stop> stop(parsed.stop);
        detail::receiver<F, Mode> receiver(on_event);
        detail::tool_caller<Mode> caller(tools, receiver.thrown());
        response out;
        if (detail::earlier(parsed.err) < 0)
            return out;
        bedrock_error *raw = nullptr;
        bedrock_status result = BEDROCK_E_RESOURCE;
        if (stop.ready())
            result = bedrock_run_tools(get(), conversation.get(), caller.data(), caller.size(), sizeof(bedrock_tool),
                                       detail::data(options_json), options_json.size(), stop.get(), receiver.receive,
                                       &receiver, out.put(), &raw);
        result = caller.status(result, &raw);
        receiver.rethrow();
        if (result < 0)
            detail::report(parsed.err, result, raw);
        return out;
    }
    template <class Reader, class Stop, class E, class F>
    static Reader start(const detail::options<Stop, E> &parsed, F &&function) noexcept(detail::quiet<E>)
    {
        Reader out;
        bedrock_cancel *stop = nullptr;
        if constexpr (std::is_same_v<Stop, cancel>)
            stop = parsed.stop.get();
        detail::call(parsed.err, function, stop, out.put());
        out.watch_ = detail::watch_reader(parsed.stop, out.get());
        return out;
    }
};

template <class E>
json_view request::body(const model &sender, E err) const noexcept(detail::quiet<E>)
{
    return detail::borrow(err, [&](std::size_t *length, bedrock_error **raw) {
        return bedrock_request_body(get(), sender.get(), length, raw);
    });
}

template <class E>
json_view request::diff(const request &other, const model &sender, E err) const noexcept(detail::quiet<E>)
{
    return detail::borrow(err, [&](std::size_t *length, bedrock_error **raw) {
        return bedrock_request_diff(get(), other.get(), sender.get(), length, raw);
    });
}

#if defined(__cpp_lib_expected)
// Calls f(error *), and returns what it returns, or the failure.
//
//   std::expected<bedrock::response, bedrock::error> response =
//       bedrock::as_expected([&](auto *err) { return model.generate(request, err); });
template <class F, class T = std::invoke_result_t<F, error *>, class Mode = detail::mode>
std::expected<T, error> as_expected(F &&f)
{
    error err;
    if constexpr (std::is_void_v<T>) {
        std::forward<F>(f)(&err);
        if (!err)
            return {};
    } else {
        T value = std::forward<F>(f)(&err);
        if (!err)
            return value;
    }
    return std::unexpected(std::move(err));
}
#endif

// ---- Records of calls, and the log by pull ------------------------------------------------------------------------

namespace detail {

inline constexpr bedrock_feed_item no_item = {sizeof(bedrock_feed_item), 0, 0, "", 0, "", 0};

} // namespace detail

// One item of a feed, borrowed: it and its texts live until the next item of the feed is read. Copy a text to keep it.
class feed_item {
public:
    feed_item() noexcept = default;
    // Refers to an item of bedrock.h. If it is null, the item is empty.
    explicit feed_item(const bedrock_feed_item *borrowed) noexcept : raw_(borrowed != nullptr ? borrowed : &detail::no_item)
    {
    }

    // Returns whether this is an item. It is not if the feed had none.
    explicit operator bool() const noexcept { return raw_ != &detail::no_item; }
    feed_type type() const noexcept { return static_cast<feed_type>(raw_->type); }
    // Returns the record as JSON, or the message of the log.
    std::string_view text() const noexcept { return {raw_->text, raw_->text_len}; }
    // Returns the record, of an item of that type.
    json_view record() const noexcept { return json_view(text()); }
    // Returns the level and the topic of a message.
    log_level level() const noexcept { return static_cast<log_level>(raw_->level); }
    std::string_view target() const noexcept { return raw_->target; }
    // Returns how many items were dropped here, of an item of the type lost.
    std::int64_t lost() const noexcept { return raw_->lost; }
    // Returns the item of bedrock.h.
    const bedrock_feed_item *get() const noexcept { return raw_; }

private:
    const bedrock_feed_item *raw_ = &detail::no_item;
};

// A queue of records and messages, which the program reads. One thread at a time may read it.
class feed : public detail::handle<bedrock_feed, bedrock_feed_free> {
public:
    // Opens a feed. The options say what it gets: bedrock_feed_new describes them.
    template <class E = throws>
    explicit feed(std::string_view options_json, E err = {}) noexcept(detail::quiet<E>)
    {
        detail::call(err, bedrock_feed_new, detail::data(options_json), options_json.size(), put());
    }
    explicit feed(bedrock_feed *owned) noexcept : handle(owned) {}

    // Waits for the next item. It is empty after a failure that err received.
    template <class E = throws>
    [[nodiscard]] feed_item next(E err = {}) noexcept(detail::quiet<E>)
    {
        feed_item out;
        next(out, std::chrono::milliseconds(-1), err);
        return out;
    }
    // Waits for the next item, for at most timeout. Returns status::ok if out is an item, status::again if none came in
    // time, or the failure that err received.
    template <class E = throws>
    bedrock::status next(feed_item &out, std::chrono::milliseconds timeout, E err = {}) noexcept(detail::quiet<E>)
    {
        const bedrock_feed_item *read = nullptr;
        out = feed_item(); // an item that is borrowed ends here
        const bedrock_status result = detail::call(err, bedrock_feed_next, get(), detail::milliseconds(timeout), &read);
        out = feed_item(read);
        return static_cast<bedrock::status>(result);
    }
    // Calls on_item(const feed_item &) for every item that waits, without waiting for more: after a poll.
    template <class F, class E = throws>
    void drain(F &&on_item, E err = {})
    {
        feed_item read;
        while (next(read, std::chrono::milliseconds(0), err) == bedrock::status::ok)
            on_item(std::as_const(read));
    }
    // Returns a descriptor to poll, owned by this object, or -1.
    int fd() const noexcept { return bedrock_feed_fd(get()); }
};

// Sends the records of calls to observer(json_view record, std::int64_t lost), on a thread of the library. If records
// were dropped, it is called with an empty record and their number. It must not throw, and may call only cancel::fire,
// stream::cancel, run::cancel and the functions of json_view. bedrock_set_observer describes the options.
template <class F, class E = throws>
void set_observer(F observer, std::string_view options_json = {}, E err = {}) noexcept(detail::quiet<E>)
{
    detail::call(err, [&](bedrock_error **raw) {
        const auto call = [](const char *record, std::size_t length, std::int64_t lost, void *kept) noexcept {
            (*static_cast<F *>(kept))(json_view(std::string_view(record, length)), lost);
        };
        return bedrock_set_observer(options_json.data(), options_json.size(), call, new F(std::move(observer)),
                                    detail::destroy<F>, raw);
    });
}

// Removes the observer, which is then not running and will not run.
inline void clear_observer() noexcept { bedrock_set_observer(nullptr, 0, nullptr, nullptr, nullptr, nullptr); }

// ---- The process --------------------------------------------------------------------------------------------------

// Returns the version of the loaded library, such as "0.1.0".
inline std::string_view version() noexcept { return bedrock_version(); }

// Returns how many handles this process has made and not freed.
inline std::size_t live_handles() noexcept { return bedrock_live_handles(); }

// Sends messages of this level, and more severe ones, to log(log_level, std::string_view target, std::string_view
// message), on a thread of the library. log must not throw, and may call only cancel::fire, stream::cancel, run::cancel
// and the functions of json_view.
template <class F, class E = throws>
void set_log(log_level level, F log, E err = {}) noexcept(detail::quiet<E>)
{
    detail::call_plain(err, "bedrock_set_log", [&] {
        const auto call = [](std::int32_t severity, const char *target, const char *message, std::size_t length,
                             void *kept) noexcept {
            (*static_cast<F *>(kept))(static_cast<log_level>(severity), std::string_view(target),
                                      std::string_view(message, length));
        };
        return bedrock_set_log(static_cast<std::int32_t>(level), call, new F(std::move(log)), detail::destroy<F>);
    });
}

// Turns the log off, which is then not running and will not run.
inline void clear_log() noexcept { bedrock_set_log(BEDROCK_LOG_OFF, nullptr, nullptr, nullptr); }

// Cancels all running calls, and waits for the library's threads to end, for at most timeout. Returns whether they
// have.
template <class E = throws>
bool shutdown(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1), E err = {}) noexcept(detail::quiet<E>)
{
    return detail::call_plain(err, "bedrock_shutdown", [&] {
        return bedrock_shutdown(detail::milliseconds(timeout));
    }) == BEDROCK_OK;
}

} // namespace bedrock

#endif
