/* large.c - an image of 4 MB by pointer: it is encoded once, directly into the body, which is not copied.
 *
 *     large URL KIB      a service that responds, and the maximum memory of the call in KiB; 0: do not measure */
#include "check.h"

#define IMAGE ((size_t)4 << 20)

static bedrock_error *error;

/* Returns the value of a line of /proc/self/status in KiB, or -1 if there is none. */
static long resident(const char *key)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");

    while (status != NULL && kib < 0 && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), ": %ld", &kib);
    if (status != NULL)
        fclose(status);
    return kib;
}

/* Resets the peak of this process's memory to the current value. */
static void forget_peak(void)
{
    FILE *refs = fopen("/proc/self/clear_refs", "w");

    CHECK(refs != NULL && fputs("5", refs) >= 0 && fclose(refs) == 0);
}

static void ask(const bedrock_model *model, const bedrock_request *request)
{
    bedrock_response *response = NULL;

    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    CHECK_TEXT(bedrock_response_text(response, NULL), "Seen.");
    bedrock_response_free(response);
}

int main(int argc, char **argv)
{
    static const char json[] = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"What is this?\"}, "
                               "{\"type\": \"image\", \"mime_type\": \"image/png\", \"data\": \"@picture\"}]}]}";
    bedrock_model *model;
    bedrock_request *small, *large = NULL;
    unsigned char *image = malloc(IMAGE);
    long most, before;

    if (!CHECK(argc == 3))
        return 2;
    most = atol(argv[2]);
    model = check_local(argv[1]);
    /* The first call allocates what all calls share, so that it is not measured. */
    small = check_request("Hi.");
    ask(model, small);

    memset(image, 0xa5, IMAGE);
    CHECK_OK(bedrock_request_new(json, BEDROCK_STRLEN, &large, &error), error);
    CHECK_OK(bedrock_request_attach(large, "picture", image, IMAGE, free, image, &error), error);
    if (most > 0)
        forget_peak();
    before = resident("VmRSS");
    ask(model, large);
    if (most > 0 && !CHECK(resident("VmHWM") - before <= most))
        fprintf(stderr, "the call took %ld KiB\n", resident("VmHWM") - before);

    bedrock_request_free(small);
    bedrock_request_free(large);
    bedrock_model_free(model);
    return check_end();
}
