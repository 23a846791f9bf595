/* members.c - JSON objects that are composed of members. */
#include "members.h"

#include <bedrock.h>

#include <string.h>

void members_begin(struct text *object)
{
    text_puts(object, "{");
}

void members_end(struct text *object)
{
    text_puts(object, "}");
}

static void separate(struct text *object)
{
    if (object->data[object->length - 1] != '{')
        text_puts(object, ", ");
}

void members_add(struct text *object, const char *key, const char *json, size_t length)
{
    separate(object);
    text_format(object, "\"%s\": ", key);
    text_add(object, json, length);
}

int members_add_string(struct text *object, const char *key, const char *string)
{
    struct text quoted = {0};
    int result = text_quote(&quoted, string, strlen(string));

    if (result == 0)
        members_add(object, key, text_string(&quoted), quoted.length);
    text_free(&quoted);
    return result;
}

static int is_one_of(const bedrock_json_item *item, const char *const *keys)
{
    char key[64]; /* longer than every key that is looked for */

    bedrock_json_string(item->key, item->key_len, "", key, sizeof key);
    for (; *keys != NULL; keys++)
        if (strcmp(key, *keys) == 0)
            return 1;
    return 0;
}

void members_copy(struct text *object, const char *json, size_t length, const char *const *except)
{
    bedrock_json_item item = {0};

    while (bedrock_json_next(json, length, "", &item, sizeof item) != BEDROCK_JSON_NONE) {
        if (is_one_of(&item, except))
            continue;
        separate(object);
        text_add(object, item.key, item.key_len);
        text_puts(object, ": ");
        text_add(object, item.value, item.value_len);
    }
}
