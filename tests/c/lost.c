/* lost.c - leaks memory of its own beside a model: 100 bytes without a pointer to them, and 50 with a pointer to their
 * middle. */
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
