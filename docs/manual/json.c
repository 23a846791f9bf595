/* json.c - examples of the manual: JSON without a library. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

/* The input of a tool call comes from outside: a member may be missing, or be of another kind. */
static void print_quantity(const char *json, size_t len)
{
    switch (bedrock_json_type(json, len, "/quantity")) {
    case BEDROCK_JSON_NONE:
        printf("There is no quantity.\n");
        break;
    case BEDROCK_JSON_NUMBER:
        printf("The quantity is %g.\n", bedrock_json_number(json, len, "/quantity", 0));
        break;
    default:
        printf("The quantity is not a number.\n");
    }
}

/* Returns whether a request has more messages than the program wants to send again. */
static int is_long(const char *json, size_t len)
{
    return bedrock_json_count(json, len, "/messages") > 100;
}

/* Prints a value as it is written: no NUL ends it, because it is a part of json. */
static void print_input(const char *json, size_t len)
{
    size_t input_len;
    const char *input = bedrock_json_raw(json, len, "/toolUse/input", &input_len);

    if (input != NULL)
        printf("%.*s\n", (int)input_len, input);
}

/* Reads an embedding of any length. The first call counts its numbers. */
static float *read_embedding(const char *json, size_t len, size_t *count)
{
    float *vector = NULL;

    *count = bedrock_json_floats(json, len, "/embedding", NULL, 0);
    if (*count != BEDROCK_JSON_NOT_FOUND)
        vector = malloc(*count * sizeof *vector);
    if (vector != NULL)
        bedrock_json_floats(json, len, "/embedding", vector, *count);
    return vector;
}

/* Reads an image that a model made. The first call computes its size. */
static unsigned char *read_image(const char *json, size_t len, size_t *size)
{
    unsigned char *image = NULL;

    *size = bedrock_json_bytes(json, len, "/images/0", NULL, 0);
    if (*size != BEDROCK_JSON_NOT_FOUND)
        image = malloc(*size);
    if (image != NULL)
        bedrock_json_bytes(json, len, "/images/0", image, *size);
    return image;
}

/* Writes a request for an image like this one. Returns NULL if there is no memory. */
static char *variation(const void *image, size_t size)
{
    static const char format[] = "{\"taskType\": \"IMAGE_VARIATION\", \"imageVariationParams\": {\"images\": [%s]}}";
    size_t length = bedrock_json_quote_bytes(image, size, NULL, 0);
    char *quoted = malloc(length + 1), *json = malloc(sizeof format + length);

    if (quoted != NULL && json != NULL) {
        bedrock_json_quote_bytes(image, size, quoted, length + 1);
        sprintf(json, format, quoted);
    }
    free(quoted);
    return json;
}

/* Prints the beginning of a text, at most max bytes. No character is cut in two. */
static void print_beginning(const char *text, size_t len, size_t max)
{
    if (len <= max)
        printf("%.*s\n", (int)len, text);
    else
        printf("%.*s...\n", (int)bedrock_utf8_length(text, max), text);
}

int main(void)
{
    static const char tool[] = "{\"toolUse\": {\"toolUseId\": \"1\", \"name\": \"reserve\", \"input\": {\"quantity\": 4}}}";
    static const char text[] = "Gr\xc3\xbc\xc3\x9f Gott";
    size_t count, size, i;
    float *vector = read_embedding("{\"embedding\": [0.25, -0.5, 1e-3]}", BEDROCK_STRLEN, &count);
    unsigned char *image = read_image("{\"images\": [\"AQID\"]}", BEDROCK_STRLEN, &size);
    char *json = variation(image, size);

    print_quantity("{\"quantity\": 4}", BEDROCK_STRLEN);
    print_quantity("{\"quantity\": \"four\"}", BEDROCK_STRLEN);
    print_quantity("{}", BEDROCK_STRLEN);
    printf("%s\n", is_long("{\"messages\": [{}, {}]}", BEDROCK_STRLEN) ? "long" : "short");
    print_input(tool, sizeof tool - 1);
    for (i = 0; vector != NULL && i < count; i++)
        printf("%g\n", vector[i]);
    for (i = 0; image != NULL && i < size; i++)
        printf("%d\n", image[i]);
    printf("%s\n", json != NULL ? json : "");
    print_beginning(text, sizeof text - 1, 100);
    print_beginning(text, sizeof text - 1, 5);

    free(json);
    free(image);
    free(vector);
    return 0;
}
