/* unload.c - the library can be loaded by name and closed at any time, while its threads run: it stays in memory.
 * This program is not linked with it.
 *
 *     unload LIBRARY */
#include <bedrock.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : (void)(failed = 1, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

static int failed;

/* Returns a function of the library. ISO C has no cast from an object pointer to a function pointer. */
#define FIND(library, name, function) \
    do { \
        void *found = dlsym((library), (name)); \
        CHECK(found != NULL); \
        memcpy(&(function), &found, sizeof found); \
    } while (0)

static int32_t count(const bedrock_event *event, void *user)
{
    *(int *)user += event->type == BEDROCK_EVENT_TEXT;
    return 0;
}

int main(int argc, char **argv)
{
    static const char config[] = "{\"model\": \"m\", \"transport\": {\"replies\": [{\"text\": \"a b c d\", \"pace\": \"1ms\"}],"
                                 " \"repeat\": true}}";
    const char *version = NULL;
    int round;

    for (round = 0; argc == 2 && round < 5; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        bedrock_status (*model_new)(const char *, size_t, bedrock_model **, bedrock_error **);
        bedrock_status (*request_new)(const char *, size_t, bedrock_request **, bedrock_error **);
        bedrock_status (*add_text)(bedrock_request *, const char *, const char *, size_t, bedrock_error **);
        bedrock_status (*stream)(const bedrock_model *, const bedrock_request *, bedrock_cancel *, bedrock_event_fn, void *,
                                 bedrock_response **, bedrock_error **);
        bedrock_status (*shutdown)(int32_t);
        void (*model_free)(bedrock_model *), (*request_free)(bedrock_request *);
        const char *(*version_of)(void);
        size_t (*live)(void);
        bedrock_model *model = NULL;
        bedrock_request *request = NULL;
        int texts = 0;

        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        FIND(library, "bedrock_model_new", model_new);
        FIND(library, "bedrock_model_free", model_free);
        FIND(library, "bedrock_request_new", request_new);
        FIND(library, "bedrock_request_free", request_free);
        FIND(library, "bedrock_request_add_text", add_text);
        FIND(library, "bedrock_generate_stream", stream);
        FIND(library, "bedrock_shutdown", shutdown);
        FIND(library, "bedrock_version", version_of);
        FIND(library, "bedrock_live_handles", live);
        if (failed)
            return 1;
        CHECK(version == NULL || version == version_of()); /* at the same address */
        version = version_of();
        CHECK(model_new(config, BEDROCK_STRLEN, &model, NULL) == BEDROCK_OK);
        CHECK(request_new(NULL, 0, &request, NULL) == BEDROCK_OK);
        CHECK(add_text(request, "user", "Hi.", BEDROCK_STRLEN, NULL) == BEDROCK_OK);
        CHECK(stream(model, request, NULL, count, &texts, NULL, NULL) == BEDROCK_OK);
        CHECK(texts == 4);
        model_free(model);
        request_free(request);
        CHECK(live() == 0);
        if (round % 2 == 1)
            CHECK(shutdown(10000) == BEDROCK_OK);
        dlclose(library);
        CHECK(strlen(version) >= 5);
    }
    CHECK(round == 5);
    return failed;
}
