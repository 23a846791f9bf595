/* request.c - examples of the manual: a request is changed, looked at, and refers to bytes of the program. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

/* A bedrock_release_fn: the library no longer uses the picture, or has refused it. */
static void release_picture(void *user)
{
    free(user);
}

/* Asks about a picture that malloc made. The request takes it over: it is neither copied nor written as base64 here. */
static bedrock_status ask_about(bedrock_request *request, unsigned char *picture, size_t size, bedrock_error **error)
{
    static const char message[] =
        "{\"role\": \"user\", \"content\": ["
        "{\"image\": {\"format\": \"png\", \"source\": {\"bytes\": \"@plan\"}}}, {\"text\": \"What is this?\"}]}";
    bedrock_status status = bedrock_request_attach(request, "plan", picture, size, release_picture, picture, error);

    return status < 0 ? status : bedrock_request_add_message(request, message, BEDROCK_STRLEN, error);
}

/* The members that stand here are replaced, the messages stay. */
static bedrock_status be_brief(bedrock_request *request, bedrock_error **error)
{
    static const char members[] =
        "{\"system\": [{\"text\": \"Be brief.\"}], \"inferenceConfig\": {\"maxTokens\": 100}}";

    return bedrock_request_set(request, members, BEDROCK_STRLEN, error);
}

/* From now on the defaults of the model decide how long a response may be. */
static bedrock_status be_long(bedrock_request *request, bedrock_error **error)
{
    return bedrock_request_remove(request, "inferenceConfig", error);
}

/* Prints what a call would send, with the defaults of the model and with attachments as base64. */
static void print_body(bedrock_request *request, const bedrock_model *model)
{
    bedrock_error *error = NULL;
    const char *body = bedrock_request_body(request, model, NULL, &error);

    printf("%s\n", body != NULL ? body : bedrock_error_message(error));
    bedrock_error_free(error);
}

/* Prints why the service finds no cache for the second request: the place where it begins to differ from the first. */
static void print_difference(bedrock_request *first, bedrock_request *second, const bedrock_model *model)
{
    bedrock_error *error = NULL;
    const char *difference = bedrock_request_diff(first, second, model, NULL, &error);

    printf("%s\n", difference != NULL ? difference : bedrock_error_message(error));
    bedrock_error_free(error);
}

int main(void)
{
    static const char config[] = "{\"model\": \"any\", \"defaults\": {\"inferenceConfig\": {\"maxTokens\": 5000}}}";
    unsigned char *picture = calloc(3, 1);
    bedrock_model *model = NULL;
    bedrock_request *request = NULL, *before = NULL;
    bedrock_error *error = NULL;
    int failed = bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || ask_about(request, picture, 3, &error) < 0
        || be_brief(request, &error) < 0
        || bedrock_request_clone(request, &before, &error) < 0;

    if (!failed) {
        print_body(request, model);
        failed = be_long(request, &error) < 0;
        print_body(request, model);
        print_difference(before, request, model);
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_request_free(before);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
