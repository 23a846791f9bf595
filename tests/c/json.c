/* json.c - the functions for programs without a JSON library: every kind of value, every function that reads it, and
 * every case of a missing value. */
#include "check.h"

#include <float.h>
#include <locale.h>
#include <math.h>

/* Values of every kind, with the white space, escapes and unusual keys of real JSON. */
static const char json[] =
    " {\"null\": null, \"false\": false, \"true\": true,\n"
    "  \"numbers\": [0, -1, 3.0, 3.5, 3e2, -2.5e-3, 9223372036854775807, -9223372036854775808, 9223372036854775808,\n"
    "              1e400, 0.1],\n"
    "  \"text\": \"plain\", \"empty\": \"\", \"escaped\": \"a\\\"b\\\\c\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z\",\n"
    "  \"nul\": \"a\\u0000b\", \"lone\": \"\\ud83d!\", \"wide\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\n"
    "  \"array\" : [ 1 , [ ] , { } , \"a,b\" ], \"object\" : { \"a\" : 1 , \"b\" : { \"c\" : [ 7 ] } },\n"
    "  \"\": \"no key\", \"a/b\": \"slash\", \"m~n\": \"tilde\", \"caf\\u00e9\": \"decoded\", \"0\": \"zero\",\n"
    "  \"twice\": 1, \"twice\": 2} ";

#define TYPE(pointer) bedrock_json_type(json, BEDROCK_STRLEN, (pointer))
#define COUNT(pointer) bedrock_json_count(json, BEDROCK_STRLEN, (pointer))
#define NUMBER(pointer) bedrock_json_number(json, BEDROCK_STRLEN, (pointer), -77.0)
#define INTEGER(pointer) bedrock_json_integer(json, BEDROCK_STRLEN, (pointer), -77)

