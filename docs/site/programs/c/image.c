#include <bedrock.h>
#include <stdio.h>

/* A PNG file of one pixel. Your program reads a file. */
static const unsigned char picture[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x8\2\0\0\0\x90wS\xde"
    "\0\0\0\fIDATx\x9c" "c\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xae" "B`\x82";

int main(void)
{
    const char *config = "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\"}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    /* NULL as format: the bytes show it. NULL as release: the library copies the bytes. */
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_image(request, "user", NULL, picture, sizeof picture - 1, NULL, NULL,
                                     &error) < 0
        || bedrock_request_add_text(request, "user", "What is this?", BEDROCK_STRLEN, &error) < 0
        || bedrock_generate(model, request, NULL, &response, &error) < 0;

    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    else
        printf("%s\n", bedrock_response_text(response, NULL));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
