/* Streams a scripted response: no AWS account is needed. */
#include <bedrock.h>
#include <stdio.h>
#include <string.h>

static int32_t on_event(const bedrock_event *event, void *user)
{
    if (event->type == BEDROCK_EVENT_TEXT)
        strncat(user, event->text, event->text_len);
    return 0;
}

int main(void)
{
    const char *config = "{\"model\": \"any\", \"transport\": {\"replies\": [\"Hello from a package.\"]}}";
    char text[100] = "";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
                 || bedrock_request_new(NULL, 0, &request, &error) < 0
                 || bedrock_request_add_text(request, "user", "Hello", BEDROCK_STRLEN, &error) < 0
                 || bedrock_generate_stream(model, request, NULL, on_event, text, NULL, &error) < 0;

    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));
    puts(text);
    bedrock_error_free(error);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed || strcmp(text, "Hello from a package.") != 0;
}