static void types_and_counts(void)
{
    static const char *const nothing[] = {"/none", "/text/0", "/array/4", "/array/-1", "/array/-", "/array/00",
                                          "/array/+1", "/array/", "/array/a", "/array/1/0", "/object/c", "text", " ",
                                          "/Text", "/text ", "/array/18446744073709551616", "//", "/a~b", "/object/b/c/0/"};
    size_t i;

    CHECK_INT(TYPE("/null"), BEDROCK_JSON_NULL);
    CHECK_INT(TYPE("/false"), BEDROCK_JSON_FALSE);
    CHECK_INT(TYPE("/true"), BEDROCK_JSON_TRUE);
    CHECK_INT(TYPE("/numbers/0"), BEDROCK_JSON_NUMBER);
    CHECK_INT(TYPE("/text"), BEDROCK_JSON_STRING);
    CHECK_INT(TYPE("/array"), BEDROCK_JSON_ARRAY);
    CHECK_INT(TYPE("/object"), BEDROCK_JSON_OBJECT);
    CHECK_INT(TYPE(""), BEDROCK_JSON_OBJECT);
    CHECK_INT(TYPE("/object/b/c/0"), BEDROCK_JSON_NUMBER);

    CHECK_INT(COUNT(""), 19);
    CHECK_INT(COUNT("/numbers"), 11);
    CHECK_INT(COUNT("/array"), 4);
    CHECK_INT(COUNT("/array/1"), 0);
    CHECK_INT(COUNT("/array/2"), 0);
    CHECK_INT(COUNT("/object"), 2);
    CHECK_INT(COUNT("/text"), 0);
    CHECK_INT(COUNT("/null"), 0);

    for (i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        char buffer[8] = "before";
        size_t len = 99;

        if (TYPE(nothing[i]) != BEDROCK_JSON_NONE)
            fprintf(stderr, "the pointer is %s\n", nothing[i]);
        CHECK_INT(TYPE(nothing[i]), BEDROCK_JSON_NONE);
        CHECK_INT(COUNT(nothing[i]), 0);
        CHECK(NUMBER(nothing[i]) == -77.0);
        CHECK_INT(INTEGER(nothing[i]), -77);
        CHECK(bedrock_json_raw(json, BEDROCK_STRLEN, nothing[i], &len) == NULL && len == 0);
        CHECK(bedrock_json_string(json, BEDROCK_STRLEN, nothing[i], buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
        CHECK_TEXT(buffer, "");
    }
}

static void numbers(void)
{
    CHECK(NUMBER("/numbers/0") == 0.0);
    CHECK(NUMBER("/numbers/1") == -1.0);
    CHECK(NUMBER("/numbers/3") == 3.5);
    CHECK(NUMBER("/numbers/4") == 300.0);
    CHECK(NUMBER("/numbers/5") == -0.0025);
    CHECK(NUMBER("/numbers/6") == 9223372036854775808.0);
    CHECK(NUMBER("/numbers/9") > DBL_MAX);
    CHECK(NUMBER("/numbers/10") == 0.1);
    CHECK(NUMBER("/text") == -77.0);
    CHECK(NUMBER("/true") == -77.0);

    CHECK_INT(INTEGER("/numbers/0"), 0);
    CHECK_INT(INTEGER("/numbers/1"), -1);
    CHECK_INT(INTEGER("/numbers/2"), 3);
    CHECK_INT(INTEGER("/numbers/3"), -77);
    CHECK_INT(INTEGER("/numbers/4"), 300);
    CHECK_INT(INTEGER("/numbers/6"), INT64_MAX);
    CHECK_INT(INTEGER("/numbers/7"), INT64_MIN);
    CHECK_INT(INTEGER("/numbers/8"), -77);
    CHECK_INT(INTEGER("/numbers/9"), -77);
    CHECK_INT(INTEGER("/text"), -77);
    CHECK_INT(INTEGER("/null"), -77);
    /* Also beyond 2^53, where a double cannot represent each integer. */
    CHECK_INT(bedrock_json_integer("9007199254740993", BEDROCK_STRLEN, "", -77), 9007199254740993);
    CHECK_INT(bedrock_json_integer("9007199254740993.0", BEDROCK_STRLEN, "", -77), 9007199254740993);
    CHECK_INT(bedrock_json_integer("9007199254740993.5", BEDROCK_STRLEN, "", -77), -77);
    CHECK_INT(bedrock_json_integer("-0", BEDROCK_STRLEN, "", -77), 0);
}

static void raw(const char *pointer, const char *wanted)
{
    size_t len = 99;
    const char *found = bedrock_json_raw(json, BEDROCK_STRLEN, pointer, &len);

    CHECK(found >= json && found < json + sizeof json);
    CHECK_INT(len, strlen(wanted));
    CHECK(found != NULL && strncmp(found, wanted, len) == 0);
    CHECK(bedrock_json_raw(json, BEDROCK_STRLEN, pointer, NULL) == found);
}

static void raws(void)
{
    raw("/null", "null");
    raw("/text", "\"plain\"");
    raw("/numbers/5", "-2.5e-3");
    raw("/array", "[ 1 , [ ] , { } , \"a,b\" ]");
    raw("/array/0", "1");
    raw("/object/b", "{ \"c\" : [ 7 ] }");
    raw("/", "\"no key\"");
    raw("/a~1b", "\"slash\"");
    raw("/m~0n", "\"tilde\"");
    raw("/caf\xc3\xa9", "\"decoded\"");
    raw("/0", "\"zero\"");
    raw("/twice", "2");
}

/* The string at pointer, decoded into buffers of every size: truncated after a complete character, always with a NUL,
 * and nothing is written beyond the size. */
static void string(const char *pointer, const char *wanted, size_t len)
{
    char buffer[64];
    size_t size, i;

    CHECK_INT(bedrock_json_string(json, BEDROCK_STRLEN, pointer, NULL, 0), len);
    for (size = 0; size <= len + 2; size++) {
        size_t fits = size == 0 ? 0 : size - 1 < len ? size - 1 : len;

        while (fits > 0 && fits < len && ((unsigned char)wanted[fits] & 0xc0) == 0x80)
            fits--;
        memset(buffer, '#', sizeof buffer);
        CHECK_INT(bedrock_json_string(json, BEDROCK_STRLEN, pointer, buffer, size), len);
        CHECK(memcmp(buffer, wanted, fits) == 0);
        CHECK(size == 0 || buffer[fits] == '\0');
        for (i = size; i < sizeof buffer; i++)
            CHECK(buffer[i] == '#');
    }
}

static void strings(void)
{
    char buffer[8];

    string("/text", "plain", 5);
    string("/empty", "", 0);
    string("/escaped", "a\"b\\c/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80z", 18);
    string("/nul", "a\0b", 3);
    string("/lone", "\xef\xbf\xbd!", 4);
    string("/wide", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/true", buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/array", buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/array", NULL, 0) == BEDROCK_JSON_NOT_FOUND);
}

static void quote(const char *text, size_t len, const char *wanted)
{
    char buffer[64], back[64];
    size_t size, length = strlen(wanted);

    CHECK_INT(bedrock_json_quote(text, len, NULL, 0), length);
    for (size = 1; size <= sizeof buffer; size++) {
        memset(buffer, '#', sizeof buffer);
        CHECK_INT(bedrock_json_quote(text, len, buffer, size), length);
        CHECK(strlen(buffer) < size && strncmp(buffer, wanted, strlen(buffer)) == 0);
        CHECK(size == sizeof buffer || buffer[size] == '#');
    }
    CHECK_TEXT(buffer, wanted);
    /* Encodes the decoded text again. */
    size = bedrock_json_string(buffer, BEDROCK_STRLEN, "", back, sizeof back);
    CHECK_INT(size, len == BEDROCK_STRLEN ? strlen(text) : len);
    CHECK(size < sizeof back && memcmp(back, text, size) == 0);
}

static void quotes(void)
{
    char buffer[8] = "before";

    quote("", BEDROCK_STRLEN, "\"\"");
    quote("plain", BEDROCK_STRLEN, "\"plain\"");
    quote("plain", 2, "\"pl\"");
    quote("a\0b", 3, "\"a\\u0000b\"");
    quote("\"\\/\b\f\n\r\t\x1f\x7f", BEDROCK_STRLEN, "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u001f\x7f\"");
    quote("\xc3\xa9\xf0\x9f\x98\x80", BEDROCK_STRLEN, "\"\xc3\xa9\xf0\x9f\x98\x80\"");
    CHECK(bedrock_json_quote("a\xff", BEDROCK_STRLEN, buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
    CHECK_TEXT(buffer, "");
    CHECK(bedrock_json_quote("\xc3\xa9", 1, buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
    CHECK(bedrock_json_quote(NULL, BEDROCK_STRLEN, buffer, sizeof buffer) == BEDROCK_JSON_NOT_FOUND);
    CHECK_INT(bedrock_json_quote("a", (size_t)-2, buffer, sizeof buffer), 3); /* as BEDROCK_STRLEN */
    CHECK_INT(bedrock_json_quote("abc", BEDROCK_STRLEN, NULL, 10), 5);
}

/* In a text that is not JSON, or NULL, every value is missing. */
static void bad_input(void)
{
    static const char *const broken[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "[1 2]", "01", "1.",
                                         "+1", ".5", "nul", "\"a", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "1 2", "[1]]",
                                         "{\"a\":\"\xff\"}", "NaN", "'a'", "[1]//"};
    static char deep[2 * 10000 + 1];
    size_t i, len = 99;

    for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        if (bedrock_json_type(broken[i], BEDROCK_STRLEN, "") != BEDROCK_JSON_NONE)
            fprintf(stderr, "the text is %s\n", broken[i]);
        CHECK_INT(bedrock_json_type(broken[i], BEDROCK_STRLEN, ""), BEDROCK_JSON_NONE);
        CHECK_INT(bedrock_json_count(broken[i], BEDROCK_STRLEN, ""), 0);
        CHECK(bedrock_json_raw(broken[i], BEDROCK_STRLEN, "", &len) == NULL && len == 0);
    }
    CHECK_INT(bedrock_json_type("[1,2]", 4, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("12", 1, ""), BEDROCK_JSON_NUMBER);
    CHECK_INT(bedrock_json_integer("12", 1, "", -77), 1);
    CHECK_INT(bedrock_json_type("1", 2, ""), BEDROCK_JSON_NONE); /* the NUL is not JSON */
    CHECK_INT(bedrock_json_type(NULL, BEDROCK_STRLEN, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type(NULL, 0, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("1", (size_t)-2, ""), BEDROCK_JSON_NUMBER); /* as BEDROCK_STRLEN */
    CHECK_INT(bedrock_json_type("1", BEDROCK_STRLEN, NULL), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("1", BEDROCK_STRLEN, "\xff"), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_count(NULL, 7, NULL), 0);
    CHECK(bedrock_json_number(NULL, 7, NULL, 2.5) == 2.5);
    CHECK_INT(bedrock_json_integer(NULL, 7, NULL, INT64_MIN), INT64_MIN);
    CHECK(bedrock_json_raw(NULL, 7, NULL, NULL) == NULL);
    CHECK(bedrock_json_string(NULL, 7, NULL, NULL, 7) == BEDROCK_JSON_NOT_FOUND);

    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    CHECK_INT(bedrock_json_type(deep, BEDROCK_STRLEN, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type(deep + 9488, 1024, ""), BEDROCK_JSON_ARRAY); /* 512 levels are allowed */
    CHECK_INT(bedrock_json_type(deep + 9487, 1026, ""), BEDROCK_JSON_NONE);
}

/* Checks that a loop over the array or object at pointer returns these items, one line each: "index key value". */
static void loop(const char *pointer, const char *wanted)
{
    bedrock_json_item item;
    char met[1000] = "";
    size_t index = 0, round;

    memset(&item, 0, sizeof item);
    /* A loop that has ended can start again. */
    for (round = 0; round < 2; round++) {
        met[0] = '\0';
        for (index = 0;; index++) {
            int32_t type = bedrock_json_next(json, BEDROCK_STRLEN, pointer, &item, sizeof item);

            if (type == BEDROCK_JSON_NONE)
                break;
            CHECK_INT(item.index, index);
            CHECK_INT(type, bedrock_json_type(item.value, item.value_len, ""));
            CHECK(item.value > json && item.value + item.value_len < json + sizeof json);
            sprintf(met + strlen(met), "%lu %.*s %.*s\n", (unsigned long)item.index, (int)item.key_len,
                    item.key != NULL ? item.key : "", (int)item.value_len, item.value);
        }
        CHECK_TEXT(met, wanted);
        CHECK_INT(index, bedrock_json_count(json, BEDROCK_STRLEN, pointer));
        CHECK(item.key == NULL && item.value == NULL && item.key_len + item.value_len + item.index == 0);
        CHECK(item.state[0] + item.state[1] + item.state[2] == 0);
    }
}

static void loops(void)
{
    loop("/array", "0  1\n1  [ ]\n2  { }\n3  \"a,b\"\n");
    loop("/object", "0 \"a\" 1\n1 \"b\" { \"c\" : [ 7 ] }\n");
    loop("/object/b/c", "0  7\n");
    loop("/array/1", "");
    loop("/array/2", "");
    loop("/text", "");
    loop("/true", "");
    loop("/none", "");
    loop("none", "");
}

/* Nested loops with decoded keys. If a length is given, nothing is read beyond it. */
static void nested_loops(void)
{
    static const char nested[] = "{\"caf\\u00e9\":[1,2],\"b\":[3,[4]]}]]]]";
    bedrock_json_item member, element;
    char met[100] = "", key[10];

    memset(&member, 0, sizeof member);
    memset(&element, 0, sizeof element);
    while (bedrock_json_next(nested, 31, "", &member, sizeof member) == BEDROCK_JSON_ARRAY) {
        CHECK(bedrock_json_string(member.key, member.key_len, "", key, sizeof key) < sizeof key);
        while (bedrock_json_next(member.value, member.value_len, "", &element, sizeof element) != BEDROCK_JSON_NONE)
            sprintf(met + strlen(met), "%s%.*s ", key, (int)element.value_len, element.value);
    }
    CHECK_TEXT(met, "caf\xc3\xa9" "1 caf\xc3\xa9" "2 b3 b[4] ");
    CHECK_INT(bedrock_json_next(nested, BEDROCK_STRLEN, "", &member, sizeof member), BEDROCK_JSON_NONE);
}

/* An item of another text, or a changed item, ends the loop and becomes all 0. It never crashes. */
static void misused_items(void)
{
    static const char text[] = "[10, 20, 30]", same[] = "[10, 20, 30]";
    bedrock_json_item item, good;
    struct {
        bedrock_json_item item;
        char newer[16];
    } larger;
    size_t i, word;

    memset(&good, 0, sizeof good);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &good, sizeof good), BEDROCK_JSON_NUMBER);
    CHECK_INT(good.value_len, 2);

    for (word = 0; word < 3; word++) {
        static const size_t foreign[] = {0, 1, 2, 7, 12, 13, 1000, 0x7fffffff, BEDROCK_STRLEN, BEDROCK_STRLEN - 1};

        for (i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
            item = good;
            if (item.state[word] == foreign[i])
                continue;
            item.state[word] = foreign[i];
            CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
            CHECK(item.value == NULL && item.state[word] == 0);
        }
    }
    item = good;
    item.index = 7;
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
    item = good;
    CHECK_INT(bedrock_json_next(same, BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
    item = good;
    CHECK_INT(bedrock_json_next(text, 5, "", &item, sizeof item), BEDROCK_JSON_NONE);
    item = good;
    CHECK_INT(bedrock_json_next(NULL, BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
    memset(&item, 0xff, sizeof item);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", NULL, sizeof item), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, NULL, &item, sizeof item), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_next("[1,]", BEDROCK_STRLEN, "", &item, sizeof item), BEDROCK_JSON_NONE);
    /* An invalid size of the item. */
    memset(&item, 0, sizeof item);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &item, sizeof item - 1), BEDROCK_JSON_NONE);
    CHECK(item.value == NULL);
    /* An item of a newer header with more members. */
    memset(&larger, 0, sizeof larger);
    memset(larger.newer, 0xff, sizeof larger.newer);
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &larger.item, sizeof larger), BEDROCK_JSON_NUMBER);
    for (i = 0; i < sizeof larger.newer; i++)
        CHECK_INT(larger.newer[i], 0);
    /* The loop continues. */
    CHECK_INT(bedrock_json_next(text, BEDROCK_STRLEN, "", &good, sizeof good), BEDROCK_JSON_NUMBER);
    CHECK_INT(bedrock_json_integer(good.value, good.value_len, "", -77), 20);
}

/* A million elements, a million members: a quadratic algorithm would exceed the time limit of the test. */
static void many(size_t count)
{
    char *array = (char *)malloc(count * 12 + 3), *at = array;
    bedrock_json_item item;
    double *numbers = (double *)malloc(count * sizeof *numbers);
    size_t i, elements = 0, members = 0;

    *at++ = '[';
    for (i = 0; i < count; i++)
        at += sprintf(at, "%s0.%lu", i > 0 ? "," : "", (unsigned long)(i % 1000));
    strcpy(at, "]");
    memset(&item, 0, sizeof item);
    CHECK_INT(bedrock_json_numbers(array, BEDROCK_STRLEN, "", numbers, count), count);
    while (bedrock_json_next(array, BEDROCK_STRLEN, "", &item, sizeof item) == BEDROCK_JSON_NUMBER)
        elements += bedrock_json_number(item.value, item.value_len, "", -77) == numbers[item.index];
    CHECK_INT(elements, count);

    at = array + sprintf(array, "{\"a\":1");
    for (i = 1; i < count; i++)
        at += sprintf(at, ",\"a\":{}");
    strcpy(at, "}");
    while (bedrock_json_next(array, BEDROCK_STRLEN, "", &item, sizeof item) != BEDROCK_JSON_NONE)
        members++;
    CHECK_INT(members, count);
    free(numbers);
    free(array);
}

static void arrays_of_numbers(void)
{
    static const char text[] = " {\"v\": [0.5, -1e-3 ,\n 3, 16777217, 1e400, 1e39], \"none\": [ ],"
                               " \"mixed\": [1, \"2\"],"
                               " \"nested\": [[1]], \"null\": [1, null], \"n\": 7} ";
    static const char *const others[] = {"/mixed", "/nested", "/null", "/n", "", "/x", "v"};
    double doubles[8];
    float floats[8];
    size_t max, i;

    for (max = 0; max <= 8; max++) {
        for (i = 0; i < 8; i++)
            doubles[i] = floats[i] = -77;
        CHECK_INT(bedrock_json_numbers(text, BEDROCK_STRLEN, "/v", doubles, max), 6);
        CHECK_INT(bedrock_json_floats(text, BEDROCK_STRLEN, "/v", floats, max), 6);
        for (i = max; i < 8; i++)
            CHECK(doubles[i] == -77 && floats[i] == -77);
        CHECK(max < 1 || (doubles[0] == 0.5 && floats[0] == 0.5f));
        CHECK(max < 2 || (doubles[1] == -0.001 && floats[1] == -0.001f));
        CHECK(max < 4 || (doubles[3] == 16777217.0 && floats[3] == 16777216.0f));
        CHECK(max < 5 || (doubles[4] > DBL_MAX && floats[4] > FLT_MAX));
        CHECK(max < 6 || (doubles[5] == 1e39 && floats[5] > FLT_MAX));
    }
    CHECK_INT(bedrock_json_numbers(text, BEDROCK_STRLEN, "/v", NULL, 0), 6);
    CHECK_INT(bedrock_json_numbers(text, BEDROCK_STRLEN, "/v", NULL, 9), 6);
    CHECK_INT(bedrock_json_numbers(text, BEDROCK_STRLEN, "/none", doubles, 8), 0);
    doubles[0] = -77;
    for (i = 0; i < sizeof others / sizeof others[0]; i++) {
        CHECK(bedrock_json_numbers(text, BEDROCK_STRLEN, others[i], doubles, 8) == BEDROCK_JSON_NOT_FOUND);
        CHECK(bedrock_json_floats(text, BEDROCK_STRLEN, others[i], floats, 8) == BEDROCK_JSON_NOT_FOUND);
    }
    CHECK(bedrock_json_numbers(NULL, BEDROCK_STRLEN, "", doubles, 8) == BEDROCK_JSON_NOT_FOUND);
    CHECK(bedrock_json_numbers("[1", BEDROCK_STRLEN, "", doubles, 8) == BEDROCK_JSON_NOT_FOUND);
    CHECK(doubles[0] == -77);
}

/* Numbers are read as in JSON, in every locale. */
static void in_other_locales(void)
{
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    double number = 0;
    size_t i;

    for (i = 0; i < sizeof commas / sizeof commas[0] && setlocale(LC_ALL, commas[i]) == NULL; i++)
        ;
    if (i == sizeof commas / sizeof commas[0])
        puts("skipped: no locale here writes numbers with a comma");
    CHECK(NUMBER("/numbers/3") == 3.5);
    CHECK_INT(bedrock_json_numbers("[0.5]", BEDROCK_STRLEN, "", &number, 1), 1);
    CHECK(number == 0.5);
    setlocale(LC_ALL, "C");
}

/* Checks that the base64 at pointer decodes to these bytes, and that nothing is written beyond a buffer of any size. */
static void bytes(const char *text, const char *wanted, size_t len)
{
    unsigned char buffer[16];
    size_t size, i;

    CHECK_INT(bedrock_json_bytes(text, BEDROCK_STRLEN, "", NULL, 0), len);
    for (size = 0; size <= sizeof buffer; size++) {
        size_t fits = size < len ? size : len;

        memset(buffer, '#', sizeof buffer);
        CHECK_INT(bedrock_json_bytes(text, BEDROCK_STRLEN, "", buffer, size), len);
        CHECK(memcmp(buffer, wanted, fits) == 0);
        for (i = fits; i < sizeof buffer; i++)
            CHECK_INT(buffer[i], '#');
    }
}

static void base64(void)
{
    static const char *const none[] = {"\"A\"", "\"QUI.\"", "\"QUI=D\"", "\"Q===\"", "\"=\"", "7",
                                       "[]", "null", "\"QUJD", "\"\xc3\xa9\""};
    char image[5000], quoted[8000], back[6000];
    size_t i, length;

    bytes("\"\"", "", 0);
    bytes("\"QUJD\"", "ABC", 3);
    bytes("\"QUI=\"", "AB", 2);
    bytes("\"QQ==\"", "A", 1);
    bytes("\"QQ\"", "A", 1);
    bytes("\"AP\\/\\/\"", "\0\xff\xff", 3);
    bytes("\" QU\\nJD\\r\\n\"", "ABC", 3);
    for (i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK(bedrock_json_bytes(none[i], BEDROCK_STRLEN, "", back, sizeof back) == BEDROCK_JSON_NOT_FOUND);
    CHECK(bedrock_json_bytes(NULL, BEDROCK_STRLEN, "", back, sizeof back) == BEDROCK_JSON_NOT_FOUND);

    for (i = 0; i < sizeof image; i++)
        image[i] = (char)(i * 7 + i / 256);
    for (length = 0; length <= sizeof image; length += length < 10 ? 1 : 499) {
        size_t whole = 2 + (length + 2) / 3 * 4;

        CHECK_INT(bedrock_json_quote_bytes(image, length, NULL, 0), whole);
        CHECK_INT(bedrock_json_quote_bytes(image, length, quoted, sizeof quoted), whole);
        CHECK_INT(strlen(quoted), whole);
        CHECK_INT(bedrock_json_bytes(quoted, whole, "", back, sizeof back), length);
        CHECK(memcmp(back, image, length) == 0);
    }
    /* With a size, as snprintf. */
    memset(quoted, '#', 12);
    CHECK_INT(bedrock_json_quote_bytes("ABC", 3, quoted, 4), 6);
    CHECK(memcmp(quoted, "\"QU\0#", 5) == 0);
    CHECK_INT(bedrock_json_quote_bytes(NULL, 0, quoted, sizeof quoted), 2);
    CHECK(bedrock_json_quote_bytes(NULL, 1, quoted, sizeof quoted) == BEDROCK_JSON_NOT_FOUND);
    CHECK_TEXT(quoted, "");
    CHECK(bedrock_json_quote_bytes("a", BEDROCK_STRLEN, quoted, sizeof quoted) == BEDROCK_JSON_NOT_FOUND);
}

static void utf8(void)
{
    CHECK_INT(bedrock_utf8_length("plain", BEDROCK_STRLEN), 5);
    CHECK_INT(bedrock_utf8_length("a\0b", 3), 3);
    CHECK_INT(bedrock_utf8_length("a\xff" "b", BEDROCK_STRLEN), 1);
    CHECK_INT(bedrock_utf8_length("\xe2\x82\xac\xe2\x82\xac", 5), 3); /* truncated after a complete character */
    CHECK_INT(bedrock_utf8_length("\xe2\x82\xac", 2), 0);
    CHECK_INT(bedrock_utf8_length("", 0), 0);
    CHECK_INT(bedrock_utf8_length(NULL, BEDROCK_STRLEN), 0);
    CHECK_INT(bedrock_utf8_length("a", (size_t)-2), 1); /* as BEDROCK_STRLEN */
}

/* Deep and wide: one look-up is one pass over the text. */
static void deep(void)
{
    const size_t levels = 511, wide = 1000000;
    char *text = (char *)malloc(levels * 6 + wide + 3), *pointer = (char *)malloc(levels * 2 + 1), *at = text;
    size_t i, len;

    for (i = 0; i < levels; i++) {
        at += sprintf(at, "{\"a\":");
        strcpy(pointer + 2 * i, "/a");
    }
    *at++ = '"';
    memset(at, 'x', wide);
    at += wide;
    *at++ = '"';
    memset(at, '}', levels);
    at[levels] = '\0';
    for (i = 0; i < 20; i++)
        CHECK(bedrock_json_raw(text, BEDROCK_STRLEN, pointer, &len) != NULL && len == wide + 2);
    at[levels - 1] = ']';
    CHECK(bedrock_json_raw(text, BEDROCK_STRLEN, pointer, &len) == NULL);
    free(pointer);
    free(text);
}

/* argv[1]: the number of elements of large texts. */
int main(int argc, char **argv)
{
    loops();
    nested_loops();
    misused_items();
    many(argc > 1 ? (size_t)atol(argv[1]) : 1000000);
    arrays_of_numbers();
    in_other_locales();
    base64();
    utf8();
    deep();
    types_and_counts();
    numbers();
    raws();
    strings();
    quotes();
    bad_input();
    return check_end();
}
