#include <bedrock.h>
#include <stdio.h>

int main(void)
{
    const char *config = "{\"model\": \"us.anthropic.claude-haiku-4-5-20251001-v1:0\"}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_stream *stream = NULL;
    bedrock_error *error = NULL;
    const bedrock_event *event;
    bedrock_status status = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error);

    if (status >= 0)
        status = bedrock_request_new(NULL, 0, &request, &error);
    if (status >= 0)
        status = bedrock_request_add_text(request, "user", "Why is the sky blue?",
                                          BEDROCK_STRLEN, &error);
    if (status >= 0)
        status = bedrock_stream_open(model, request, NULL, &stream, &error);
    if (status >= 0) {
        while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
            if (event->type == BEDROCK_EVENT_TEXT) {
                fwrite(event->text, 1, event->text_len, stdout);
                fflush(stdout);
            }
        printf("\n");
    }
    if (status != BEDROCK_DONE) /* BEDROCK_DONE: the response is complete */
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_stream_free(stream);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return status != BEDROCK_DONE;
}
