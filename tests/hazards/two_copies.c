/* two_copies.c - two copies of the library in one process, as two Python wheels install them: they are independent,
 * and a handle of one is not a handle of the other. */
// tries: 20
// runs: 20

#include "check.h"

#include <dlfcn.h>
#include <unistd.h>

static void *copy_of(const char *library, const char *place)
{
    char command[1000];
    void *copy;

    snprintf(command, sizeof command, "cp '%s' '%s'", library, place);
    CHECK_INT(system(command), 0);
    copy = dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (copy == NULL)
        fprintf(stderr, "%s\n", dlerror());
    remove(place);
    return copy;
}

int main(void)
{
    char place[100];
    bedrock_model *model = check_scripted("[\"One.\"]"), *theirs = NULL;
    void *copy;
    bedrock_status (*their_new)(const char *, size_t, bedrock_model **, bedrock_error **);
    const char *(*their_id)(const bedrock_model *, size_t *);

    snprintf(place, sizeof place, "/tmp/libbedrock-copy-%d.so", (int)getpid());
    copy = copy_of(getenv("BEDROCK_LIBRARY"), place);
    *(void **)&their_new = dlsym(copy, "bedrock_model_new");
    *(void **)&their_id = dlsym(copy, "bedrock_model_id");
    CHECK(their_new != bedrock_model_new);
    CHECK_INT(their_new("{\"model\": \"theirs\"}", BEDROCK_STRLEN, &theirs, NULL), BEDROCK_OK);
    CHECK(theirs != model);
    CHECK_TEXT(their_id(theirs, NULL), "theirs");
    CHECK_TEXT(their_id(model, NULL), "");
    CHECK_TEXT(bedrock_model_id(theirs, NULL), "");
    CHECK_TEXT(bedrock_model_id(model, NULL), CHECK_MODEL);
    bedrock_model_free(model);
    return check_end();
}
