/* json.c - the functions for programs that have no JSON library: every kind of value, every way to ask for it, every
 * way in which nothing is there. */
#include "check.h"

#include <float.h>
#include <math.h>

/* Of every kind, with the white space, escapes and odd keys that real JSON has. */
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
        CHECK(bedrock_json_string(json, BEDROCK_STRLEN, nothing[i], buffer, sizeof buffer) == BEDROCK_STRLEN);
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
    /* Beyond 2^53 as well, where a double could not tell. */
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

/* The string at pointer, decoded into a buffer of every size up to one too many: cut at a whole character, always with
 * a NUL, and nothing written beyond the size. */
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
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/true", buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/array", buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK(bedrock_json_string(json, BEDROCK_STRLEN, "/array", NULL, 0) == BEDROCK_STRLEN);
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
    /* And back. */
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
    CHECK(bedrock_json_quote("a\xff", BEDROCK_STRLEN, buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK_TEXT(buffer, "");
    CHECK(bedrock_json_quote("\xc3\xa9", 1, buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK(bedrock_json_quote(NULL, BEDROCK_STRLEN, buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK(bedrock_json_quote("a", (size_t)-2, buffer, sizeof buffer) == BEDROCK_STRLEN);
    CHECK_INT(bedrock_json_quote("abc", BEDROCK_STRLEN, NULL, 10), 5);
}

/* What is not JSON, or no text at all, holds nothing. */
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
    CHECK_INT(bedrock_json_type("1", 2, ""), BEDROCK_JSON_NONE); /* the NUL is no JSON */
    CHECK_INT(bedrock_json_type(NULL, BEDROCK_STRLEN, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type(NULL, 0, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("1", (size_t)-2, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("1", BEDROCK_STRLEN, NULL), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type("1", BEDROCK_STRLEN, "\xff"), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_count(NULL, 7, NULL), 0);
    CHECK(bedrock_json_number(NULL, 7, NULL, 2.5) == 2.5);
    CHECK_INT(bedrock_json_integer(NULL, 7, NULL, INT64_MIN), INT64_MIN);
    CHECK(bedrock_json_raw(NULL, 7, NULL, NULL) == NULL);
    CHECK(bedrock_json_string(NULL, 7, NULL, NULL, 7) == BEDROCK_STRLEN);

    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    CHECK_INT(bedrock_json_type(deep, BEDROCK_STRLEN, ""), BEDROCK_JSON_NONE);
    CHECK_INT(bedrock_json_type(deep + 9488, 1024, ""), BEDROCK_JSON_ARRAY); /* 512 levels are allowed */
    CHECK_INT(bedrock_json_type(deep + 9487, 1026, ""), BEDROCK_JSON_NONE);
}

int main(void)
{
    types_and_counts();
    numbers();
    raws();
    strings();
    quotes();
    bad_input();
    return check_end();
}
