/* 10_document.c - ask about a document: a PDF, a text, a spreadsheet.
 *
 *     cc 10_document.c $(pkg-config --cflags --libs bedrock) -o 10_document
 *     ./10_document report.pdf "What does it advise?"
 *
 * The file is passed by pointer. Its name shows the format, and becomes a name that the service accepts. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"

static const char replies[] = "[\"It advises to store tea away from light, and to use water that has not boiled twice.\"]";

static const char tea[] = "Tea keeps for two years away from light and air. Water that has boiled twice makes it flat.\n";

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "tea.txt";
    const char *question = argc > 2 ? argv[2] : "What does it advise, in one sentence?";
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    const void *bytes = tea;
    size_t size = sizeof tea - 1;
    void *memory = NULL;
    int failed = 1;

    if (argc > 1) {
        bytes = memory = example_read_file(path, &size);
        if (memory == NULL) {
            fprintf(stderr, "%s: cannot be read, or is empty\n", path);
            return EXIT_FAILURE;
        }
    }
    /* free is the release function: from add_document on, the library calls it, also if add_document itself fails. */
    if (bedrock_request_new(NULL, 0, &request, &error) < 0) {
        free(memory);
    } else if (bedrock_request_add_document(request, "user", NULL, name, bytes, size, free, memory, &error) >= 0
               && bedrock_request_add_text(request, "user", question, BEDROCK_STRLEN, &error) >= 0
               && bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) >= 0
               && bedrock_generate(model, request, NULL, &response, &error) >= 0) {
        printf("%s\n", bedrock_response_text(response, NULL));
        failed = 0;
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return example_end(failed);
}
