/* lost.c - loses memory of its own beside a model: 100 bytes to which nothing points, and 50 to whose middle something
 * does. */
#include "check.h"

static char *volatile middle;

int main(void)
{
    char *volatile lost = (char *)malloc(100);

    lost = NULL;
    middle = (char *)malloc(50) + 10;
    bedrock_model_free(check_scripted("[\"Hello.\"]"));
    return lost == NULL ? check_end() : 1;
}
